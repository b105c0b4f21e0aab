"""Correlations of two numbers of each case, and their bounds.

Pearson's is of the numbers, Spearman's of their mid-ranks. Both are over all cases; clusters of cases are drawn. Bounds
are on Fisher's z scale (1921), and the wider of two: Fisher's, with Bonett & Wright's variance (2000) for ranks, which
are of independent cases and for Pearson's of normal numbers; and those of the clusters' influences, with Student's t at
the degrees of freedom that the influences' kurtosis leaves (Satterthwaite 1946). Of skewed numbers (lognormal, σ = 0.7)
Fisher's alone miss 10 to 30 % for 5 %, of five alike cases a cluster 15 %; the wider misses 6 % at most, and 7 % (of
Spearman's 30 cases once 10 %) where errors grow with the number, so that few cases decide.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from auditor.stats.clusters import Arm, Array
from auditor.stats.intervals import Bounds, clopper_pearson, t_quantile
from auditor.types import Kind, Row

KINDS: tuple[Kind, ...] = ("correlation", "rank_correlation")
"""Kinds of metrics that are correlations: Pearson's, Spearman's."""
FIRST, SECOND = "answer", "gold"
"""Arms begin so, and end with the number of the case in its cluster: ``answer 1`` belongs to ``gold 1``."""
LINE = 1e-12
"""A correlation this near to 1 is that of points that all lie on a line."""

LARGE = 0.05
"""A cluster of several cases, more than this share of all, moves ranks too far for a first order."""


def rows(pairs: Sequence[tuple[str, float, float]]) -> Iterator[Row]:
    """Yield the rows of cases: cluster, first and second number."""
    cases: dict[str, int] = {}
    for cluster, first, second in pairs:
        cases[cluster] = cases.get(cluster, 0) + 1
        yield Row(cluster, f"{FIRST} {cases[cluster]}", first, 1.0)
        yield Row(cluster, f"{SECOND} {cases[cluster]}", second, 1.0)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Two numbers of each case, and the place of its cluster.

    ``first``, ``second`` and ``of`` are arrays of one length.
    """

    clusters: tuple[str, ...]
    of: Array
    first: Array
    second: Array


def pairs(by_name: Mapping[str, Arm]) -> Pairs:
    """Return the pairs of arms, ordered by cluster.

    Raises ValueError for a number that has no partner.
    """
    import numpy as np

    names = sorted({name for arm in by_name.values() for name in arm.clusters})
    place = {name: index for index, name in enumerate(names)}
    of, first, second = [], [], []
    for name, arm in by_name.items():
        kind, _, case = name.partition(" ")
        partner = by_name.get(f"{SECOND if kind == FIRST else FIRST} {case}")
        if kind not in (FIRST, SECOND) or partner is None or partner.clusters != arm.clusters:
            raise ValueError(f"the numbers of {name!r} have no partners")
        if kind == FIRST:
            of.append(np.array([place[cluster] for cluster in arm.clusters]))
            first.append(arm.means)
            second.append(partner.means)
    columns = [np.concatenate(parts) for parts in (of, first, second)]
    order = np.argsort(columns[0], kind="stable")
    return Pairs(tuple(names), *(column[order] for column in columns))


def undefined(own: Pairs) -> bool:
    """Tell whether all first or all second numbers are equal."""
    return any(float(numbers.min()) == float(numbers.max()) for numbers in (own.first, own.second))


def of(kind: Kind, own: Pairs) -> tuple[float, Array]:
    """Return a correlation, and the influence of every cluster on it.

    The squares of the influences add up to its variance. Raises ValueError where it is not defined.
    """
    if undefined(own):
        raise ValueError("equal numbers have no correlation")
    value, influence = (_pearson if kind == "correlation" else _spearman)(own)
    return min(max(value, -1.0), 1.0), influence


def _pearson(own: Pairs) -> tuple[float, Array]:
    """Return Pearson's correlation, and its jackknife by clusters."""
    import numpy as np

    first, second = _standard(own.first), _standard(own.second)
    n = len(own.clusters)
    moments = (np.ones_like(first), first, second, first * first, second * second, first * second)
    sums = np.stack([np.bincount(own.of, moment, n) for moment in moments])
    value, rest = float((first * second).mean()), sums.sum(axis=1, keepdims=True) - sums
    cases = rest[0].clip(min=1.0)
    spreads = (rest[3] - rest[1] ** 2 / cases) * (rest[4] - rest[2] ** 2 / cases)
    # Where equal numbers alone are left there is none, and none is what the cluster leaves.
    defined = spreads > (LINE * len(first)) ** 2
    without = np.where(defined, (rest[5] - rest[1] * rest[2] / cases) / np.sqrt(np.where(defined, spreads, 1.0)), 0.0)
    return value, ((n - 1) / n) ** 0.5 * (without.mean() - without)


def _standard(numbers: Array) -> Array:
    """Return numbers of mean 0 and variance 1, whatever their size."""
    deviations = _centred(numbers / abs(numbers).max())
    return deviations / deviations.std()


def _spearman(own: Pairs) -> tuple[float, Array]:
    """Return Spearman's correlation, and its jackknife by clusters.

    Clusters of several cases, more than LARGE, are left out in truth. Of smaller ones it is to the first order: a case
    counts by its own ranks, and by what it adds to the ranks of others.
    """
    import numpy as np

    first, second = _Ranks(own.first), _Ranks(own.second)
    u, v = first.shares, second.shares
    spreads = float((u * u).mean()) - 0.25, float((v * v).mean()) - 0.25
    scale = (spreads[0] * spreads[1]) ** 0.5
    value = (float((u * v).mean()) - 0.25) / scale
    together = _centred(u * v + first.above(v) + second.above(u))
    alone = _centred(u * u + 2.0 * first.above(u)) / spreads[0], _centred(v * v + 2.0 * second.above(v)) / spreads[1]
    cases = (together / scale - value / 2.0 * (alone[0] + alone[1])) / len(u)
    n, counts = len(own.clusters), np.bincount(own.of)
    if n == 1:
        return value, np.zeros(1)
    moved = np.bincount(own.of, cases, n) / (1.0 - counts / len(own.of))
    for place in np.flatnonzero((counts > 1) & (counts > LARGE * len(own.of))).tolist():
        moved[place] = value - _without(own, place)
    return value, ((n - 1) / n) ** 0.5 * _centred(moved)


def _without(own: Pairs, place: int) -> float:
    """Return Spearman's correlation without the cluster at a place.

    It is 0 where equal numbers alone are left.
    """
    kept = own.of != place
    u, v = (_centred(_Ranks(numbers[kept]).shares) for numbers in (own.first, own.second))
    spread = float((u * u).mean() * (v * v).mean())
    return float((u * v).mean()) / spread**0.5 if spread > LINE**2 else 0.0


def _centred(values: Array) -> Array:
    return values - values.mean()


class _Ranks:
    """Mid-ranks of numbers, as shares of their number."""

    def __init__(self, numbers: Array) -> None:
        import numpy as np

        _, self._place, counts = np.unique(numbers, return_inverse=True, return_counts=True)
        self._n = len(numbers)
        self.shares: Array = ((np.cumsum(counts) - counts / 2.0) / self._n)[self._place]

    def above(self, weights: Array) -> Array:
        """Return for each number the mean weight of those above it.

        Equal numbers count half.
        """
        import numpy as np

        sums = np.bincount(self._place, weights)
        above: Array = ((np.cumsum(sums[::-1])[::-1] - sums / 2.0) / self._n)[self._place]
        return above


def fisher(kind: Kind, value: float, cases: int, alpha: float) -> float:
    """Return Fisher's half-width on the z scale.

    It is infinite for fewer than four cases.
    """
    from scipy.special import ndtri

    if cases <= 3:
        return math.inf
    spread = 1.0 if kind == "correlation" else 1.0 + value**2 / 2.0
    return float(ndtri(1.0 - alpha)) * math.sqrt(spread / (cases - 3.0))


def bounds(kind: Kind, by_name: Mapping[str, Arm], alpha: float) -> tuple[float, Bounds, int]:
    """Return a correlation, its one-sided bounds and its clusters.

    Where all points lie on a line, the bounds are those of as many clusters that all agree. Raises ValueError where
    there is no correlation.
    """
    own = pairs(by_name)
    value, influence = of(kind, own)
    n = len(own.clusters)
    if 1.0 - abs(value) <= LINE:
        nearest = 2.0 * clopper_pearson(float(n), float(n), alpha)[0] - 1.0
        return value, (nearest, 1.0) if value > 0 else (-1.0, -nearest), n
    half = max(fisher(kind, value, len(own.first), alpha), _of_clusters(value, influence, alpha))
    centre = math.atanh(value)
    return value, (math.tanh(centre - half), math.tanh(centre + half)), n


def _of_clusters(value: float, influence: Array, alpha: float) -> float:
    """Return the half-width on the z scale that the influences give."""
    n, variance = len(influence), float((influence**2).sum())
    if n < 2 or variance <= 0.0:
        return 0.0 if n > 1 else math.inf
    kurtosis = n * float((influence**4).sum()) / variance**2
    degrees = min(n - 1.0, max(2.0 * n / (kurtosis - 1.0), 2.0)) if kurtosis > 1.0 else n - 1.0
    return t_quantile(degrees, alpha) * math.sqrt(variance) / (1.0 - value * value)
