"""Tasks that the columns of a file tell."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence

from auditor import tasks
from auditor.errors import DataError, NoTextColumnError
from auditor.text import column_names
from auditor.types import Task


@contextlib.contextmanager
def hinting(task: str, *, any_head: bool = False) -> Iterator[None]:
    """Name other tasks where a file lacks a text of this one.

    They are those whose usual columns it has. ``any_head``: also those whose models have another kind of output, as
    before there is a model. Raises the NoTextColumnError with a further hint.
    """
    try:
        yield
    except NoTextColumnError as error:
        own = tasks.kind(task)
        fitting = {
            name: columns
            for name, columns in reading(error.header).items()
            if name != task and (any_head or tasks.kind(name).head == own.head)
        }
        if not fitting:
            raise
        flags = (
            f"--task {name}" + (f", which reads {' and '.join(columns)}" if columns else "")
            for name, columns in fitting.items()
        )
        raise DataError(error.message, where=error.where, hint=f"{', or '.join(flags)}; else {error.hint}") from None


def reading(header: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """Return each task of several texts whose usual columns a file has.

    With these columns; none, if it has several of them.
    """
    fits = ((name, _columns(kind(()), header)) for name, kind in tasks.kinds().items() if len(kind.fields) > 1)
    return {name: columns for name, columns in fits if columns is not None}


def _columns(task: Task, header: Sequence[str]) -> Sequence[str] | None:
    """Return the columns that the task reads without being told.

    None: it knows none of them. Empty: it has to be told which.
    """
    try:
        gathered, _ = task.gathered(header, {})
    except DataError:
        return ()
    if set(task.fields) <= gathered.keys():
        return [gathered[field] for field in task.fields]
    sets = column_names.sets((task.fields, *task.usual_columns), header)
    if not sets:
        return None
    return sets[0] if len(sets) == 1 else ()
