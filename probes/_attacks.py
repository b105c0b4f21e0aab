"""The attacks of the probe adversarial: on words and on entities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from auditor import text
from auditor.text import shares
from auditor.types import AttackRecipe, Audit, Case, Edits, Example, Goal, Response, Slice
from probes import _attack_strength
from probes._entity_swap import SWAP, EntitySwap
from probes._reading import Parts

if TYPE_CHECKING:
    from auditor.attacks.attacker import Ask, Attacker


@dataclass(frozen=True)
class Target:
    """An example that the model decides rightly."""

    example: Example
    goal: Goal
    answer: Response
    parts: Parts
    """Text field → start and end of what the model reads of it."""


@dataclass(frozen=True)
class Tried:
    """What an attack on an example came to."""

    edits: Edits | None
    """None where it failed."""
    queries: int
    words: int | None = None
    """Words of the text that the model reads."""
    broken: bool = False
    """The edits touch a word that they should leave alone."""


class Words:
    """Attacks by TextAttack on the words of a text.

    Words that the task protects stay as they are, and so do its other texts.
    """

    def __init__(self, audit: Audit, recipe: AttackRecipe, field: str) -> None:
        strength = _attack_strength.of_audit(audit)
        self._audit, self._recipe, self._field, self._budget = audit, recipe, field, strength.query_budget
        self._key = (recipe, field) if len(strength.fields) > 1 else (recipe,)
        self._tried: dict[tuple[str, float | None], Tried] = {}
        self._without_answers = self._attacker(lambda _texts: ())

    def _attacker(self, ask: Ask) -> Attacker:
        from auditor.attacks.attacker import Attacker

        return Attacker(self._recipe, ask, self._budget)

    def _protected(self, example: Example) -> frozenset[int]:
        return self._audit.task.protected(example).get(self._field, frozenset())

    def offers(self, target: Target) -> bool:
        """Whether the text offers the recipe anything to change."""
        value, part = target.example.inputs[self._field], target.parts[self._field]
        kept = text.part(value, *part).places(self._protected(target.example))
        rng = self._audit.rng(*self._key, target.example.id)
        return self._without_answers.offers(value, rng=rng, kept=kept, part=part)

    def case(self, target: Target, slice_: Slice, limit: float | None) -> Case:
        """The attacked text, or the original one where the attack failed."""
        return _case(target.example, slice_, self.tried(target, limit))

    def tried(self, target: Target, limit: float | None) -> Tried:
        """What the attack comes to, which is tried once."""
        key = target.example.id, limit
        if key not in self._tried:
            self._tried[key] = self._attacked(target, limit)
        return self._tried[key]

    def _attacked(self, target: Target, limit: float | None) -> Tried:
        audit, example, field = self._audit, target.example, self._field
        value, protected = example.inputs[field], self._protected(example)
        part = text.part(value, *target.parts[field])

        def ask(texts: Sequence[str]) -> list[tuple[float, ...]]:
            every = [{**example.inputs, field: candidate} for candidate in texts]
            return [target.goal(inputs, answer) for inputs, answer in zip(every, audit.ask(every), strict=True)]

        words = len(part.words.words)
        outcome = self._attacker(ask).attack(
            value,
            0,
            limit=None if limit is None else shares.at_most(limit, words),
            rng=audit.rng(*self._key, example.id),
            kept=part.places(protected),
            part=target.parts[field],
        )
        edits = {field: text.edits_between(value, outcome.text)} if outcome.success else None
        broken = edits is not None and not text.untouched(text.split(value), edits[field], protected)
        return Tried(edits, outcome.queries, words, broken)


class AnyText:
    """Attacks on one text after another, until one succeeds."""

    def __init__(self, attacks: Sequence[Words]) -> None:
        self._attacks = attacks

    def offers(self, target: Target) -> bool:
        """Whether any text offers the recipe anything to change."""
        return any(attack.offers(target) for attack in self._attacks)

    def case(self, target: Target, slice_: Slice, limit: float | None) -> Case:
        """The example with one text attacked, or the original one."""
        queries, last = 0, None
        for attack in self._attacks:
            if attack.offers(target):
                last = attack.tried(target, limit)
                queries += last.queries
                if last.edits is not None:
                    break
        return _case(target.example, slice_, Tried(None, queries) if last is None else replace(last, queries=queries))


class Swapping:
    """Attacks that put other entities in the place of those found."""

    def __init__(self, audit: Audit, field: str) -> None:
        self._task, self._swap = audit.task, EntitySwap(audit, field, _attack_strength.of_audit(audit).query_budget)

    def offers(self, target: Target) -> bool:
        """Whether the training rows have another name for any entity found."""
        return self._swap.offers(target.example, self._task.spans_found(target.example, target.answer))

    def case(self, target: Target, slice_: Slice, limit: float | None) -> Case:
        """The sentence with another entity, or the original where no attack succeeds."""
        del limit
        spans = self._task.spans_found(target.example, target.answer)
        edits, asked = self._swap.attack(target.example, target.goal, spans)
        return _case(target.example, slice_, Tried(edits, asked))


Attack: TypeAlias = Words | AnyText | Swapping


def attacks_of(audit: Audit, recipe: AttackRecipe) -> dict[str | None, Attack]:
    """The attacks by a recipe: text field → attack.

    None stands for the text, or for any of several.
    """
    fields = audit.task.fields
    if recipe == SWAP:
        return {None: Swapping(audit, fields[0])}
    by_field = {field: Words(audit, recipe, field) for field in fields}
    if len(fields) == 1:
        return {None: by_field[fields[0]]}
    attacks: dict[str | None, Attack] = dict(by_field.items())
    return {**attacks, None: AnyText(tuple(by_field.values()))}


def _case(example: Example, slice_: Slice, tried: Tried) -> Case:
    claimed = float(tried.edits is not None)
    facts = {"attacked": 1.0, "queries": float(tried.queries), "claimed": claimed}
    return Case(example, slice_, tried.edits or {}, facts=facts, words=tried.words, invalid=tried.broken)
