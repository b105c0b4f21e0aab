"""Attacks through TextAttack, seeded and limited in words and queries.

An attack sees the model as a black box that answers texts. Importing this package imports TextAttack (about ten
seconds); nothing else in the project does. Morris et al. 2020, "TextAttack",
https://aclanthology.org/2020.emnlp-demos.16
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
    """Result of an attack."""

    text: str
    """The final text; the original text if the attack failed."""
    queries: int
    """Number of texts that the attack asked about, including repeated ones."""
    success: bool
    """Whether the attack claims a success; the audit checks it with a freshly loaded model."""


class Attacker:
    """One recipe against one model; ``attack`` accepts any number of texts.

    ``recipe`` is a key of RECIPES (KeyError). ``query_budget`` limits the queries of one attack and the candidates that
    are built for it; it is at least 3, for the text itself, the rank of a word and a change of it.
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
        """Return whether the recipe can change anything in the text.

        The arguments are those of ``attack``. The model is not asked.
        """
        start, end = part or (0, len(value))
        with self._free_search(rng) as search:
            return SPLIT_TOKEN not in value[start:end] and search.offers(value[start:end], kept)

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
        """Attack a text to which the model gives the right label.

        ``label`` is the index of that label. ``part`` is the start and the end of what the model reads of the text,
        which is the part that changes; None means the whole text. At most ``limit`` of its words change (None: as many
        as the recipe allows), and none of ``kept``, the indices of words of that part between white space, counted from
        0.
        """
        start, end = part or (0, len(value))
        if SPLIT_TOKEN in value[start:end]:
            # TextAttack separates fields with this token and would drop what follows it.
            return Outcome(value, 0, False)
        limits = [words for words in (limit, self._parts.limit) if words is not None]
        with self._free_search(rng) as search:
            search.surroundings = value[:start], value[end:]
            changed, queries = search.attack(value[start:end], label, min(limits) if limits else None, kept)
        return Outcome(
            value if changed is None else f"{value[:start]}{changed}{value[end:]}", queries, changed is not None
        )

    @contextmanager
    def _free_search(self, rng: random.Random) -> Iterator[Bounded]:
        """Yield a search that no running attack uses."""
        with TAMED, seeded(rng):
            search = self._free.pop() if self._free else Bounded(self._parts, self._ask, self._query_budget)
            yield search
        self._free.append(search)
