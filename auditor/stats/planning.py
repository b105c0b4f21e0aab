"""How many more clusters decide a claim.

The plan takes the method's own width and its own uncertainty. Copies of the clusters tell how the width falls with
their number, as a / √n + b / n: exact bounds of rare events fall faster than the root. (A regression on clean answers
tells itself how its error falls.) Given the clusters seen, n of
them, the value of N is about normal around the present one with variance s² · (1 − n / N), s being one standard error
on the side in question; so the chance of a decision at N is in closed form, over all true values that the clusters seen
leave possible.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from auditor.stats import regression
from auditor.stats.clusters import Array
from auditor.stats.estimates import bounds, method_for
from auditor.stats.sequential import METHODS as SEQUENTIAL
from auditor.types import Metric, Names, Row, Rows

COPIES = 4
"""Of every cluster, for the width at a larger number."""
EVEN, LIKELY = 0.5, 0.95
"""Chances of a decision at the two ends of the range."""
MOST = 100
"""Times the present clusters: more are not offered."""
STEP = 1.05
"""Ratio of the numbers of clusters that are tried: finer than the two digits that are shown."""
Limits = Callable[[float], tuple[float, float]]
"""Error → one-sided bounds."""
STANDARD = 0.15865525393145707
"""Level of one standard error."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A one-sided bound that decides once it is past a limit."""

    limit: float
    alpha: float
    """Level of the bound."""
    below: bool
    """The upper bound is to be below the limit; else the lower bound above it."""


@dataclass(frozen=True, slots=True)
class More:
    """Numbers of further clusters, to two significant digits."""

    even: int
    """With so many a decision is as likely as not."""
    likely: int | None
    """With so many nineteen of twenty are decided; None where MOST times as many would not do."""


@dataclass(frozen=True, slots=True)
class _Width:
    """Distance of a bound from the value, by number of clusters.

    It is that on one side.
    """

    root: float
    linear: float

    @classmethod
    def of(cls, now: float, later: float) -> _Width:
        """Fit the widths at once and at COPIES times as many clusters."""
        # now = a + b; later = a / √COPIES + b / COPIES, with a and b of the present number.
        side = COPIES**0.5
        if math.isinf(now):
            # Of too few values for a median's bound at this level.
            return cls(side * later, 0.0)
        root = min(max((COPIES * later - now) / (side - 1.0), 0.0), now)
        return cls(root, now - root)

    def at(self, shrinkage: Array) -> Array:
        """Return the width at this part of the present standard error."""
        return self.root * shrinkage + self.linear * shrinkage**2


def more_clusters(
    metric: Metric, method: str, rows: Sequence[Row], goals: Sequence[Goal], *, value: float, clusters: int
) -> More | None:
    """Return how many more clusters bring one of the goals about.

    ``value``, ``clusters``: of these rows. The result is None where MOST times as many would more likely not do.
    """
    fitted = regression.read(method, rows, metric.low, metric.high) if method in regression.METHODS else None

    def limits(method: str, given: Sequence[Row]) -> Limits:
        return lambda alpha: bounds(method, given, alpha, low=metric.low, high=metric.high)

    own = method_for(metric.kind, metric.ratio) if method in SEQUENTIAL else method
    copies = None if fitted is not None else limits(method, copied(rows))
    shrinkage = None if fitted is None else fitted.shrinkage
    return _planned(limits(method, rows), copies, limits(own, rows), shrinkage, goals, value=value, clusters=clusters)


def more_pairs(limits: Limits, copies: Limits, goals: Sequence[Goal], *, value: float, clusters: int) -> More | None:
    """Return how many more clusters decide a difference of two audits.

    ``limits``, ``copies``: bounds by error, of the clusters and of COPIES of them.
    """
    return _planned(limits, copies, limits, None, goals, value=value, clusters=clusters)


def _planned(
    limits: Limits,
    copies: Limits | None,
    spreads: Limits,
    shrinkage: Callable[[Array], Array] | None,
    goals: Sequence[Goal],
    *,
    value: float,
    clusters: int,
) -> More | None:
    """Return how many more clusters bring one of the goals about.

    ``spreads``: bounds that tell one standard error. ``shrinkage``: of the standard error, by how many times as many
    clusters there are; None: by the root.
    """
    import numpy as np
    from scipy.special import ndtr

    tried = math.ceil(math.log(MOST * clusters) / math.log(STEP))
    ratio = 1.0 + STEP ** np.arange(tried + 1) / clusters
    shrunk = 1.0 / np.sqrt(ratio) if shrinkage is None else shrinkage(ratio)
    spread = abs(spreads(STANDARD)[0] - value), abs(spreads(STANDARD)[1] - value)
    chance = np.zeros(len(ratio))
    for goal in goals:
        now = abs(limits(goal.alpha)[goal.below] - value)
        fit = _Width(now, 0.0) if copies is None else _Width.of(now, abs(copies(goal.alpha)[goal.below] - value))
        width = fit.at(shrunk) * _growth(value, goal, *spread)
        edge = goal.limit + (-width if goal.below else width)
        # A value on one side of the present one is as likely as that side's standard error makes it.
        error = np.where(edge > value, spread[1], spread[0]) * np.sqrt(1.0 - shrunk**2)
        ahead = (edge - value) * (1.0 if goal.below else -1.0)
        chance += ndtr(ahead / np.maximum(error, 1e-12))
    even, likely = (_first(chance >= wanted, ratio, clusters) for wanted in (EVEN, LIKELY))
    return None if even is None else More(even, likely)


def _growth(value: float, goal: Goal, below: float, above: float) -> float:
    """Return how much wider the bound is at the goal's limit.

    It is compared with the bound of the present value. ``below``, ``above``: the present standard errors on either
    side. They differ as the spread grows with the value.
    """
    if goal.below == (value <= goal.limit) or min(below, above) <= 0.0:
        return 1.0
    return min(max(below / above if goal.below else above / below, 0.5), 2.0)


def _first(reached: Array, ratio: Array, clusters: int) -> int | None:
    """Return from how many further clusters on a chance is reached."""
    import numpy as np

    missed = np.flatnonzero(~reached)
    place = int(missed[-1]) + 1 if len(missed) else 0
    return _rounded(clusters * (float(ratio[place]) - 1.0)) if place < len(ratio) else None


def _rounded(number: float) -> int:
    """Round up to two significant digits."""
    unit = int(10 ** max(math.floor(math.log10(max(number, 1.0))) - 1, 0))
    return max(math.ceil(number / unit - 1e-9) * unit, 1)


def copied(rows: Sequence[Row]) -> Rows:
    """Return COPIES of every cluster, one round of them after another."""
    columns = Rows.of(rows)
    rounds = range(COPIES)
    names = Names(f"{name}\0{copy}" for copy in rounds for name in columns.names)
    clusters = array("i", (len(columns.names) * copy + place for copy in rounds for place in columns.clusters))
    sums = columns.totals * COPIES, columns.counts * COPIES
    return Rows(names, columns.arm_names, clusters, columns.arms * COPIES, *sums)
