"""Pairs whose second text consists of words of the first, from templates."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from probes import _templates

HEURISTICS = ("lexical overlap", "subsequence", "constituent")
TRUTHS = {"entailed": True, "not entailed": False}
SLOTS = ("a", "b", "c")


@dataclass(frozen=True, slots=True)
class OverlapPair:
    """A pair of texts, and whether the second follows from the first."""

    id: str
    texts: tuple[str, str]
    heuristic: str
    entailed: bool
    cluster: str
    """Its template."""


def pairs(per_template: int, generator: Callable[..., random.Random]) -> Iterator[OverlapPair]:
    """Yield so many pairs of each template, heuristic by heuristic.

    ``generator``: a key → its own random generator.
    """
    lists = _templates.lists("pair_shortcuts")
    for heuristic in HEURISTICS:
        for truth, entailed in TRUTHS.items():
            for number, template in enumerate(lists[heuristic][truth]["templates"], start=1):
                name = f"{heuristic}:{truth}:{number}"
                rng = generator(name)
                for place in range(per_template):
                    persons = dict(zip(SLOTS, rng.sample(lists["persons"], len(SLOTS)), strict=True))
                    first, second = (sentence.format_map(persons) for sentence in template)
                    ident = f"pair_shortcuts:{name}:{place + 1}"
                    yield OverlapPair(ident, (first, second), heuristic, entailed, f"template:{name}")
