"""Difference of a metric between two audits, with bounds.

It is new − old. On the same clusters it is the mean of the paired differences, by the bounds of rises and falls; a
metric that is itself a difference of two groups of clusters has one such mean a group (Zou & Donner 2008). The largest
gap between groups has bounds of its own (``gap_changes``). On different clusters, and of correlations, it is the hybrid
of both audits' own bounds (Newcombe 1998, Zou 2007), too wide where they are positively correlated. A count over a list
differs exactly. Paired bounds of correlations that were tried miss 20 % where few clusters change.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from auditor.stats import comparisons, correlation, gap_changes, intervals, sequential
from auditor.stats.clusters import Arm, Array, arms
from auditor.stats.estimates import bounds
from auditor.stats.joint import Influence
from auditor.stats.planning import COPIES, copied
from auditor.types import Kind, Measurement, Metric, Row

Bounds = tuple[float, float]
KINDS: tuple[Kind, ...] = ("mean", "change", "difference", "gap", "count", *correlation.KINDS)
"""Kinds of metrics whose differences have bounds."""
HYBRID = "Newcombe's hybrid of both audits' bounds"


class Difference(Protocol):
    """A metric of the new audit less that of the old."""

    @property
    def old(self) -> float:
        """The old audit's value, on the clusters compared."""

    @property
    def new(self) -> float:
        """The new audit's value, on the clusters compared."""

    @property
    def value(self) -> float:
        """New − old."""

    @property
    def clusters(self) -> int:
        """Informative clusters that are compared."""

    @property
    def p(self) -> float | None:
        """Two-sided p value of no difference; None where there is no test."""

    @property
    def discordant(self) -> tuple[int, int] | None:
        """Single cases that only new, and only old, has as yes."""

    @property
    def method(self) -> str:
        """The test and the bounds, in words."""

    @property
    def influence(self) -> Influence | None:
        """Influence of each cluster on the value, where it is known."""

    @property
    def alike(self) -> bool:
        """Whether every cluster has the same sums in both audits."""

    def bounds(self, alpha: float) -> Bounds:
        """Return one-sided bounds, each wrong with probability at most alpha."""

    def copied(self, alpha: float) -> Bounds:
        """Return the bounds of COPIES of every cluster."""


def between(metric: Metric, new: Measurement, old: Measurement, *, paired: bool) -> Difference:
    """Return the difference of a metric between two audits.

    ``paired``: both audits made the same cases, by the names of their clusters; only clusters that both have are read
    (ValueError without), but of correlations and of what is not comparable between models all rows of each audit. A
    count is read on common clusters. Raises ValueError for other kinds than ``KINDS``.
    """
    if metric.kind not in KINDS:
        raise ValueError(f"there is no test of a {metric.kind} number")
    if metric.kind == "count":
        return _counted(new.rows, old.rows)
    if not paired or not metric.comparable or metric.kind in correlation.KINDS:
        return _Unpaired(metric, new, old, alike=paired and list(new.rows) == list(old.rows))
    if metric.kind == "gap":
        return gap_changes.between(new.rows, old.rows)
    any_time = new.method in sequential.METHODS or old.method in sequential.METHODS
    return _paired(metric, new.rows, old.rows, any_time=any_time)


@dataclass(frozen=True, slots=True)
class _Part:
    """Paired differences of the clusters of one arm, or of two."""

    clusters: tuple[str, ...]
    differences: Array
    cases: float
    width: float
    ratio: bool
    any_time: bool
    """The differences are in the order drawn, and the audit may have stopped after any of them."""

    def bounds(self, alpha: float, copies: int = 1) -> Bounds:
        import numpy as np

        differences = np.tile(self.differences, copies)
        if self.ratio:
            return intervals.scaled_change(differences, alpha)
        shares = intervals.unit(differences, self.width)
        if self.any_time:
            low, high = (2.0 * limit - 1.0 for limit in sequential.mean((1.0 + shares) / 2.0, alpha))
        else:
            low, high = intervals.rises_and_falls(shares, self.cases * copies, alpha)
        return self.width * low, self.width * high


@dataclass(frozen=True, slots=True)
class _Paired:
    """Difference on common clusters; the second part is subtracted."""

    old: float
    new: float
    parts: tuple[_Part, ...]
    p: float | None
    discordant: tuple[int, int] | None
    method: str
    alike: bool

    @property
    def value(self) -> float:
        return self.new - self.old

    @property
    def clusters(self) -> int:
        return min(len(part.clusters) for part in self.parts)

    @property
    def influence(self) -> Influence | None:
        import numpy as np

        if any(part.any_time for part in self.parts):
            return None
        deviations = [(part.differences - part.differences.mean()) / len(part.differences) for part in self.parts]
        names = tuple(name for part in self.parts for name in part.clusters)
        return Influence(names, np.concatenate([deviations[0], *(-later for later in deviations[1:])]))

    def bounds(self, alpha: float) -> Bounds:
        return self._bounds(alpha, 1)

    def copied(self, alpha: float) -> Bounds:
        return self._bounds(alpha, COPIES)

    def _bounds(self, alpha: float, copies: int) -> Bounds:
        if len(self.parts) == 1:
            low, high = self.parts[0].bounds(alpha, copies)
        elif self.parts[0].any_time:
            # Repeated looks know no joint distribution: half of the error for each part.
            first, second = (part.bounds(alpha / 2, copies) for part in self.parts)
            low, high = first[0] - second[1], first[1] - second[0]
        else:
            first_value, second_value = (float(part.differences.mean()) for part in self.parts)
            first, second = (part.bounds(alpha, copies) for part in self.parts)
            low, high = _hybrid(first_value, second_value, first, second)
        width = sum(part.width for part in self.parts)
        return max(-width, min(low, self.value)), min(width, max(high, self.value))


def _paired(metric: Metric, rows: Sequence[Row], against: Sequence[Row], *, any_time: bool) -> _Paired:
    ratio = metric.ratio
    new, old = (arms(given, empty=ratio, drawn=any_time) for given in (rows, against))
    names = ("",) if metric.kind == "mean" else ("first", "second")
    if metric.kind == "difference":
        pairs = [comparisons.aligned(new, old, (name,))[0] for name in names]
        parts = tuple(_part([pair], metric.high, ratio, any_time) for pair in pairs)
        p, test = _welch([part.differences for part in parts])
    else:
        pairs = comparisons.aligned(new, old, names)
        parts = (_part(pairs, metric.high - metric.low, ratio, any_time),)
        p, test = comparisons.p_value(pairs, parts[0].differences, exact=metric.kind == "mean" and not ratio)
    discordant = _discordant(*pairs[0]) if metric.kind == "mean" and not ratio else None
    bounding = "betting, valid at every look" if any_time else "rises and falls"
    return _Paired(
        old=_value([pair[1] for pair in pairs], ratio),
        new=_value([pair[0] for pair in pairs], ratio),
        parts=parts,
        p=None if any_time else p,
        discordant=discordant,
        method=bounding if any_time else f"{test.partition(';')[0]}; {bounding}",
        alike=all(new_arm.equals(old_arm) for new_arm, old_arm in pairs),
    )


def _part(pairs: Sequence[tuple[Arm, Arm]], width: float, ratio: bool, any_time: bool) -> _Part:
    if ratio and not all(arm.counts.any() for pair in pairs for arm in pair):
        raise ValueError("no counts in the common clusters")
    values = [comparisons.cluster_values(new, ratio) - comparisons.cluster_values(old, ratio) for new, old in pairs]
    if any(arm.clusters != pairs[0][0].clusters for pair in pairs for arm in pair):
        raise ValueError("its rows were drawn in another order")
    differences = values[0] - sum(values[1:])
    cases = min(intervals.cases_of(arm) for pair in pairs for arm in pair)
    return _Part(pairs[0][0].clusters, differences, cases, width, ratio, any_time)


def _value(of_arms: Sequence[Arm], ratio: bool) -> float:
    points = [float(arm.totals.sum() / arm.counts.sum()) if ratio else float(arm.means.mean()) for arm in of_arms]
    return points[0] - sum(points[1:])


def _discordant(new: Arm, old: Arm) -> tuple[int, int] | None:
    if not (new.binary and old.binary):
        return None
    return int((new.totals > old.totals).sum()), int((new.totals < old.totals).sum())


def _welch(differences: Sequence[Array]) -> tuple[float | None, str]:
    """Return the p value of equal means of two samples (Welch 1947)."""
    from scipy.special import stdtr

    if min(map(len, differences)) < 2:
        return None, "no test"
    errors = [float(values.var(ddof=1)) / len(values) for values in differences]
    distance = abs(float(differences[0].mean()) - float(differences[1].mean()))
    if sum(errors) <= comparisons.EQUAL:
        return (1.0 if distance <= comparisons.EQUAL else None), "Welch's t of the paired differences"
    degrees = sum(errors) ** 2 / sum(
        error**2 / (len(values) - 1) for error, values in zip(errors, differences, strict=True)
    )
    p = 2 * float(stdtr(degrees, -distance / sum(errors) ** 0.5))
    return max(p, comparisons.SMALLEST_P), "Welch's t of the paired differences"


def _hybrid(first: float, second: float, own: Bounds, against: Bounds) -> Bounds:
    """Return bounds of first − second, of bounds of each."""
    below = math.hypot(max(first - own[0], 0.0), max(against[1] - second, 0.0))
    above = math.hypot(max(own[1] - first, 0.0), max(second - against[0], 0.0))
    return first - second - below, first - second + above


@dataclass(frozen=True, slots=True)
class _Counted:
    """Difference of two counts over one list; nothing is sampled."""

    old: float
    new: float
    clusters: int
    alike: bool
    p: None = None
    discordant: None = None
    influence: None = None
    method: str = "exact: both audits counted over the same list"

    @property
    def value(self) -> float:
        return self.new - self.old

    def bounds(self, alpha: float) -> Bounds:
        del alpha
        return self.value, self.value

    copied = bounds


def _counted(rows: Sequence[Row], against: Sequence[Row]) -> _Counted:
    ((new, old),) = comparisons.aligned(arms(rows), arms(against), ("",))
    return _Counted(float(old.totals.sum()), float(new.totals.sum()), len(new.clusters), new.equals(old))


class _Unpaired:
    """Difference of two audits on clusters of their own."""

    p: None = None
    discordant: None = None
    influence: None = None
    method: str = HYBRID

    def __init__(self, metric: Metric, new: Measurement, old: Measurement, *, alike: bool) -> None:
        self.old, self.new, self.alike = old.value, new.value, alike
        self.clusters = min(new.n_clusters, old.n_clusters)
        self._metric = metric
        self._sides = ((new.method, new.rows), (old.method, old.rows))

    @property
    def value(self) -> float:
        return self.new - self.old

    def bounds(self, alpha: float) -> Bounds:
        return self._bounds(alpha, lambda rows: rows)

    def copied(self, alpha: float) -> Bounds:
        return self._bounds(alpha, copied)

    def _bounds(self, alpha: float, given: Callable[[Sequence[Row]], Sequence[Row]]) -> Bounds:
        least, most = self._metric.low, self._metric.high
        own, against = (bounds(method, given(rows), alpha, low=least, high=most) for method, rows in self._sides)
        return _hybrid(self.new, self.old, own, against)
