"""Metrics that probes share, and measurements computed from judged cases.

A metric reads one judged case and returns what it adds to its cluster's row. ``aggregation.Tally`` adds the rows up by
slice, and ``measurement`` gets the value and its interval from ``stats``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from typing import Literal, TypeVar

from auditor import stats
from auditor.types import (
    GROUP_OF_ROWS,
    Contribution,
    Judged,
    Measurement,
    Metric,
    Row,
    Rows,
    Score,
    Slice,
    Status,
    Task,
    metric_words,
)

INFORMATIVE_CLUSTERS = 10
"""Minimum of informative clusters.

A slice with fewer is ``too_few``, and its verdict is inconclusive.
"""

Better = Literal["higher", "lower"]
Key = TypeVar("Key", bound=Hashable)


def measurement(
    metric: Metric, slice_: Slice, rows: Sequence[Row], *, n_cases: int, vacuous: float = 0.0, sequential: bool = False
) -> Measurement:
    """Return the measurement that rows give.

    It has the value, its two-sided 95 % interval, and the method, which was chosen for its coverage. ``rows`` must not
    be empty (ValueError). ``vacuous`` is the share in [0, 1] of the slice's cases that were vacuous. ``sequential``
    selects the method for repeated looks, if the kind of metric has one; ``rows`` are then in the order in which they
    were drawn.
    """
    rows = Rows.of(rows)
    estimate = stats.estimate(
        metric.kind, rows, low=metric.low, high=metric.high, ratio=metric.ratio, sequential=sequential
    )
    status: Status = "ok"
    if vacuous > 0.5:
        status = "removed_by_tokenizer"
    elif estimate.n_clusters < INFORMATIVE_CLUSTERS and metric.kind != "count":
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
"""Fields of a measurement that its rows determine."""


def recomputed(metric: Metric, recorded: Measurement) -> Measurement:
    """Return a measurement recomputed from its rows.

    The recorded method says whether to use the methods for repeated looks. Raises ValueError for invalid rows.
    """
    sequential = recorded.method in stats.SEQUENTIAL
    fresh = measurement(
        metric, recorded.slice, recorded.rows, n_cases=recorded.n_cases, vacuous=recorded.vacuous, sequential=sequential
    )
    kept = {name: getattr(recorded, name) for name in ("detail", "available", "cluster_unit", "look", "looks")}
    return replace(fresh, **kept)


def in_groups(measured: Measurement, clusters: Sequence[str], unit: str = GROUP_OF_ROWS) -> Measurement:
    """Name the clusters of a measurement where they hold several rows.

    ``clusters``: of each of its rows of data, or texts; ``unit``: what they are then.
    """
    return replace(measured, cluster_unit=unit) if len(set(clusters)) < len(clusters) else measured


def predicted_by_clean(metric: Metric) -> Metric:
    """Return the metric with an interval that clean answers may narrow."""
    return replace(metric, predicted_by_clean=True)


def totals(scores: Iterable[tuple[Key, Score]]) -> dict[Key, Score]:
    """Add up scores by key, in the order of first appearance."""
    sums: dict[Key, list[float]] = {}
    for key, score in scores:
        total = sums.setdefault(key, [0.0, 0.0])
        total[0] += score.numerator
        total[1] += score.denominator
    return {key: Score(*total) for key, total in sums.items()}


def summed(scores: Iterable[tuple[str, Score]], arm: str = "") -> list[Row]:
    """Return the sum of each cluster's scores.

    There is one row per cluster, in order of first appearance.
    """
    return [Row(cluster, arm, total.numerator, total.denominator) for cluster, total in totals(scores).items()]


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
    """Return the mean over clusters of a share read from each case.

    ``read`` returns a value in [0, 1] for each case, or None to leave the case out.
    """
    return _mean(name, title, read, better, comparable=comparable)


def flip_rate() -> Metric:
    """Return the share of cases whose decision changed.

    The share is over all cases, vacuous ones included.
    """
    return _mean("flip_rate", "flip rate", lambda judged: 0.0 if judged.same else 1.0, "lower")


def vacuous_rate() -> Metric:
    """Return the share of cases whose token ids did not change."""
    return _mean("vacuous_rate", "vacuous rate", lambda judged: 1.0 if judged.vacuous else 0.0, None)


def _score_mean(task: Task, name: str, title: str, read: Callable[[Judged], Score | None]) -> Metric:
    def contribution(judged: Judged) -> Sequence[Contribution]:
        score = read(judged)
        return () if score is None else (("", score.numerator, score.denominator),)

    return Metric(name, title, "mean", "share", 0.0, 1.0, "higher", contribution, ratio=task.ratio)


def task_metric(task: Task) -> Metric:
    """Return the task's own metric (accuracy, F1, …) on the edited cases."""
    return _score_mean(task, task.metric, metric_words(task.metric), lambda judged: judged.after)


def task_metric_before(task: Task) -> Metric:
    """Return the task's own metric on the cases' unchanged examples."""
    return _score_mean(
        task, f"{task.metric}_before", f"{metric_words(task.metric)} before", lambda judged: judged.before
    )


def detail(metric: Metric) -> Metric:
    """Return a task's further metric, read from the details without a slice."""

    def contribution(judged: Judged) -> Sequence[Contribution]:
        score = detail_score(judged, metric.name)
        return () if score is None else (("", score.numerator, score.denominator),)

    return replace(metric, read=contribution)


def detail_score(judged: Judged, name: str) -> Score | None:
    """Return a further metric's score over the whole example, if any."""
    return next((item.score for item in judged.details if item.metric == name and not item.slice), None)


def change(
    name: str, title: str, read: Callable[[Judged], tuple[Score, Score] | None], better: Better | None, *, ratio: bool
) -> Metric:
    """Return a metric for a paired change: first score minus second.

    ``read`` returns both scores for each case, or None to leave the case out.
    """

    def contribution(judged: Judged) -> Sequence[Contribution]:
        pair = read(judged)
        if pair is None:
            return ()
        first, second = pair
        return (("first", first.numerator, first.denominator), ("second", second.numerator, second.denominator))

    return Metric(name, title, "change", "points", -1.0, 1.0, better, contribution, ratio=ratio)


def only(metric: Metric, when: Callable[[Judged], bool]) -> Metric:
    """Return a metric, read of some cases alone.

    ``when`` says of which.
    """
    return replace(metric, read=lambda judged: metric.read(judged) if when(judged) else ())


def before_after(judged: Judged) -> tuple[Score, Score] | None:
    """Return a case's scores before and after, for ``change``.

    None where either is missing.
    """
    return None if judged.before is None or judged.after is None else (judged.before, judged.after)


def drop(task: Task) -> Metric:
    """Return the task metric before minus after, over all cases.

    Both are on the same examples: this is the cost in deployment.
    """
    return change("drop", f"drop in {metric_words(task.metric)}", before_after, "lower", ratio=task.ratio)


def drop_over_changed_cases(task: Task) -> Metric:
    """Return the drop over the cases whose token ids changed.

    Vacuous cases would dilute it.
    """
    return change(
        "drop_over_changed_cases",
        "drop over changed cases",
        lambda judged: None if judged.vacuous else before_after(judged),
        "lower",
        ratio=task.ratio,
    )


def difference(name: str, title: str, *, ratio: bool = False) -> Metric:
    """Return a metric for an unpaired difference: first arm minus second.

    The less the better. A probe's own ``measure`` makes its rows. ``ratio``: of two ratios of sums.
    """
    return Metric(name, title, "difference", "points", -1.0, 1.0, "lower", ratio=ratio)


def drop_against(task: Task, reference: Slice) -> Metric:
    """Return the unpaired drop of the task metric against a reference slice.

    It is the metric in the reference slice minus that in each other slice with the same keys.
    """

    def contribution(judged: Judged) -> Sequence[Contribution]:
        if judged.after is None:
            return ()
        arm = "first" if dict(judged.slice) == dict(reference) else "second"
        return ((arm, judged.after.numerator, judged.after.denominator),)

    unpaired = difference("drop_against_home", "drop against the home domain", ratio=task.ratio)
    return replace(unpaired, read=contribution, against=dict(reference))


def mean_fact(fact: str, title: str) -> Metric:
    """Return the mean of a fact over the cases that have it.

    The fact is in [0, 1].
    """
    return share(f"mean_{fact}", title, lambda judged: _number(judged, fact))


def median_fact(fact: str, title: str, unit: Literal["count", "words"] = "count") -> Metric:
    """Return the median of a fact over the clusters that have it."""

    def contribution(judged: Judged) -> Sequence[Contribution]:
        value = _number(judged, fact)
        return () if value is None else (("", value, 1.0),)

    return Metric(f"median_{fact}", title, "median", unit, 0.0, float("inf"), None, contribution)


def _number(judged: Judged, fact: str) -> float | None:
    value = judged.facts.get(fact)
    return float(value) if isinstance(value, int | float) else None
