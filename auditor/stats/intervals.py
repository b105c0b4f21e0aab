"""One-sided bounds of means, paired changes, ratios and medians.

All are pure functions of arrays. Each returns (low, high), and the truth exceeds each side with probability at most
about ``alpha``.
"""

from __future__ import annotations

from auditor.stats.clusters import Arm, Array

Bounds = tuple[float, float]

HIDDEN = 0.5
"""Share of one unseen cluster, at the far end of the range, that a side's variance counts beside the clusters seen."""


def clopper_pearson(events: float, n: float, alpha: float) -> Bounds:
    """Return exact binomial bounds (Clopper & Pearson 1934).

    ``events`` and ``n`` need not be whole (Korn & Graubard 1998).
    """
    from scipy.special import betaincinv

    low = 0.0 if events <= 0 else float(betaincinv(events, n - events + 1, alpha))
    high = 1.0 if events >= n else float(betaincinv(events + 1, n - events, 1 - alpha))
    return low, high


def korn_graubard(values: Array, cases: float, alpha: float) -> Bounds:
    """Return bounds of the mean of clusters' values in [0, 1].

    Korn & Graubard (1998): Clopper–Pearson on the effective sample size n ÷ design effect, with t degrees of freedom,
    at most the cases. Rare events that come in clusters hide their variance until a bad cluster is seen (88 % one-sided
    coverage as published), so each side's variance counts HIDDEN of a cluster at the far end. Without any event the
    sample is as large as the number of clusters.
    """
    import numpy as np

    inside = np.clip(values, 0.0, 1.0)
    return 1.0 - _korn_graubard_high(1.0 - inside, cases, alpha), _korn_graubard_high(inside, cases, alpha)


def _korn_graubard_high(values: Array, cases: float, alpha: float) -> float:
    n, mean = len(values), float(values.mean())
    if mean <= 0.0 or mean >= 1.0:
        return clopper_pearson(mean * n, float(n), alpha)[1]
    squares = float(((values - mean) ** 2).sum()) + HIDDEN * (1.0 - mean) ** 2
    effective = min(cases, mean * (1.0 - mean) * n * (n - 1 + HIDDEN) / squares)
    effective = max(effective * (_t(10**6, alpha) / _t(n - 1, alpha)) ** 2, 1.0)
    return clopper_pearson(mean * effective, effective, alpha)[1]


def rises_and_falls(differences: Array, cases: float, alpha: float) -> Bounds:
    """Return bounds of the mean of paired differences in [-1, 1].

    They are the bounds of the rises less those of the falls. Rises max(d, 0) and falls max(−d, 0) are means of values
    in [0, 1] with bounds of their own (exact for one yes-or-no case per cluster, Korn–Graubard otherwise), combined
    with their correlation (Zou & Donner 2008; Newcombe 1998, method 10). The result keeps an exact bound's width when
    no or few clusters changed.
    """
    import numpy as np

    up, down = np.clip(differences, 0.0, 1.0), np.clip(-differences, 0.0, 1.0)
    n, rise, fall = len(differences), float(up.mean()), float(down.mean())
    if bool(((up + down) * (1.0 - up - down) == 0).all()):
        rises, falls = clopper_pearson(float(up.sum()), n, alpha), clopper_pearson(float(down.sum()), n, alpha)
    else:
        rises, falls = korn_graubard(up, cases, alpha), korn_graubard(down, cases, alpha)
    spread = float(up.std()) * float(down.std())
    correlation = -rise * fall / spread if spread > 0 else 0.0

    def half(rise_error: float, fall_error: float) -> float:
        return float(
            max(rise_error * rise_error + fall_error * fall_error - 2 * correlation * rise_error * fall_error, 0.0)
            ** 0.5
        )

    difference = rise - fall
    return difference - half(rise - rises[0], falls[1] - fall), difference + half(rises[1] - rise, fall - falls[0])


def plus_two_t(differences: Array, alpha: float) -> Bounds:
    """Return t bounds of a mean, with one pseudo-cluster at each end.

    The differences are of about [-1, 1], such as jackknife pseudo-values. The pseudo-clusters (after the adjusted Wald
    interval of Bonett & Price 2012) keep the interval wide where nothing changes.
    """
    import numpy as np

    return student(np.concatenate([differences, [1.0, -1.0]]), alpha)


def student(values: Array, alpha: float) -> Bounds:
    """Return cluster-robust t bounds of a mean.

    The ``values`` must differ.
    """
    n = len(values)
    mean, half = float(values.mean()), _t(n - 1, alpha) * float(values.std(ddof=1)) / n**0.5
    return mean - half, mean + half


def jackknife(totals: Array, counts: Array, alpha: float) -> Bounds:
    """Return bounds of Σ totals ÷ Σ counts.

    They come from the delete-one-cluster jackknife with t degrees of freedom.
    """
    value, error = ratio_error(totals, counts)
    half = _t(max(len(totals) - 1, 1), alpha) * error
    return value - half, value + half


def ratio_error(totals: Array, counts: Array) -> tuple[float, float]:
    """Return a ratio of sums and its jackknife standard error."""
    value, pseudo = ratio_pseudo_values(totals, counts)
    n = len(totals)
    return value, float(pseudo.std(ddof=1)) / n**0.5 if n > 1 else 0.0


def ratio_pseudo_values(totals: Array, counts: Array) -> tuple[float, Array]:
    """Return a ratio of sums and its jackknife pseudo-values.

    There is one pseudo-value per cluster.
    """
    n, total, count = len(totals), totals.sum(), counts.sum()
    value = float(total / count)
    rest = count - counts
    without = (total - totals) / rest.clip(min=1e-300)
    without[rest <= 0] = value
    return value, n * value - (n - 1) * without


def mean_of_ratios(totals: Array, counts: Array, alpha: float) -> tuple[float, Bounds]:
    """Return the mean of several ratios of sums, and its bounds.

    Macro-F1 is such a mean. The bounds come from the jackknife over clusters (Efron & Stein 1981). One cluster alone
    says nothing about how clusters differ: its bounds are 0 and 1.

    ``totals`` and ``counts``: of shape (clusters, ratios), float64. Ratios without any count are left out (ValueError
    if all are).
    """
    import numpy as np

    there = counts.sum(axis=0) > 0
    if not there.any():
        raise ValueError("no ratio has a count")
    pairs = [ratio_pseudo_values(totals[:, k], counts[:, k]) for k in np.flatnonzero(there)]
    value = float(np.mean([ratio for ratio, _ in pairs]))
    if len(totals) < 2:
        return value, (0.0, 1.0)  # one cluster says nothing about how clusters differ
    low, high = student(np.mean([pseudo for _, pseudo in pairs], axis=0), alpha)
    return value, (max(0.0, min(low, value)), min(1.0, max(high, value)))


def median_order(values: Array, alpha: float) -> Bounds:
    """Return distribution-free bounds of a median by order statistics.

    Their ranks are binomial with probability one half.
    """
    import numpy as np
    from scipy.special import bdtr

    ordered = np.sort(values)
    n = len(ordered)
    ranks = np.arange(n)
    reached = np.nonzero(bdtr(ranks, n, 0.5) <= alpha)[0]
    # P(B ≤ k) is the chance that the truth lies below the value of rank k + 1, at index k.
    index = int(reached[-1]) if len(reached) else 0
    return float(ordered[index]), float(ordered[n - 1 - index])


def mean_bounds(arm: Arm, alpha: float, low: float, high: float) -> Bounds:
    """Return bounds of a mean of values in [low, high].

    They are exact for one yes-or-no case per cluster, Korn–Graubard otherwise. Raises ValueError for an infinite range
    or a value outside it.
    """
    width = high - low
    if arm.binary and (low, high) == (0.0, 1.0):
        return clopper_pearson(float(arm.totals.sum()), float(len(arm.totals)), alpha)
    shares = unit(arm.means - low, width)
    limits = korn_graubard(shares, float(arm.counts.sum()), alpha)
    return low + width * limits[0], low + width * limits[1]


def change_bounds(first: Arm, second: Arm, alpha: float, width: float) -> Bounds:
    """Return bounds of the mean of first − second.

    Both arms have the same clusters; the differences are within [-width, width].
    """
    shares = unit(first.means - second.means, width)
    limits = rises_and_falls(shares, float(min(first.counts.sum(), second.counts.sum())), alpha)
    return width * limits[0], width * limits[1]


def unit(values: Array, width: float) -> Array:
    """Return values ÷ width.

    Raises ValueError for an infinite width, or for a value further from 0 than the width.
    """
    if not 0.0 < width < float("inf"):
        raise ValueError(f"a mean needs a finite range of values, not one of width {width:g}")
    shares = values / width
    if not (abs(shares) <= 1.0 + 1e-9).all():
        raise ValueError("a cluster's value is outside the range of its metric")
    return shares


def _t(degrees: int, alpha: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(max(degrees, 1), 1 - alpha))
