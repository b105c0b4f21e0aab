"""Search of one attack: its questions, their order, and its end.

TextAttack builds every candidate of a text, thousands for a long text, and asks about as many as the budget allows.
Here, the words of the candidates are drawn first, and only texts that will be asked about are built.
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
"""Texts → for each text, one probability in [0, 1] per label."""
AT_ONCE = 2**22
"""Limit on the characters outside the attacked part, summed over texts asked about together."""


class Bounded:
    """State of one attack at a time.

    Transformation and constraints are shared between attacks that run side by side.
    """

    def __init__(self, parts: Parts, ask: Ask, query_budget: int) -> None:
        self.surroundings = "", ""
        """Text before and after the attacked part, added whenever the model is asked."""
        self._limit, self._kept = WordLimit(), Kept()
        self._ask = ask
        self._goal = _Goal(Model(self._answers), query_budget=query_budget, model_batch_size=query_budget)
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
        self._attack.search_method.get_indices_to_order = self._words_to_rank

    def offers(self, value: str, kept: frozenset[int]) -> bool:
        """Return whether any word has a replacement."""
        self._set_bounds(value, None, kept)
        return next(self._replacements(textattack.shared.AttackedText(value)), None) is not None

    def attack(self, value: str, label: int, limit: int | None, kept: frozenset[int]) -> tuple[str | None, int]:
        """Return the text that succeeds, if any, and the number of queries.

        The text is the one with which the attack claims a success, and None if it failed.
        """
        self._set_bounds(value, limit, kept)
        result = self._attack.attack(value, label)
        success = isinstance(result, textattack.attack_results.SuccessfulAttackResult)
        return result.perturbed_result.attacked_text.text if success else None, int(self._goal.num_queries)

    def _answers(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        before, after = self.surroundings
        # If the model reads only part of a text, every query repeats the rest.
        room = max(AT_ONCE // max(len(before) + len(after), 1), 1)
        parts = (texts[start : start + room] for start in range(0, len(texts), room))
        return [answer for part in parts for answer in self._ask([f"{before}{changed}{after}" for changed in part])]

    def _set_bounds(self, value: str, limit: int | None, kept: frozenset[int]) -> None:
        self._limit.words = limit
        self._kept.words, self._kept.before = kept, text.split(value)

    @property
    def _queries_left(self) -> int:
        return int(self._goal.query_budget) - int(self._goal.num_queries)

    def _words_to_rank(self, attacked: Any) -> tuple[int, list[int]]:
        """Return the words that the search ranks by importance.

        These are all words, unless ranking them would leave no query for the attack. Then half of the queries rank a
        random sample of the words that have a replacement.
        """
        _, indices = self._attack.get_indices_to_order(attacked)
        if len(indices) >= self._queries_left:
            offering = sorted({index for _, index, _ in self._replacements(attacked)})
            indices = sorted(random.sample(offering, min(max(self._queries_left // 2, 1), len(offering))))
        return len(indices), indices

    def _candidates(self, attacked: Any, original_text: Any, **options: Any) -> list[Any]:
        """Return the candidates in random order.

        A budget that ends among them has then covered a random sample instead of the first words. The search's word
        indices are those of the original text; an inserted space shifts the later ones.
        """
        if "indices_to_modify" not in options:
            return self._sample(attacked, original_text)
        candidates: list[Any] = self._attack.get_transformations(
            attacked, original_text=original_text, shifted_idxs=True, **options
        )
        random.shuffle(candidates)
        return candidates

    def _sample(self, attacked: Any, original: Any) -> list[Any]:
        """Return a random sample of all words' candidates, one per query left.

        Each candidate is equally likely.
        """
        drawn = list(
            {(index, word): transformation for transformation, index, word in self._replacements(attacked)}.items()
        )
        random.shuffle(drawn)
        candidates: list[Any] = []
        while drawn and len(candidates) < self._queries_left:
            (index, word), transformation = drawn.pop()
            candidate = attacked.replace_word_at_index(index, word)
            candidate.attack_attrs["last_transformation"] = transformation
            candidates += self._attack.filter_transformations([candidate], attacked, original)
        return candidates

    def _replacements(self, attacked: Any) -> Iterator[tuple[Any, int, str]]:
        """Yield each transformation with the index of a word and its replacement."""
        whole = self._attack.transformation
        for transformation in getattr(whole, "transformations", (whole,)):
            constraints = self._attack.pre_transformation_constraints
            for index in sorted(
                transformation(attacked, pre_transformation_constraints=constraints, return_indices=True)
            ):
                word = attacked.words[index]
                yield from (
                    (transformation, index, new) for new in transformation._get_replacement_words(word) if new != word
                )


class Model(textattack.models.wrappers.ModelWrapper):  # type: ignore[misc]
    """Wrapper that lets TextAttack call a function of texts as a model."""

    def __init__(self, ask: Ask) -> None:
        self.model = self
        self._ask = ask

    def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        """Return the probabilities for each text."""
        return [list(scores) for scores in self._ask(texts)]


class _Goal(textattack.goal_functions.UntargetedClassification):  # type: ignore[misc]
    def _process_model_outputs(self, _inputs: Sequence[Any], scores: Sequence[Sequence[float]]) -> Any:
        # The inherited method applies softmax to probabilities whose sum is off by 1e-6.
        return torch.tensor(scores, dtype=torch.float64)
