"""Comparison of two models on the same clusters.

It gives the paired difference, its interval and a p value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.stats import intervals, ratios
from auditor.stats.clusters import Arm, Array, arms, only
from auditor.types import Kind, Row

SMALLEST_P = 1e-12
EQUAL = 1e-12
"""Differences below are those of values that are all equal."""
SIDE = 0.025
"""Error of each side of the two-sided 95 % interval."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """Difference of two models: value = one model − the other.

    It has a two-sided 95 % interval and a two-sided p value in (0, 1].
    """

    value: float
    low: float
    high: float
    p: float
    n_clusters: int
    method: str


def compare(
    kind: Kind, rows: Sequence[Row], against: Sequence[Row], *, low: float, high: float, ratio: bool = False
) -> Contrast:
    """Compare two models, paired by the clusters that both have.

    The kinds are ``mean`` and ``change``. ``low`` and ``high`` are the range of a cluster's value. McNemar's exact test
    gives p with one yes-or-no case per cluster, else the cluster-robust t; where all clusters differ alike, the sign
    test does. Raises ValueError without common clusters or for another kind.
    """
    if kind not in ("mean", "change"):
        raise ValueError(f"values of kind {kind!r} are not compared between models")
    mine, theirs = arms(rows, empty=ratio), arms(against, empty=ratio)
    names = ("",) if kind == "mean" else ("first", "second")
    pairs = aligned(mine, theirs, names)
    differences = cluster_values(pairs[0][0], ratio) - cluster_values(pairs[0][1], ratio)
    for mine_arm, theirs_arm in pairs[1:]:
        differences = differences - (cluster_values(mine_arm, ratio) - cluster_values(theirs_arm, ratio))
    value = difference_of(pairs, ratio)
    width = high - low
    limits = _bounds(pairs, differences, width, ratio)
    p, method = p_value(pairs, differences, exact=kind == "mean" and not ratio)
    return Contrast(
        value, max(-width, min(limits[0], value)), min(width, max(limits[1], value)), p, len(differences), method
    )


def aligned(mine: dict[str, Arm], theirs: dict[str, Arm], names: Sequence[str]) -> list[tuple[Arm, Arm]]:
    """Return for each arm both models' clusters.

    They are only those that every arm of both models has.
    """
    if any(name not in mine or name not in theirs for name in names):
        raise ValueError("an arm has no rows")
    sides = [side[name] for side in (mine, theirs) for name in names]
    if all(arm.clusters == sides[0].clusters for arm in sides):
        return [(mine[name], theirs[name]) for name in names]
    common = set.intersection(*(set(arm.clusters) for arm in sides))
    return [(only(mine[name], common), only(theirs[name], common)) for name in names]


def _bounds(pairs: Sequence[tuple[Arm, Arm]], differences: Array, width: float, ratio: bool) -> tuple[float, float]:
    if ratio:
        return intervals.scaled_change(differences, SIDE)
    cases = min(intervals.cases_of(arm) for pair in pairs for arm in pair)
    low, high = intervals.rises_and_falls(intervals.unit(differences, width), cases, SIDE)
    return width * low, width * high


def cluster_values(arm: Arm, ratio: bool) -> Array:
    """Return a number a cluster; their mean is the arm's value."""
    return ratios.pseudo_values(arm.totals, arm.counts)[1] if ratio else arm.means


def difference_of(pairs: Sequence[tuple[Arm, Arm]], ratio: bool) -> float:
    """Return one model's value less the other's; further arms are subtracted."""

    def point(arm: Arm) -> float:
        return float(arm.totals.sum() / arm.counts.sum()) if ratio else float(arm.means.mean())

    differences = [point(mine) - point(theirs) for mine, theirs in pairs]
    return differences[0] - sum(differences[1:])


def p_value(pairs: Sequence[tuple[Arm, Arm]], differences: Array, *, exact: bool) -> tuple[float, str]:
    """Return the two-sided p value of no difference, and its test."""
    from scipy.special import bdtr, stdtr

    if exact and pairs[0][0].binary and pairs[0][1].binary:
        gained, lost = int((differences > 0).sum()), int((differences < 0).sum())
        p = min(1.0, 2 * float(bdtr(min(gained, lost), gained + lost, 0.5))) if gained + lost else 1.0
        return max(p, SMALLEST_P), "McNemar exact; rises and falls"
    n = len(differences)
    error = float(differences.std(ddof=1)) / n**0.5 if n > 1 else 0.0
    if error <= EQUAL:
        # All clusters differ alike: the sign test (or none differs).
        p = 2.0 ** (1 - n) if abs(float(differences.mean())) > EQUAL else 1.0
        return max(p, SMALLEST_P), "sign test; rises and falls"
    p = 2 * float(stdtr(n - 1, -abs(float(differences.mean())) / error))
    return max(p, SMALLEST_P), "cluster-robust paired t; rises and falls"
