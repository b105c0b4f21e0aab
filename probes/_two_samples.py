"""Two samples: how far apart they are, and whether that is chance."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from auditor.types import FloatArray

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Counts: TypeAlias = "npt.NDArray[np.int64]"

DRAWS = 999
"""Permutations, and draws with replacement."""
ERROR = 0.05
"""Of an interval."""
CLAIM = 0.025
"""Error of saying that samples differ: that of one side of an interval."""
FEWEST = 20
"""Rows of each sample, or of each half of it, below which nothing is compared."""
STRENGTH = 0.01
"""Inverse of the penalty on the classifier's weights: embeddings have nearly as many numbers as there are texts."""


@dataclass(frozen=True, slots=True)
class Distance:
    """Total variation between two samples of kinds."""

    value: float
    low: float
    high: float
    p: float
    """Share of permutations that are as far apart at least, this one included."""
    shares: Mapping[str, tuple[float, float]]
    """Kind → its share in the first sample and in the second."""

    @property
    def widest(self) -> str:
        """The kind whose shares differ most; of equals the first."""
        return max(self.shares, key=lambda kind: abs(self.shares[kind][0] - self.shares[kind][1]))


def distance(
    first: Sequence[Mapping[str, int]], second: Sequence[Mapping[str, int]], rng: random.Random
) -> Distance | None:
    """Return the total variation distance between two samples.

    It is half of the sum of the differences between shares. Each sample has one entry a cluster: kind → how many of it.
    The interval is the value and the 95th percentile of how far differences of resampled clusters lie from it: half of
    the sum of what they deviate by bounds the deviation of the distance. Clusters change samples in the permutations.
    None: a sample has fewer clusters with a kind than ``FEWEST``.
    """
    import numpy as np

    first, second = ([counts for counts in sample if any(counts.values())] for sample in (first, second))
    if min(len(first), len(second)) < FEWEST:
        return None
    kinds = sorted({kind for counts in (*first, *second) for kind in counts})
    every = np.array([[counts.get(kind, 0) for kind in kinds] for counts in (*first, *second)])
    # Clusters with the same counts are alike: draws are of how many of each sort there are.
    sorts, of = np.unique(every, axis=0, return_inverse=True)
    of = of.reshape(-1)
    sizes: list[Counts] = [np.bincount(part, minlength=len(sorts)) for part in (of[: len(first)], of[len(first) :])]
    generator = np.random.default_rng(rng.getrandbits(64))

    def shares(drawn: Counts) -> FloatArray:
        totals = drawn @ sorts
        part: FloatArray = totals / np.maximum(totals.sum(axis=-1, keepdims=True), 1)
        return part

    own = [shares(size) for size in sizes]
    value = _half(own[0] - own[1])
    again = [shares(generator.multinomial(size.sum(), size / size.sum(), DRAWS)) for size in sizes]
    deviations = _half((again[0] - own[0]) - (again[1] - own[1]))
    # Where no draw deviates, a kind that was never seen may still be as frequent as this.
    unseen = 1.0 - ERROR ** (1.0 / min(len(first), len(second)))
    error = max(float(np.quantile(deviations, 1.0 - ERROR, method="higher")), unseen)
    both: Counts = sizes[0] + sizes[1]
    mixed: Counts = generator.multivariate_hypergeometric(both, len(first), DRAWS, method="marginals")
    rest: Counts = both - mixed
    permuted = _half(shares(mixed) - shares(rest))
    p = (1 + int((permuted >= float(value) - 1e-12).sum())) / (DRAWS + 1)
    pairs = {kind: (float(ours), float(theirs)) for kind, ours, theirs in zip(kinds, *own, strict=True)}
    return Distance(float(value), max(0.0, float(value) - error), min(1.0, float(value) + error), p, pairs)


def _half(differences: FloatArray) -> FloatArray:
    """Half of the sum of absolute differences."""
    import numpy as np

    half: FloatArray = np.abs(differences).sum(axis=-1) / 2.0
    return half


@dataclass(frozen=True, slots=True)
class Sample:
    """Embeddings of a sample's texts."""

    clusters: Sequence[str]
    """Of each text."""
    embeddings: FloatArray


def guesses(first: Sample, second: Sample, rng: random.Random) -> list[tuple[str, bool]] | None:
    """Return cluster and whether the guess is right, text by text.

    A classifier two-sample test (Lopez-Paz & Oquab 2017): logistic regression is fitted on half of the clusters and
    guesses the texts of the other half, of which each sample has as many. Where both samples are of one distribution,
    half of the guesses are right. None: a half has fewer texts of a sample than ``FEWEST``.
    """
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    halves: dict[str, bool] = {}
    for sample in (first, second):
        fresh = [cluster for cluster in dict.fromkeys(sample.clusters) if cluster not in halves]
        rng.shuffle(fresh)
        halves |= {cluster: place % 2 == 0 for place, cluster in enumerate(fresh)}
    parts = {
        fitted: [
            [place for place, cluster in enumerate(sample.clusters) if halves[cluster] is fitted]
            for sample in (first, second)
        ]
        for fitted in (True, False)
    }
    sizes = {fitted: min(map(len, places)) for fitted, places in parts.items()}
    if min(sizes.values()) < FEWEST:
        return None

    def part(sample: int, fitted: bool) -> list[int]:
        return parts[fitted][sample][: sizes[fitted]]

    def points(fitted: bool) -> FloatArray:
        return np.concatenate([first.embeddings[part(0, fitted)], second.embeddings[part(1, fitted)]])

    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=1000))
    classifier.fit(points(True), np.repeat([0, 1], sizes[True]))
    right = classifier.predict(points(False)) == np.repeat([0, 1], sizes[False])
    places = [(first, place) for place in part(0, False)] + [(second, place) for place in part(1, False)]
    return [(sample.clusters[place], bool(each)) for (sample, place), each in zip(places, right, strict=True)]
