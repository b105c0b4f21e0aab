"""The cells of a column of labels, as the task reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from auditor.data import tables
from auditor.data.tables import Table
from auditor.errors import DataError
from auditor.labels import matching, spellings
from auditor.labels.matching import Reading
from auditor.types import Task

Labels: TypeAlias = tuple[str, ...] | None
"""The labels of a cell as they are spelled, each once; None: its row has no gold."""


def reader(task: Task, table: Table, column: str, where: str) -> tuple[Callable[[Any, str], Labels], str]:
    """Return how the label column's cells are read, and what was assumed.

    Raises DataError with file and column, and for a cell with its row as well.
    """
    classes = table.classes.get(column, ())
    try:
        read, note = task.labels_reader([row.get(column) for _, row in table.rows])
    except DataError as error:
        raise error.at(f"{where}: column {column!r}") from None

    def labels_of(cell: Any, place: str) -> Labels:
        try:
            answers = read(cell)
        except DataError as error:
            raise error.at(f"{place}, column {column!r}") from None
        labels = [spellings.spelled(tables.cell(answer, place, column)) for answer in answers or ()]
        # datasets writes a missing label as -1.
        kept = tuple(dict.fromkeys(label for label in labels if label and not (classes and label == "-1")))
        return None if answers is None or (labels and not kept) else kept

    return labels_of, note


NUMBERS = "number"
"""How a column of numbers is read that are no labels."""


def reading(column: spellings.Column, task: Task, *, ignore_case: bool, rule: str | None) -> Reading:
    """Decide what a column's labels mean. Raises DataError as ``matching.read`` does."""
    if "numbers" in task.offers:
        return Reading(column.name, NUMBERS)
    return matching.read(column, task.labels, task.mapping, ignore_case=ignore_case, rule=rule)


def gold(task: Task, labels: tuple[str, ...], read: Reading, row: str) -> Any:
    """Return the gold of a row's labels.

    ``row``: the file and row. Raises DataError, with the column too, for what makes no gold.
    """
    if "numbers" not in task.offers:
        return task.gold_of(tuple(dict.fromkeys(read.labels[label] for label in labels)))
    try:
        return task.gold_of(labels)
    except DataError as error:
        raise error.at(f"{row}, column {read.column!r}") from None
