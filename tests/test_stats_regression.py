"""Regression on clean answers: its arithmetic, what it covers, and how many examples it saves."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from auditor import stats
from auditor.stats.clusters import Array
from auditor.stats.estimates import method_for
from auditor.types import Names, Rows

ACCURACY_MARGIN, MARGIN_SPREAD = 2.4, 2.5
"""Log odds of the gold: 83 % of the clusters are decided rightly, most of them surely, as by a small encoder."""
Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class World:
    """Clusters, of which the first are measured."""

    clean: Array
    likelihood: Array
    values: Array
    """Of each cluster: a share, or a change."""
    has: Array
    """Whether it has a case."""


def rows_of(world: World, measured: int, cases: int, *, change: bool, clean: bool = True) -> Rows:
    """Rows as the runner makes them: of the clusters measured, then the clean answers of all."""
    clusters = np.arange(len(world.clean))
    values, has = world.values[:measured], world.has[:measured]
    counts = np.where(has, float(cases), 0.0)
    # A change is 0 where both arms agree; rises and falls are put in one arm each.
    arms = [("", values)] if not change else [("first", np.clip(values, 0, 1)), ("second", np.clip(-values, 0, 1))]
    parts = [(name, clusters[:measured], share * counts, counts) for name, share in arms]
    if clean:
        ones = np.ones(len(clusters))
        parts += [("clean", clusters, world.clean, ones), ("likelihood", clusters, world.likelihood, ones)]
    columns = [np.concatenate([part[place] for part in parts]) for place in (1, 2, 3)]
    of_arm = np.repeat(np.arange(len(parts)), [len(part[1]) for part in parts])
    return Rows.packed(
        Names(map(str, clusters)),
        tuple(part[0] for part in parts),
        columns[0].astype(np.int32).tobytes(),
        of_arm.astype(np.int32).tobytes(),
        columns[1].tobytes(),
        columns[2].tobytes(),
    )


def expit(values: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-values))


@dataclass(frozen=True, slots=True)
class Regime:
    """What a cell of the grid draws."""

    kind: str
    """``drop``, ``flips``, ``accuracy``, ``success`` (over rightly decided clusters)."""
    strength: float
    """How far the margin falls under noise; of useless clean answers, the rate of events."""
    noise: float = 1.0
    """Spread of the fall; infinite: clean answers say nothing."""
    cases: int = 1
    missing: float = 0.0
    """Share of the clusters that have no case."""

    @property
    def change(self) -> bool:
        return self.kind == "drop"

    def world(self, rng: Rng, clusters: int) -> World:
        margin = rng.normal(ACCURACY_MARGIN, MARGIN_SPREAD, clusters)
        clean = (margin > 0).astype(float)
        has = rng.random(clusters) >= self.missing
        if math.isinf(self.noise):
            # Few clusters with many events, as of one text that most misspellings flip.
            rate = rng.beta(self.strength, 1.0 - self.strength, clusters) if self.cases > 1 else self.strength
            values = rng.binomial(self.cases, rate, clusters) / self.cases
            if self.change:
                values = values * np.where(rng.random(clusters) < 0.8, 1.0, -1.0)
            return World(clean, expit(margin), values, has)
        fall = self.strength + self.noise * rng.normal(size=(clusters, self.cases))
        right = (margin[:, None] > fall).astype(float)
        if self.kind == "drop":
            values = (clean[:, None] - right).mean(axis=1)
        elif self.kind == "flips":
            values = (clean[:, None] != right).mean(axis=1)
        elif self.kind == "accuracy":
            values = right.mean(axis=1)
        else:
            values, has = (1.0 - right).mean(axis=1), has & (clean > 0)
        return World(clean, expit(margin), values, has)

    def truth(self) -> float:
        world = self.world(np.random.default_rng(99), 1_000_000 // self.cases)
        return float(world.values[world.has].mean())


@dataclass(frozen=True, slots=True)
class Found:
    """One-sided misses of a cell, in percent, and width against the ordinary method."""

    below: float
    above: float
    ordinary: tuple[float, float]
    width: float

    @property
    def examples(self) -> float:
        """Examples to the same width, over those of the ordinary method."""
        return self.width**2


def simulated(regime: Regime, measured: int, clusters: int, draws: int, alpha: float = 0.05) -> Found:
    rng, truth = np.random.default_rng([measured, clusters, draws]), regime.truth()
    kind = "change" if regime.change else "mean"
    methods = method_for(kind, ratio=False), f"regression_{kind}"
    misses, widths = np.zeros((2, 2)), np.zeros(2)
    for _ in range(draws):
        rows = rows_of(regime.world(rng, clusters), measured, regime.cases, change=regime.change)
        for place, method in enumerate(methods):
            low, high = stats.bounds(method, rows, alpha, low=-1.0 if regime.change else 0.0, high=1.0)
            misses[place] += low > truth, high < truth
            widths[place] += high - low
    shares = 100.0 * misses / draws
    return Found(shares[1, 0], shares[1, 1], (shares[0, 0], shares[0, 1]), float(widths[1] / widths[0]))
