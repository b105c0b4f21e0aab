"""One attack at a time: what is asked, in which order, and when it ends.

TextAttack builds every candidate of a text, thousands of a long one, and asks as many as the budget has left. Here the
words that would stand in a candidate are drawn first, and texts are built of those alone that will be asked.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from auditor import text
from auditor.attacks.recipes import Kept, NotTooLong, Parts, WordLimit
from auditor.attacks.textattack_guard import textattack, torch

_before = textattack.constraints.pre_transformation

Ask = Callable[[Sequence[str]], Sequence[Sequence[float]]]
"""Texts → for each, one probability in [0, 1] for each label."""
AT_ONCE = 2**22
"""Characters beside those that the model reads, in the texts that are asked about together."""


class Bounded:
    """What one attack at a time changes; transformation and constraints are shared between those side by side."""

    def __init__(self, parts: Parts, ask: Ask, query_budget: int) -> None:
        self.surroundings = "", ""
        """What stands before and after the text that is attacked, wherever it is asked."""
        self._limit, self._kept = WordLimit(), Kept()
        self._ask = ask
        self._goal = _Goal(Model(self._asked), query_budget=query_budget, model_batch_size=query_budget)
        constraints = [
            self._limit,
            self._kept,
            NotTooLong(),
            _before.RepeatModification(),
            _before.StopwordModification(),
            *parts.constraints,
        ]
        self._attack = textattack.Attack(self._goal, constraints, parts.transformation, parts.search())
        self._attack.search_method.get_transformations = self._candidates
        self._attack.search_method.get_indices_to_order = self._to_rank

    def offers(self, value: str, kept: frozenset[int]) -> bool:
        """Whether any word has another to stand in its place."""
        self._bound(value, None, kept)
        return next(self._replacements(textattack.shared.AttackedText(value)), None) is not None

    def attack(self, value: str, label: int, limit: int | None, kept: frozenset[int]) -> tuple[str | None, int]:
        """The text that the attack claims a success with, None where it failed, and how many queries it took."""
        self._bound(value, limit, kept)
        result = self._attack.attack(value, label)
        success = isinstance(result, textattack.attack_results.SuccessfulAttackResult)
        return result.perturbed_result.attacked_text.text if success else None, int(self._goal.num_queries)

    def _asked(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        before, after = self.surroundings
        # Of a text that is read in part the rest stands in each of them.
        room = max(AT_ONCE // max(len(before) + len(after), 1), 1)
        parts = (texts[start : start + room] for start in range(0, len(texts), room))
        return [answer for part in parts for answer in self._ask([f"{before}{one}{after}" for one in part])]

    def _bound(self, value: str, limit: int | None, kept: frozenset[int]) -> None:
        self._limit.words = limit
        self._kept.words, self._kept.before = kept, text.split(value)

    @property
    def _left(self) -> int:
        return int(self._goal.query_budget) - int(self._goal.num_queries)

    def _to_rank(self, attacked: Any) -> tuple[int, list[int]]:
        """Words that the search ranks by how much the model misses them: all, unless that would leave no query to attack.

        Then half of the queries rank a random sample of the words that offer anything to change.
        """
        _, indices = self._attack.get_indices_to_order(attacked)
        if len(indices) >= self._left:
            offering = sorted({index for _, index, _ in self._replacements(attacked)})
            indices = sorted(random.sample(offering, min(max(self._left // 2, 1), len(offering))))
        return len(indices), indices

    def _candidates(self, attacked: Any, original_text: Any, **options: Any) -> list[Any]:
        """Transformations in a random order: a budget that ends among them has seen a sample, not the first words.

        The search's word indices are those of the original text; an inserted space shifts the later ones.
        """
        if "indices_to_modify" not in options:
            return self._sample(attacked, original_text)
        found: list[Any] = self._attack.get_transformations(
            attacked, original_text=original_text, shifted_idxs=True, **options
        )
        random.shuffle(found)
        return found

    def _sample(self, attacked: Any, original: Any) -> list[Any]:
        """As many candidates as there are queries left, of all those of all words: each as likely as the others."""
        drawn = list(
            {(index, word): transformation for transformation, index, word in self._replacements(attacked)}.items()
        )
        random.shuffle(drawn)
        found: list[Any] = []
        while drawn and len(found) < self._left:
            (index, word), transformation = drawn.pop()
            candidate = attacked.replace_word_at_index(index, word)
            candidate.attack_attrs["last_transformation"] = transformation
            found += self._attack.filter_transformations([candidate], attacked, original)
        return found

    def _replacements(self, attacked: Any) -> Iterator[tuple[Any, int, str]]:
        """Every transformation, the index of the word that it changes, and what it makes of it."""
        whole = self._attack.transformation
        for transformation in getattr(whole, "transformations", (whole,)):
            given = self._attack.pre_transformation_constraints
            for index in sorted(transformation(attacked, pre_transformation_constraints=given, return_indices=True)):
                word = attacked.words[index]
                yield from (
                    (transformation, index, new) for new in transformation._get_replacement_words(word) if new != word
                )


class Model(textattack.models.wrappers.ModelWrapper):  # type: ignore[misc]
    """What TextAttack asks: a function of texts."""

    def __init__(self, ask: Ask) -> None:
        self.model = self
        self._ask = ask

    def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        return [list(scores) for scores in self._ask(texts)]


class _Goal(textattack.goal_functions.UntargetedClassification):  # type: ignore[misc]
    def _process_model_outputs(self, _inputs: Sequence[Any], scores: Sequence[Sequence[float]]) -> Any:
        # The inherited method takes the softmax of probabilities whose sum is off by 1e-6.
        return torch.tensor(scores, dtype=torch.float64)
