"""How well a score tells texts out of scope from others.

A higher score means out of scope. Clusters weigh alike, and so do the texts of one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from auditor import metrics, stats
from auditor.types import FloatArray, Row, Score

REJECTED = 0.05
"""Share of the texts in scope that a threshold may reject."""
CAUGHT = 0.95
"""Share of the texts out of scope that a threshold has to catch."""
FEWEST = 19
"""Clusters of texts in scope below which no threshold rejects ``REJECTED`` of them at most."""
SIDE = 0.025
"""Error of each side of an interval."""


@dataclass(frozen=True)
class Scores:
    """The scores of a sample of texts, with the cluster of each."""

    clusters: Sequence[str]
    values: FloatArray

    @classmethod
    def of(cls, clusters: Mapping[str, str], values: Mapping[str, float]) -> Scores:
        """Collect the texts that have a score; both mappings are by text."""
        import numpy as np

        own = {text: values[text] for text in clusters if text in values}
        return cls([clusters[text] for text in own], np.array(list(own.values()), dtype=np.float64))

    def __len__(self) -> int:
        return len(self.clusters)

    def rows(self, values: Any, arm: str = "") -> list[Row]:
        """Sum a number of each text by cluster."""
        return metrics.summed(
            ((cluster, Score(float(value), 1.0)) for cluster, value in zip(self.clusters, values, strict=True)), arm
        )

    @cached_property
    def _ordered(self) -> tuple[Any, Any]:
        """The scores in order, and the weight before each and in all."""
        import numpy as np

        sizes = Counter(self.clusters)
        weights = np.array([1.0 / sizes[cluster] for cluster in self.clusters])
        order = np.argsort(self.values, kind="stable")
        return self.values[order], np.concatenate([[0.0], np.cumsum(weights[order])]) / len(sizes)

    def below(self, values: Any) -> Any:
        """Return the share of the sample below each value.

        Ties count half.
        """
        ordered, shares = self._ordered
        return (shares[ordered.searchsorted(values, "left")] + shares[ordered.searchsorted(values, "right")]) / 2.0


def threshold(scores: Scores) -> float | None:
    """Return the score above which a text is rejected.

    None: there are too few clusters in scope. Of a text of a further cluster the chance to be rejected is ``REJECTED``
    at most, over all samples: clusters are exchangeable, and so are the texts of one (hierarchical conformal
    prediction; Lee, Barber & Willett 2023). With one text a cluster it is the quantile of split conformal prediction
    (Vovk et al. 2005).
    """
    import numpy as np

    sizes = Counter(scores.clusters)
    order = np.argsort(scores.values, kind="stable")
    # Each cluster weighs 1, and so does the further one, whose texts may lie anywhere.
    weights = np.cumsum(np.array([1.0 / sizes[cluster] for cluster in scores.clusters])[order])
    place = int(np.searchsorted(weights, (1.0 - REJECTED) * (len(sizes) + 1) - 1e-9))
    return float(scores.values[order][place]) if place < len(scores) else None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its two-sided 95 % interval."""

    value: float
    low: float
    high: float
    clusters: int
    """Of the sample that has fewer."""


def auroc(inside: Scores, outside: Scores) -> Estimate:
    """Return the area under the ROC curve.

    It is the chance that a text out of scope has the higher score, and the mean of either sample's placement values:
    the share of the other sample that a text is above (or below). Its variance is the sum of their variances (DeLong,
    DeLong & Clarke-Pearson 1988). The bounds of both means are those of rates, joined as those of two independent arms
    (Newcombe 1998; Zou & Donner 2008), so that they stay within 0 and 1 and have a width where the samples are apart.
    Raises ValueError for an empty sample.
    """
    above = inside.below(outside.values)
    rows = [*outside.rows(above, "first"), *inside.rows(outside.below(inside.values), "second")]
    # The difference of the arms, A and 1 − A, is 2A − 1. Its interval has each error of A once: its sides are A's.
    arms = stats.estimate("difference", rows, low=-1.0, high=1.0)
    value = (arms.value + 1.0) / 2.0
    low, high = value - (arms.value - arms.low), value + (arms.high - arms.value)
    return Estimate(value, max(0.0, low), min(1.0, high), arms.n_clusters)


def rejected_where_caught(inside: Scores, outside: Scores) -> Estimate:
    """Return the false positive rate at a true positive rate of ``CAUGHT``.

    It is the share of texts in scope that are rejected where ``CAUGHT`` of the others are. The score at which they are
    is estimated too. So each side of the interval is that of the rate at the end of the scores that the sample allows,
    each with half of the error (Bonferroni).
    """
    candidates = sorted(set(outside.values.tolist()))

    def caught(score: float) -> tuple[float, float, float]:
        return _share(outside, outside.values >= score)

    # Shares fall with the score. The true share reaches CAUGHT at the scores before ``sure``, and does not from
    # ``beyond`` on: the last score at which it does lies between.
    last = _first(candidates, lambda score: caught(score)[0] < CAUGHT - 1e-9) - 1
    sure = _first(candidates, lambda score: caught(score)[1] <= CAUGHT)
    beyond = _first(candidates, lambda score: caught(score)[2] < CAUGHT)
    value = _share(inside, inside.values >= candidates[last])[0]
    low = _share(inside, inside.values >= candidates[beyond])[1] if beyond < len(candidates) else 0.0
    high = _share(inside, inside.values >= candidates[sure - 1])[2] if sure else 1.0
    clusters = min(len(set(inside.clusters)), len(set(outside.clusters)))
    return Estimate(value, min(low, value), max(high, value), clusters)


def _share(scores: Scores, flags: Any) -> tuple[float, float, float]:
    """Return a share of a sample, with bounds at half the error."""
    rows = scores.rows(flags)
    value = stats.estimate("mean", rows, low=0.0, high=1.0)
    low, high = stats.bounds(value.method, rows, SIDE / 2.0, low=0.0, high=1.0)
    return value.value, low, high


def _first(candidates: Sequence[float], holds: Callable[[float], bool]) -> int:
    """Return the place of the first candidate for which ``holds``.

    It does for all after it.
    """
    low, high = 0, len(candidates)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(candidates[middle]) else (middle + 1, high)
    return low
