"""Values over several trainings: intervals, differences and Holm's correction.

The intervals hold the spread between seeds and between examples; the differences are paired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from auditor.stats import intervals, ratios
from auditor.stats.clusters import Array

SIDE = 0.025
"""Error of each side of the two-sided 95 % interval."""
SMALLEST_P = 1e-6

Sums = Mapping[str, tuple[float, float]]
"""Cluster → (total, count)."""


@dataclass(frozen=True, slots=True)
class Table:
    """Each cluster's share in each seed's value."""

    clusters: tuple[str, ...]
    values: Array = field(repr=False)
    """Seeds × clusters: each cluster's share in its seed's value, which is the mean over clusters."""
    cases: float
    ratio: bool

    @property
    def value(self) -> float:
        """Return the mean over seeds."""
        return float(self.values.mean())


def table(by_seed: Sequence[Sums], *, ratio: bool = False) -> Table:
    """Return the table of the clusters that all seeds have.

    For a mean, a cluster must count in all seeds. Raises ValueError if there is none.
    """
    import numpy as np

    counted = [{name for name, (_, count) in seed.items() if ratio or count} for seed in by_seed]
    clusters = tuple(sorted(set.intersection(*counted))) if counted else ()
    if not clusters:
        raise ValueError("no common clusters")
    sums = np.array([[seed[name] for name in clusters] for seed in by_seed], dtype=np.float64)
    totals, counts = sums[:, :, 0], sums[:, :, 1]
    if ratio:
        rows = [ratios.pseudo_values(total, count) for total, count in zip(totals, counts, strict=True)]
        values = np.array([pseudo - pseudo.mean() + value for value, pseudo in rows])
    else:
        values = totals / counts
    return Table(clusters, values, float(counts.sum()), ratio)


def difference(first: Table, second: Table) -> Table:
    """Return first − second over the clusters of both.

    Seeds are paired in their order. Raises ValueError for different numbers of seeds, and without common clusters.
    """
    import numpy as np

    common = sorted(set(first.clusters) & set(second.clusters))
    if not common or len(first.values) != len(second.values):
        raise ValueError("no common clusters, or different numbers of seeds")
    columns = []
    for side in (first, second):
        place = {name: index for index, name in enumerate(side.clusters)}
        columns.append(side.values[:, np.array([place[name] for name in common])])
    return Table(tuple(common), columns[0] - columns[1], min(first.cases, second.cases), first.ratio)


def seed_error(values: Array) -> float:
    """Return the standard error of the mean over seeds.

    There must be two seeds or more.
    """
    return float(values.mean(axis=1).std(ddof=1) / len(values) ** 0.5)


def bounds(table: Table, alpha: float, *, low: float, high: float) -> tuple[float, float]:
    """Return one-sided bounds of the mean over seeds.

    They are in [low, high], and each is wrong with probability at most about ``alpha``. The error has a seed part (t
    with S − 1 degrees of freedom; bootstrapping three seeds covers 73 %) and an example part (the bounds of a mean of
    the clusters' values, or of a ratio's jackknife), added in squares. With one seed only the example part is known.
    """
    import numpy as np
    from scipy.special import stdtrit

    mean, value, width = table.values.mean(axis=0), table.value, max(abs(low), abs(high))
    if table.ratio:
        below, above = ratios.logit_bounds(value, mean, alpha) if low >= 0.0 else intervals.scaled_change(mean, alpha)
    else:
        of_mean = intervals.korn_graubard if low >= 0.0 else intervals.rises_and_falls
        below, above = (width * end for end in of_mean(mean / width, table.cases, alpha))
    seeds = len(table.values)
    half = float(stdtrit(seeds - 1, 1 - alpha)) * seed_error(table.values) if seeds > 1 else 0.0
    ends = value - float(np.hypot(value - below, half)), value + float(np.hypot(above - value, half))
    return max(low, ends[0]), min(high, ends[1])


def p_value(table: Table, width: float) -> float:
    """Return the two-sided p of a mean difference.

    The difference is in [-width, width]; p is the level at which its interval ends at zero.
    """

    def holds_zero(p: float) -> bool:
        low, high = bounds(table, p / 2, low=-width, high=width)
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
    """Return adjusted p values in the order given (Holm 1979).

    Those of at most 0.05 keep the family-wise error at 5 %.
    """
    order = sorted(range(len(ps)), key=ps.__getitem__)
    adjusted, largest = [0.0] * len(ps), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[index]))
        adjusted[index] = largest
    return adjusted
