"""Files of words with tags → rows that a task reads, with the columns and the reading that were used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from auditor import labelling, spans
from auditor.data import columns as choosing
from auditor.data import tokens
from auditor.data.columns import Columns
from auditor.data.tables import Table
from auditor.errors import DataError
from auditor.labelling import Reading
from auditor.types import Inputs, Task


@dataclass(frozen=True, slots=True)
class Sentences:
    """A table of words with IOB2 tags."""

    table: Table
    names: Mapping[str, str]
    """``text``, ``label`` and ``group`` → column."""
    reading: Reading
    """``labels``: of tags that are numbers, number → tag; else type → type, where they are mapped."""


def read(path: Path, columns: Columns, *, labels: Sequence[str] = (), mapping: Mapping[str, str]) -> Sentences:
    """Read a file of words with tags. ``labels``: the model's tags, for tags that are positions among them.

    Raises DataError for what ``tokens.read`` refuses, and for columns that are not there.
    """
    for field_name in columns.fields:
        if field_name != "text":
            raise DataError(
                f"the task has no text field {field_name!r}", where="[data.columns]", hint="its field: text"
            )
    given = (columns.fields.get("text"), columns.label)
    found = tokens.read(
        path,
        text=given[0],
        label=given[1],
        repair=columns.repair,
        shared=columns.shared,
        numbers=tokens.Numbers(tuple(labels), {one: tag for one, tag in mapping.items() if tokens.is_number(one)}),
    )
    names = dict(zip(("text", "label"), found.columns, strict=True))
    if columns.group is not None:
        names["group"] = choosing.given(columns.group, found.table)
    reading = found.reading
    if reading.by == labelling.NAME:
        kinds = {kind for _, row in found.table.rows for kind in spans.types(row[names["label"]])}
        mapped = {kind: mapping[kind] for kind in sorted(kinds) if kind in mapping}
        reading = replace(reading, by=labelling.MAPPING if mapped else reading.by, labels=mapped)
    notes = [
        f"the file names no columns: its {'last' if name == given[1] else 'first'} one stands for {name!r}"
        for name in found.assumed
    ]
    return Sentences(found.table, names, replace(reading, note="; ".join(notes)))


def tagged(task: Task, row: Mapping[str, Any], sentences: Sentences, number: int) -> tuple[Inputs, Any]:
    """A row read by the task; what it refuses is placed at the line of the word."""
    names, table = sentences.names, sentences.table
    text, label = names["text"], names["label"]
    try:
        return task.read(row, names)
    except DataError:
        for index, (word, tag) in enumerate(zip(row[text], row[label], strict=True)):
            where = f"{table.path}: row {tokens.line_of(table, number, index)}, column {label!r}"
            try:
                task.read({text: (word,), label: (tag,)}, names)
            except DataError as error:
                raise error.at(where) from None
        raise


def shared_among(files: Sequence[Path], columns: Columns) -> Columns:
    """The columns, known to be those of other files where one of the files has them: CoNLL files have no names."""
    if columns.shared or (columns.label is None and "text" not in columns.fields):
        return columns
    return replace(columns, shared=any(tokens.has(path, columns.fields.get("text"), columns.label) for path in files))


def tags_in(path: Path, columns: Columns, mapping: Mapping[str, str], others: Sequence[Path] = ()) -> tuple[str, ...]:
    """The tags of a new head: O, and ``B-`` and ``I-`` of the training file's types, mapped, in alphabetical order.

    ``others``: files that the columns may be named after. Raises DataError for what ``load`` refuses, and for a file
    without any entity.
    """
    found = read(path, shared_among((path, *others), columns), mapping=mapping)
    label = found.names["label"]
    kinds = {mapping.get(kind, kind) for _, row in found.table.rows for kind in spans.types(row[label])}
    if not kinds:
        raise DataError("names no entity: every word is O", where=str(path))
    return (spans.OUTSIDE, *(f"{prefix}-{kind}" for kind in sorted(kinds) for prefix in "BI"))
