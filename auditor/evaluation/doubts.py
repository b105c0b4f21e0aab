"""Numbers that an audit finds and does not believe.

An example is a model that is worse than an answer which ignores the text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from auditor.types import ProbeRecord, Row

LEVEL = 0.001
"""Greatest p-value of a doubt.

It is one test in an audit, and a model without skill is to raise it once in a thousand.
"""


def sign_test(wins: int, losses: int) -> float:
    """The chance of so few wins, where each side is as likely.

    The sign test is exact and one-sided; ties are left out.
    """
    tosses = wins + losses
    chance: float = sum(math.comb(tosses, count) for count in range(wins + 1)) / 2**tosses
    return chance


def swapped_labels(records: Sequence[ProbeRecord], candidate: str) -> str | None:
    """Why the labels of the audited rows may be swapped, in words.

    The candidate's accuracy is below that of the same answer to every text, by a sign test over clusters of rows at
    LEVEL. Clusters in which both are right equally often are left out. None where nothing says so.
    """
    gain = next(
        (
            measurement
            for record in records
            if (record.model, record.role) == (candidate, "quality")
            for measurement in record.measurements
            if measurement.metric == "gain_over_majority" and not measurement.slice
            # Of sums such as F1's there is no answer that is right or wrong.
            if not any(metric.ratio for metric in record.metrics if metric.name == measurement.metric)
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
    model, constant = (sum(pair[arm] for pair in sums.values()) for arm in (0, 1))
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
    """The facts of each set, the doubt with the home domain's."""
    return [
        {**facts, "doubt": doubt} if doubt is not None and facts["name"] == "home" else dict(facts) for facts in data
    ]
