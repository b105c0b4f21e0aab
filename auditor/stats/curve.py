"""Learning curves: intervals, and the gain from more labels.

Intervals are over seeds and examples. What doubling the labels would add comes from the families of curves that the
points do not contradict (``stats.curve_families``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from auditor.stats import curve_families, seeds
from auditor.stats.clusters import Array

if TYPE_CHECKING:
    import numpy as np

DRAWS = 500
"""Curves drawn from each size's t distribution."""
NOT_IDENTIFIED = 0.05
"""A gain whose interval is wider than this is not identified."""
FEWEST_SIZES = 4


@dataclass(frozen=True, slots=True)
class Point:
    """A metric at one number of labels.

    The value is the mean over seeds, with a two-sided 95 % interval within [0, 1].
    """

    labels: int
    value: float
    low: float
    high: float
    seeds: int
    clusters: tuple[str, ...]
    table: Array = field(repr=False, compare=False)
    """Seeds × clusters: each cluster's share in its seed's value, which is the mean over clusters."""


@dataclass(frozen=True, slots=True)
class Gain:
    """Gain in the metric from doubling the largest number of labels.

    It has a 95 % interval.
    """

    value: float
    low: float
    high: float
    families: tuple[str, ...]
    """Families of curves that the points do not contradict; empty: they contradict all."""

    @property
    def identified(self) -> bool:
        """Whether a family fits and the interval is narrow enough."""
        return bool(self.families) and self.high - self.low <= NOT_IDENTIFIED


def point(labels: int, by_seed: Sequence[Mapping[str, tuple[float, float]]], *, ratio: bool = False) -> Point:
    """Return the point of one number of labels.

    ``by_seed``: for each seed, cluster → (total, count); clusters that all seeds have count. The interval is that of
    ``seeds.bounds``. Raises ValueError without common clusters.
    """
    table = seeds.table(by_seed, ratio=ratio)
    low, high = seeds.bounds(table, seeds.SIDE, low=0.0, high=1.0)
    return Point(labels, table.value, low, high, len(table.values), table.clusters, table.values)


def labels_to(points: Sequence[Point], target: float) -> tuple[int, int, int] | None:
    """Return how many labels reach the target, with an interval.

    The result is (number, low, high): ``number`` is the smallest measured number whose value reaches the target,
    ``low`` the first size whose upper bound does, ``high`` the first whose lower bound does, or the largest size. It is
    None if no size reaches the target.
    """
    ordered = sorted(points, key=lambda point: point.labels)
    reached = next((point.labels for point in ordered if point.value >= target), None)
    if reached is None:
        return None
    low = next(point.labels for point in ordered if point.high >= target)
    return reached, low, next((point.labels for point in ordered if point.low >= target), ordered[-1].labels)


def gain_from_doubling(points: Sequence[Point], seed: int) -> Gain | None:
    """Return the gain from doubling the largest number of labels.

    Families of curves (power law, exponential, logistic; all with a floor of the error) are fitted by generalised least
    squares; those that the points contradict at the level of ``curve_families.CONTRADICTED`` are dropped. The value is
    that of the family that fits best, the interval reaches over all that fit: for each, 500 refits, of which every draw
    resamples the examples once for all sizes, which are scored on the same ones, and adds to each size its own draw
    from the t distribution over seeds. It reaches down to 0 where the gain is not identified and where the last size is
    not shown to be better than the one before. Where every family is contradicted, it reaches from 0 to the whole
    error: what any curve may do. The result is None below four sizes, or where a size has only one seed. Nothing is
    said beyond twice the largest size.
    """
    import numpy as np

    ordered = sorted(points, key=lambda point: point.labels)
    if len(ordered) < FEWEST_SIZES or min(point.seeds for point in ordered) < 2:
        return None
    common = sorted(set.intersection(*(set(point.clusters) for point in ordered)))
    if not common:
        return None
    curves, covariance = _resampled(ordered, common, np.random.default_rng(seed))
    sizes = np.array([point.labels for point in ordered], dtype=np.float64)
    degrees = sum(point.seeds - 1 for point in ordered)
    fits = curve_families.fitted(sizes, 1.0 - np.clip(curves, 0.0, 1.0), covariance)
    standing = [fit for fit in fits if not fit.contradicted(degrees)]
    value = float(min(standing or fits, key=lambda fit: fit.misfit).gains[0])
    if not standing:
        return Gain(value, 0.0, max(value, 1.0 - ordered[-1].value), ())
    ends = [np.quantile(fit.gains[1:], (seeds.SIDE, 1 - seeds.SIDE)) for fit in standing]
    low, high = min(float(end[0]) for end in ends), max(float(end[1]) for end in ends)
    if high - low > NOT_IDENTIFIED or not _still_rising(curves[0], covariance, degrees):
        low = 0.0
    return Gain(value, min(low, value), max(high, value), tuple(fit.family for fit in standing))


def _still_rising(values: Array, covariance: Array, degrees: int) -> bool:
    """Whether the last size is better than the one before it.

    Otherwise the curve may be flat by now, whatever family it came from. The test is a one-sided t test at 5 %.
    """
    from scipy.special import stdtrit

    variance = covariance[-1, -1] + covariance[-2, -2] - 2 * covariance[-1, -2]
    error = max(float(variance), 0.0) ** 0.5
    return bool(float(values[-1] - values[-2]) > float(stdtrit(degrees, 0.95)) * error)


def _resampled(ordered: Sequence[Point], common: Sequence[str], rng: np.random.Generator) -> tuple[Array, Array]:
    """Return curves, the measured one first, and the covariance of its points.

    ``curves``: (1 + DRAWS) × sizes. The covariance is that of the examples, which the sizes share, and on its diagonal
    that of the seeds.
    """
    import numpy as np

    picked = rng.integers(len(common), size=(DRAWS, len(common)))
    curves = np.empty((DRAWS + 1, len(ordered)))
    means, errors = [], []
    for index, point in enumerate(ordered):
        place = {name: position for position, name in enumerate(point.clusters)}
        mean = point.table.mean(axis=0)[[place[name] for name in common]]
        error = seeds.seed_error(point.table)
        by_seeds = rng.standard_t(point.seeds - 1, DRAWS) * error
        curves[0, index] = point.value
        curves[1:, index] = point.value + by_seeds + mean[picked].mean(axis=1) - mean.mean()
        means.append(mean)
        errors.append(error)
    of_examples = np.cov(np.array(means)) / len(common) if len(common) > 1 else np.zeros((len(ordered),) * 2)
    # Few seeds may agree by chance: each size's error is pulled halfway to that of all sizes.
    variances = np.square(errors)
    return curves, of_examples + np.diag((variances + variances.mean()) / 2)
