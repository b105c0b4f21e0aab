"""Texts that the page shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from auditor.types.cases import Facts, Inputs, Slice
from auditor.types.edits import Span


@dataclass(frozen=True, slots=True)
class WorstCase:
    """One of the worst cases of a slice, for the page."""

    slice: Slice
    example: str
    before: Inputs
    after: Inputs
    answer_before: str
    answer_after: str
    gold: str | None
    facts: Facts = field(default_factory=dict)
    marks: Mapping[str, Mapping[str, tuple[Span, ...]]] = field(default_factory=dict)
    """``gold`` (in the text before), ``answer_before``, ``answer_after`` → text field → the spans of words that each
    names; empty where a text is cut, and where the task labels no words."""


class WeightedWord(NamedTuple):
    """A word of a text, with its weight in an answer."""

    field: str
    """The text field that it is in."""
    word: str
    """As the text has it; a long one is cut."""
    weight: float | None
    """What it adds to the probability of the answer; None: it was not left out, because the answer is about it."""


@dataclass(frozen=True, slots=True)
class WeightedText:
    """A text whose answer is explained word by word, for the page."""

    slice: Slice
    """What it is shown under."""
    example: str
    """Id of the row."""
    answer: str
    """The answer that is explained, in words."""
    probability: float
    """Of that answer, in [0, 1]."""
    gold: str | None
    """The right answer in words, if known."""
    words: tuple[WeightedWord, ...]
    """In the order of the text."""
    left_out: int = 0
    """Words of the text after these, which were not read."""
