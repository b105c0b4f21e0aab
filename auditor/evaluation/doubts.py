"""Numbers that an audit finds and does not believe: a model worse than an answer that ignores the text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from auditor.types import ProbeRecord, Row

LEVEL = 0.001
"""Greatest p-value of a doubt: it is one test in an audit, and a model without skill is to raise it once in a thousand."""


def sign_test(wins: int, losses: int) -> float:
    """The chance of so few wins, or fewer, where each of the two is as likely: exact, one-sided, ties left out."""
    tosses = wins + losses
    chance: float = sum(math.comb(tosses, count) for count in range(wins + 1)) / 2**tosses
    return chance


def swapped_labels(records: Sequence[ProbeRecord], candidate: str) -> str | None:
    """Why the labels of the audited rows may be swapped, in words; None where nothing says so.

    The candidate's accuracy is below that of the same answer to every text, by a sign test over clusters of rows, those in
    which both are right equally often left out, at LEVEL.
    """
    gain = next(
        (
            one
            for record in records
            if (record.model, record.role) == (candidate, "quality")
            for one in record.measurements
            if one.metric == "gain_over_majority" and not one.slice
            # Of sums such as F1's there is no answer that is right or wrong.
            if not any(metric.ratio for metric in record.metrics if metric.name == one.metric)
        ),
        None,
    )
    if gain is None or not gain.rows:
        return None
    sums = _by_cluster(gain.rows)
    wins = sum(first > second for first, second in sums.values())
    losses = sum(first < second for first, second in sums.values())
    chance = sign_test(wins, losses)
    if chance > LEVEL:
        return None
    model, constant = (sum(one[arm] for one in sums.values()) for arm in (0, 1))
    rows = sum(row.count for row in gain.rows if row.arm == "first")
    return (
        f"labels swapped? The model is right on {model:.0f} of {rows:.0f} rows, and the same answer to every text on "
        f"{constant:.0f} (one-sided sign test, p = {chance:.1g})"
    )


def _by_cluster(rows: Sequence[Row]) -> dict[str, list[float]]:
    sums: dict[str, list[float]] = {}
    for row in rows:
        sums.setdefault(row.cluster, [0.0, 0.0])[row.arm == "second"] += row.total
    return sums


def noted(data: Sequence[Mapping[str, Any]], doubt: str | None) -> list[dict[str, Any]]:
    """The facts of each set, the doubt with those of the home domain."""
    return [{**one, "doubt": doubt} if doubt is not None and one["name"] == "home" else dict(one) for one in data]
