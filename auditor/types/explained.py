"""Weights of tokens in an answer."""

from __future__ import annotations

from typing import NamedTuple


class TokenWeight(NamedTuple):
    """What a token adds to the probability of a label."""

    start: int
    """Its first character in its text, from 0."""
    end: int
    """The character after its last."""
    weight: float
    """In points of probability: above 0 it speaks for the label."""
