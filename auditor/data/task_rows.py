"""Rows as a task reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from auditor.data import tables
from auditor.data.in_memory import Source
from auditor.data.tables import Table
from auditor.errors import DataError
from auditor.types import Inputs, Task


def read(path: Source, task: Task, *, header: bool) -> Table:
    """Read a table in the columns that the task reads.

    Raises DataError for what ``tables.read`` refuses, and for a row of which the task can make nothing.
    """
    table = tables.read(path, header=header, files=task.files)
    rows = []
    for number, row in table.rows:
        try:
            rows.append((number, task.arranged(row)))
        except DataError as error:
            raise error.at(f"{table.path}: row {number}") from None
    if all(new is old for (_, new), (_, old) in zip(rows, table.rows, strict=True)):
        return table
    return replace(table, header=tuple(dict.fromkeys(name for _, row in rows for name in row)), rows=tuple(rows))


def inputs(task: Task, cells: Mapping[str, str], columns: Mapping[str, str], where: str) -> Inputs:
    """Return the texts of a row as the task reads them.

    ``columns``: text field → column. Raises DataError with the place ``where``.
    """
    try:
        texts, _ = task.read(cells, columns)
    except DataError as error:
        raise error.at(where) from None
    return texts
