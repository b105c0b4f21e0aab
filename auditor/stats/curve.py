"""Learning curves: intervals over seeds and examples, a power law, what doubling the labels would buy."""

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
    """A metric at one number of labels: mean over seeds, two-sided 95 % interval within [0, 1]."""

    labels: int
    value: float
    low: float
    high: float
    seeds: int
    clusters: tuple[str, ...]
    table: Array = field(repr=False, compare=False)
    """Seeds × clusters: each cluster's share in its seed's value, whose mean over clusters is that value."""


@dataclass(frozen=True, slots=True)
class Gain:
    """What doubling the largest number of labels would add to the metric, with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def identified(self) -> bool:
        return self.high - self.low <= NOT_IDENTIFIED


def point(labels: int, by_seed: Sequence[Mapping[str, tuple[float, float]]], *, ratio: bool = False) -> Point:
    """The point of one size from each seed's cluster → (total, count), over the clusters that all seeds have.

    The interval is that of ``seeds.bounds``. Raises ValueError without common clusters.
    """
    found = seeds.table(by_seed, ratio=ratio)
    low, high = seeds.bounds(found, seeds.SIDE, low=0.0, high=1.0)
    return Point(labels, found.value, low, high, len(found.values), found.clusters, found.values)


def labels_to(points: Sequence[Point], target: float) -> tuple[int, int, int] | None:
    """The smallest measured number of labels whose value reaches the target, and those whose interval does.

    (number, low, high): low is the first size whose upper bound reaches the target, high the first whose lower bound
    does, or the largest size. None: no size reaches it.
    """
    ordered = sorted(points, key=lambda one: one.labels)
    reached = next((one.labels for one in ordered if one.value >= target), None)
    if reached is None:
        return None
    low = next(one.labels for one in ordered if one.high >= target)
    return reached, low, next((one.labels for one in ordered if one.low >= target), ordered[-1].labels)


def gain_from_doubling(points: Sequence[Point], seed: int) -> Gain | None:
    """Power law of the error, a + b·n^(−c) with a, b ≥ 0 and c in [0.05, 2], and the gain from doubling the largest n.

    The interval is that of 500 refits: every draw resamples the examples once for all sizes, which are scored on the
    same ones, and adds to each size its own draw from the t distribution over seeds. None below four sizes, or where a
    size has one seed only. Nothing is said beyond twice the largest size.
    """
    import numpy as np

    ordered = sorted(points, key=lambda one: one.labels)
    if len(ordered) < FEWEST_SIZES or min(one.seeds for one in ordered) < 2:
        return None
    common = sorted(set.intersection(*(set(one.clusters) for one in ordered)))
    if not common:
        return None
    rng = np.random.default_rng(seed)
    picked = rng.integers(len(common), size=(DRAWS, len(common)))
    curves = np.empty((DRAWS + 1, len(ordered)))
    for index, one in enumerate(ordered):
        place = {name: position for position, name in enumerate(one.clusters)}
        mean = one.table.mean(axis=0)[[place[name] for name in common]]
        by_seeds = rng.standard_t(one.seeds - 1, DRAWS) * seeds.seed_error(one.table)
        curves[0, index] = one.value
        curves[1:, index] = one.value + by_seeds + mean[picked].mean(axis=1) - mean.mean()
    sizes = np.array([one.labels for one in ordered], dtype=np.float64)
    gains = _gains(sizes, 1.0 - np.clip(curves, 0.0, 1.0))
    low, high = (float(one) for one in np.quantile(gains[1:], (seeds.SIDE, 1 - seeds.SIDE)))
    value = float(gains[0])
    return Gain(value, min(low, value), max(high, value))


def _gains(sizes: Array, errors: Array) -> Array:
    """For each row of errors (draws × sizes) the gain of the best fit: c on a grid, a and b by least squares.

    For a given c the least squares with a, b ≥ 0 is the free one where that is allowed, else the better of a = 0, b = 0.
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
