"""Columns of 0 and 1 for labels, made into lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from auditor.data import columns as choosing
from auditor.data import tables
from auditor.data.columns import Columns
from auditor.data.tables import Table
from auditor.errors import DataError
from auditor.types import Task

JOINED = "columns of labels"
"""What results call the column that is made of several."""
MEANINGS = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False}


def joined(table: Table, task: Task, columns: Columns) -> tuple[Table, Columns]:
    """Return the table with a column of lists, and its columns.

    Both are as they were where the task reads one column. Raises DataError for a missing column, and for a cell that is
    neither 0 nor 1, with its row.
    """
    own = task.indicators(table.header)
    if not own or columns.label is not None or (not _named(task) and choosing.candidates("label", table)):
        return table, columns
    names = [choosing.given(name, table) for name in own]
    if len(names) < len(task.labels):
        hint = "a column for each label, of zeros where it never holds"
        problem = f"{len(names)} columns of labels, {', '.join(names)}, and the model has {len(task.labels)} labels"
        raise DataError(problem, where=str(table.path), hint=hint)
    rows = tuple((number, {**row, JOINED: _labels(row, names, table, number)}) for number, row in table.rows)
    return replace(table, header=(*table.header, JOINED), rows=rows), replace(columns, label=JOINED)


def _named(task: Task) -> bool:
    """Whether the settings name the columns."""
    return bool(task.indicators(()))


def _labels(row: Mapping[str, Any], names: Sequence[str], table: Table, number: int) -> list[str] | None:
    """Return the labels that hold; None where all cells are blank."""
    where = f"{table.path}: row {number}"
    cells = {name: tables.cell(row.get(name), where, name).strip() for name in names}
    if not any(cells.values()):
        return None
    for name, cell in cells.items():
        if cell.lower() not in MEANINGS:
            hint = "1 where the label holds, 0 where it does not"
            said = f"holds {cell!r}, not 0 or 1" if cell else "is blank"
            raise DataError(said, where=f"{where}, column {name!r}", hint=hint)
    return [name for name, cell in cells.items() if MEANINGS[cell.lower()]]
