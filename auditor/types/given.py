"""Rows as the user gave them, pairs alike, and tables for reviewers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

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
    """An earlier checkpoint of the audited one, and what tests it."""

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


Cell: TypeAlias = str | int | float
"""A word, a text or a finite number."""
ID, VERDICT, CORRECTION, COMMENT = "id", "verdict", "correct_label", "comment"
"""Columns of a table: the row's name, and what a reviewer fills in."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that a person is asked to judge.

    The audit writes it beside ``results.json`` as a CSV file, with empty columns ``verdict``, ``correct_label`` and
    ``comment`` behind its own. ``audit review`` reads the filled-in file.
    """

    name: str
    """A word in small letters: ``review`` becomes ``review.csv``."""
    title: str
    """What the page calls it: "labels to look at"."""
    columns: tuple[str, ...]
    """Names of its columns: ``id``, the one that ``by`` names, and others."""
    rows: tuple[tuple[Cell, ...], ...]
    """The cells of each row, the most pressing row first."""
    clusters: tuple[str, ...]
    """The independent unit of each row."""
    verdicts: tuple[str, ...]
    """What a reviewer may answer. The first answer is the one whose share is reported, the second denies it, and the
    others decide nothing: ``("wrong", "right", "unclear")``."""
    by: str
    """The column by whose values shares are reported."""
    corrections: tuple[str, ...] = ()
    """What ``correct_label`` may hold; empty: nothing is corrected, and the column is missing."""
    corrects: str | None = None
    """The probe's metric that a corrected label changes, in the slice that ``by`` and its value make. It counts rows
    whose ``answer`` is their ``label``; both are columns. None: no metric follows from the corrections."""
    texts: tuple[str, ...] = ()
    """Columns that hold the user's texts, which an audit with ``--no-texts`` leaves out."""
