"""Bias in entailment: what do occupations and traits imply?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge, Le

from auditor import metrics, text
from auditor.settings import CheckedSettings
from auditor.types import (
    EXPECTED,
    Audit,
    Case,
    Example,
    Facts,
    Judged,
    Metric,
    Planned,
    ProbeDefaults,
    Skipped,
    Slice,
    Task,
)
from probes import _entailment_labels, _templates

PERSON, CHANGED, SIDES = "said of", "changed", ("man", "woman")
"""The keys of the slices with one person's answers and with two persons', and the first's values of occupations."""


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """How many sentences are asked about."""

    actions: Annotated[int, Ge(1), Le(12)] = 3
    """Sentences of each occupation, and of each trait and axis, each with another action."""


class EntailmentBias(ProbeDefaults):
    """Occupations that imply a gender, and traits that imply a group.

    "The accountant bought a coat." neither implies nor contradicts "The man bought a coat.", and "The rude person
    bought a coat." nothing of "The Turkish person bought a coat." (Dev et al. 2020, "On measuring and mitigating
    biased inferences of word embeddings"; the lists are this project's own). Each sentence about an occupation is
    paired with one about a man and one about a woman, each about a trait with two about persons of two nationalities,
    and of two religions. The share of undecided answers counts those that are neutral or, where the model has no
    neutral label, that are not entailment. The flip rate is the share of pairs whose answer changes from one person to
    the other: whom an occupation or a trait suggests, the answer should not say. Occupations and traits are the
    clusters: what is claimed is of short English sentences about those listed.
    """

    name = "entailment_bias"
    limitation: str | None = "bias"
    role = "bias"
    needs = frozenset({"text_pair", "class_scores"})
    settings = Settings()
    cluster_unit: str | None = "subject"

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """Undecided answers, and answers that change with the person."""
        del task
        return (
            metrics.share("neutral_rate", "answers that leave the person open", _neutral, "higher"),
            metrics.share("counterfactual_flip_rate", "answers that change with the person", _flipped, "lower"),
        )

    def planned(self, audit: Audit) -> Planned:
        """As many as ``cases`` yields."""
        cases = sum(isinstance(item, Case) for item in self.cases(audit))
        unsuited = _templates.unsuited(self.name, audit.language)
        return Planned(cases, reason=None if cases else unsuited or _entailment_labels.NONE)

    def available(self, slice_: Slice) -> int:
        """Occupations or traits that the lists hold: all are asked."""
        lists = _templates.lists(self.name)
        return len(lists["traits" if {*slice_.values()} & {*lists["groups"]} else "occupations"])

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield each sentence said of two persons, and changed."""
        label = _entailment_labels.entailment(audit.task)
        if label is None:
            yield Skipped({}, _entailment_labels.NONE, applies=False)
            return
        if (unsuited := _templates.unsuited(self.name, audit.language)) is not None:
            yield Skipped({}, unsuited, applies=False)
            return
        open_label = _entailment_labels.neutral(audit.task)
        facts = {EXPECTED: open_label or f"not {label}"}
        for asked in _asked(_templates.lists(self.name), audit.settings.actions):
            yield from _said(audit.task.fields, asked, facts)

    def worth_showing(self, judged: Judged) -> bool:
        """Those whose answer decides on a person, or changes with it."""
        return _neutral(judged) == 0.0 or _flipped(judged) == 1.0


@dataclass(frozen=True, slots=True)
class _Asked:
    """A sentence, and two persons whom the second text says it of."""

    subject: str
    """The occupation, or the trait."""
    action: str
    persons: tuple[str, str]
    axis: str | None = None
    """What the groups of the persons differ in; None: they are a man and a woman, and the subject an occupation."""


def _asked(lists: Mapping[str, Any], actions: int) -> Iterator[_Asked]:
    """Yield occupations, then traits by axis, each with its actions."""
    for number, occupation in enumerate(lists["occupations"]):
        for action, draw in _actions(lists, number, actions):
            yield _Asked(occupation, action, tuple(lists["persons"][draw % len(lists["persons"])]))
    for axis, groups in lists["groups"].items():
        for number, trait in enumerate(lists["traits"]):
            # Another distance in the list for each round through it, so that not the same groups meet always.
            apart = 1 + number // len(groups) % (len(groups) - 1)
            for action, draw in _actions(lists, number, actions):
                first, second = groups[draw % len(groups)], groups[(draw + apart) % len(groups)]
                yield _Asked(trait, action, (f"{first} person", f"{second} person"), axis)


def _actions(lists: Mapping[str, Any], number: int, actions: int) -> Iterator[tuple[str, int]]:
    for draw in range(number, number + actions):
        yield lists["actions"][draw % len(lists["actions"])], draw


def _said(fields: Sequence[str], asked: _Asked, facts: Facts) -> Iterator[Case]:
    """A sentence said of two persons, then changed from the first."""
    first, second = fields
    if asked.axis is None:
        cluster, described, names = f"occupation:{asked.subject}", asked.subject, SIDES
        sides, changed = SIDES, " to ".join(SIDES)
    else:
        cluster, described, names = f"trait:{asked.subject}", f"{asked.subject} person", asked.persons
        sides, changed = (asked.axis, asked.axis), asked.axis
    said = [f"The {person} {asked.action}." for person in asked.persons]
    examples = [
        Example(
            f"entailment_bias:{asked.subject}:{asked.action}:{name}",
            {first: f"The {described} {asked.action}.", second: sentence},
        )
        for name, sentence in zip(names, said, strict=True)
    ]
    for side, example in zip(sides, examples, strict=True):
        yield Case(example, {PERSON: side}, cluster=cluster, facts=facts)
    edits = {second: text.edits_between(*said)}
    yield Case(examples[0], {CHANGED: changed}, edits, cluster=cluster, facts=facts)


def _neutral(judged: Judged) -> float | None:
    """1 where the answer leaves open whether it is the person."""
    if PERSON not in judged.slice:
        return None
    answer, expected = max(judged.after_classes, key=judged.after_classes.__getitem__), judged.facts[EXPECTED]
    return float(answer == expected or (expected not in judged.after_classes and expected != f"not {answer}"))


def _flipped(judged: Judged) -> float | None:
    return None if PERSON in judged.slice else float(not judged.same)


PROBE = EntailmentBias()
