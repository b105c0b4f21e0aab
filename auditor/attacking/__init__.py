"""TextAttack behind one package: attacks by a black-box ``ask``, seeded, bounded in words and queries.

Importing this package imports TextAttack (about ten seconds); nothing else of the project does. Morris et al. 2020,
"TextAttack", https://aclanthology.org/2020.emnlp-demos.16
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from auditor import text
from auditor.attacking.recipes import RECIPES, Kept, Parts, WordLimit
from auditor.attacking.taming import TAMED, seeded, textattack, torch

_before = textattack.constraints.pre_transformation

__all__ = ["RECIPES", "SPLIT_TOKEN", "Ask", "Attacker", "Outcome"]

Ask = Callable[[Sequence[str]], Sequence[Sequence[float]]]
"""Texts → for each, one probability in [0, 1] for each label."""

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

    ``recipe`` is a key of RECIPES (KeyError). ``query_budget`` (at least 2) bounds the queries of one attack.
    """

    def __init__(self, recipe: str, ask: Ask, query_budget: int) -> None:
        self._ask, self._query_budget = ask, query_budget
        self._parts = RECIPES[recipe]()
        self._free: list[_Bounded] = []

    def attack(
        self, value: str, label: int, *, limit: int | None, rng: random.Random, kept: frozenset[int] = frozenset()
    ) -> Outcome:
        """Attack a text that the model gives the right label, the one of index ``label``.

        At most ``limit`` words may change (None: as many as the recipe itself allows), and none of ``kept``, which counts
        words between white space from 0.
        """
        if SPLIT_TOKEN in value:
            # TextAttack keeps fields apart by this token and would drop what follows it.
            return Outcome(value, 0, False)
        limits = [one for one in (limit, self._parts.limit) if one is not None]
        with TAMED, seeded(rng):
            one = self._free.pop() if self._free else _Bounded(self._parts, self._ask, self._query_budget)
            found = one.attack(value, label, min(limits) if limits else None, kept)
        self._free.append(one)
        return found


class _Bounded:
    """What one attack at a time changes; transformation and constraints are shared between those side by side."""

    def __init__(self, parts: Parts, ask: Ask, query_budget: int) -> None:
        self._limit, self._kept = WordLimit(), Kept()
        goal = _Goal(_Model(ask), query_budget=query_budget, model_batch_size=query_budget)
        constraints = [
            self._limit,
            self._kept,
            _before.RepeatModification(),
            _before.StopwordModification(),
            *parts.constraints,
        ]
        self._attack = textattack.Attack(goal, constraints, parts.transformation, parts.search())
        self._attack.search_method.get_transformations = self._candidates

    def _candidates(self, attacked: Any, **options: Any) -> list[Any]:
        """Transformations in a random order: a budget that ends among them has seen a sample, not the first words.

        The search's word indices are those of the original text; an inserted space shifts the later ones.
        """
        found: list[Any] = self._attack.get_transformations(attacked, shifted_idxs=True, **options)
        random.shuffle(found)
        return found

    def attack(self, value: str, label: int, limit: int | None, kept: frozenset[int]) -> Outcome:
        self._limit.words = limit
        self._kept.words, self._kept.before = kept, text.split(value)
        result = self._attack.attack(value, label)
        queries = int(self._attack.goal_function.num_queries)
        success = isinstance(result, textattack.attack_results.SuccessfulAttackResult)
        return Outcome(result.perturbed_result.attacked_text.text if success else value, queries, success)


class _Model(textattack.models.wrappers.ModelWrapper):  # type: ignore[misc]
    def __init__(self, ask: Ask) -> None:
        self.model = self
        self._ask = ask

    def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        return [list(scores) for scores in self._ask(texts)]


class _Goal(textattack.goal_functions.UntargetedClassification):  # type: ignore[misc]
    def _process_model_outputs(self, _inputs: Sequence[Any], scores: Sequence[Sequence[float]]) -> Any:
        # The inherited method takes the softmax of probabilities whose sum is off by 1e-6.
        return torch.tensor(scores, dtype=torch.float64)
