"""Demographic templates: does the answer change with the group named?"""

from __future__ import annotations

import functools
import itertools
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from auditor import metrics
from auditor.errors import ConfigError, near_match
from auditor.types import Audit, Case, Example, Judged, Measurement, Metric, Row, Skipped, Task

DATA = Path(__file__).with_name("data") / "bias.toml"
SCORE_GAP = Metric("score_gap", "largest gap between groups in mean score", "gap", "points", 0.0, 1.0, "lower")
RATE_GAP = Metric("rate_gap", "largest gap between groups in the rate of the label", "gap", "points", 0.0, 1.0, "lower")


@dataclass(frozen=True, slots=True)
class Settings:
    """``sentences``: frames filled with contents, the clusters; ``axes``: which of the shipped ones."""

    sentences: int = 100
    axes: tuple[str, ...] = (
        "gender",
        "ethnicity by name",
        "nationality",
        "religion",
        "age",
        "disability",
        "sexual orientation",
    )


class Bias:
    """Demographic templates with counterfactual terms.

    Each sentence (a frame filled with a content) names a person of each group of an axis in turn; terms of one pair
    differ in the group alone as far as English allows, and each sentence takes the next pair of the list. The flip rate
    is over pairs of neighbouring groups; the gaps compare the groups' mean probability of the favourable label, and the
    share of sentences that get it, paired by sentence. Without a favourable label in the config each label is read in
    turn and the largest gap is given, its lower bound corrected for the choice. The sentences are the clusters; the
    terms listed are fixed, and nothing is claimed of terms that are not listed.
    """

    name = "bias"
    limitation = "bias"
    needs = frozenset({"single_text", "class_scores"})
    settings = Settings()
    pools: tuple[frozenset[str], ...] = ()

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        del task
        flips = replace(metrics.flip_rate(), name="counterfactual_flip_rate", title="counterfactual flip rate")
        return (flips, SCORE_GAP, RATE_GAP)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        axes = _data()["axes"]
        sentences = sentences_of(audit.settings.sentences)
        field = audit.task.fields[0]
        for axis in audit.settings.axes:
            if axis not in axes:
                hint = near_match(axis, axes) or f"known: {', '.join(axes)}"
                raise ConfigError(f"no axis is called {axis!r}", where="[probes.bias]", hint=hint)
            for index, (name, sentence) in enumerate(sentences):
                people = {group: terms[index % len(terms)] for group, terms in axes[axis].items()}
                for one, other in ring(tuple(people)):
                    example = Example(f"bias:{axis}:{name}:{one}", {field: filled(sentence, people[one])})
                    yield Case(
                        example,
                        slice={"axis": axis},
                        inputs={field: filled(sentence, people[other])},
                        cluster=f"sentence:{name}",
                        facts={"group_before": one, "group_after": other},
                    )

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement]:
        by_axis: dict[str, list[Judged]] = {}
        for judged in cases:
            by_axis.setdefault(judged.slice["axis"], []).append(judged)
        for axis, found in by_axis.items():
            for metric, rate in ((SCORE_GAP, False), (RATE_GAP, True)):
                rows = gap_rows(found, audit.favourable_label, rate=rate)
                yield metrics.measurement(metric, {"axis": axis}, rows, n_cases=len(found))


def gap_rows(cases: Sequence[Judged], favourable: str | None, *, rate: bool) -> list[Row]:
    """One row for each label, group and sentence: its probability, or 1 where it is the decision.

    Of two labels one is enough: the other's gaps are the same.
    """
    labels = [favourable] if favourable is not None else _labels(cases[0].before_classes)
    values: dict[tuple[str, str], float] = {}
    for judged in cases:
        sides = (
            (judged.facts["group_before"], judged.before_classes),
            (judged.facts["group_after"], judged.after_classes),
        )
        for (group, classes), label in itertools.product(sides, labels):
            decided = max(classes, key=classes.__getitem__)
            value = float(decided == label) if rate else classes[label]
            values[judged.cluster, f"{label}/{group}"] = value
    return [Row(cluster, arm, value, 1.0) for (cluster, arm), value in values.items()]


def _labels(classes: Mapping[str, float]) -> list[str]:
    return list(classes)[-1:] if len(classes) == 2 else list(classes)


def ring(groups: Sequence[str]) -> list[tuple[str, str]]:
    """Each group with the next, the last with the first; two groups make one pair."""
    pairs = list(zip(groups, [*groups[1:], groups[0]], strict=True))
    return pairs[:1] if len(groups) == 2 else pairs


def sentences_of(n: int) -> list[tuple[str, str]]:
    """The first n sentences (name, text with {person}), contents and frames taken in turn."""
    data = _data()
    frames, contents = data["frames"], data["contents"]
    every = [
        (f"{f}.{c}", frames[f].replace("{content}", contents[c]))
        for f in range(len(frames))
        for c in range(len(contents))
    ]
    return every[:n]


def filled(sentence: str, person: str) -> str:
    """The sentence about this person, its first letter a capital."""
    text = sentence.replace("{person}", person)
    return text[0].upper() + text[1:]


@functools.cache
def _data() -> dict[str, Any]:
    return tomllib.loads(DATA.read_text(encoding="utf-8"))


PROBE = Bias()
