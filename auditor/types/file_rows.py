"""How a task reads the rows of a file: texts and labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias

from auditor.types.cases import Inputs

Layout: TypeAlias = Literal["rows", "sentences", "answers"]
"""What files hold: a row for each example, a line for each word, or questions with answers in their places."""
FileReader: TypeAlias = Callable[[str], Iterable[tuple[int, Mapping[str, Any]]]]
"""Text of a file → its rows: number, and column → cell. It raises DataError without the file's name."""
Gathering: TypeAlias = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""A file's row → the row in the columns that the task reads. It raises DataError without a place."""


class ReadsRows(Protocol):
    """What a task says of files: their layout, columns, texts and labels."""

    layout: Layout
    """How its files are laid out."""
    files: Mapping[str, FileReader]
    """Ending of a file of a format of the task's own, such as ``.json`` → its reader."""
    usual_columns: tuple[tuple[str, ...], ...]
    """Names that the columns of its fields have together in people's files, by kind of file; empty: none."""
    usual_labels: tuple[str, ...]
    """What its label column is called in other people's files, looked up before ``label`` and its like."""
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

    def read(self, row: Mapping[str, object], columns: Mapping[str, str]) -> tuple[Inputs, Any]:
        """Read a row, with or without its gold.

        ``columns`` maps each field and ``label`` to its column's name. Of files with a row for each example
        the gold is made by ``labels_of`` and ``gold_of`` instead: how labels are spelled is decided for a whole column.
        Raises DataError without a place (the caller adds file and row).
        """
        ...

    def labels_of(self, cell: Any) -> Sequence[Any]:
        """The labels that a cell names, as the data spell them.

        Also asked of a task over no labels, to find out which there are. Nothing of them, or blanks: the row has no
        gold.
        """
        ...

    def labels_reader(self, cells: Sequence[Any]) -> tuple[Callable[[Any], Sequence[Any] | None], str]:
        """How a column's cells name labels, and what was assumed.

        The function returns a cell's labels, as ``labels_of`` does, and None where its row has no gold. It raises
        DataError without a place for a cell, and ``labels_reader`` itself for a column that cannot be read.
        """
        ...

    def indicators(self, header: Sequence[str]) -> Sequence[str]:
        """The columns that hold 0 or 1 for a label, if any."""
        ...

    def groups(self, rows: Sequence[Inputs]) -> Sequence[str | None]:
        """What each row shares with others, where no column says it.

        None: nothing.
        """
        ...
