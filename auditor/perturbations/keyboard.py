"""Neighbouring keys of keyboards, from their rows of keys."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

OFFSETS = (0.0, 0.5, 0.75, 1.25)
"""How far the rows of a keyboard are shifted to the right, in widths of a key: digits, upper, home and lower row."""


@functools.cache
def neighbours(rows: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """Return letter → the letters on the keys that touch its own.

    They are in the order of the rows. ``rows``: keys from the digits down; a blank is a key without a single letter.
    """
    places = [
        (letter, row, column + offset)
        for row, (keys, offset) in enumerate(zip(rows, OFFSETS, strict=False))
        for column, letter in enumerate(keys)
        if letter.isalpha()
    ]
    near = {
        letter: tuple(beside for beside, below, at in places if beside != letter and _touch(row, place, below, at))
        for letter, row, place in places
    }
    return {letter: others for letter, others in near.items() if others}


def _touch(row: int, place: float, other_row: int, other_place: float) -> bool:
    """Whether two keys touch; in a row those side by side do."""
    apart = abs(place - other_place)
    return apart <= 1.0 if row == other_row else abs(row - other_row) == 1 and apart < 1.0
