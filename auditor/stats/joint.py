"""Critical levels of many one-sided tests that read the same clusters.

A family of claims errs as a whole with probability at most alpha when claim i is tested at the level w_i · c and
P(min p_i / w_i ≤ c) ≤ alpha: the weighted min-p of Westfall & Young (1993). With weights that add up to 1, c is alpha
if the claims' errors never coincide (Bonferroni), and larger the more they do. The marginal p values are those of the
claims' own bounds, whatever their method; the joint distribution is a Gaussian copula: that of a Gaussian multiplier
bootstrap, Σ g_c · ψ_ic over clusters c, where ψ_ic is the influence of cluster c on claim i's value. Given the rows it
is exactly normal, so its correlations are computed and the draws are of as many numbers as there are claims.

Bounds for repeated looks hold at any time and know no joint distribution; such claims take their share by Bonferroni.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from auditor.stats import correlation, ratios
from auditor.stats.clusters import Arm, Array, arms, paired
from auditor.types import Metric, Row

DRAWS = 20_000
"""A level of 0.05 is estimated to within 3 % of itself, one standard error; one of 0.005 to within 10 %."""
SEED = 20_261_126
NUGGET = 1e-6
"""Added to the diagonal of the correlations: claims may be copies of each other."""


@dataclass(frozen=True, slots=True)
class Influence:
    """The part of each cluster in the error of a value.

    The squares add up to its variance.
    """

    clusters: tuple[str, ...]
    values: Array
    """One number a cluster; a cluster that stands in two arms has two."""


def influence(metric: Metric, rows: Sequence[Row]) -> Influence:
    """Return the influence of every cluster on the value of a metric.

    Arms that the kind of metric does not know are left out. Raises ValueError for rows without a count, for a missing
    arm and for a metric without rows.
    """
    by_name = arms(rows, empty=metric.kind == "change" and metric.ratio)
    if metric.kind == "gap":
        return _of_gap(by_name)
    if metric.kind in ("mean", "median"):
        arm = _arm(by_name, "")
        return Influence(arm.clusters, _signs(arm.means) if metric.kind == "median" else _deviations(arm, metric.ratio))
    if metric.kind in correlation.KINDS:
        own = correlation.pairs(by_name)
        return Influence(own.clusters, correlation.of(metric.kind, own)[1])
    first, second = _arm(by_name, "first"), _arm(by_name, "second")
    if metric.kind == "change":
        first, second = paired(first, second)
        return Influence(first.clusters, _deviations(first, metric.ratio) - _deviations(second, metric.ratio))
    if metric.kind == "difference":
        import numpy as np

        deviations = _deviations(first, metric.ratio), -_deviations(second, metric.ratio)
        return Influence(first.clusters + second.clusters, np.concatenate(deviations))
    raise ValueError(f"{metric.name} has no rows")


def _arm(by_name: dict[str, Arm], name: str) -> Arm:
    if name not in by_name:
        raise ValueError(f"no rows of the arm {name!r}")
    return by_name[name]


def _deviations(arm: Arm, ratio: bool) -> Array:
    """Return the clusters' deviations from their mean, each divided by their number.

    Those of a ratio are of jackknife pseudo-values.
    """
    values = ratios.pseudo_values(arm.totals, arm.counts)[1] if ratio else arm.means
    return (values - values.mean()) / len(values)


def _signs(values: Array) -> Array:
    """Return the influence on a median, but for the density there.

    No correlation depends on that density.
    """
    import numpy as np

    signs: Array = np.sign(values - np.median(values))
    return signs / len(values)


def _of_gap(by_name: dict[str, Arm]) -> Influence:
    """Return the influence on the difference of the two groups farthest apart."""
    pairs = [
        paired(by_name[left], by_name[right])
        for left, right in combinations(sorted(by_name), 2)
        if "/" in left and left.rpartition("/")[0] == right.rpartition("/")[0]
    ]
    if not pairs:
        raise ValueError("a gap needs two groups")
    first, second = max(pairs, key=lambda pair: abs(float((pair[0].means - pair[1].means).mean())))
    differences = first.means - second.means
    mean = float(differences.mean())
    return Influence(first.clusters, (1.0 if mean >= 0.0 else -1.0) * (differences - mean) / len(differences))


def correlations(influences: Sequence[Influence]) -> Array:
    """Return the correlations of values by the clusters that they share.

    A value that no cluster changes is correlated with none.
    """
    import numpy as np

    columns = {
        name: index for index, name in enumerate(dict.fromkeys(name for of in influences for name in of.clusters))
    }
    matrix = np.zeros((len(influences), len(columns)))
    for row, of in zip(matrix, influences, strict=True):
        np.add.at(row, [columns[name] for name in of.clusters], of.values)
    length = np.sqrt((matrix**2).sum(axis=1, keepdims=True))
    matrix = np.divide(matrix, length, out=np.zeros_like(matrix), where=length > 0.0)
    coefficients: Array = matrix @ matrix.T
    np.fill_diagonal(coefficients, 1.0)
    return coefficients


class Joint:
    """The joint distribution of p values of claims at their limits."""

    def __init__(self, matrix: Array) -> None:
        """Draw from the Gaussian copula with these correlations.

        The draws are always the same.
        """
        import numpy as np
        from scipy.special import ndtr

        size = len(matrix)
        root = np.linalg.cholesky((matrix + NUGGET * np.eye(size)) / (1.0 + NUGGET))
        normal = np.random.default_rng(SEED).standard_normal((DRAWS, size))
        self._p = ndtr(normal @ root.T)

    def critical(self, alpha: float, weights: Sequence[float], alone: float) -> float:
        """Return the largest c that keeps the error within alpha.

        That is alone · c + P(min p_i / w_i ≤ c) ≤ alpha. ``weights``: of the claims; 0 leaves a claim out. ``alone``:
        weight of the claims that are outside of this distribution. Never less than what Bonferroni gives.
        """
        import numpy as np

        shares = np.asarray(weights, dtype=np.float64)
        kept = shares > 0.0
        bonferroni = alpha / (float(shares.sum()) + alone)
        if not kept.any():
            return bonferroni
        smallest = np.sort((self._p[:, kept] / shares[kept]).min(axis=1))
        # With k draws at or below c, c may grow up to the next one, and as far as alone · c leaves room.
        below = np.arange(min(int(alpha * DRAWS), DRAWS - 1) + 1)
        room = (alpha - below / DRAWS) / alone if alone > 0.0 else np.full(len(below), np.inf)
        reach = np.minimum(np.nextafter(smallest[below], 0.0), room)
        start = np.concatenate([[0.0], smallest[below[1:] - 1]])
        valid = reach >= start
        return max(float(reach[valid].max(initial=0.0)), bonferroni)
