"""Rows → arrays: one value for each cluster, aligned by cluster where arms are paired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from auditor.types import Row

Array = Any
"""A numpy array of float64."""


@dataclass(frozen=True, slots=True)
class Arm:
    """Clusters in the order of their names; ``totals`` and ``counts`` are float64 arrays of one length."""

    clusters: tuple[str, ...]
    totals: Array
    counts: Array

    @property
    def means(self) -> Array:
        return self.totals / self.counts

    @property
    def binary(self) -> bool:
        """One case of value 0 or 1 in each cluster."""
        return bool((self.counts == 1).all() and ((self.totals == 0) | (self.totals == 1)).all())


def arms(rows: Sequence[Row], *, empty: bool = False) -> dict[str, Arm]:
    """Arm → its clusters with a count above 0. Raises ValueError when nothing is left.

    With ``empty`` also those without a count, for ratios of sums: an example may count in the F1 of one answer (a
    false positive) and not in that of another (a true negative).
    """
    import numpy as np

    grouped: dict[str, dict[str, tuple[float, float]]] = {}
    for row in rows:
        if row.count > 0 or empty:
            grouped.setdefault(row.arm, {})[row.cluster] = (row.total, row.count)
    if not any(count > 0 for clusters in grouped.values() for _, count in clusters.values()):
        raise ValueError("no rows to estimate from")
    found = {}
    for name, clusters in grouped.items():
        names = tuple(sorted(clusters))
        sums = np.array([clusters[one] for one in names], dtype=np.float64)
        found[name] = Arm(names, sums[:, 0], sums[:, 1])
    return found


def paired(first: Arm, second: Arm) -> tuple[Arm, Arm]:
    """Both arms over their common clusters. Raises ValueError when there are none."""
    if first.clusters == second.clusters:
        return first, second
    common = set(first.clusters) & set(second.clusters)
    return only(first, common), only(second, common)


def only(arm: Arm, clusters: set[str]) -> Arm:
    """The arm's clusters among these. Raises ValueError for an empty set."""
    if not clusters:
        raise ValueError("no common clusters")
    kept = [index for index, name in enumerate(arm.clusters) if name in clusters]
    return Arm(tuple(arm.clusters[index] for index in kept), arm.totals[kept], arm.counts[kept])
