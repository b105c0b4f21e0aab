"""TextAttack behind one package: attacks by a black-box ``ask``, seeded, bounded in words and queries.

Importing this package imports TextAttack (about ten seconds); nothing else of the project does. Morris et al. 2020,
"TextAttack", https://aclanthology.org/2020.emnlp-demos.16
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from auditor.attacks.recipes import RECIPES
from auditor.attacks.searching import Ask, Bounded
from auditor.attacks.textattack_guard import TAMED, seeded, textattack

__all__ = ["RECIPES", "SPLIT_TOKEN", "Ask", "Attacker", "Outcome"]

SPLIT_TOKEN = textattack.shared.AttackedText.SPLIT_TOKEN


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attack ended with."""

    text: str
    """The final text: the original one where the attack failed."""
    queries: int
    """Texts that the attack wanted answered, repeated ones included."""
    success: bool
    """What the attack claims; the audit asks a freshly loaded model."""


class Attacker:
    """One recipe against one model; ``attack`` may be called for any number of texts.

    ``recipe`` is a key of RECIPES (KeyError). ``query_budget`` (at least 3: the text itself, the rank of a word, a change of
    it) bounds the queries of one attack, and the candidates that are built for it.
    """

    def __init__(self, recipe: str, ask: Ask, query_budget: int) -> None:
        self._ask, self._query_budget = ask, query_budget
        self._parts = RECIPES[recipe]()
        self._free: list[Bounded] = []

    def offers(
        self,
        value: str,
        *,
        rng: random.Random,
        kept: frozenset[int] = frozenset(),
        part: tuple[int, int] | None = None,
    ) -> bool:
        """Whether the text offers the recipe anything to change, as ``attack`` would with these; asks nothing."""
        start, end = part or (0, len(value))
        with self._one(rng) as one:
            return SPLIT_TOKEN not in value[start:end] and one.offers(value[start:end], kept)

    def attack(
        self,
        value: str,
        label: int,
        *,
        limit: int | None,
        rng: random.Random,
        kept: frozenset[int] = frozenset(),
        part: tuple[int, int] | None = None,
    ) -> Outcome:
        """Attack a text that the model gives the right label, the one of index ``label``.

        ``part``: the start and the end of what the model reads of the text, which is what changes; None: all of it. At most
        ``limit`` of its words may change (None: as many as the recipe itself allows), and none of ``kept``, which counts
        its words between white space from 0.
        """
        start, end = part or (0, len(value))
        if SPLIT_TOKEN in value[start:end]:
            # TextAttack keeps fields apart by this token and would drop what follows it.
            return Outcome(value, 0, False)
        limits = [one for one in (limit, self._parts.limit) if one is not None]
        with self._one(rng) as one:
            one.surroundings = value[:start], value[end:]
            changed, queries = one.attack(value[start:end], label, min(limits) if limits else None, kept)
        return Outcome(
            value if changed is None else f"{value[:start]}{changed}{value[end:]}", queries, changed is not None
        )

    @contextmanager
    def _one(self, rng: random.Random) -> Iterator[Bounded]:
        """A search that no attack under way uses."""
        with TAMED, seeded(rng):
            one = self._free.pop() if self._free else Bounded(self._parts, self._ask, self._query_budget)
            yield one
        self._free.append(one)
