"""Rows → arrays with one value per cluster.

Paired arms are aligned by cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from auditor.types import Row, Rows

Array = Any
"""A numpy array of float64."""


@dataclass(frozen=True, slots=True)
class Arm:
    """Clusters of one arm, ordered by name or as they were drawn.

    ``totals`` and ``counts`` are float64 arrays of one length.
    """

    clusters: tuple[str, ...]
    totals: Array
    counts: Array

    @property
    def means(self) -> Array:
        """The mean of each cluster's cases."""
        return self.totals / self.counts

    @property
    def binary(self) -> bool:
        """Whether each cluster has one case of value 0 or 1."""
        return bool((self.counts == 1).all() and ((self.totals == 0) | (self.totals == 1)).all())

    def equals(self, arm: Arm) -> bool:
        """Tell whether another arm of the same clusters has the same sums."""
        return bool((self.totals == arm.totals).all() and (self.counts == arm.counts).all())


def arms(rows: Sequence[Row], *, empty: bool = False, drawn: bool = False) -> dict[str, Arm]:
    """Return arm → its clusters with a count above 0, by name.

    ``empty``: also the clusters without a count, for ratios of sums. An example may count in the F1 of one answer (a
    false positive) and not in that of another (a true negative). ``drawn``: each arm's clusters are in the order in
    which they first come in ``rows``, in whatever arm; that is the order in which they were drawn. Of two rows of one
    arm and cluster the last counts. Raises ValueError when nothing is left.
    """
    import numpy as np

    columns = Rows.of(rows)
    clusters, of_arm = np.asarray(columns.clusters), np.asarray(columns.arms)
    totals, counts = np.asarray(columns.totals), np.asarray(columns.counts)
    kept = counts > 0
    if not kept.any():
        raise ValueError("no rows to estimate from")
    rank = _drawn(clusters) if drawn else np.asarray(columns.names.ranks)[clusters]
    by_name = {}
    for arm in np.unique(of_arm if empty else of_arm[kept]):
        own = np.flatnonzero(of_arm == arm if empty else (of_arm == arm) & kept)
        own = own[np.argsort(rank[own], kind="stable")]
        own = own[np.append(rank[own][1:] != rank[own][:-1], True)]
        names = tuple(map(columns.names.__getitem__, clusters[own].tolist()))
        by_name[columns.arm_names[arm]] = Arm(names, totals[own], counts[own])
    return by_name


def _drawn(clusters: Array) -> Array:
    """Return for each row the place of its cluster's first row."""
    import numpy as np

    _, first, inverse = np.unique(clusters, return_index=True, return_inverse=True)
    return first[inverse]


def paired(first: Arm, second: Arm) -> tuple[Arm, Arm]:
    """Return both arms over their common clusters.

    Raises ValueError when there are none.
    """
    if first.clusters == second.clusters:
        return first, second
    common = set(first.clusters) & set(second.clusters)
    return only(first, common), only(second, common)


def only(arm: Arm, clusters: set[str]) -> Arm:
    """Return the arm's clusters among these.

    Raises ValueError for an empty set.
    """
    if not clusters:
        raise ValueError("no common clusters")
    kept = [index for index, name in enumerate(arm.clusters) if name in clusters]
    return Arm(tuple(arm.clusters[index] for index in kept), arm.totals[kept], arm.counts[kept])
