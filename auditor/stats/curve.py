"""Learning curves: intervals over seeds and examples, a power law, what doubling the labels would buy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
    examples: int


@dataclass(frozen=True, slots=True)
class Gain:
    """What doubling the largest number of labels would add to the metric; None: not identified."""

    value: float
    low: float
    high: float

    @property
    def identified(self) -> bool:
        return self.high - self.low <= NOT_IDENTIFIED


def point(labels: int, by_seed: Sequence[Mapping[str, float]]) -> Point:
    """The point of one size from each seed's scores by cluster (in [0, 1]).

    Error = seed part (t with S − 1 degrees of freedom; bootstrapping three seeds covers 73 %) plus example part
    (between clusters of the seeds' mean), added in squares. With one seed only the example part is known.
    """
    import numpy as np
    from scipy.special import stdtrit

    clusters = sorted(set.intersection(*(set(scores) for scores in by_seed)))
    table = np.array([[scores[one] for one in clusters] for scores in by_seed], dtype=np.float64)
    seeds, n = table.shape
    value = float(table.mean())
    between = table.mean(axis=0)
    half_examples = float(stdtrit(max(n - 1, 1), 0.975)) * (float(between.std(ddof=1)) if n > 1 else 0.5) / n**0.5
    half_seeds = 0.0
    if seeds > 1:
        half_seeds = float(stdtrit(seeds - 1, 0.975)) * float(table.mean(axis=1).std(ddof=1)) / seeds**0.5
    half = max((half_examples**2 + half_seeds**2) ** 0.5, 0.5 / n)
    return Point(labels, value, max(0.0, value - half), min(1.0, value + half), seeds, n)


def labels_to(points: Sequence[Point], target: float) -> int | None:
    """The smallest measured number of labels whose value reaches the target; None: not within those measured."""
    return next((one.labels for one in sorted(points, key=lambda one: one.labels) if one.value >= target), None)


def gain_from_doubling(points: Sequence[Point], seed: int) -> Gain | None:
    """Power law of the error, a + b·n^(−c) with a, b, c ≥ 0, refitted on curves drawn from each point's t distribution.

    The gain from doubling the largest size, with the 2.5 % and 97.5 % points over the draws; None below four sizes.
    """
    import numpy as np

    if len(points) < FEWEST_SIZES:
        return None
    ordered = sorted(points, key=lambda one: one.labels)
    sizes = np.array([one.labels for one in ordered], dtype=np.float64)
    rng = np.random.default_rng(seed)
    centre = np.array([one.value for one in ordered])
    scale = np.array([(one.high - one.low) / 2 for one in ordered]) / 1.96
    gains = []
    for draw in range(DRAWS + 1):
        noise = np.zeros(len(ordered)) if draw == 0 else scale * rng.standard_normal(len(ordered))
        gains.append(_gain(sizes, 1.0 - np.clip(centre + noise, 0.0, 1.0)))
    low, high = np.quantile(gains[1:], (0.025, 0.975))
    return Gain(gains[0], min(float(low), gains[0]), max(float(high), gains[0]))


def _gain(sizes: Any, errors: Any) -> float:
    """Best c on a grid; a and b by non-negative least squares, which is exact for a given c."""
    import numpy as np
    from scipy.optimize import nnls

    best, gain = float("inf"), 0.0
    largest = float(sizes[-1])
    for c in np.linspace(0.05, 2.0, 20):
        design = np.column_stack([np.ones_like(sizes), (sizes / largest) ** -c])
        (_, b), residual = nnls(design, errors)
        if residual < best:
            best, gain = residual, float(b * (1.0 - 2.0**-c))
    return gain
