"""Answers that are spans of a context.

A place is the word in which the answer begins and the letters of that word before it, so that it moves with its words
where others are edited.
"""

from __future__ import annotations

from typing import NamedTuple


class GoldAnswer(NamedTuple):
    """A right answer, as the context has it."""

    text: str
    word: int
    """The word of the context that it begins in, from 0."""
    letter: int
    """The characters of that word before it."""


class Extracted(NamedTuple):
    """A model's best span of the context, and its probabilities."""

    text: str
    """The best span, as the context has it; empty where the context has no tokens."""
    word: int
    """The word of the context that it begins in, from 0."""
    letter: int
    """The characters of that word before it."""
    probability: float
    """Of the best span among all spans and no answer, in [0, 1]."""
    no_answer: float
    """Probability in [0, 1] that the context holds no answer."""
