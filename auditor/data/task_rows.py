"""Rows as a task reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from auditor.data import tables
from auditor.data.columns import Columns
from auditor.data.in_memory import Source
from auditor.data.tables import Table
from auditor.errors import DataError
from auditor.types import Example, Inputs, Task


def read(path: Source, task: Task, columns: Columns) -> tuple[Table, Columns]:
    """Read a table in the columns that the task reads.

    Returns the columns too, of which the task may know more than what is configured. Raises DataError for what
    ``tables.read`` refuses, and for columns or a row of which the task can make nothing.
    """
    table = tables.read(path, header=columns.header, files=task.files)
    try:
        fields, gather = task.gathered(table.header, columns.fields)
    except DataError as error:
        raise error.at(str(table.path)) from None
    rows = []
    for number, row in table.rows:
        try:
            rows.append((number, gather(task.arranged(row))))
        except DataError as error:
            raise error.at(f"{table.path}: row {number}") from None
    if all(new is old for (_, new), (_, old) in zip(rows, table.rows, strict=True)):
        return table, replace(columns, fields=fields)
    header = tuple(dict.fromkeys(name for _, row in rows for name in row))
    both = zip(rows, table.rows, strict=True)
    made = frozenset(name for (_, new), (_, old) in both for name in new if new[name] is not old.get(name))
    return replace(table, header=header, rows=tuple(rows), made=made), replace(columns, fields=fields)


def inputs(task: Task, cells: Mapping[str, str], columns: Mapping[str, str], where: str) -> Inputs:
    """Return the texts of a row as the task reads them.

    ``columns``: text field → column. Raises DataError with the place ``where``.
    """
    try:
        texts, _ = task.read(cells, columns)
    except DataError as error:
        raise error.at(where) from None
    return texts


def grouped(examples: Sequence[Example], task: Task) -> list[Example]:
    """Return the examples in the groups that the task sees."""
    names = task.groups([example.inputs for example in examples])
    return [
        example if name is None else replace(example, group=name) for example, name in zip(examples, names, strict=True)
    ]
