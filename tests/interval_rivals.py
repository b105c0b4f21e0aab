"""Published intervals, written independently of the product: what its own are measured against.

Each returns one-sided bounds (low, high) at ``alpha``; whole tables of counts at once where they take counts.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
from scipy import stats as scipy_stats
from scipy.special import betaincinv, ndtri

Array = Any
Bounds = tuple[float, float]


def student(values: Array, alpha: float) -> Bounds:
    half = scipy_stats.t.isf(alpha, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    return float(values.mean() - half), float(values.mean() + half)


def with_pseudo_clusters(ends: tuple[float, float]) -> Callable[[Array, float], Bounds]:
    """t with a pseudo-cluster at each end (Bonett & Price 2012)."""
    return lambda values, alpha: student(np.append(values, ends), alpha)


def hall(values: Array, alpha: float) -> Bounds:
    """The t interval transformed for skewness (Hall 1992, "On the removal of skewness by transformation")."""
    n, mean, spread = len(values), values.mean(), values.std(ddof=1)
    if spread == 0:
        return float(mean), float(mean)
    skew = float(((values - mean) ** 3).mean() / spread**3) / n**0.5

    def inverse(x: float) -> float:
        return float(3 / skew * (np.cbrt(1 + skew * (x - skew / 6)) - 1)) if abs(skew) > 1e-9 else x

    reach, error = scipy_stats.t.isf(alpha, n - 1), spread / n**0.5
    return float(mean - inverse(reach) * error), float(mean - inverse(-reach) * error)


@cache
def _resamples(n: int) -> Array:
    return np.random.default_rng(7).multinomial(n, np.full(n, 1 / n), 399).astype(float)


def bootstrap_t(values: Array, alpha: float) -> Bounds:
    """Studentised bootstrap, 399 resamples."""
    n, mean, spread = len(values), values.mean(), values.std()
    weights = _resamples(n)
    means = weights @ values / n
    spreads = np.sqrt(np.maximum(weights @ values**2 / n - means**2, 1e-12))
    low, high = np.quantile((means - mean) / spreads, (alpha, 1 - alpha))
    return float(mean - high * spread), float(mean - low * spread)


def korn_graubard_as_published(values: Array, cases: float, alpha: float) -> Bounds:
    n, mean = len(values), float(values.mean())
    size = float(cases)
    if 0 < mean < 1:
        size = min(cases, mean * (1 - mean) * n / values.var(ddof=1))
        size *= (ndtri(1 - alpha) / scipy_stats.t.isf(alpha, n - 1)) ** 2
    events = mean * size
    low = 0.0 if events <= 0 else float(betaincinv(events, size - events + 1, alpha))
    return low, 1.0 if events >= size else float(betaincinv(events + 1, size - events, 1 - alpha))


def wilson(events: Array, n: float, alpha: float) -> tuple[Array, Array]:
    z, share = ndtri(1 - alpha), events / n
    middle = (share + z * z / 2 / n) / (1 + z * z / n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / 4 / n / n) / (1 + z * z / n)
    return middle - half, middle + half


def newcombe(first: Array, n: int, second: Array, m: int, alpha: float) -> tuple[Array, Array]:
    """Newcombe's method 10 for two samples (1998): the hybrid of Wilson's intervals."""
    low1, high1 = wilson(first, n, alpha)
    low2, high2 = wilson(second, m, alpha)
    p, q = first / n, second / m
    return p - q - np.hypot(p - low1, high2 - q), p - q + np.hypot(high1 - p, q - low2)


def _score(statistic: Callable[[Array], Array], start: Array, alpha: float) -> tuple[Array, Array]:
    """Both ends of {d: |statistic(d)| < z}, by halving."""
    ends = []
    for side in (1, -1):
        inside, outside = start.astype(float), np.full(start.shape, -1.0 * side)
        for _ in range(45):
            middle = (inside + outside) / 2
            beyond = side * statistic(middle) > ndtri(1 - alpha)
            inside, outside = np.where(beyond, inside, middle), np.where(beyond, middle, outside)
        ends.append(inside)
    return ends[0], ends[1]


def tango(gained: Array, lost: Array, n: int, alpha: float) -> tuple[Array, Array]:
    """Tango's score interval of a paired difference (1998), (gained − lost) ÷ n."""

    def statistic(d: Array) -> Array:
        b = -gained - lost + (2 * n - gained + lost) * d
        q = (np.sqrt(np.maximum(b * b + 8 * n * lost * d * (1 - d), 0)) - b) / (4 * n)
        return (gained - lost - n * d) / np.sqrt(n * np.maximum(2 * q + d * (1 - d), 1e-14))

    return _score(statistic, (gained - lost) / n, alpha)


def miettinen_nurminen(first: Array, n: int, second: Array, m: int, alpha: float) -> tuple[Array, Array]:
    """Score interval of an unpaired difference (1985), by Farrington & Manning's closed form."""
    p, q, t = first / n, second / m, m / n

    def statistic(d: Array) -> Array:
        a, b = 1 + t, -(1 + t + p + t * q + d * (t + 2))
        c, e = d * d + d * (2 * p + t + 1) + p + t * q, -p * d * (1 + d)
        v = b**3 / (27 * a**3) - b * c / (6 * a * a) + e / (2 * a)
        u = np.sign(v) * np.sqrt(np.maximum(b * b / (9 * a * a) - c / (3 * a), 0))
        u = np.where(u == 0, 1e-12, u)
        w = (np.pi + np.arccos(np.clip(v / u**3, -1, 1))) / 3
        p1 = np.clip(2 * u * np.cos(w) - b / (3 * a), 0, 1)
        p2 = np.clip(p1 - d, 0, 1)
        variance = (p1 * (1 - p1) / n + p2 * (1 - p2) / m) * (n + m) / (n + m - 1)
        return (p - q - d) / np.sqrt(np.maximum(variance, 1e-14))

    return _score(statistic, p - q, alpha)


def leave_one_out(totals: Array, counts: Array) -> tuple[float, Array]:
    """A ratio of sums and its pseudo-values, one cluster left out at a time."""
    n, value = len(totals), totals.sum() / counts.sum()
    return float(value), n * value - (n - 1) * (totals.sum() - totals) / (counts.sum() - counts)


def jackknife(totals: Array, counts: Array, alpha: float) -> Bounds:
    value, pseudo = leave_one_out(totals, counts)
    half = scipy_stats.t.isf(alpha, len(pseudo) - 1) * pseudo.std(ddof=1) / len(pseudo) ** 0.5
    return value - half, value + half


def wilson_of_ratio(totals: Array, counts: Array, alpha: float) -> Bounds:
    """Wilson's interval with the sample size that has the jackknife's variance."""
    value, pseudo = leave_one_out(totals, counts)
    error = max(float(pseudo.std(ddof=1)) / len(pseudo) ** 0.5, 1e-9)
    size = value * (1 - value) / error**2 * (ndtri(1 - alpha) / scipy_stats.t.isf(alpha, len(pseudo) - 1)) ** 2
    if not size > 0:
        return alpha ** (1 / len(pseudo)), 1.0
    low, high = wilson(np.array(value * size), size, alpha)
    return float(low), float(high)


def pairwise_gap(table: Array, alpha: float) -> Bounds:
    """t for each pair of groups: low corrected by Bonferroni, high the largest (clusters × groups)."""
    pairs = [table[:, i] - table[:, j] for i, j in combinations(range(table.shape[1]), 2)]
    pairs = [pair if pair.mean() >= 0 else -pair for pair in pairs]
    return max(student(pair, alpha / len(pairs))[0] for pair in pairs), max(student(pair, alpha)[1] for pair in pairs)


TUKEY = {groups: float(scipy_stats.studentized_range.isf(0.05, groups, 1e4)) / 2**0.5 for groups in (2, 4, 8)}


def tukey_gap(table: Array, alpha: float) -> Bounds:
    """The studentised range (Tukey–Kramer) for the low side at 5 %, t for each pair for the high side."""
    assert alpha == 0.05
    lows = []
    for i, j in combinations(range(table.shape[1]), 2):
        pair = table[:, i] - table[:, j]
        lows.append(abs(pair.mean()) - TUKEY[table.shape[1]] * pair.std(ddof=1) / len(pair) ** 0.5)
    return float(max(lows)), pairwise_gap(table, alpha)[1]
