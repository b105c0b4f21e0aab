"""Counts of a file's rows, used and left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from auditor.data.tables import NO_ROWS, Table
from auditor.errors import DataError


@dataclass(frozen=True, slots=True)
class DataReport:
    """Counts of a file's rows, used and left out.

    rows = used + empty + missing_label + duplicates.
    """

    rows: int
    used: int
    empty: int
    """Rows left out because a text is missing or blank."""
    missing_label: int
    """Rows left out because the label is missing."""
    duplicates: int
    """Rows left out because the same text with the same label occurred before."""
    conflicting: int
    """Rows kept although the same text occurred before with another label."""


def no_usable_rows(table: Table, names: Mapping[str, str]) -> DataError:
    """Return the error for a file without a usable row."""
    where = str(table.path)
    if not table.rows:
        return DataError("has a header but no rows", where=where, hint=NO_ROWS)
    used = ", ".join(f"{role} = {column}" for role, column in names.items())
    return DataError(
        f"none of its {len(table.rows)} rows has both text and label", where=where, hint=f"columns: {used}"
    )


def left_out(without: Mapping[str, Sequence[int]]) -> Iterator[str]:
    """Describe the rows left out: how many, and the first.

    ``without``: ``text`` or ``label`` → the numbers of the rows that lack it.
    """
    for what, numbers in without.items():
        if numbers:
            rows = "1 row has" if len(numbers) == 1 else f"{len(numbers):,} rows have"
            left = "is left out" if len(numbers) == 1 else "are left out, the first is"
            yield f"{rows} no {what} and {left}{': ' if len(numbers) == 1 else ' '}row {numbers[0]}"
