"""Confidence against accuracy, computed over all answers of a slice."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from auditor.types import Choice, Judged, Row

BINS = 10
"""Of the reliability chart, each with as many answers."""
FEWEST_IN_BIN = 20
"""Answers that a bin has at least, so that there are fewer bins of few answers."""
WIDTHS = 15
"""Bins of the expected calibration error, each as wide."""
DRAWS = 200
"""Of a calibrated model, for the expected calibration error that it shows."""
FOLDS = 5
"""Of the cross-validation of the temperature."""
COLDEST, HOTTEST = 0.05, 20.0
"""The temperatures searched."""
HALVINGS = 50
LEAST = 2.220446049250313e-16
"""The least probability that a logarithm is taken of, as scikit-learn's ``log_loss`` has it."""
MOST_LOSS = 36.05
"""The negative logarithm of that, rounded up."""


@dataclass(frozen=True, slots=True)
class Temperature:
    """The temperature of all answers, and those of the folds."""

    value: float
    of_folds: tuple[float, ...]
    losses: Any
    """The negative log-likelihood of each answer at the temperature of the other folds."""
    confidences: Any
    """The confidence of each answer, likewise."""

    @property
    def at_an_end(self) -> bool:
        """Whether it lies at an end of those searched."""
        return not COLDEST * 1.001 < self.value < HOTTEST * 0.999


@dataclass(frozen=True)
class Answers:
    """Choices in columns, with the cluster that each belongs to."""

    clusters: Sequence[str]
    choices: Sequence[Choice]
    ratio: bool = False
    """Whether all answers count alike, and not all clusters: as in the task's own metric."""

    @classmethod
    def of(cls, cases: Iterable[Judged], kind: str, *, ratio: bool) -> Answers:
        """Collect the choices of a kind (``Choice.of``)."""
        pairs = [(judged.cluster, choice) for judged in cases for choice in judged.choices if choice.of == kind]
        return cls([cluster for cluster, _ in pairs], [choice for _, choice in pairs], ratio)

    @property
    def n_clusters(self) -> int:
        """How many clusters they belong to."""
        return len(set(self.clusters))

    @cached_property
    def confidence(self) -> Any:
        """The confidence of each, as an array."""
        import numpy as np

        return np.array([choice.confidence for choice in self.choices])

    @cached_property
    def right(self) -> Any:
        """1 for the right ones, 0 for the others, as an array."""
        import numpy as np

        return np.array([float(choice.right) for choice in self.choices])

    def weights(self, inside: Any) -> Any:
        """Return the weights of the answers ``inside``.

        Those of a cluster share 1: their weighted mean is the mean over clusters, as intervals have it. With ``ratio``
        each weighs 1.
        """
        import numpy as np

        if self.ratio:
            return np.ones(int(inside.sum()))
        clusters = [self.clusters[place] for place in np.flatnonzero(inside).tolist()]
        sizes = Counter(clusters)
        return np.array([1.0 / sizes[cluster] for cluster in clusters])

    @cached_property
    def weight(self) -> Any:
        """The weight of each among all answers, as an array."""
        import numpy as np

        return self.weights(np.ones(len(self.choices), dtype=bool))

    def rows(self, values: Any, arm: str = "", *, where: Any = None) -> list[Row]:
        """Sum values by cluster; ``where`` selects answers."""
        sums: dict[str, list[float]] = {}
        for place, (cluster, value) in enumerate(zip(self.clusters, values, strict=True)):
            if where is None or where[place]:
                total = sums.setdefault(cluster, [0.0, 0.0])
                total[0] += float(value)
                total[1] += 1.0
        return [Row(cluster, arm, *total) for cluster, total in sums.items()]

    def surest(self, coverage: float) -> tuple[float, Any]:
        """Return the least confidence of the surest share, and which they are.

        Answers that are as sure as the last of them are among them.
        """
        import numpy as np

        order = np.argsort(-self.confidence, kind="stable")
        given = np.cumsum(self.weight[order])
        last = int(np.searchsorted(given, coverage * given[-1] - 1e-9))
        least = float(self.confidence[order[last]])
        return least, self.confidence >= least

    def bins(self) -> Iterator[Any]:
        """Yield which answers are in each bin, the least sure first.

        Bins have as many answers, but answers that are equally sure share one.
        """
        import numpy as np

        n = len(self.choices)
        count = max(1, min(BINS, n // FEWEST_IN_BIN))
        ranks = np.searchsorted(np.sort(self.confidence), self.confidence)
        places = ranks * count // n
        for place in range(count):
            inside = places == place
            if inside.any():
                yield inside

    def calibration_error(self) -> float:
        """Return the expected calibration error over bins of equal width."""
        order, starts = self._widths
        return float(self._errors(self.right[order][None, :], order, starts)[0])

    def calibration_errors_if_calibrated(self, seed: int) -> Any:
        """Return what draws of a calibrated model with these confidences show.

        Its answers are right as often as they are sure, independently.
        """
        import numpy as np

        rng = np.random.default_rng(seed)
        order, starts = self._widths
        draws = (rng.random(len(order)) < self.confidence[order] for _ in range(DRAWS))
        return np.array([self._errors(draw[None, :].astype(float), order, starts)[0] for draw in draws])

    @cached_property
    def _widths(self) -> tuple[Any, Any]:
        """The answers' order by confidence, and where each bin starts."""
        import numpy as np

        order = np.argsort(self.confidence, kind="stable")
        places = np.minimum((self.confidence[order] * WIDTHS).astype(int), WIDTHS - 1)
        return order, np.flatnonzero(np.diff(places, prepend=-1))

    def _errors(self, right: Any, order: Any, starts: Any) -> Any:
        import numpy as np

        gaps = np.add.reduceat((right - self.confidence[order]) * self.weight[order], starts, axis=1)
        return np.abs(gaps).sum(axis=1) / self.weight.sum()

    def temperature(self, seed: int) -> Temperature:
        """Fit a temperature by cross-validation over clusters.

        There are as many clusters as folds, or more. ``seed`` decides which of them make a fold.
        """
        import numpy as np

        codes = {cluster: place for place, cluster in enumerate(dict.fromkeys(self.clusters))}
        shuffled = np.random.default_rng(seed).permutation(len(codes)) % FOLDS
        folds = shuffled[[codes[cluster] for cluster in self.clusters]]
        logs = np.log(np.array([choice.chances for choice in self.choices]).clip(min=LEAST))
        gold = np.array([choice.gold for choice in self.choices])
        chosen = np.array([choice.chosen for choice in self.choices])
        losses, confidences, fitted = np.zeros(len(gold)), np.zeros(len(gold)), []
        for fold in range(FOLDS):
            held = folds == fold
            fitted.append(_fitted(logs[~held], gold[~held], self.weight[~held]))
            chances = _softened(logs[held], fitted[-1])
            places = np.arange(len(chances))
            losses[held] = -np.log(chances[places, gold[held]].clip(min=LEAST))
            confidences[held] = chances[places, chosen[held]]
        return Temperature(_fitted(logs, gold, self.weight), tuple(fitted), losses, confidences)


def loss(choice: Choice) -> float:
    """Return the negative log-likelihood of the right label."""
    return -math.log(min(max(choice.chances[choice.gold], LEAST), 1.0))


def brier(choice: Choice) -> float:
    """Return half of the squared distance from certainty of the right label.

    For two labels this is the usual score of one of them.
    """
    squares = ((chance - (place == choice.gold)) ** 2 for place, chance in enumerate(choice.chances))
    return min(sum(squares) / 2, 1.0)


def _softened(logs: Any, temperature: float) -> Any:
    """Return the probabilities at a temperature."""
    import numpy as np

    scaled = logs / temperature
    weights = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def _fitted(logs: Any, gold: Any, weight: Any) -> float:
    """Return the temperature with the least negative log-likelihood.

    It is convex in 1 ÷ temperature: its slope is 0 there, or does not change its sign between the ends.
    """
    import numpy as np

    places = np.arange(len(gold))
    cold, hot = np.log(COLDEST), np.log(HOTTEST)
    for _ in range(HALVINGS):
        middle = float((cold + hot) / 2)
        chances = _softened(logs, float(np.exp(middle)))
        slope = float((((chances * logs).sum(axis=1) - logs[places, gold]) * weight).sum())
        # Below 0, sharper answers would be likelier.
        cold, hot = (cold, middle) if slope < 0 else (middle, hot)
    return float(np.exp((cold + hot) / 2))
