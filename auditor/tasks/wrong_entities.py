"""Wrong labels of entities in tagged sentences, by kind."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from auditor.text import shares, spans
from auditor.types import Corruption, Example, Span

Tags: TypeAlias = tuple[str, ...]
Place: TypeAlias = tuple[int, Span]
"""Number of the sentence, and one of its entities."""


class _Wrong:
    """A share of the entities, rounded to whole entities, is mislabelled."""

    def impossible(self, rows: Sequence[Example]) -> str | None:
        """Why no entity of these can be mislabelled so, if none can."""
        types = {span.type for row in rows for span in spans.spans(row.gold)}
        return None if len(types) > 1 else "the training rows name entities of one type only"

    def __call__(self, rows: Sequence[Example], rate: float, rng: random.Random) -> list[Tags]:
        """The tags with a share of the entities wrong."""
        golds: list[Tags] = [row.gold for row in rows]
        entities = [(number, span) for number, gold in enumerate(golds) for span in spans.spans(gold)]
        order = list(entities)
        rng.shuffle(order)
        others = self._others(order, rng)
        chosen = [place for place in order if place in others]
        wrong = set(chosen[: shares.nearest(rate, len(chosen))])
        kept: list[list[Span]] = [[] for _ in golds]
        for number, span in entities:
            kind = others[number, span] if (number, span) in wrong else span.type
            if kind is not None:
                kept[number].append(span._replace(type=kind))
        return [spans.tags_of(entities_, len(gold)) for entities_, gold in zip(kept, golds, strict=True)]

    def _others(self, order: Sequence[Place], rng: random.Random) -> Mapping[Place, str | None]:
        """What the entities that may be wrong become, None for no entity."""
        raise NotImplementedError


class Missing(_Wrong):
    """Entities are outside, as if unseen (Li, Liu & Shi 2021)."""

    def impossible(self, rows: Sequence[Example]) -> str | None:
        """Why no entity can be missing: there is none."""
        return None if any(spans.spans(row.gold) for row in rows) else "the training rows name no entity"

    def _others(self, order: Sequence[Place], rng: random.Random) -> Mapping[Place, str | None]:
        del rng
        return dict.fromkeys(order)


class Symmetric(_Wrong):
    """Entities have another type of the rows, evenly, with the same boundaries."""

    def _others(self, order: Sequence[Place], rng: random.Random) -> Mapping[Place, str | None]:
        types = sorted({span.type for _, span in order})
        return {place: rng.choice([name for name in types if name != place[1].type]) for place in order}


class ClassConditional(_Wrong):
    """Entities of the most frequent type have the second."""

    def _others(self, order: Sequence[Place], rng: random.Random) -> Mapping[Place, str | None]:
        del rng
        counts = Counter(span.type for _, span in order)
        first, second, *_ = sorted(counts, key=lambda name: (-counts[name], name))
        return dict.fromkeys([place for place in order if place[1].type == first], second)


CORRUPTIONS: Mapping[str, Corruption] = {
    "missing": Missing(),
    "symmetric": Symmetric(),
    "class-conditional": ClassConditional(),
}
