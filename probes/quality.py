"""Plain quality on clean data: what every other number is read against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from auditor import metrics
from auditor.settings import CheckedSettings, Count
from auditor.types import (
    Audit,
    Case,
    Example,
    Facts,
    Judged,
    Measurement,
    Metric,
    Planned,
    ProbeDefaults,
    Row,
    Score,
    Skipped,
    Slice,
    Task,
)
from probes import _constant_answer

RECALL = Metric("recall", "recall by class", "mean", "share", 0.0, 1.0, "higher")


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """How many rows are asked."""

    examples: Count = 1000
    """Rows of the home domain, at most."""


class Quality(ProbeDefaults):
    """Plain quality on the home domain's clean test rows.

    The task's own metric, recall by class, and the gain over always giving the best constant answer: the majority of
    the training rows, or of all test rows where no training rows are given. A model with a constant answer never flips
    under noise, attacks or swapped names; only this shows that it has learned nothing. Of entities also precision and
    recall, by type, by kind of error, and by tag, O among them, as tutorials count. Of numbers also the error, and the
    correlation of answers and right numbers (Pearson's, and Spearman's of their ranks).
    """

    name = "quality"
    limitation: str | None = None
    role = "quality"
    settings = Settings()
    reads_details = True

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """The task's metric, its gain over the majority, and metrics of details."""
        gain = metrics.change("gain_over_majority", "gain over the majority answer", _gain, "higher", ratio=task.ratio)
        details = (*map(metrics.detail, task.detail_metrics), *task.averages.whole, *task.sliced_metrics)
        # A ratio of sums such as F1 has no recall by class: its scores are no shares of right answers.
        return (metrics.task_metric(task), gain, *details, *task.averages.sliced, *(() if task.ratio else (RECALL,)))

    def planned(self, audit: Audit) -> Planned:
        """One case for each home row."""
        rows = len(audit.examples("home", audit.settings.examples))
        return Planned(rows, unchanged=rows)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield the home rows as they stand."""
        examples = audit.examples("home", audit.settings.examples)
        constant = _constant_answer.of(audit)
        for example in examples:
            yield Case(example, slice={}, facts=_facts(audit.task, example, constant))

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement | Skipped]:
        """Yield recall by class, classes in the order of their names.

        Recall is the share of right answers over the rows of one class. Of entities: by type, by kind of error, and
        the table of tags. Of numbers: correlations.
        """
        yield from _detailed(cases, audit.task)
        yield from metrics.correlations(audit.task.sliced_metrics, cases)
        if audit.task.ratio:
            return
        scores: dict[str, list[tuple[str, Score]]] = {}
        for judged in cases:
            if judged.after is not None and "class" in judged.facts:
                scores.setdefault(str(judged.facts["class"]), []).append((judged.cluster, judged.after))
        for name, own in sorted(scores.items()):
            yield metrics.measurement(RECALL, {"class": name}, metrics.summed(own), n_cases=len(own))


def _detailed(cases: Iterable[Judged], task: Task) -> Iterator[Measurement]:
    """The task's further metrics by slice, then their averages."""
    by_name = {metric.name: metric for metric in task.sliced_metrics if metric.kind == "mean"}
    if not by_name:
        return
    sums: dict[tuple[str, str], dict[str, list[float]]] = {}
    slices: dict[tuple[str, str], Slice] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for judged in cases:
        for detail in judged.details:
            if detail.metric in by_name:
                key = detail.metric, next(iter(detail.slice.values()))
                slices.setdefault(key, detail.slice)
                counts[key] += 1
                row = sums.setdefault(key, {}).setdefault(judged.cluster, [0.0, 0.0])
                row[0] += detail.score.numerator
                row[1] += detail.score.denominator
    for key, of_clusters in sums.items():
        rows = [Row(cluster, "", *row) for cluster, row in of_clusters.items()]
        if any(row.count for row in rows):
            yield metrics.measurement(by_name[key[0]], slices[key], rows, n_cases=counts[key])
    yield from task.averages(sums)


def _facts(task: Task, example: Example, constant: Any) -> Facts:
    if example.gold is None:
        return {}
    facts: dict[str, float | str] = {}
    stratum = task.stratum(example.gold)
    if stratum is not None:
        facts["class"] = stratum
    if constant is not None:
        score = task.score(example.gold, constant)
        facts |= {"constant_numerator": score.numerator, "constant_denominator": score.denominator}
    return facts


def _gain(judged: Judged) -> tuple[Score, Score] | None:
    facts = judged.facts
    if judged.after is None or "constant_numerator" not in facts:
        return None
    return judged.after, Score(float(facts["constant_numerator"]), float(facts["constant_denominator"]))


PROBE = Quality()
