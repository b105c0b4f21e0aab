"""Ratios of sums over clusters, such as F1, and their bounds.

The errors come from the delete-one-cluster jackknife (Efron & Stein 1981).
"""

from __future__ import annotations

import math

from auditor.stats.clusters import Arm, Array
from auditor.stats.intervals import Bounds, clopper_pearson, t_quantile

AGREE = 1e-12
"""A standard error below is that of clusters that all agree."""


def pseudo_values(totals: Array, counts: Array) -> tuple[float, Array]:
    """Return Σ totals ÷ Σ counts and its jackknife pseudo-values.

    There is one pseudo-value per cluster.
    """
    n, total, count = len(totals), totals.sum(), counts.sum()
    value = float(total / count)
    rest = count - counts
    without = (total - totals) / rest.clip(min=1e-300)
    without[rest <= 0] = value
    return value, n * value - (n - 1) * without


def bounds(arm: Arm, alpha: float) -> tuple[float, Bounds]:
    """Return the ratio of an arm's sums, and its bounds."""
    value, pseudo = pseudo_values(arm.totals, arm.counts)
    return value, logit_bounds(value, pseudo, alpha)


def logit_bounds(value: float, pseudo: Array, alpha: float) -> Bounds:
    """Return bounds of a ratio in [0, 1] from its pseudo-values.

    A t interval of log(ratio ÷ (1 − ratio)), carried back: near 1 the ratio's own is too short below and too long above
    (at F1 0.98 of 100 sentences it misses 10 % and 2 %). Where no cluster differs, and at 0 and 1, the bounds are those
    of as many clusters that all agree.
    """
    n = len(pseudo)
    error = float(pseudo.std(ddof=1)) / n**0.5 if n > 1 else 0.0
    if error <= AGREE or not 0.0 < value < 1.0:
        return clopper_pearson(min(max(value, 0.0), 1.0) * n, float(n), alpha)
    centre, half = math.log(value / (1.0 - value)), t_quantile(n - 1, alpha) * error / (value * (1.0 - value))
    return _ratio(centre - half), _ratio(centre + half)


def _ratio(logit: float) -> float:
    """Return the share of a logit."""
    return 1.0 / (1.0 + math.exp(-logit)) if logit > 0 else math.exp(logit) / (1.0 + math.exp(logit))


def mean_of_ratios(totals: Array, counts: Array, alpha: float) -> tuple[float, Bounds]:
    """Return the mean of several ratios of sums, and its bounds.

    Macro-F1 is such a mean. The bounds are those of one ratio, with the mean of the ratios' pseudo-values. One cluster
    alone says nothing about how clusters differ: its bounds are 0 and 1.

    ``totals`` and ``counts``: of shape (clusters, ratios), float64. Ratios without any count are left out (ValueError
    if all are).
    """
    import numpy as np

    there = counts.sum(axis=0) > 0
    if not there.any():
        raise ValueError("no ratio has a count")
    pairs = [pseudo_values(totals[:, k], counts[:, k]) for k in np.flatnonzero(there)]
    value = float(np.mean([ratio for ratio, _ in pairs]))
    if len(totals) < 2:
        return value, (0.0, 1.0)
    low, high = logit_bounds(value, np.mean([pseudo for _, pseudo in pairs], axis=0), alpha)
    return value, (max(0.0, min(low, value)), min(1.0, max(high, value)))
