"""Attacks on entities: the words around them change, or they themselves give way to others of their type."""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from auditor import metrics, text
from auditor.environment import resources
from auditor.tasks import entity_goal
from auditor.tasks.entity_goal import Found
from auditor.text import shares, spans
from auditor.types import NEEDS, Audit, Case, Example, Judged, Metric, Planned, Skipped, Slice, Task
from probes._tries import left_alone, mostly_nothing, nothing_to_change

if TYPE_CHECKING:
    from auditor.attacks.attacker import Ask, Attacker

Method = Literal["deepwordbug", "textbugger", "pwws", "entity swap"]
SWAP = "entity swap"
CHANGES = {
    "deepwordbug": "words beside entities, of two letters or more, that are no English stop words",
    "textbugger": "words beside entities, of three letters or more, or with a letter that has a look-alike, "
    "that are no English stop words",
    "pwws": "words beside entities with a synonym in the English WordNet that are no stop words",
    SWAP: "entities whose type has another name in the training rows",
}
"""Method → what it changes."""


@dataclass(frozen=True)
class Settings:
    """``[probes.entity_attack]``."""

    examples: int = 100
    """Sentences of the home domain; at least 1."""
    methods: tuple[Method, ...] = ("deepwordbug", "textbugger", "pwws", "entity swap")
    max_words_changed: float = 0.20
    """Share in (0, 1] of a sentence's words that a method on the context may change; one word always may."""
    query_budget: int = 100
    """Queries of one attack on one sentence; at least 3."""

    def __post_init__(self) -> None:
        if self.examples < 1:
            raise ValueError("examples must be at least 1")
        if not 0 < self.max_words_changed <= 1:
            raise ValueError("max_words_changed must be above 0 and at most 1")
        if self.query_budget < 3:
            raise ValueError("query_budget must be at least 3")


class EntityAttack:
    """Attacks on named entity recognition by someone who sees the scores.

    Sentences of which the model finds at least one entity are attacked until one that it found is lost, or has other
    boundaries or another type. DeepWordBug, TextBugger's character edits and PWWS, run by TextAttack (Morris et al. 2020),
    change words of the context only: no word of an entity is touched (Lin et al. 2021, RockNER, attack both). ``entity
    swap`` puts other entities of the same type, drawn from the training rows, in an entity's place, and leaves the context
    alone: a model that reads it finds them too. The final sentence is scored by a freshly loaded model, and only that
    decides success. Sentences that offer a method nothing to change are left out of its success rate, and count under attack
    as they are answered; where they are the most the method does not apply. Whether a changed context still supports the
    entity was not measured.
    """

    name = "entity_attack"
    limitation: str | None = "attack"
    needs: frozenset[str] = frozenset({"word_labels", "package:textattack"})
    settings = Settings()
    pools: tuple[frozenset[str], ...] = ()
    reads_parts = True

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        under_attack = metrics.task_metric(task)
        return (
            metrics.task_metric_before(task),
            replace(
                under_attack,
                name=f"{task.metric}_under_attack",
                title=f"{under_attack.title} under attack, over all sentences",
            ),
            metrics.share("attack_success_rate", "attack success rate", _succeeded, "lower", comparable=False),
            replace(metrics.median_fact("queries", "median queries"), comparable=False),
            metrics.share("mean_words_changed", "words changed where it succeeded", _words_changed, comparable=False),
            nothing_to_change("sentences with an entity found that offer nothing to change"),
        )

    def planned(self, audit: Audit) -> Planned:
        """At most: where the model finds no entity nothing is attacked."""
        settings: Settings = audit.settings
        examples = sum(one.gold is not None for one in audit.examples("home", settings.examples))
        runs = sum(_unavailable(audit, method) is None for method in dict.fromkeys(settings.methods))
        queries = examples + runs * examples * settings.query_budget
        return Planned(runs * examples, exact=False, queries=queries)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        settings: Settings = audit.settings
        examples = [one for one in audit.examples("home", settings.examples) if one.gold is not None]
        answers = audit.ask([one.inputs for one in examples]) if examples else []
        found = {
            one.id: known
            for one, answer in zip(examples, answers, strict=True)
            if answer is not None and (known := entity_goal.found(audit.task, one.gold, answer))
        }
        for method in dict.fromkeys(settings.methods):
            slice_ = {"method": method}
            reason = _unavailable(audit, method) if found else "the model finds no entity"
            if reason is not None:
                yield Skipped(slice_, reason)
                continue
            attack: _Attack = _Swapping(audit) if method == SWAP else _Around(audit, method)
            offers = {one.id: attack.offers(one, found[one.id]) for one in examples if one.id in found}
            changes = f"{method} changes {CHANGES[method]}"
            nothing = mostly_nothing(offers, "sentences of which the model finds an entity", changes)
            if nothing is not None:
                yield Skipped(slice_, nothing, applies=False)
                continue
            tasks = (
                functools.partial(attack.case, example, found[example.id], slice_)
                if offers.get(example.id)
                else functools.partial(left_alone, example, slice_, offers)
                for example in examples
            )
            yield from audit.side_by_side(slice_, tasks)


def _unavailable(audit: Audit, method: str) -> str | None:
    if method == SWAP:
        return None if audit.has("train") else NEEDS["train"]
    return resources.lacking(method)


class _Around:
    """Attacks on the words around the entities."""

    def __init__(self, audit: Audit, method: str) -> None:
        self._audit, self._method = audit, method
        self._without_answers = self._attacker(lambda _texts: ())

    def _attacker(self, ask: Ask) -> Attacker:
        from auditor.attacks.attacker import Attacker

        return Attacker(self._method, ask, self._audit.settings.query_budget)

    def _how(self, example: Example) -> dict[str, Any]:
        kept = entity_goal.words_of(spans.spans(example.gold))
        return {"rng": self._audit.rng(self._method, example.id), "kept": kept}

    def offers(self, example: Example, _wanted: Found) -> bool:
        return self._without_answers.offers(example.inputs["text"], **self._how(example))

    def case(self, example: Example, wanted: Found, slice_: Slice) -> Case:
        audit, value = self._audit, example.inputs["text"]
        before = text.split(value)

        def ask(texts: Sequence[str]) -> list[list[float]]:
            return entity_goal.goal(audit.task, before, texts, audit.ask([{"text": one} for one in texts]), wanted)

        limit = shares.at_most(audit.settings.max_words_changed, len(before.words))
        found = self._attacker(ask).attack(value, 0, limit=limit, **self._how(example))
        return _case(example, wanted, slice_, before, found.text if found.success else None, found.queries)


class _Swapping:
    """Attacks that put other entities of the same type in an entity's place."""

    def __init__(self, audit: Audit) -> None:
        self._audit, self._names = audit, _by_type(audit)

    def offers(self, example: Example, wanted: Found) -> bool:
        words = text.split(example.inputs["text"]).words
        return any(name != words[one.start : one.end] for one in wanted for name in self._names.get(one.type, ())[:2])

    def case(self, example: Example, wanted: Found, slice_: Slice) -> Case:
        audit, before, asked = self._audit, text.split(example.inputs["text"]), 0
        rng = audit.rng(SWAP, example.id)
        for one, name in _candidates(self._names, before, wanted, rng, audit.settings.query_budget):
            edit = text.Edit(one.start, one.end, name, (" ",) * (len(name) - 1))
            after, moved = str(text.apply(before, [edit])), _longer(wanted, one, len(name))
            (answer,) = audit.ask([{"text": after}])
            asked += 1
            if entity_goal.surely(audit.task, answer, moved) <= 0.5:
                return _case(example, wanted, slice_, before, after, asked, edit)
        return _case(example, wanted, slice_, before, None, asked)


_Attack: TypeAlias = _Around | _Swapping


def _by_type(audit: Audit) -> Mapping[str, tuple[tuple[str, ...], ...]]:
    """Type → the names of the training rows, each once, in their order."""
    found: dict[str, dict[tuple[str, ...], None]] = {}
    for example in audit.examples("train"):
        words = text.words_of(example.inputs["text"])
        for one in spans.spans(example.gold or ()):
            found.setdefault(one.type, {})[words[one.start : one.end]] = None
    return {kind: tuple(names) for kind, names in found.items()}


def _candidates(
    names: Mapping[str, tuple[tuple[str, ...], ...]], before: text.Words, wanted: Found, rng: random.Random, budget: int
) -> Iterator[tuple[spans.Span, tuple[str, ...]]]:
    """Found entities in turn with random names of their type, other than their own; as many as the budget allows."""
    drawn = {one: rng.sample(names.get(one.type, ()), min(budget, len(names.get(one.type, ())))) for one in wanted}
    left = budget
    for turn in range(budget):
        for one, some in drawn.items():
            if turn < len(some) and left and some[turn] != before.words[one.start : one.end]:
                left -= 1
                yield one, some[turn]


def _longer(wanted: Found, changed: spans.Span, words: int) -> Found:
    """The entities after one of them has become so many words long."""
    more = words - (changed.end - changed.start)
    return tuple(
        spans.Span(
            one.start + more * (one.start > changed.start), one.end + more * (one.start >= changed.start), one.type
        )
        for one in wanted
    )


def _case(
    example: Example,
    wanted: Found,
    slice_: Slice,
    before: text.Words,
    after: str | None,
    queries: int,
    edit: text.Edit | None = None,
) -> Case:
    facts: dict[str, float | str] = {"attacked": 1.0, "queries": float(queries), "claimed": float(after is not None)}
    if after is None:
        return Case(example, slice_, facts={**facts, "words_changed": 0.0, WANTED: _written(wanted)})
    edits = (edit,) if edit is not None else text.diff(before, text.split(after))
    origins = text.origins(before, edits)
    moved = spans.followed(wanted, origins)
    broken = entity_goal.broken(before, example.gold, edits, origins, context_only=edit is None)
    facts |= {"words_changed": text.share_touched(before, edits), WANTED: _written(moved or ())}
    return Case(example, slice_, inputs={"text": after}, origins=origins, facts=facts, invalid=broken)


WANTED = "entities found before"


def _written(found: Found) -> str:
    """Spans as a fact: ``0-2 PER, 5-6 LOC``."""
    return ", ".join(f"{one.start}-{one.end} {one.type}" for one in found)


def _succeeded(judged: Judged) -> float | None:
    """1 where an entity that was found no longer is; None for a sentence that was not attacked."""
    if judged.facts.get("attacked") != 1.0:
        return None
    seen = _written(spans.spans(judged.answer.split())).split(", ")
    return float(not set(str(judged.facts[WANTED]).split(", ")) <= set(seen))


def _words_changed(judged: Judged) -> float | None:
    return float(judged.facts["words_changed"]) if _succeeded(judged) else None


PROBE = EntityAttack()
