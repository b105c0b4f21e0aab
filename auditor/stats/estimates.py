"""Estimates from rows: value, bounds and the method's name."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from auditor.stats import correlation, gaps, intervals, medians, ratios, regression
from auditor.stats.clusters import Arm, arms, only, paired
from auditor.stats.sequential import METHODS as SEQUENTIAL
from auditor.stats.sequential import read, sequential_method
from auditor.types import Kind, Row

Bounds = tuple[float, float]
Method = Callable[[dict[str, Arm], float, float, float], tuple[float, Bounds, int]]
"""(arms, alpha, low, high) → (value, one-sided bounds, informative clusters)."""

SIDE = 0.025
"""Error of each side of the two-sided 95 % interval."""

METHODS = {
    "exact_or_korn_graubard": (
        "Clopper–Pearson (1934) with one yes-or-no case a cluster, else beta bounds of the effective sample size "
        "(after Korn & Graubard 1998)"
    ),
    "rises_and_falls": (
        "hybrid of the beta bounds of rises and of falls, paired by cluster, on their effective sample sizes "
        "(Zou & Donner 2008)"
    ),
    "newcombe": "Newcombe's hybrid (1998) of the two arms' beta bounds",
    "jackknife_ratio": "delete-one-cluster jackknife of a ratio of sums, t on the logit scale",
    "jackknife_ratio_change": (
        "hybrid of rises and of falls in the jackknife pseudo-values of a difference of two paired ratios"
    ),
    "newcombe_ratio": "Newcombe's hybrid (1998) of two ratios, jackknifed on the logit scale",
    "largest_gap": (
        "inverted test of the largest gap, by the joint distribution of the groups' means (cf. Tukey–Kramer; "
        "Chernozhukov, Lee & Rosen 2013)"
    ),
    "median_order_statistics": "order statistics, binomial",
    "pearson": "Fisher's z (1921), or that of the clusters' jackknife at Satterthwaite's degrees where it is wider",
    "spearman": (
        "Fisher's z of mid-ranks (Bonett & Wright 2000), or that of the clusters' influences at Satterthwaite's "
        "degrees where it is wider"
    ),
    "exact_count": "a count over a fixed list, every entry of which was asked: no sample, so no interval",
    **regression.METHODS,
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
    """Return the method that coverage chose for a kind of metric.

    Raises ValueError for ``descriptive``.
    """
    chosen = {
        ("mean", False): "exact_or_korn_graubard",
        ("mean", True): "jackknife_ratio",
        ("change", False): "rises_and_falls",
        ("change", True): "jackknife_ratio_change",
        ("difference", False): "newcombe",
        ("difference", True): "newcombe_ratio",
        ("gap", False): "largest_gap",
        ("median", False): "median_order_statistics",
        ("correlation", False): "pearson",
        ("rank_correlation", False): "spearman",
        ("count", False): "exact_count",
    }.get((kind, ratio))
    if chosen is None:
        raise ValueError(f"no method for kind {kind!r}{' of a ratio' if ratio else ''}")
    return chosen


_ORDINARY = {name: method_for(kind, False) for kind, name in regression.BY_KIND.items()}
"""Method of a regression → the one that stands where there is too little for it."""


def estimate(
    kind: Kind, rows: Sequence[Row], *, low: float, high: float, ratio: bool = False, sequential: bool = False
) -> Estimate:
    """Return the value with its two-sided 95 % interval.

    ``low``, ``high``: range of a cluster's value; that of a change or a difference is [-high, high]. ``sequential``:
    bounds that hold at every look, with ``rows`` in the order drawn; where ``sequential_method`` has none, they are
    those of a fixed sample. Rows with the arms of clean answers are estimated by regression on them.

    Raises ValueError for empty rows and for values outside the range. Never returns NaN, or an interval of zero width
    except for a median of equal values and for a count.
    """
    method = sequential_method(kind, ratio) if sequential else None if ratio else regression.method_for(kind, rows)
    method = method or method_for(kind, ratio)
    value, limits, clusters = _computed(method, rows, SIDE, low, high)
    # Values that drift may contradict every mean at repeated looks; then the interval spans the crossed bounds.
    return Estimate(value, *_around(value, (min(limits), max(limits)), low, high), method, clusters)


def bounds(method: str, rows: Sequence[Row], alpha: float, *, low: float, high: float) -> Bounds:
    """Return one-sided bounds that get wider as ``alpha`` gets smaller.

    Each is wrong with probability at most about ``alpha`` in (0, 0.5). By a method for repeated looks, what any look
    has shown still stands, even where the value now lies beyond. Raises KeyError for an unknown method, ValueError for
    empty rows or another alpha.
    """
    if not 0.0 < alpha < 0.5:
        raise ValueError(f"alpha = {alpha:g} is not between 0 and 0.5")
    value, limits, _ = _computed(method, rows, alpha, low, high)
    return limits if method in SEQUENTIAL else _around(value, limits, low, high)


def _computed(method: str, rows: Sequence[Row], alpha: float, low: float, high: float) -> tuple[float, Bounds, int]:
    if method in SEQUENTIAL:
        sample = read(method, rows, low, high)
        return sample.value, sample.bounds(alpha), len(sample.shares)
    fitted = _regression(method, rows, low, high)
    if fitted is not None:
        start, width = (0.0, high) if method == "regression_change" else (low, high - low)
        value, *limits = (start + width * number for number in (fitted.value, *fitted.bounds(alpha)))
        return value, (limits[0], limits[1]), fitted.informative
    method = _ORDINARY.get(method, method)
    return _FUNCTIONS[method](_arms(method, rows), alpha, low, high)


def _regression(method: str, rows: Sequence[Row], low: float, high: float) -> regression.Regression | None:
    return regression.read(method, rows, low, high) if method in regression.METHODS else None


def _arms(method: str, rows: Sequence[Row]) -> dict[str, Arm]:
    return arms(rows, empty=method == "jackknife_ratio_change")


def _around(value: float, limits: Bounds, low: float, high: float) -> Bounds:
    """Return bounds within the range, on either side of the value."""
    return max(low, min(limits[0], value)), min(high, max(limits[1], value))


def _mean(by_name: dict[str, Arm], alpha: float, low: float, high: float) -> tuple[float, Bounds, int]:
    arm = by_name[""]
    return float(arm.means.mean()), intervals.mean_bounds(arm, alpha, low, high), len(arm.clusters)


def _change(by_name: dict[str, Arm], alpha: float, _low: float, high: float) -> tuple[float, Bounds, int]:
    first, second = paired(*_two_arms(by_name))
    low, top = intervals.change_bounds(first, second, alpha, high)
    return float((first.means - second.means).mean()), (low, top), len(first.clusters)


def _two_arms(by_name: dict[str, Arm]) -> tuple[Arm, Arm]:
    missing = {"first", "second"} - set(by_name)
    if missing:
        raise ValueError(f"no rows of the {' and the '.join(sorted(missing))} arm to estimate from")
    return by_name["first"], by_name["second"]


def _newcombe(by_name: dict[str, Arm], alpha: float, _low: float, high: float) -> tuple[float, Bounds, int]:
    first, second = _two_arms(by_name)
    first_mean, second_mean = float(first.means.mean()), float(second.means.mean())
    limits = (intervals.arm_bounds(first, alpha, high), intervals.arm_bounds(second, alpha, high))
    return (
        first_mean - second_mean,
        _hybrid(first_mean, second_mean, *limits),
        min(len(first.clusters), len(second.clusters)),
    )


def _hybrid(first_value: float, second_value: float, first: Bounds, second: Bounds) -> Bounds:
    difference = first_value - second_value
    low = difference - math.hypot(max(first_value - first[0], 0.0), max(second[1] - second_value, 0.0))
    return low, difference + math.hypot(max(first[1] - first_value, 0.0), max(second_value - second[0], 0.0))


def _ratio(by_name: dict[str, Arm], alpha: float, _low: float, _high: float) -> tuple[float, Bounds, int]:
    value, limits = ratios.bounds(by_name[""], alpha)
    return value, limits, len(by_name[""].clusters)


def _ratio_change(by_name: dict[str, Arm], alpha: float, _low: float, _high: float) -> tuple[float, Bounds, int]:
    first, second = paired(*_two_arms(by_name))
    counted = {name for arm in (first, second) for name, count in zip(arm.clusters, arm.counts, strict=True) if count}
    first, second = only(first, counted), only(second, counted)
    if not (first.counts.any() and second.counts.any()):
        raise ValueError("an arm of a ratio has no count in the common clusters")
    first_ratio, first_pseudo = ratios.pseudo_values(first.totals, first.counts)
    second_ratio, second_pseudo = ratios.pseudo_values(second.totals, second.counts)
    limits = intervals.scaled_change(first_pseudo - second_pseudo, alpha, alike=intervals.alike(first, second))
    return first_ratio - second_ratio, limits, len(first.clusters)


def _newcombe_ratio(by_name: dict[str, Arm], alpha: float, _low: float, _high: float) -> tuple[float, Bounds, int]:
    first_arm, second_arm = _two_arms(by_name)
    first_ratio, first = ratios.bounds(first_arm, alpha)
    second_ratio, second = ratios.bounds(second_arm, alpha)
    clusters = min(len(first_arm.clusters), len(second_arm.clusters))
    return first_ratio - second_ratio, _hybrid(first_ratio, second_ratio, first, second), clusters


def _gap(by_name: dict[str, Arm], alpha: float, _low: float, _high: float) -> tuple[float, Bounds, int]:
    """Return the largest difference between groups of one family, and its bounds."""
    families: dict[str, list[Arm]] = {}
    for name in sorted(by_name):
        families.setdefault(name.rpartition("/")[0], []).append(by_name[name])
    return gaps.bounds(list(families.values()), alpha)


def _median(by_name: dict[str, Arm], alpha: float, _low: float, _high: float) -> tuple[float, Bounds, int]:
    import numpy as np

    values = by_name[""].means
    return float(np.median(values)), medians.median_order(values, alpha), len(values)


def _pearson(by_name: dict[str, Arm], alpha: float, _low: float, _high: float) -> tuple[float, Bounds, int]:
    return correlation.bounds("correlation", by_name, alpha)


def _spearman(by_name: dict[str, Arm], alpha: float, _low: float, _high: float) -> tuple[float, Bounds, int]:
    return correlation.bounds("rank_correlation", by_name, alpha)


def _count(by_name: dict[str, Arm], _alpha: float, _low: float, _high: float) -> tuple[float, Bounds, int]:
    value = float(by_name[""].totals.sum())
    return value, (value, value), len(by_name[""].clusters)


_FUNCTIONS: dict[str, Method] = {
    "exact_or_korn_graubard": _mean,
    "rises_and_falls": _change,
    "newcombe": _newcombe,
    "jackknife_ratio": _ratio,
    "jackknife_ratio_change": _ratio_change,
    "newcombe_ratio": _newcombe_ratio,
    "largest_gap": _gap,
    "median_order_statistics": _median,
    "pearson": _pearson,
    "spearman": _spearman,
    "exact_count": _count,
}
