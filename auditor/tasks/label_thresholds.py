"""Thresholds of labels, and how they are fitted."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

USUAL = 0.5


def of(given: str | float | Mapping[str, float], label: str) -> float:
    """The threshold of a label, as given or the usual."""
    if isinstance(given, Mapping):
        return given.get(label, USUAL)
    return USUAL if isinstance(given, str) else given


def fitted(labels: Sequence[str], golds: Sequence[Sequence[str]], responses: Sequence[Any]) -> dict[str, float]:
    """The threshold of each label with the best F1 here.

    They lie between two neighbouring probabilities, or between 0 or 1 and the next; of equals, the nearest to one half
    counts, then the smaller. A label that no text has keeps the usual threshold.
    """
    return {
        label: _best([(float(response[place]), label in gold) for gold, response in zip(golds, responses, strict=True)])
        for place, label in enumerate(labels)
    }


def _best(answers: Sequence[tuple[float, bool]]) -> float:
    wanted = sum(holds for _, holds in answers)
    if not wanted:
        return USUAL
    ordered = sorted(answers, reverse=True)
    best: tuple[float, float, float] | None = None
    right, given = 0, 0
    for chance, group in itertools.groupby(ordered, key=lambda answer: answer[0]):
        held = [holds for _, holds in group]
        right, given = right + sum(held), given + len(held)
        below = ordered[given][0] if given < len(ordered) else 0.0
        threshold = round((chance + below) / 2, 6)
        # A number of six digits that does not part the two is no threshold between them.
        if not below < threshold <= chance or not 0.0 < threshold < 1.0:
            continue
        key = (-2.0 * right / (given + wanted), abs(threshold - USUAL), threshold)
        best = key if best is None or key < best else best
    return USUAL if best is None else best[2]


def certainty(holds: bool, chance: float, threshold: float) -> float:
    """How surely a decision about a label is right, in [0, 1].

    It is right from one half on, and otherwise below. ``holds``: whether the text has the label.
    """
    if chance >= threshold:
        given = 0.5 + 0.5 * (chance - threshold) / (1.0 - threshold)
        return min(given, 1.0) if holds else min(1.0 - given, math.nextafter(0.5, 0.0))
    given = 0.5 * chance / threshold
    return given if holds else 1.0 - given
