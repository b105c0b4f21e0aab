"""The metrics that probes share, and how judged cases become measurements.

A metric reads one judged case and says what it adds to its cluster's row; ``aggregation.Tally`` adds the rows up by slice, and
``measurement`` asks ``stats`` for the number and its interval.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Literal

from auditor import stats
from auditor.types import Contribution, Judged, Measurement, Metric, Row, Rows, Score, Slice, Status, Task

INFORMATIVE_CLUSTERS = 10
"""Fewer informative clusters than this say too little: the slice is ``too_few``, and its verdict inconclusive."""

Better = Literal["higher", "lower"]


def measurement(
    metric: Metric, slice_: Slice, rows: Sequence[Row], *, n_cases: int, vacuous: float = 0.0, sequential: bool = False
) -> Measurement:
    """A measurement from rows: the value, its two-sided 95 % interval and the method that coverage chose.

    ``rows`` must not be empty (ValueError). ``vacuous`` is the share in [0, 1] of the slice's cases that were vacuous.
    ``sequential``: by the method for repeated looks, where the kind of metric has one; ``rows`` in the order drawn.
    """
    rows = Rows.of(rows)
    estimate = stats.estimate(
        metric.kind, rows, low=metric.low, high=metric.high, ratio=metric.ratio, sequential=sequential
    )
    status: Status = "ok"
    if vacuous > 0.5:
        status = "removed_by_tokenizer"
    elif estimate.n_clusters < INFORMATIVE_CLUSTERS:
        status = "too_few"
    return Measurement(
        metric=metric.name,
        slice=dict(slice_),
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        n_cases=n_cases,
        n_clusters=estimate.n_clusters,
        method=estimate.method,
        status=status,
        vacuous=vacuous,
        rows=rows,
    )


COMPUTED = ("value", "low", "high", "n_clusters", "method", "status")
"""Of a measurement, what its rows determine."""


def recomputed(metric: Metric, found: Measurement) -> Measurement:
    """A measurement as its rows give it, by the kind of method that it names. Raises ValueError for rows that cannot be."""
    sequential = found.method in stats.SEQUENTIAL
    again = measurement(
        metric, found.slice, found.rows, n_cases=found.n_cases, vacuous=found.vacuous, sequential=sequential
    )
    return replace(again, detail=found.detail, available=found.available)


def summed(scores: Iterable[tuple[str, Score]], arm: str = "") -> list[Row]:
    """Clusters' scores, each with its cluster, added up: one row for each cluster, in the order of their first ones."""
    sums: dict[str, list[float]] = {}
    for cluster, score in scores:
        row = sums.setdefault(cluster, [0.0, 0.0])
        row[0] += score.numerator
        row[1] += score.denominator
    return [Row(cluster, arm, *row) for cluster, row in sums.items()]


def _mean(
    name: str, title: str, read: Callable[[Judged], float | None], better: Better | None, *, comparable: bool = True
) -> Metric:
    def contribution(judged: Judged) -> Sequence[Contribution]:
        value = read(judged)
        return () if value is None else (("", value, 1.0),)

    return Metric(name, title, "mean", "share", 0.0, 1.0, better, contribution, comparable=comparable)


def share(
    name: str,
    title: str,
    read: Callable[[Judged], float | None],
    better: Better | None = None,
    *,
    comparable: bool = True,
) -> Metric:
    """A mean over clusters of a value in [0, 1] read from each case; None leaves the case out."""
    return _mean(name, title, read, better, comparable=comparable)


def flip_rate() -> Metric:
    """Share of cases whose decision is not the one before (over all cases, vacuous ones included)."""
    return _mean("flip_rate", "flip rate", lambda judged: 0.0 if judged.same else 1.0, "lower")


def vacuous_rate() -> Metric:
    """Share of cases that the tokenizer maps to the same ids as before."""
    return _mean("vacuous_rate", "vacuous rate", lambda judged: 1.0 if judged.vacuous else 0.0, None)


def _of_task(task: Task, name: str, title: str, read: Callable[[Judged], Score | None]) -> Metric:
    def contribution(judged: Judged) -> Sequence[Contribution]:
        score = read(judged)
        return () if score is None else (("", score.numerator, score.denominator),)

    return Metric(name, title, "mean", "share", 0.0, 1.0, "higher", contribution, ratio=task.ratio)


def task_metric(task: Task) -> Metric:
    """The task's own metric (accuracy, F1, …) on the cases as they are asked."""
    return _of_task(task, task.metric, task.metric.replace("_", " "), lambda judged: judged.after)


def task_metric_before(task: Task) -> Metric:
    """The task's own metric on the examples before the change, over the same cases."""
    return _of_task(
        task, f"{task.metric}_before", f"{task.metric.replace('_', ' ')} before", lambda judged: judged.before
    )


def detail(metric: Metric) -> Metric:
    """A task's further metric, read from the details that have no slice."""

    def contribution(judged: Judged) -> Sequence[Contribution]:
        score = detail_score(judged, metric.name)
        return () if score is None else (("", score.numerator, score.denominator),)

    return replace(metric, read=contribution)


def detail_score(judged: Judged, name: str) -> Score | None:
    """The score of a further metric over the whole example; None where the case has none."""
    return next((one.score for one in judged.details if one.metric == name and not one.slice), None)


def change(
    name: str, title: str, read: Callable[[Judged], tuple[Score, Score] | None], better: Better, *, ratio: bool
) -> Metric:
    """A paired change: the first score minus the second, read from each case; None leaves the case out."""

    def contribution(judged: Judged) -> Sequence[Contribution]:
        pair = read(judged)
        if pair is None:
            return ()
        first, second = pair
        return (("first", first.numerator, first.denominator), ("second", second.numerator, second.denominator))

    return Metric(name, title, "change", "points", -1.0, 1.0, better, contribution, ratio=ratio)


def _before_after(judged: Judged) -> tuple[Score, Score] | None:
    return None if judged.before is None or judged.after is None else (judged.before, judged.after)


def drop(task: Task) -> Metric:
    """Task metric before minus after on the same examples, over all cases: the cost as deployed."""
    return change("drop", f"drop in {task.metric.replace('_', ' ')}", _before_after, "lower", ratio=task.ratio)


def drop_over_changed_cases(task: Task) -> Metric:
    """The same drop over the cases whose token ids changed: vacuous cases would dilute it."""
    return change(
        "drop_over_changed_cases",
        "drop over changed cases",
        lambda judged: None if judged.vacuous else _before_after(judged),
        "lower",
        ratio=task.ratio,
    )


def drop_against(task: Task, reference: Slice) -> Metric:
    """Unpaired: the task metric in the reference slice minus that in each other slice with the same keys."""

    def contribution(judged: Judged) -> Sequence[Contribution]:
        if judged.after is None:
            return ()
        arm = "first" if dict(judged.slice) == dict(reference) else "second"
        return ((arm, judged.after.numerator, judged.after.denominator),)

    return Metric(
        "drop_against_home",
        "drop against the home domain",
        "difference",
        "points",
        -1.0,
        1.0,
        "lower",
        contribution,
        ratio=task.ratio,
        against=dict(reference),
    )


def mean_fact(fact: str, title: str) -> Metric:
    """Mean of a fact in [0, 1] over the cases that have it."""
    return share(f"mean_{fact}", title, lambda judged: _number(judged, fact))


def median_fact(fact: str, title: str, unit: Literal["count", "words"] = "count") -> Metric:
    """Median of a fact over the clusters that have it."""

    def contribution(judged: Judged) -> Sequence[Contribution]:
        value = _number(judged, fact)
        return () if value is None else (("", value, 1.0),)

    return Metric(f"median_{fact}", title, "median", unit, 0.0, float("inf"), None, contribution)


def _number(judged: Judged, fact: str) -> float | None:
    value = judged.facts.get(fact)
    return float(value) if isinstance(value, int | float) else None
