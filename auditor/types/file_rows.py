"""How a task takes texts from the rows of a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from auditor.types.cases import Inputs

Gathering: TypeAlias = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""A file's row → the row in the columns that the task reads. It raises DataError without a place."""


class ReadsRows(Protocol):
    """What a task says of rows beside the names of their columns."""

    may_be_blank: frozenset[str]
    """Text fields of which a row may have nothing: the history of a first turn."""

    def arranged(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """A file's row in the columns that the task reads.

        Most rows are returned as they are. Raises DataError without a place.
        """
        ...

    def gathered(self, header: Sequence[str], columns: Mapping[str, str]) -> tuple[Mapping[str, str], Gathering]:
        """How the texts of a file's rows are gathered from its columns.

        ``columns``: text field → the column configured. Returns the columns in which the texts then stand, and what
        makes such a row of one that ``arranged`` gave. Raises DataError without a place.
        """
        ...

    def groups(self, rows: Sequence[Inputs]) -> Sequence[str | None]:
        """What each row shares with others, where no column says it.

        None: nothing.
        """
        ...
