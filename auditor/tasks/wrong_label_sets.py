"""Wrong sets of labels: a label too many, or too few."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from auditor.text import shares
from auditor.types import Corruption, Example

Labels: TypeAlias = tuple[str, ...]


class _Wrong:
    """A share of the texts, rounded to whole texts, is wrong."""

    reason: str

    def impossible(self, rows: Sequence[Example]) -> str | None:
        """Why no labels of these can be wrong so, if none can."""
        return None if any(self._choices([row.gold for row in rows])) else self.reason

    def __call__(self, rows: Sequence[Example], rate: float, rng: random.Random) -> list[Labels]:
        """The golds, with a share of them wrong by one label."""
        golds: list[Labels] = [row.gold for row in rows]
        choices = self._choices(golds)
        order = list(range(len(golds)))
        rng.shuffle(order)
        drawn = {place: rng.choice(choices[place]) for place in order if choices[place]}
        wrong = list(golds)
        for place in list(drawn)[: shares.nearest(rate, len(drawn))]:
            wrong[place] = self._changed(golds[place], drawn[place])
        return wrong

    def _choices(self, golds: Sequence[Labels]) -> list[Sequence[str]]:
        raise NotImplementedError

    def _changed(self, gold: Labels, label: str) -> Labels:
        raise NotImplementedError


class Added(_Wrong):
    """Any label that a text lacks is added to it, evenly."""

    reason = "every training row has every label"

    def _choices(self, golds: Sequence[Labels]) -> list[Sequence[str]]:
        names = sorted({label for gold in golds for label in gold})
        return [[name for name in names if name not in gold] for gold in golds]

    def _changed(self, gold: Labels, label: str) -> Labels:
        return (*gold, label)


class LeftOut(_Wrong):
    """Any label of a text is left out, evenly."""

    reason = "no training row has a label"

    def _choices(self, golds: Sequence[Labels]) -> list[Sequence[str]]:
        return list(golds)

    def _changed(self, gold: Labels, label: str) -> Labels:
        return tuple(own for own in gold if own != label)


CORRUPTIONS: Mapping[str, Corruption] = {"label left out": LeftOut(), "label added": Added()}
