"""Numbers that lie beyond a limit, claimed together."""

from __future__ import annotations

from collections.abc import Sequence

from auditor import stats
from auditor.types import Measurement, Metric

ERROR = 0.05
"""Error of saying that any of the numbers lies beyond."""


def confirmed(measurements: Sequence[Measurement], metric: Metric, limit: float = 0.0) -> set[int]:
    """Return the places of those that lie above the limit (Holm 1979).

    Only measurements of status ``ok`` are claimed. ``metric``: of all of them.
    """
    left = {place for place, measurement in enumerate(measurements) if measurement.status == "ok"}
    above: set[int] = set()
    while left:
        more = {place for place in left if _low(measurements[place], metric, ERROR / len(left)) > limit}
        if not more:
            break
        above, left = above | more, left - more
    return above


def _low(measurement: Measurement, metric: Metric, alpha: float) -> float:
    return stats.bounds(measurement.method, measurement.rows, alpha, low=metric.low, high=metric.high)[0]
