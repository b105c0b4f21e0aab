"""Numbers of trainings: intervals that hold the spread between seeds and between examples, paired differences, Holm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from auditor.stats import intervals
from auditor.stats.clusters import Array

SIDE = 0.025
"""Error of each side of the two-sided 95 % interval."""
SMALLEST_P = 1e-6

Sums = Mapping[str, tuple[float, float]]
"""Cluster → (total, count)."""


@dataclass(frozen=True, slots=True)
class Table:
    """What each seed's value is made of."""

    clusters: tuple[str, ...]
    values: Array = field(repr=False)
    """Seeds × clusters: each cluster's share in its seed's value, whose mean over clusters is that value."""
    cases: float
    ratio: bool

    @property
    def value(self) -> float:
        """The mean over seeds."""
        return float(self.values.mean())


def table(by_seed: Sequence[Sums], *, ratio: bool = False) -> Table:
    """The clusters that all seeds have, of a mean those that count in all. Raises ValueError where there is none."""
    import numpy as np

    counted = [{name for name, (_, count) in one.items() if ratio or count} for one in by_seed]
    clusters = tuple(sorted(set.intersection(*counted))) if counted else ()
    if not clusters:
        raise ValueError("no common clusters")
    sums = np.array([[one[name] for name in clusters] for one in by_seed], dtype=np.float64)
    totals, counts = sums[:, :, 0], sums[:, :, 1]
    if ratio:
        rows = [intervals.ratio_pseudo_values(one, two) for one, two in zip(totals, counts, strict=True)]
        values = np.array([pseudo - pseudo.mean() + value for value, pseudo in rows])
    else:
        values = totals / counts
    return Table(clusters, values, float(counts.sum()), ratio)


def difference(one: Table, other: Table) -> Table:
    """one − other over the clusters of both, seed by seed in their order. Raises ValueError for other seeds."""
    import numpy as np

    common = sorted(set(one.clusters) & set(other.clusters))
    if not common or len(one.values) != len(other.values):
        raise ValueError("no common clusters, or other seeds")
    columns = []
    for side in (one, other):
        place = {name: index for index, name in enumerate(side.clusters)}
        columns.append(side.values[:, np.array([place[name] for name in common])])
    return Table(tuple(common), columns[0] - columns[1], min(one.cases, other.cases), one.ratio)


def seed_error(values: Array) -> float:
    """Standard error over seeds of the mean; two seeds or more."""
    return float(values.mean(axis=1).std(ddof=1) / len(values) ** 0.5)


def bounds(found: Table, alpha: float, *, low: float, high: float) -> tuple[float, float]:
    """One-sided bounds of the mean over seeds, each wrong with probability at most about ``alpha``, in [low, high].

    Error = seed part (t with S − 1 degrees of freedom; bootstrapping three seeds covers 73 %) plus example part (the
    bounds of a mean of the clusters' values, of a ratio of sums those of its jackknife), added in squares. With one
    seed only the example part is known.
    """
    import numpy as np
    from scipy.special import stdtrit

    mean, width = found.values.mean(axis=0), max(abs(low), abs(high))
    if found.ratio:
        ends = intervals.plus_two_t(mean / width, alpha)
    else:
        of_mean = intervals.korn_graubard if low >= 0.0 else intervals.rises_and_falls
        ends = of_mean(mean / width, found.cases, alpha)
    below, above = (width * end for end in ends)
    seeds, value = len(found.values), found.value
    half = float(stdtrit(seeds - 1, 1 - alpha)) * seed_error(found.values) if seeds > 1 else 0.0
    ends = value - float(np.hypot(value - below, half)), value + float(np.hypot(above - value, half))
    return max(low, ends[0]), min(high, ends[1])


def p_value(found: Table, width: float) -> float:
    """Two-sided p of a mean difference in [-width, width]: the level at which its interval ends at zero."""

    def holds_zero(p: float) -> bool:
        low, high = bounds(found, p / 2, low=-width, high=width)
        return low <= 0.0 <= high

    if not holds_zero(SMALLEST_P):
        return SMALLEST_P
    inside, outside = SMALLEST_P, 1.0 - 1e-9
    if holds_zero(outside):
        return 1.0
    for _ in range(50):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if holds_zero(middle) else (inside, middle)
    return outside


def holm(ps: Sequence[float]) -> list[float]:
    """Adjusted p values in the order given (Holm 1979): at most 0.05 where the family-wise error is held at 5 %."""
    order = sorted(range(len(ps)), key=ps.__getitem__)
    found, largest = [0.0] * len(ps), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[index]))
        found[index] = largest
    return found
