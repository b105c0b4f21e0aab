"""Rows → value, bounds and the method's name."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

from auditor.stats import intervals
from auditor.stats.clusters import Arm, Array, arms, only, paired
from auditor.stats.sequential import METHODS as SEQUENTIAL
from auditor.stats.sequential import read, sequential_method
from auditor.types import Kind, Row

Bounds = tuple[float, float]
Method = Callable[[dict[str, Arm], float, float, float], tuple[float, Bounds, int]]
"""(arms, alpha, low, high) → (value, one-sided bounds, informative clusters)."""

SIDE = 0.025
"""Error of each side of the two-sided 95 % interval."""

METHODS = {
    "exact_or_korn_graubard": "Clopper–Pearson (1934) with one yes-or-no case a cluster, else Korn–Graubard (1998)",
    "rises_and_falls": "hybrid of the bounds of rises and of falls, paired by cluster (Zou & Donner 2008)",
    "newcombe": "Newcombe's hybrid of the two arms' bounds (1998)",
    "jackknife_ratio": "delete-one-cluster jackknife of a ratio of sums, t",
    "jackknife_ratio_change": "delete-one-cluster jackknife of a difference of two paired ratios, t",
    "newcombe_ratio": "Newcombe's hybrid of two jackknifed ratios",
    "largest_gap": "paired bounds for each pair of groups; low Bonferroni-corrected, high intersection–union",
    "median_order_statistics": "order statistics, binomial",
    **SEQUENTIAL,
}


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and its two-sided 95 % interval."""

    value: float
    low: float
    high: float
    method: str
    n_clusters: int


def method_for(kind: Kind, ratio: bool) -> str:
    """The method that coverage chose for a kind of metric. Raises ValueError for ``descriptive``."""
    chosen = {
        ("mean", False): "exact_or_korn_graubard",
        ("mean", True): "jackknife_ratio",
        ("change", False): "rises_and_falls",
        ("change", True): "jackknife_ratio_change",
        ("difference", False): "newcombe",
        ("difference", True): "newcombe_ratio",
        ("gap", False): "largest_gap",
        ("median", False): "median_order_statistics",
    }.get((kind, ratio))
    if chosen is None:
        raise ValueError(f"no method for kind {kind!r}{' of a ratio' if ratio else ''}")
    return chosen


def estimate(
    kind: Kind, rows: Sequence[Row], *, low: float, high: float, ratio: bool = False, sequential: bool = False
) -> Estimate:
    """The value with its two-sided 95 % interval. ``low``, ``high``: range of a cluster's value, that of a change or a
    difference being [-high, high]. ``sequential``: bounds that hold at every look, ``rows`` being in the order drawn
    (where ``sequential_method`` has none: those of a fixed sample).

    Raises ValueError for empty rows and for values outside the range; never returns NaN or an interval of zero width (but for a median of equal values).
    """
    method = (sequential_method(kind, ratio) if sequential else None) or method_for(kind, ratio)
    value, found, clusters = _computed(method, rows, SIDE, low, high)
    # At repeated looks values that drift may contradict every mean: then the stretch between the bounds is shown.
    return Estimate(value, *_around(value, (min(found), max(found)), low, high), method, clusters)


def bounds(method: str, rows: Sequence[Row], alpha: float, *, low: float, high: float) -> Bounds:
    """One-sided bounds, each wrong with probability at most about ``alpha`` in (0, 0.5); wider as it gets smaller.

    By a method for repeated looks, what any look has shown still stands, even where the value now lies beyond.
    Raises KeyError for an unknown method, ValueError for empty rows or another alpha.
    """
    if not 0.0 < alpha < 0.5:
        raise ValueError(f"alpha = {alpha:g} is not between 0 and 0.5")
    value, found, _ = _computed(method, rows, alpha, low, high)
    return found if method in SEQUENTIAL else _around(value, found, low, high)


def more_clusters(
    method: str, rows: Sequence[Row], alpha: float, limit: float, *, low: float, high: float
) -> int | None:
    """About how many more clusters would bring the bound past the limit, width shrinking with their root (by a
    method for repeated looks: evidence growing as it did).

    None when the value sits at the limit, or a million would not do.
    """
    if method in SEQUENTIAL:
        return read(method, rows, low, high).more(alpha, limit)
    value, found, clusters = _computed(method, rows, alpha, low, high)
    below, above = _around(value, found, low, high)
    margin = abs(limit - value)
    width = above - value if value < limit else value - below
    if margin <= 1e-9:
        return None
    needed = math.ceil(clusters * (width / margin) ** 2) - clusters
    return max(needed, 1) if needed < 10**6 else None


def _computed(method: str, rows: Sequence[Row], alpha: float, low: float, high: float) -> tuple[float, Bounds, int]:
    if method in SEQUENTIAL:
        sample = read(method, rows, low, high)
        return sample.value, sample.bounds(alpha), len(sample.shares)
    return _FUNCTIONS[method](_arms(method, rows), alpha, low, high)


def _arms(method: str, rows: Sequence[Row]) -> dict[str, Arm]:
    return arms(rows, empty=method == "jackknife_ratio_change")


def _around(value: float, found: Bounds, low: float, high: float) -> Bounds:
    """Bounds within the range, on either side of the value."""
    return max(low, min(found[0], value)), min(high, max(found[1], value))


def _mean(found: dict[str, Arm], alpha: float, low: float, high: float) -> tuple[float, Bounds, int]:
    arm = found[""]
    return float(arm.means.mean()), intervals.mean_bounds(arm, alpha, low, high), len(arm.clusters)


def _change(found: dict[str, Arm], alpha: float, _low: float, high: float) -> tuple[float, Bounds, int]:
    first, second = paired(*_two_arms(found))
    low, top = intervals.change_bounds(first, second, alpha, high)
    return float((first.means - second.means).mean()), (low, top), len(first.clusters)


def _two_arms(found: dict[str, Arm]) -> tuple[Arm, Arm]:
    missing = {"first", "second"} - set(found)
    if missing:
        raise ValueError(f"no rows of the {' and the '.join(sorted(missing))} arm to estimate from")
    return found["first"], found["second"]


def _newcombe(found: dict[str, Arm], alpha: float, _low: float, high: float) -> tuple[float, Bounds, int]:
    first, second = _two_arms(found)
    one, other = float(first.means.mean()), float(second.means.mean())
    parts = intervals.mean_bounds(first, alpha, 0.0, high), intervals.mean_bounds(second, alpha, 0.0, high)
    return one - other, _hybrid(one, other, *parts), min(len(first.clusters), len(second.clusters))


def _hybrid(one: float, other: float, first: Bounds, second: Bounds) -> Bounds:
    difference = one - other
    low = difference - math.hypot(one - first[0], second[1] - other)
    return low, difference + math.hypot(first[1] - one, other - second[0])


def _ratio_bounds(arm: Arm, alpha: float) -> tuple[float, Bounds]:
    """Jackknife bounds; where no cluster differs, those of that many clusters that all agree."""
    value, error = intervals.ratio_error(arm.totals, arm.counts)
    if error > 1e-12:
        return value, intervals.jackknife(arm.totals, arm.counts, alpha)
    n = float(len(arm.clusters))
    return value, intervals.clopper_pearson(value * n, n, alpha)


def _ratio(found: dict[str, Arm], alpha: float, _low: float, _high: float) -> tuple[float, Bounds, int]:
    value, limits = _ratio_bounds(found[""], alpha)
    return value, limits, len(found[""].clusters)


def _ratio_change(found: dict[str, Arm], alpha: float, _low: float, _high: float) -> tuple[float, Bounds, int]:
    first, second = paired(*_two_arms(found))
    counted = {name for arm in (first, second) for name, count in zip(arm.clusters, arm.counts, strict=True) if count}
    first, second = only(first, counted), only(second, counted)
    one, pseudo = intervals.ratio_pseudo_values(first.totals, first.counts)
    other, pseudo_other = intervals.ratio_pseudo_values(second.totals, second.counts)
    return one - other, intervals.plus_two_t(pseudo - pseudo_other, alpha), len(first.clusters)


def _newcombe_ratio(found: dict[str, Arm], alpha: float, _low: float, _high: float) -> tuple[float, Bounds, int]:
    arm, arm_other = _two_arms(found)
    one, first = _ratio_bounds(arm, alpha)
    other, second = _ratio_bounds(arm_other, alpha)
    clusters = min(len(arm.clusters), len(arm_other.clusters))
    return one - other, _hybrid(one, other, first, second), clusters


def _gap(found: dict[str, Arm], alpha: float, _low: float, _high: float) -> tuple[float, Bounds, int]:
    """The largest difference; its low side corrected for the pairs it was chosen from, its high side the largest high."""
    pairs = [
        paired(found[one], found[other])
        for one, other in combinations(sorted(found), 2)
        if one.rpartition("/")[0] == other.rpartition("/")[0]
    ]
    if not pairs:
        raise ValueError("a gap needs two groups")
    largest, low, high, clusters = 0.0, 0.0, 0.0, 0
    for first, second in pairs:
        differences = first.means - second.means
        mean = float(differences.mean())
        if mean < 0:
            differences, mean = -differences, -mean
        largest, clusters = max(largest, mean), max(clusters, len(differences))
        low = max(low, _gap_bounds(differences, alpha / len(pairs))[0])
        high = max(high, _gap_bounds(differences, alpha)[1])
    return largest, (low, high), clusters


def _gap_bounds(differences: Array, alpha: float) -> Bounds:
    """Plain t would be too narrow: a few sentences that flip the score among many that do not hide its variance."""
    import numpy as np

    if bool(np.isin(differences, (-1.0, 0.0, 1.0)).all()):
        return intervals.rises_and_falls(differences, float(len(differences)), alpha)
    return intervals.plus_two_t(differences, alpha)


def _median(found: dict[str, Arm], alpha: float, _low: float, _high: float) -> tuple[float, Bounds, int]:
    import numpy as np

    values = found[""].means
    return float(np.median(values)), intervals.median_order(values, alpha), len(values)


_FUNCTIONS: dict[str, Method] = {
    "exact_or_korn_graubard": _mean,
    "rises_and_falls": _change,
    "newcombe": _newcombe,
    "jackknife_ratio": _ratio,
    "jackknife_ratio_change": _ratio_change,
    "newcombe_ratio": _newcombe_ratio,
    "largest_gap": _gap,
    "median_order_statistics": _median,
}
