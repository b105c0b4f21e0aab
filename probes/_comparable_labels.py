"""Domain shift where each data set may have labels of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace

from auditor import metrics
from auditor.types import HOME, Audit, ComparableLabels, Example, Judged, Measurement, Metric, Row, Score, Skipped, Task

COUNTED = "types counted"
BETWEEN = "\t"


def of(task: Task, examples: Sequence[Example] = ()) -> ComparableLabels | None:
    """Return the labels that a comparison with these examples counts.

    None where it counts all of them.
    """
    return task.comparable([example.gold for example in examples])


def of_domain(audit: Audit, domain: str, n: int) -> ComparableLabels | None:
    """Return the labels that count in a domain.

    Those of its first n rows decide, whichever rows a look draws: every look counts the same ones.
    """
    if of(audit.task) is None:
        return None
    return of(audit.task, audit.examples(domain)[:n])


def facts(labels: ComparableLabels | None) -> Mapping[str, str]:
    """Return the facts of a domain's cases: the labels that count there."""
    return {} if labels is None else {COUNTED: BETWEEN.join(labels.counted)}


def on_comparable(metric: Metric, labels: ComparableLabels) -> Metric:
    """Return the task's metric over the comparable labels.

    These are the labels that a case's domain has in common with the model.
    """

    def read(judged: Judged) -> Sequence[tuple[str, float, float]]:
        score = _score(judged, labels, _counted(judged))
        return (("", score.numerator, score.denominator),)

    return replace(metric, read=read)


def measured_later(metric: Metric) -> Metric:
    """Return the metric as one that is not read case by case.

    Home counts other labels for each domain. Without ``read`` no sequential method is taken to bound it.
    """
    return Metric(**{field.name: getattr(metric, field.name) for field in fields(metric) if field.name != "read"})


def drops(cases: Iterable[Judged], metric: Metric, labels: ComparableLabels) -> Iterator[Measurement | Skipped]:
    """Measure the drop from home to each other domain.

    A drop is the metric at home minus the metric there, both on the labels that the two share.
    """
    by_domain: dict[str, list[Judged]] = {}
    for judged in cases:
        by_domain.setdefault(judged.slice["domain"], []).append(judged)
    for domain, judged_there in by_domain.items():
        counted = _counted(judged_there[0])
        if domain == HOME:
            continue
        rows = [
            *_rows(by_domain.get(HOME, ()), labels, counted, "first"),
            *_rows(judged_there, labels, counted, "second"),
        ]
        if all(any(row.count for row in rows if row.arm == arm) for arm in ("first", "second")):
            yield metrics.measurement(metric, {"domain": domain}, rows, n_cases=len(judged_there))
        else:
            yield Skipped({"domain": domain}, labels.nothing_shared)


def left_out(labels: ComparableLabels, domain: str) -> Iterator[Skipped]:
    """Skip the labels that only the domain, or only the model, has.

    Nothing can be said about them.
    """
    for label, reason in labels.left_out.items():
        yield Skipped({"domain": domain, labels.key: label}, reason)


def _counted(judged: Judged) -> Sequence[str]:
    return str(judged.facts[COUNTED]).split(BETWEEN)


def _rows(cases: Iterable[Judged], labels: ComparableLabels, counted: Sequence[str], arm: str) -> list[Row]:
    return metrics.summed(((judged.cluster, _score(judged, labels, counted)) for judged in cases), arm)


def _score(judged: Judged, labels: ComparableLabels, counted: Sequence[str]) -> Score:
    scores = [
        detail.score
        for detail in judged.details
        if detail.metric == labels.metric and detail.slice[labels.key] in counted
    ]
    return Score(sum(score.numerator for score in scores), sum(score.denominator for score in scores))
