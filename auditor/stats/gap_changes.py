"""Difference of the largest gap between groups, in two audits.

The gap of the new audit less that of the old is bounded by both audits' own bounds, each at a part of the error, and by
the largest gap between the groups' paired differences, which it cannot exceed (the triangle inequality).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.stats import comparisons, gaps
from auditor.stats.clusters import Arm, arms
from auditor.stats.planning import COPIES
from auditor.types import Row

Bounds = tuple[float, float]
GAP = "both audits' bounds; largest gap between the paired differences"
Families = tuple[tuple[Arm, ...], ...]
"""Groups that are compared with each other."""


@dataclass(frozen=True, slots=True)
class _Gap:
    """The new audit's largest gap less that of the old."""

    old: float
    new: float
    clusters: int
    groups: tuple[Families, Families, Families]
    """Of the new audit, of the old, and their paired differences, moved to [0, 1]."""
    alike: bool
    p: None = None
    discordant: None = None
    influence: None = None
    method: str = GAP

    @property
    def value(self) -> float:
        return self.new - self.old

    def bounds(self, alpha: float) -> Bounds:
        return self._bounds(alpha, 1)

    def copied(self, alpha: float) -> Bounds:
        return self._bounds(alpha, COPIES)

    def _bounds(self, alpha: float, copies: int) -> Bounds:
        new, old, differences = (
            tuple(tuple(_tiled(arm, copies) for arm in family) for family in families) for families in self.groups
        )
        (_, own, _), (_, against, _) = gaps.bounds(new, alpha / 4), gaps.bounds(old, alpha / 4)
        farthest = 2.0 * gaps.bounds(differences, alpha / 2)[1][1]
        low, high = max(own[0] - against[1], -farthest), min(own[1] - against[0], farthest)
        return max(-1.0, min(low, self.value)), min(1.0, max(high, self.value))


def between(rows: Sequence[Row], against: Sequence[Row]) -> _Gap:
    """Return the difference of two audits' largest gaps.

    It is new − old. Only clusters that a group has in both audits are read. Raises ValueError where there are none.
    """
    new, old = arms(rows), arms(against)
    pairs = {}
    for name in sorted(set(new) & set(old)):
        if set(new[name].clusters) & set(old[name].clusters):
            pairs[name] = comparisons.aligned(new, old, (name,))[0]
    if not pairs:
        raise ValueError("no common clusters")
    moved = {
        name: Arm(own.clusters, (1.0 + own.means - reference.means) / 2.0, own.counts / own.counts)
        for name, (own, reference) in pairs.items()
    }
    groups = (
        _families({name: own for name, (own, _) in pairs.items()}),
        _families({name: reference for name, (_, reference) in pairs.items()}),
        _families(moved),
    )
    (now, _, clusters), (before, _, _) = gaps.bounds(groups[0], 0.025), gaps.bounds(groups[1], 0.025)
    return _Gap(before, now, clusters, groups, all(own.equals(reference) for own, reference in pairs.values()))


def _families(by_name: dict[str, Arm]) -> Families:
    families: dict[str, list[Arm]] = {}
    for name, arm in by_name.items():
        families.setdefault(name.rpartition("/")[0], []).append(arm)
    return tuple(map(tuple, families.values()))


def _tiled(arm: Arm, copies: int) -> Arm:
    import numpy as np

    if copies == 1:
        return arm
    names = tuple(f"{name}\0{copy}" for copy in range(copies) for name in arm.clusters)
    return Arm(names, np.tile(arm.totals, copies), np.tile(arm.counts, copies))
