"""One-sided bounds of medians."""

from __future__ import annotations

from auditor.stats.clusters import Array


def median_order(values: Array, alpha: float) -> tuple[float, float]:
    """Return distribution-free bounds of a median by order statistics.

    Their ranks are binomial with probability one half. A bound lies beyond the least or the greatest value with
    probability 2 ** -n: at a smaller alpha there is none, and both are infinite.
    """
    import numpy as np
    from scipy.special import bdtr

    ordered = np.sort(values)
    n = len(ordered)
    ranks = np.arange(n)
    reached = np.nonzero(bdtr(ranks, n, 0.5) <= alpha)[0]
    # P(B ≤ k) is the chance that the truth lies below the value of rank k + 1, at index k.
    if not len(reached):
        return -float("inf"), float("inf")
    index = int(reached[-1])
    return float(ordered[index]), float(ordered[n - 1 - index])
