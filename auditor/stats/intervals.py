"""One-sided bounds of a mean, a paired change, a ratio, a median. Pure functions of arrays.

Each returns (low, high): each side is exceeded by the truth with probability at most about ``alpha``.
"""

from __future__ import annotations

from auditor.stats.clusters import Arm, Array

Bounds = tuple[float, float]


def clopper_pearson(events: float, n: float, alpha: float) -> Bounds:
    """Exact binomial bounds (Clopper & Pearson 1934); events and n need not be whole (Korn & Graubard 1998)."""
    from scipy.special import betaincinv

    low = 0.0 if events <= 0 else float(betaincinv(events, n - events + 1, alpha))
    high = 1.0 if events >= n else float(betaincinv(events + 1, n - events, 1 - alpha))
    return low, high


def korn_graubard(values: Array, cases: float, alpha: float) -> Bounds:
    """Bounds of the mean of clusters' values in [0, 1] (Korn & Graubard 1998).

    Clopper–Pearson on the effective sample size n ÷ design effect, with t degrees of freedom, at most the cases;
    without any spread between clusters the sample is as large as there are clusters.
    """
    n = len(values)
    mean, spread = float(values.mean()), float(values.var(ddof=1)) / n if n > 1 else 0.0
    effective = float(n)
    if spread > 0:
        effective = min(cases, mean * (1 - mean) / spread)
        effective *= (_t(10**6, alpha) / _t(n - 1, alpha)) ** 2
    effective = max(effective, 1.0)
    return clopper_pearson(mean * effective, effective, alpha)


def plus_two_t(differences: Array, alpha: float) -> Bounds:
    """Bounds of the mean of paired differences in [-1, 1]: t with one pseudo-cluster at each end.

    The adjusted Wald interval of Bonett & Price (2012) carried over from one case a cluster to cluster means:
    it keeps its width when no or few clusters changed.
    """
    import numpy as np

    return student(np.concatenate([differences, [1.0, -1.0]]), alpha)


def student(values: Array, alpha: float) -> Bounds:
    """Cluster-robust t bounds of a mean; ``values`` must differ."""
    n = len(values)
    mean, half = float(values.mean()), _t(n - 1, alpha) * float(values.std(ddof=1)) / n**0.5
    return mean - half, mean + half


def jackknife(totals: Array, counts: Array, alpha: float) -> Bounds:
    """Bounds of Σ totals ÷ Σ counts by the delete-one-cluster jackknife with t degrees of freedom."""
    value, error = ratio_error(totals, counts)
    half = _t(max(len(totals) - 1, 1), alpha) * error
    return value - half, value + half


def ratio_error(totals: Array, counts: Array) -> tuple[float, float]:
    """Ratio of sums and its jackknife standard error."""
    value, pseudo = ratio_pseudo_values(totals, counts)
    n = len(totals)
    return value, float(pseudo.std(ddof=1)) / n**0.5 if n > 1 else 0.0


def ratio_pseudo_values(totals: Array, counts: Array) -> tuple[float, Array]:
    """Ratio of sums and its jackknife pseudo-values, one for each cluster."""
    n, total, count = len(totals), totals.sum(), counts.sum()
    value = float(total / count)
    rest = count - counts
    without = (total - totals) / rest.clip(min=1e-300)
    without[rest <= 0] = value
    return value, n * value - (n - 1) * without


def median_order(values: Array, alpha: float) -> Bounds:
    """Distribution-free bounds of a median by order statistics (binomial with probability one half)."""
    import numpy as np
    from scipy.special import bdtr

    ordered = np.sort(values)
    n = len(ordered)
    ranks = np.arange(n)
    reached = np.nonzero(bdtr(ranks, n, 0.5) <= alpha)[0]
    index = int(reached[-1]) + 1 if len(reached) else 0
    return float(ordered[min(index, n - 1)]), float(ordered[max(n - 1 - index, 0)])


def mean_bounds(arm: Arm, alpha: float, low: float, high: float) -> Bounds:
    """Bounds of a mean of values in [low, high]: exact for one yes-or-no case a cluster, Korn–Graubard otherwise."""
    width = high - low
    if arm.binary and (low, high) == (0.0, 1.0):
        return clopper_pearson(float(arm.totals.sum()), float(len(arm.totals)), alpha)
    found = korn_graubard((arm.means - low) / width, float(arm.counts.sum()), alpha)
    return low + width * found[0], low + width * found[1]


def _t(degrees: int, alpha: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(max(degrees, 1), 1 - alpha))
