"""Rows as the user gave them, and pairs alike."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.types.cases import Example, Inputs, Slice


@dataclass(frozen=True, slots=True)
class GivenRow:
    """A row that the user gave, asked about or not."""

    example: Example
    """The row, as ``Audit.examples`` gives it where it does."""
    key: str
    """Equal for two rows exactly when the model sees the same (``Encoded.key``)."""


@dataclass(frozen=True, slots=True)
class TextPair:
    """Two rows that are alike, for the page."""

    slice: Slice
    """What it is shown under."""
    example: str
    """Id of the row that the slice is about."""
    twin: str
    """Id of the row that it is like."""
    texts: Inputs
    """Those of the example; a long text is cut."""
    twin_texts: Inputs
    """Those of the other row, cut likewise."""
    likeness: float
    """In (0, 1]; 1: alike in all that was compared."""
