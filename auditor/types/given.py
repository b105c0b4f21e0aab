"""Rows as the user gave them, and pairs alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from auditor.types.cases import Example, Inputs, Model, Slice


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


@dataclass(frozen=True, slots=True)
class EarlierPeriod:
    """A checkpoint that the audited one was trained from, and what tests it."""

    name: str
    """What slices call the period: the name of its test file, or of its checkpoint where it has none."""
    rows: Sequence[Example]
    """The period's test rows that no training of the audited model has, in one seeded order."""
    load: Callable[[], Model] = field(repr=False)
    """Loads the checkpoint; its answers are over the labels of the audited model."""
    problem: str | None = None
    """Why it cannot be measured; None where it can."""
    absent: bool = False
    """The problem is that something is not there; False: something is wrong."""
