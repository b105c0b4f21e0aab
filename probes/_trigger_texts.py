"""Texts with inserted words, and an answer's distance from a label."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from auditor import text
from auditor.text import characters
from auditor.types import Example

POSITIONS = ("beginning", "middle", "end")
LEAST = 1e-6
"""The least probability that counts."""


class Insertion(NamedTuple):
    """What is put into a text, and where."""

    words: tuple[str, ...]
    position: str


@dataclass(frozen=True, slots=True)
class Host:
    """A text that words are put into, decided rightly as it stands."""

    example: Example
    part: tuple[int, int]
    """Start and end of what the model reads of it."""
    label: str
    """The label that it rightly has."""
    margins: Mapping[str, float]


def inserted(value: str, read: tuple[int, int], insertion: Insertion) -> tuple[text.Edit, ...]:
    """The edits that put words into what the model reads.

    At the end of a text that goes on beyond that, a tenth of the words read stays behind them.
    """
    part = text.part(value, *read)
    words = len(part.words.words)
    apart = characters.split(str(part.words)).words if words == 1 and insertion.position == "middle" else ()
    if len(apart) > 1:
        # A text without blanks: its middle is between two characters.
        halves = ("".join(apart[: len(apart) // 2]), "".join(apart[len(apart) // 2 :]))
        new = (halves[0], *insertion.words, halves[1])
        return part.lifted([text.Edit(0, 1, new, (" ",) * (len(new) - 1))])
    end = words if read[1] == len(value) else words * 9 // 10
    place = {"beginning": 0, "middle": words // 2, "end": end}[insertion.position]
    return part.lifted([text.Edit(place, place, insertion.words, (" ",) * (len(insertion.words) - 1))])


def margins(classes: Mapping[str, float]) -> dict[str, float]:
    """Label → log-odds against the most likely other label."""
    logs = {label: math.log(max(chance, LEAST)) for label, chance in classes.items()}
    return {
        label: own - max((log for name, log in logs.items() if name != label), default=0.0)
        for label, own in logs.items()
    }
