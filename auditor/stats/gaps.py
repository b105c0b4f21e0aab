"""Bounds of the largest gap between groups.

The largest of several observed gaps is larger than the largest true one on average: eight groups without any gap show
2.8 standard errors of a group's mean. So the bounds invert a test for the largest gap itself, with the joint normal
distribution of the groups' means as their clusters give it (as the studentised range of Tukey & Kramer does for
independent groups; for maxima in general see Chernozhukov, Lee & Rosen 2013, "Intersection bounds", Econometrica).

- High: θ is rejected when at most ``alpha`` of the draws show a gap as small as the observed one. For each pair in turn
  the pair is θ apart and all other groups lie midway, where they add least (Anderson 1955).
- Low: θ is rejected when at most ``alpha`` of the draws show a gap as large. The groups above the middle of the
  observed means are θ above those below.

Draws carry no tails: below an error of TAIL the sum over pairs, and the pair alone, stand for them. Few events make the
means' distribution skew; so the distance that the normal gives is read as an error, and the bounds of that error are
those of the pair's own differences.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Any

from auditor.stats import intervals
from auditor.stats.clusters import Arm, Array, paired

Bounds = tuple[float, float]

DRAWS = 2000
TAIL = 0.01
"""Errors up to this are not read from the draws."""
DOUBTFUL = 5
"""Pairs of which the high bound is the largest; more would not be farther apart, and cost their time."""
STEPS = 20
"""Halvings of the interval in which the low bound lies."""
LEAST_ERROR = 1e-9
"""A standard error below is that of differences that are all equal."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two groups: the first's mean is at least the second's."""

    first: int
    second: int
    differences: Array
    """First less second, by cluster."""
    gap: float
    error: float

    def bounds(self, alpha: float) -> Bounds:
        """Return bounds of the gap of this pair alone."""
        differences = self.differences
        whole = bool((differences == differences.round()).all())
        cases = float(len(differences)) if whole else float("inf")
        return intervals.rises_and_falls(differences, cases, min(alpha, 0.499))


@dataclass(frozen=True, slots=True)
class _Family:
    """Groups that are compared, by place."""

    pairs: tuple[_Pair, ...]
    means: Array
    clusters: int
    noise: Array
    """Groups × draws: errors of the groups' means."""

    @property
    def widest(self) -> _Pair:
        """Return the pair with the largest gap."""
        return max(self.pairs, key=lambda pair: pair.gap)

    @property
    def doubtful(self) -> tuple[_Pair, ...]:
        """Return the pairs whose gap may be farthest above what was observed.

        They are those with the largest errors, and the one with the least, whose variance may not have been seen yet.
        """
        ordered = sorted(self.pairs, key=lambda pair: pair.error)
        return tuple({id(pair): pair for pair in (ordered[0], *ordered[-DOUBTFUL:])}.values())


def bounds(families: Sequence[Sequence[Arm]], alpha: float) -> tuple[float, Bounds, int]:
    """Return the families' largest gap, its bounds and the number of clusters.

    The value is the plain observed gap, which follows from the groups' means as they are shown; the bounds alone take
    the bias of a maximum off, so the high one may lie at the value. ``families``: groups with values in [0, 1], of
    which two or more are compared with each other. Raises ValueError without two groups of one family.
    """
    measured = [_family(groups) for groups in families if len(groups) > 1]
    if not measured:
        raise ValueError("a gap needs two groups")
    low = max(_low(family, alpha / len(measured)) for family in measured)
    high = max(_high(family, alpha) for family in measured)
    value = max(family.widest.gap for family in measured)
    return value, (max(0.0, low), high), max(family.clusters for family in measured)


def _family(groups: Sequence[Arm]) -> _Family:
    import numpy as np

    pairs = [_pair(i, j, groups[i], groups[j]) for i, j in combinations(range(len(groups)), 2)]
    clusters = max(len(pair.differences) for pair in pairs)
    return _Family(
        pairs=tuple(pairs),
        means=np.array([float(arm.means.mean()) for arm in groups]),
        clusters=clusters,
        noise=_root(_covariance(groups)) @ _draws(len(groups), clusters - 1),
    )


def _pair(i: int, j: int, left: Arm, right: Arm) -> _Pair:
    first, second = paired(left, right)
    differences = first.means - second.means
    n, gap = len(differences), float(differences.mean())
    error = float(differences.std(ddof=1)) / n**0.5 if n > 1 else 0.0
    return _Pair(i, j, differences, gap, error) if gap >= 0 else _Pair(j, i, -differences, -gap, error)


def _covariance(groups: Sequence[Arm]) -> Array:
    """Return the covariance of the groups' means.

    A group without a cluster has no share of it.
    """
    import numpy as np

    names = groups[0].clusters
    if any(arm.clusters != names for arm in groups):
        names = tuple(sorted({name for arm in groups for name in arm.clusters}))
    place = {name: index for index, name in enumerate(names)}
    shares = np.zeros((len(names), len(groups)))
    for column, arm in enumerate(groups):
        n = len(arm.clusters)
        own = slice(None) if arm.clusters == names else [place[name] for name in arm.clusters]
        shares[own, column] = (arm.means - arm.means.mean()) / (n * max(n - 1, 1)) ** 0.5
    return shares.T @ shares


def _root(covariance: Array) -> Array:
    import numpy as np

    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(values.clip(min=0.0))


@cache
def _normal(groups: int) -> tuple[Array, Array]:
    import numpy as np

    rng = np.random.default_rng(2013)
    return rng.standard_normal((groups, DRAWS)), rng.standard_normal(DRAWS)


def _draws(groups: int, degrees: int) -> Array:
    """Return draws from a multivariate t, the same at every call.

    The χ² of its scale is by Wilson & Hilferty's (1931) cube root.
    """
    normal, scale = _normal(groups)
    part = 2.0 / (9.0 * max(degrees, 2))
    cube = (1.0 - part + scale * part**0.5).clip(min=0.2) ** 3
    return normal / cube**0.5


def _beyond(distances: Any, errors: Any, degrees: int) -> Any:
    """Return the probability that t noise of an error exceeds a distance.

    Distances and errors are numbers or arrays.
    """
    from scipy.special import stdtr

    return stdtr(max(degrees, 1), -distances / errors)


def _high(family: _Family, alpha: float) -> float:
    """Return the high bound of the family's largest gap."""
    largest, degrees = family.widest.gap, family.clusters - 1
    farthest = 0.0
    for pair in family.doubtful:
        error = alpha
        if pair.error > LEAST_ERROR and alpha > TAIL:
            distance = max(_reach(family.noise, pair, largest, alpha) - largest, 0.0)
            error = max(alpha, float(_beyond(distance, pair.error, degrees)))
        farthest = max(farthest, pair.bounds(error)[1] - pair.gap)
    return largest + farthest


def _reach(noise: Array, pair: _Pair, largest: float, alpha: float) -> float:
    """Return the largest θ of this pair that the draws allow.

    With it, ``alpha`` of the draws show no larger gap than was observed.
    """
    import numpy as np

    first, second = noise[pair.first], noise[pair.second]
    fits = largest - first + second
    others = np.delete(noise, [pair.first, pair.second], axis=0)
    if len(others):
        top, bottom = others.max(axis=0), others.min(axis=0)
        fits = np.minimum(fits, 2.0 * np.minimum(largest + bottom - first, largest - top + second))
        fits[top - bottom > largest] = 0.0
    place = min(math.ceil((1.0 - alpha) * DRAWS), DRAWS - 1)
    return float(np.partition(fits, place)[place])


def _low(family: _Family, alpha: float) -> float:
    """Return the low bound of the family's largest gap."""
    widest, least = family.widest, alpha / len(family.pairs)
    if widest.error <= LEAST_ERROR:
        return widest.bounds(least)[0]
    rejected = _rejection(family, alpha)
    if not rejected(0.0):
        return 0.0
    low, high = 0.0, widest.gap
    for _ in range(STEPS):
        theta = (low + high) / 2
        low, high = (theta, high) if rejected(theta) else (low, theta)
    error = float(_beyond(widest.gap - low, widest.error, family.clusters - 1))
    return widest.bounds(min(max(error, least / 2), alpha))[0]


def _rejection(family: _Family, alpha: float) -> Callable[[float], bool]:
    """Return the test that rejects a largest gap of θ.

    It does where such a gap hardly shows one as large as was observed.
    """
    import numpy as np

    largest, degrees, noise = family.widest.gap, family.clusters - 1, family.noise
    above = family.means > (family.means.max() + family.means.min()) / 2
    if not above.any():
        above = np.arange(len(family.means)) == family.widest.first
    pairs = [pair for pair in family.pairs if pair.error > LEAST_ERROR]
    errors = np.array([pair.error for pair in pairs])
    apart = np.array([float(above[pair.first]) - float(above[pair.second]) for pair in pairs])
    upper, lower = noise[above], noise[~above]
    ends = [(part.max(axis=0), part.min(axis=0)) for part in (upper, lower)]
    within = np.maximum(ends[0][0] - ends[0][1], ends[1][0] - ends[1][1]) >= largest
    from_, to = largest - (ends[0][0] - ends[1][1]), (ends[1][0] - ends[0][1]) - largest

    def rejected(theta: float) -> bool:
        tails = _beyond(largest - theta * apart, errors, degrees) + _beyond(largest + theta * apart, errors, degrees)
        if float(tails.sum()) <= alpha:
            return True
        return alpha > TAIL and float((within | (from_ <= theta) | (to >= theta)).mean()) <= alpha

    return rejected
