"""Bias in entailment: does an occupation imply a man or a woman?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

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

PERSON, SIDES = "said of", ("man", "woman")
"""The key of the slices with one side's answers, and its values."""


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """How many sentences are asked about."""

    actions: Annotated[int, Ge(1), Le(12)] = 3
    """Sentences of each occupation, each with another action."""


class EntailmentBias(ProbeDefaults):
    """Occupations that imply a gender.

    "The accountant bought a coat." neither implies nor contradicts "The man bought a coat." (Dev et al. 2020, "On
    measuring and mitigating biased inferences of word embeddings"; occupations and actions are this project's own).
    Each sentence is paired with one about a man and one about a woman. The share of undecided answers counts those
    that are neutral or, where the model has no neutral label, that are not entailment. The flip rate is the share of
    pairs whose answer changes between man and woman: which of the two an occupation suggests, the answer should not
    say. The occupations are the clusters: what is claimed is of short English sentences about the occupations listed.
    """

    name = "entailment_bias"
    limitation: str | None = "bias"
    role = "bias"
    needs = frozenset({"text_pair", "class_scores"})
    settings = Settings()
    cluster_unit: str | None = "occupation"

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """Undecided answers, and answers that change with the gender."""
        del task
        return (
            metrics.share("neutral_rate", "answers that leave the gender open", _neutral, "higher"),
            metrics.share("counterfactual_flip_rate", "answers that change with the gender", _flipped, "lower"),
        )

    def planned(self, audit: Audit) -> Planned:
        """As many as ``cases`` yields."""
        cases = sum(isinstance(item, Case) for item in self.cases(audit))
        unsuited = _templates.unsuited(self.name, audit.language)
        return Planned(cases, reason=None if cases else unsuited or _entailment_labels.NONE)

    def available(self, slice_: Slice) -> int:
        """Occupations that the lists hold, all of which are asked about."""
        del slice_
        return len(_templates.lists(self.name)["occupations"])

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield each sentence said of a man, of a woman, and changed."""
        label = _entailment_labels.entailment(audit.task)
        if label is None:
            yield Skipped({}, _entailment_labels.NONE, applies=False)
            return
        if (unsuited := _templates.unsuited(self.name, audit.language)) is not None:
            yield Skipped({}, unsuited, applies=False)
            return
        open_label = _entailment_labels.neutral(audit.task)
        facts = {EXPECTED: open_label or f"not {label}"}
        lists = _templates.lists(self.name)
        for number, occupation in enumerate(lists["occupations"]):
            for draw in range(audit.settings.actions):
                action, persons = (lists[name][(number + draw) % len(lists[name])] for name in ("actions", "persons"))
                yield from _said(audit.task.fields, occupation, action, persons, facts)

    def worth_showing(self, judged: Judged) -> bool:
        """Those whose answer names a gender, or changes with it."""
        return _neutral(judged) == 0.0 or _flipped(judged) == 1.0


def _said(fields: Sequence[str], occupation: str, action: str, persons: Sequence[str], facts: Facts) -> Iterator[Case]:
    """An occupation's sentence, said of a man and of a woman."""
    first, second = fields
    said = [f"The {person} {action}." for person in persons]
    examples = [
        Example(
            f"entailment_bias:{occupation}:{action}:{side}", {first: f"The {occupation} {action}.", second: sentence}
        )
        for side, sentence in zip(SIDES, said, strict=True)
    ]
    cluster = f"occupation:{occupation}"
    for side, example in zip(SIDES, examples, strict=True):
        yield Case(example, {PERSON: side}, cluster=cluster, facts=facts)
    edits = {second: text.edits_between(*said)}
    yield Case(examples[0], {"changed": "man to woman"}, edits, cluster=cluster, facts=facts)


def _neutral(judged: Judged) -> float | None:
    """1 where the answer leaves the gender open."""
    if PERSON not in judged.slice:
        return None
    answer, expected = max(judged.after_classes, key=judged.after_classes.__getitem__), judged.facts[EXPECTED]
    return float(answer == expected or (expected not in judged.after_classes and expected != f"not {answer}"))


def _flipped(judged: Judged) -> float | None:
    return None if PERSON in judged.slice else float(not judged.same)


PROBE = EntailmentBias()
