"""Attacks on entities themselves: they give way to others of their type."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence

from auditor import text
from auditor.text import spans
from auditor.types import Audit, Edits, Example, Goal, Span

SWAP = "entity swap"
CHANGES = "entities whose type has another name in the training rows"
Names = Mapping[str, tuple[tuple[str, ...], ...]]
"""Type → the names of the training rows, each once, in their order."""


class EntitySwap:
    """Replaces entities by others of their type from the training rows."""

    def __init__(self, audit: Audit, field: str, query_budget: int) -> None:
        self._audit, self._field, self._budget = audit, field, query_budget
        self._names = _names_by_type(audit.examples("train"), self._field)

    def offers(self, example: Example, entities: Sequence[Span]) -> bool:
        """Whether the training rows have another name for any entity found."""
        words = text.words_of(example.inputs[self._field])
        return any(
            name != words[entity.start : entity.end]
            for entity in entities
            for name in self._names.get(entity.type, ())[:2]
        )

    def attack(self, example: Example, goal: Goal, entities: Sequence[Span]) -> tuple[Edits | None, int]:
        """The edits that succeed, or None, and the number of queries."""
        audit, words = self._audit, text.split(example.inputs[self._field])
        rng, asked = audit.rng(SWAP, example.id), 0
        for entity, name in self._candidates(words, entities, rng):
            edits = {self._field: (text.Edit(entity.start, entity.end, name, (" ",) * (len(name) - 1)),)}
            inputs, _ = text.edited(example.inputs, edits)
            (answer,) = audit.ask([inputs])
            asked += 1
            scores = goal(inputs, answer, edits)
            if max(scores) > scores[0]:
                return edits, asked
        return None, asked

    def _candidates(
        self, words: text.Words, entities: Sequence[Span], rng: random.Random
    ) -> Iterator[tuple[Span, tuple[str, ...]]]:
        """Entities in turn with other names of their type, within the budget."""
        left = budget = self._budget
        names = {entity: self._names.get(entity.type, ()) for entity in entities}
        drawn = {entity: rng.sample(known, min(budget, len(known))) for entity, known in names.items()}
        for turn in range(budget):
            for entity, known in drawn.items():
                if turn < len(known) and left and known[turn] != words.words[entity.start : entity.end]:
                    left -= 1
                    yield entity, known[turn]


def _names_by_type(examples: Sequence[Example], field: str) -> Names:
    names: dict[str, dict[tuple[str, ...], None]] = {}
    for example in examples:
        words = text.words_of(example.inputs[field])
        for entity in spans.spans(example.gold or ()):
            names.setdefault(entity.type, {})[words[entity.start : entity.end]] = None
    return {kind: tuple(known) for kind, known in names.items()}
