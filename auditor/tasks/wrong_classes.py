"""Wrong labels of whole examples, by kind."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence

from auditor.text import shares
from auditor.types import Corruption, Example


class _Wrong:
    """A share of the golds get another class of the golds."""

    def impossible(self, rows: Sequence[Example]) -> str | None:
        """Why no label of these can be wrong; None where it can."""
        return "the training rows have one class only" if len({row.gold for row in rows}) < 2 else None

    def __call__(self, rows: Sequence[Example], rate: float, rng: random.Random) -> list[str]:
        """The golds, of two classes or more, with a share wrong."""
        golds: list[str] = [row.gold for row in rows]
        order = list(range(len(golds)))
        rng.shuffle(order)
        names = sorted(set(golds))
        drawn = {place: rng.choice([name for name in names if name != golds[place]]) for place in order}
        chosen, others = self._chosen(golds, order, drawn)
        wrong = list(golds)
        for place in chosen[: shares.nearest(rate, len(chosen))]:
            wrong[place] = others[place]
        return wrong

    def _chosen(
        self, golds: Sequence[str], order: list[int], drawn: Mapping[int, str]
    ) -> tuple[list[int], Mapping[int, str]]:
        raise NotImplementedError


class Symmetric(_Wrong):
    """Any label becomes any other one, evenly."""

    def _chosen(
        self, golds: Sequence[str], order: list[int], drawn: Mapping[int, str]
    ) -> tuple[list[int], Mapping[int, str]]:
        del golds
        return order, drawn


class ClassConditional(_Wrong):
    """Labels of the most frequent class become those of the second."""

    def _chosen(
        self, golds: Sequence[str], order: list[int], drawn: Mapping[int, str]
    ) -> tuple[list[int], Mapping[int, str]]:
        del drawn
        counts = Counter(golds)
        first, second, *_ = sorted(counts, key=lambda name: (-counts[name], name))
        chosen = [place for place in order if golds[place] == first]
        return chosen, dict.fromkeys(chosen, second)


CORRUPTIONS: Mapping[str, Corruption] = {"symmetric": Symmetric(), "class-conditional": ClassConditional()}
