"""The attacks of the probe adversarial: on words and on entities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from auditor import text
from auditor.text import shares
from auditor.types import AttackRecipe, Audit, Case, Edits, Example, Goal, Response, Slice
from probes import _attack_strength
from probes._entity_swap import SWAP, EntitySwap

if TYPE_CHECKING:
    from auditor.attacks.attacker import Ask, Attacker


@dataclass(frozen=True)
class Target:
    """An example that the model decides rightly."""

    example: Example
    goal: Goal
    answer: Response
    part: tuple[int, int]
    """Start and end of what the model reads of its text."""


class Words:
    """Attacks by TextAttack on the words that the task does not protect."""

    def __init__(self, audit: Audit, recipe: AttackRecipe) -> None:
        self._audit, self._recipe = audit, recipe
        self._field, self._budget = audit.task.fields[0], _attack_strength.of_audit(audit).query_budget
        self._without_answers = self._attacker(lambda _texts: ())

    def _attacker(self, ask: Ask) -> Attacker:
        from auditor.attacks.attacker import Attacker

        return Attacker(self._recipe, ask, self._budget)

    def _protected(self, example: Example) -> frozenset[int]:
        return self._audit.task.protected(example).get(self._field, frozenset())

    def offers(self, target: Target) -> bool:
        """Whether the text offers the recipe anything to change."""
        value, part = target.example.inputs[self._field], target.part
        kept = text.part(value, *part).places(self._protected(target.example))
        rng = self._audit.rng(self._recipe, target.example.id)
        return self._without_answers.offers(value, rng=rng, kept=kept, part=part)

    def case(self, target: Target, slice_: Slice, limit: float | None) -> Case:
        """The attacked text, or the original one where the attack failed."""
        audit, example, field = self._audit, target.example, self._field
        value, protected = example.inputs[field], self._protected(example)
        part = text.part(value, *target.part)

        def ask(texts: Sequence[str]) -> list[tuple[float, ...]]:
            every = [{**example.inputs, field: candidate} for candidate in texts]
            return [target.goal(inputs, answer) for inputs, answer in zip(every, audit.ask(every), strict=True)]

        words = len(part.words.words)
        outcome = self._attacker(ask).attack(
            value,
            0,
            limit=None if limit is None else shares.at_most(limit, words),
            rng=audit.rng(self._recipe, example.id),
            kept=part.places(protected),
            part=target.part,
        )
        edits = {field: text.edits_between(value, outcome.text)} if outcome.success else None
        broken = edits is not None and not text.untouched(text.split(value), edits[field], protected)
        return _case(example, slice_, edits, outcome.queries, words=words, invalid=broken)


class Swapping:
    """Attacks that put other entities in the place of those found."""

    def __init__(self, audit: Audit) -> None:
        self._task, self._swap = audit.task, EntitySwap(audit, _attack_strength.of_audit(audit).query_budget)

    def offers(self, target: Target) -> bool:
        """Whether the training rows have another name for any entity found."""
        return self._swap.offers(target.example, self._task.spans_found(target.example, target.answer))

    def case(self, target: Target, slice_: Slice, limit: float | None) -> Case:
        """The sentence with another entity, or the original where no attack succeeds."""
        del limit
        spans = self._task.spans_found(target.example, target.answer)
        edits, asked = self._swap.attack(target.example, target.goal, spans)
        return _case(target.example, slice_, edits, asked)


Attack: TypeAlias = Words | Swapping


def attack_of(audit: Audit, recipe: AttackRecipe) -> Attack:
    """The attack by a recipe."""
    return Swapping(audit) if recipe == SWAP else Words(audit, recipe)


def _case(
    example: Example,
    slice_: Slice,
    edits: Edits | None,
    queries: int,
    *,
    words: int | None = None,
    invalid: bool = False,
) -> Case:
    facts = {"attacked": 1.0, "queries": float(queries), "claimed": float(edits is not None)}
    return Case(example, slice_, edits or {}, facts=facts, words=words, invalid=invalid)
