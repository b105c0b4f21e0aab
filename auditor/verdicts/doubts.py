"""Numbers that an audit finds and does not believe.

An example is a model that is worse than an answer which ignores the text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from auditor.types import HOME, Measurement, ProbeRecord, Row

LEVEL = 0.001
"""Greatest p-value of a doubt.

It is one test in an audit, and a model without skill is to raise it once in a thousand.
"""
TOO_SURE = 0.10
"""How far mean confidence may lie above accuracy, at the lower end of the interval, before that is said."""

NEARLY_ALL = 0.93
"""Accuracy, at the lower end of its interval, from which on rows may be known by heart."""
LOST = 0.03
"""How much of the gold label's probability light rewording must cost, at the lower end of the interval.

A model of movie reviews that has not seen the rows loses 0.02, and one trained on them for four epochs 0.07.
"""


def all_of(records: Sequence[ProbeRecord], candidate: str) -> tuple[str, ...]:
    """Every doubt about the candidate's numbers, in words."""
    own = [record for record in records if record.model == candidate]
    labels, seen = of_labels(records, candidate), _seen(own)
    return (*filter(None, (labels,)), *_overconfident(own), *filter(None, (seen,)), *_unconfirmed(own))


def of_labels(records: Sequence[ProbeRecord], candidate: str) -> str | None:
    """Why the labels may be swapped, and which, in words."""
    return exchanged_labels(records, candidate) or swapped_labels(records, candidate)


def sign_test(wins: int, losses: int) -> float:
    """The chance of so few wins, where each side is as likely.

    The sign test is exact and one-sided; ties are left out.
    """
    tosses = wins + losses
    chance: float = sum(math.comb(tosses, count) for count in range(wins + 1)) / 2**tosses
    return chance


def exchanged_labels(records: Sequence[ProbeRecord], candidate: str) -> str | None:
    """Which labels look exchanged, in words; None where none do.

    More answers of one half of the rows are right under the names that the other half would have, by a sign test over
    clusters, at LEVEL for both halves together (Bonferroni). The rows of the first half come first.
    """
    gain = _measured((record for record in records if record.model == candidate), "gain_from_relabelling")
    if gain is None or not gain.detail:
        return None
    sums = list(_by_cluster(gain.rows).values())
    half = (len(sums) + 1) // 2
    chance = min(1.0, 2 * min(map(_chance_of_more, (sums[:half], sums[half:]))))
    if chance > LEVEL:
        return None
    renamed, read = (sum(pair[arm] for pair in sums) for arm in (0, 1))
    labels = sum(row.count for row in gain.rows if row.arm == "first")
    return (
        f"labels swapped? {gain.detail}: {renamed:.0f} of {labels:.0f} labels are right so, and {read:.0f} as read "
        f"(one-sided sign test on the half of the rows that the names are not from, p = {chance:.1g})"
    )


def _chance_of_more(sums: Sequence[Sequence[float]]) -> float:
    """The chance of so many clusters with more in the first arm."""
    more = sum(first > second for first, second in sums)
    return sign_test(sum(first < second for first, second in sums), more)


def swapped_labels(records: Sequence[ProbeRecord], candidate: str) -> str | None:
    """Why the labels of the audited rows may be swapped, in words.

    The candidate's accuracy is below that of the same answer to every text, by a sign test over clusters of rows at
    LEVEL. Clusters in which both are right equally often are left out. None where nothing says so.
    """
    own = [record for record in records if (record.model, record.role) == (candidate, "quality")]
    # Of sums such as F1's there is no answer that is right or wrong.
    ratio = any(metric.ratio for record in own for metric in record.metrics if metric.name == "gain_over_majority")
    # Numbers have a median error, and no names that could change places.
    numbers = any(metric.kind == "median" for record in own for metric in record.metrics)
    gain = None if ratio or numbers else _measured(own, "gain_over_majority")
    if gain is None or not gain.rows:
        return None
    sums = _by_cluster(gain.rows)
    wins = sum(first > second for first, second in sums.values())
    losses = sum(first < second for first, second in sums.values())
    chance = sign_test(wins, losses)
    if chance > LEVEL:
        return None
    model, constant = (sum(pair[arm] for pair in sums.values()) for arm in (0, 1))
    rows = sum(row.count for row in gain.rows if row.arm == "first")
    return (
        f"labels swapped? The model is right on {model:.0f} of {rows:.0f} rows, and the same answer to every text on "
        f"{constant:.0f} (one-sided sign test, p = {chance:.1g})"
    )


def _overconfident(own: Sequence[ProbeRecord]) -> Iterator[str]:
    """That the model is too sure: its interval lies above TOO_SURE."""
    for sure, ratio in _gaps(own):
        if sure.slice.get("input") != HOME or sure.low <= TOO_SURE:
            continue
        confidence, accuracy = (_mean_of(sure.rows, arm, ratio=ratio) for arm in ("first", "second"))
        bounds = f"[{100 * sure.low:.1f}, {100 * sure.high:.1f}], n = {sure.n_clusters:,}"
        yield (
            f"too sure: its mean confidence is {confidence:.3f}, and {accuracy:.3f} of its "
            f"{sure.slice.get('of', 'answers')} are right ({100 * sure.value:.1f} points {bounds}); "
            "do not read its scores as chances"
        )


def _gaps(own: Sequence[ProbeRecord]) -> Iterator[tuple[Measurement, bool]]:
    """Confidence less accuracy, and whether all answers count alike in it.

    Metrics of the same name that a probe of another limitation has, or of another kind, are something else.
    """
    for record in own:
        if record.limitation != "calibration":
            continue
        ratios = {metric.name: metric.ratio for metric in record.metrics if metric.kind == "change"}
        if "confidence_gap" in ratios:
            gaps = (measured for measured in record.measurements if measured.metric == "confidence_gap")
            yield from ((measured, ratios["confidence_gap"]) for measured in gaps)


def _mean_of(rows: Sequence[Row], arm: str, *, ratio: bool) -> float:
    """The mean of an arm, over clusters or what they count."""
    own = [row for row in rows if row.arm == arm]
    if ratio:
        return sum(row.total for row in own) / sum(row.count for row in own)
    return sum(row.total / row.count for row in own) / len(own)


def _seen(own: Sequence[ProbeRecord]) -> str | None:
    """That the rows look as if they were trained on.

    Nearly all are right, and light rewording costs more than words alone would explain.
    """
    right, lost, fewer = (
        _measured(own, metric) for metric in ("right_as_they_stand", "likelihood_lost", "accuracy_lost")
    )
    if right is None or lost is None or fewer is None or right.low <= NEARLY_ALL or lost.low <= LOST:
        return None
    rows = "rows" if right.n_cases == right.n_clusters else "groups of rows"
    reworded = f"{100 * abs(fewer.value):.1f} points {'fewer' if fewer.value >= 0 else 'more'}"
    return (
        f"rows seen in training? {100 * right.value:.1f} % of {right.n_clusters:,} {rows} are right as they stand; "
        f"with a few words deleted {reworded}, and the gold label is {100 * lost.value:.1f} "
        f"points [{100 * lost.low:.1f}, {100 * lost.high:.1f}] less probable: evidence, no proof (--train FILE looks "
        "them up)"
    )


def _unconfirmed(own: Sequence[ProbeRecord]) -> Iterator[str]:
    """The successes of attacks that the reloaded checkpoint does not confirm."""
    for record in own:
        for measured in record.measurements:
            if measured.metric == "unconfirmed_successes" and measured.value > 0:
                place = " ".join(measured.slice.values())
                unconfirmed = sum(row.total for row in measured.rows)
                successes = sum(row.count for row in measured.rows)
                yield (
                    f"{unconfirmed:.0f} of {successes:.0f} successes of {place} are not confirmed by the checkpoint "
                    "loaded again: its answers depend on more than the text"
                )


def _measured(records: Iterator[ProbeRecord] | Sequence[ProbeRecord], metric: str) -> Measurement | None:
    """The metric over all rows, of the first record that has it."""
    return next(
        (
            measurement
            for record in records
            for measurement in record.measurements
            if measurement.metric == metric and not measurement.slice
        ),
        None,
    )


def _by_cluster(rows: Sequence[Row]) -> dict[str, list[float]]:
    sums: dict[str, list[float]] = {}
    for row in rows:
        sums.setdefault(row.cluster, [0.0, 0.0])[row.arm == "second"] += row.total
    return sums


def noted(data: Sequence[Mapping[str, Any]], doubt: str | None) -> list[dict[str, Any]]:
    """Return the facts of each set, the doubt with the home domain's."""
    return [
        {**facts, "doubt": doubt} if doubt is not None and facts["name"] == "home" else dict(facts) for facts in data
    ]
