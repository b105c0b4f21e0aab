"""Rows of files as most tasks read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from auditor.types import Gathering, Inputs


class OwnColumns:
    """Each text has a column of its own, and rows share nothing."""

    may_be_blank: frozenset[str] = frozenset()

    def arranged(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """The row as the file has it."""
        return row

    def gathered(self, header: Sequence[str], columns: Mapping[str, str]) -> tuple[Mapping[str, str], Gathering]:
        """Each text stands in a column of its own."""
        del header
        return columns, lambda row: row

    def groups(self, rows: Sequence[Inputs]) -> Sequence[str | None]:
        """Rows share nothing."""
        return [None] * len(rows)
