"""Questions with their contexts, and answers with their places in these.

Contexts stay as they are, so that places count the same characters everywhere. Questions on one context share it: they
are one group.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from auditor.data import columns as choosing
from auditor.data import tables, task_rows
from auditor.data.columns import Columns
from auditor.data.in_memory import Source
from auditor.data.reports import DataReport, Dataset, left_out, no_usable_rows
from auditor.data.tables import Table
from auditor.errors import DataError
from auditor.labels.matching import Reading
from auditor.types import Example, Inputs, Task

ANSWERS = "answers"
"""The usual name of the column of answers."""
BY = "place in the context"
"""How the cells of that column are read."""
SHOWN = 20
"""The most wrong rows that an error names."""


@dataclass(frozen=True, slots=True)
class Row:
    """A question that has its texts and its answers."""

    number: int
    inputs: Inputs
    gold: Any
    group: str
    """The group column's cell, else what stands for the context."""
    meta: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Opened:
    """A file's questions."""

    table: Table
    names: Mapping[str, str]
    """Text field, ``label`` and ``group`` → column."""
    rows: list[Row]
    empty: list[int]
    """Numbers of the rows that lack a text."""
    without: list[int]
    """Numbers of the rows whose cell of answers is empty."""

    @property
    def note(self) -> str:
        """How many questions and contexts there are, in words."""
        contexts, none = len({row.group for row in self.rows}), sum(not row.gold for row in self.rows)
        return f"{len(self.rows)} questions in {contexts} groups, {none} of them without an answer"


def dataset(path: Source, name: str, task: Task, columns: Columns, further: Sequence[str]) -> Dataset:
    """Return the questions of a file.

    Those that say the same twice count once.     ``name``: of the set. ``further``: columns that ``Example.meta``
    keeps. Raises DataError, naming every row whose answers do not stand where their cell says.
    """
    opened = _opened(path, task, columns, further)
    seen: dict[tuple[str, ...], list[Any]] = {}
    examples: list[Example] = []
    counts = dict.fromkeys(("duplicates", "conflicting"), 0)
    for row in opened.rows:
        golds = seen.setdefault(tuple(row.inputs.values()), [])
        if row.gold in golds:
            counts["duplicates"] += 1
            continue
        counts["conflicting"] += bool(golds)
        golds.append(row.gold)
        examples.append(Example(f"{name}:{row.number}", row.inputs, row.gold, row.group, row.meta))
    if not examples:
        raise no_usable_rows(opened.table, opened.names)
    left = left_out({"text": opened.empty, "label": opened.without})
    rows = len(opened.table.rows)
    report = DataReport(rows, len(examples), len(opened.empty), missing_label=len(opened.without), **counts)
    reading = Reading(opened.names["label"], BY, note="; ".join((opened.note, *left)))
    return Dataset(name, path, tables.sha256_of(path), tuple(examples), report, opened.names, reading)


def _opened(path: Source, task: Task, columns: Columns, further: Sequence[str]) -> Opened:
    table, columns = task_rows.read(path, task, columns)
    if columns.label is None and ANSWERS in table.header:
        columns = replace(columns, label=ANSWERS)
    names = choosing.resolved(table, task.fields, columns)
    kept = choosing.all_given(further, table)
    opened, wrong = Opened(table, names, [], [], []), dict[int, DataError]()
    for number, row in table.rows:
        where = f"{path}: row {number}"
        roles = [role for role in names if role != "label"]
        cells = {role: tables.cell(row.get(names[role]), where, names[role]) for role in roles}
        if not all(cells[field].strip() for field in task.fields):
            opened.empty.append(number)
        elif row.get(names["label"]) in (None, ""):
            opened.without.append(number)
        else:
            try:
                inputs, gold = _read(task, cells, row[names["label"]])
            except DataError as error:
                wrong[number] = error
                continue
            group = cells.get("group", "").strip() or _name(inputs[task.fields[-1]])
            opened.rows.append(Row(number, inputs, gold, group, choosing.cells(row, where, kept)))
    if wrong:
        raise _misplaced(wrong, str(path))
    return opened


def _misplaced(wrong: Mapping[int, DataError], where: str) -> DataError:
    """Return one error for all rows whose answers cannot be read."""
    told = [f"row {number}: {error.message}" for number, error in wrong.items()]
    more = [f"and {len(told) - SHOWN} more"] if len(told) > SHOWN else []
    hint = "answer_start counts the characters of the context before the answer, from 0"
    hints = (error.hint for error in wrong.values() if error.hint)
    return DataError("; ".join([*told[:SHOWN], *more]), where=where, hint=next(hints, hint))


def _read(task: Task, cells: Mapping[str, str], answers: Any) -> tuple[Inputs, Any]:
    columns = {**{field: field for field in task.fields}, "label": "label"}
    return task.read({**cells, "label": answers}, columns)


def _name(context: str) -> str:
    """Return a name for a context, whatever white space it has."""
    digest = hashlib.sha256(" ".join(context.split()).encode("utf-8", "surrogatepass"))
    return f"context {digest.hexdigest()[:12]}"
