"""Learning curves: intervals, and the gain from more labels.

Intervals are over seeds and examples; a power law tells what doubling the labels would add.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from auditor.stats import seeds
from auditor.stats.clusters import Array

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

    @property
    def identified(self) -> bool:
        """Whether the interval is narrow enough to identify the gain."""
        return self.high - self.low <= NOT_IDENTIFIED


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

    A power law of the error, a + b·n^(−c) with a, b ≥ 0 and c in [0.05, 2], gives the gain. Its interval is that of 500
    refits: every draw resamples the examples once for all sizes, which are scored on the same ones, and adds to each
    size its own draw from the t distribution over seeds. The result is None below four sizes, or where a size has only
    one seed. Nothing is said beyond twice the largest size.
    """
    import numpy as np

    ordered = sorted(points, key=lambda point: point.labels)
    if len(ordered) < FEWEST_SIZES or min(point.seeds for point in ordered) < 2:
        return None
    common = sorted(set.intersection(*(set(point.clusters) for point in ordered)))
    if not common:
        return None
    rng = np.random.default_rng(seed)
    picked = rng.integers(len(common), size=(DRAWS, len(common)))
    curves = np.empty((DRAWS + 1, len(ordered)))
    for index, point in enumerate(ordered):
        place = {name: position for position, name in enumerate(point.clusters)}
        mean = point.table.mean(axis=0)[[place[name] for name in common]]
        by_seeds = rng.standard_t(point.seeds - 1, DRAWS) * seeds.seed_error(point.table)
        curves[0, index] = point.value
        curves[1:, index] = point.value + by_seeds + mean[picked].mean(axis=1) - mean.mean()
    sizes = np.array([point.labels for point in ordered], dtype=np.float64)
    gains = _gains(sizes, 1.0 - np.clip(curves, 0.0, 1.0))
    low, high = (float(bound) for bound in np.quantile(gains[1:], (seeds.SIDE, 1 - seeds.SIDE)))
    value = float(gains[0])
    return Gain(value, min(low, value), max(high, value))


def _gains(sizes: Array, errors: Array) -> Array:
    """Return for each row of errors the gain of the best fit.

    ``errors``: draws × sizes. c is on a grid, a and b come from least squares. For a given c the least squares with a,
    b ≥ 0 are the free ones where those are allowed, else the better of a = 0 and b = 0.
    """
    import numpy as np

    best = np.full(len(errors), np.inf)
    gains = np.zeros(len(errors))
    centre = errors.mean(axis=1)
    for c in np.linspace(0.05, 2.0, 40):
        x = (sizes / sizes[-1]) ** -c
        slope = (errors - centre[:, None]) @ (x - x.mean()) / ((x - x.mean()) ** 2).sum()
        free = (slope >= 0) & (centre - slope * x.mean() >= 0)
        through = errors @ x / (x @ x)
        options = [
            (np.where(free, centre - slope * x.mean(), np.inf), np.where(free, slope, 0.0)),
            (np.zeros_like(centre), through),
            (centre, np.zeros_like(centre)),
        ]
        for a, b in options:
            residual = ((errors - a[:, None] - b[:, None] * x) ** 2).sum(axis=1)
            better = residual < best - 1e-15
            best = np.where(better, residual, best)
            gains = np.where(better, b * (1.0 - 2.0**-c), gains)
    return gains
