"""Counts of a file's rows, used and left out."""

from __future__ import annotations

from collections.abc import Mapping
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
