"""Which two groups a largest gap lies between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from auditor.stats.clusters import arms, paired
from auditor.types import Row


@dataclass(frozen=True, slots=True)
class Pair:
    """Two groups and their means over their common clusters, the higher first."""

    high: str
    high_mean: float
    low: str
    low_mean: float


def widest(rows: Sequence[Row]) -> Pair | None:
    """The two groups of one family that differ most; None without a pair.

    ``rows``: those of a gap, their arms ``family/group``.
    """
    found = arms(rows)
    widest_pair: Pair | None = None
    for one, other in combinations(sorted(found), 2):
        (family, _, first), (other_family, _, second) = one.rpartition("/"), other.rpartition("/")
        if family != other_family:
            continue
        means = [float(arm.means.mean()) for arm in paired(found[one], found[other])]
        (high, high_mean), (low, low_mean) = sorted(
            zip((first, second), means, strict=True), key=lambda item: item[1], reverse=True
        )
        if widest_pair is None or high_mean - low_mean > widest_pair.high_mean - widest_pair.low_mean:
            widest_pair = Pair(high, high_mean, low, low_mean)
    return widest_pair
