"""Coverage chooses the methods: at least 94 % two-sided, and on either side of one-sided bounds."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from auditor.stats import intervals
from auditor.stats.clusters import Arm, Array

LEAST = 0.94
Rng = np.random.Generator

GRID = [
    (clusters, cases, rate, correlation)
    for clusters, cases, rate, correlation in itertools.product(
        (20, 60, 200, 1000), (1, 5, 12), (0.0, 0.01, 0.05, 0.3), (0.0, 0.5)
    )
    if cases > 1 or not correlation
]
RATES = [(0.0, 0.0), (0.01, 0.0), (0.05, 0.01), (0.1, 0.0), (0.1, 0.05), (0.3, 0.1)]
CHANGES = [
    (clusters, cases, rates, correlation)
    for clusters, cases, rates, correlation in itertools.product((20, 23, 60, 200, 1000), (1, 5, 12), RATES, (0.0, 0.5))
    if cases > 1 or not correlation
]


def drawn(rng: Rng, n: int, cases: int, shares: tuple[float, ...], correlation: float) -> Array:
    """Clusters × outcomes: Dirichlet-multinomial counts with this intra-class correlation."""
    if not correlation:
        return rng.multinomial(cases, shares, n)
    gammas = rng.standard_gamma(np.maximum(np.array(shares) * (1 / correlation - 1), 1e-12), (n, len(shares)))
    gammas = np.maximum(gammas, 1e-300)
    return rng.multinomial(cases, gammas / gammas.sum(axis=1, keepdims=True))


def coverage(bounds: Callable[[float], tuple[float, float]], truth: float) -> list[bool]:
    low, high = bounds(0.025)
    below, above = bounds(0.05)
    return [low <= truth <= high, above >= truth, below <= truth]


def mean_coverage(n: int, cases: int, rate: float, correlation: float, draws: int) -> float:
    rng = np.random.default_rng(20)
    hits = []
    for _ in range(draws):
        counts = drawn(rng, n, cases, (rate, 1 - rate), correlation)[:, 0].astype(float)
        arm = Arm((), counts, np.full(n, float(cases)))
        hits.append(coverage(lambda alpha, arm=arm: intervals.mean_bounds(arm, alpha, 0.0, 1.0), rate))  # type: ignore[misc]
    return float(np.mean(hits, axis=0).min())


def change_coverage(n: int, cases: int, rates: tuple[float, float], correlation: float, draws: int) -> float:
    rng = np.random.default_rng(21)
    hits = []
    for _ in range(draws):
        counts = drawn(rng, n, cases, (*rates, 1 - sum(rates)), correlation)
        values = (counts[:, 0] - counts[:, 1]) / cases
        hits.append(
            coverage(
                lambda alpha, values=values: intervals.rises_and_falls(values, float(n * cases), alpha),  # type: ignore[misc]
                rates[0] - rates[1],
            )
        )
    return float(np.mean(hits, axis=0).min())


def slack(draws: int) -> float:
    """Three standard errors of a coverage of 95 %: what chance alone takes off."""
    return 3 * float(np.sqrt(0.95 * 0.05 / draws))


@pytest.mark.parametrize(
    ("clusters", "cases", "rate", "correlation"),
    [(20, 1, 0.05, 0.0), (20, 12, 0.05, 0.5), (60, 12, 0.01, 0.5), (200, 12, 0.01, 0.5), (200, 5, 0.3, 0.0)],
)
def test_means_cover_where_rare_events_come_in_clusters(
    clusters: int, cases: int, rate: float, correlation: float
) -> None:
    assert mean_coverage(clusters, cases, rate, correlation, 600) >= LEAST - slack(600)


@pytest.mark.parametrize(
    ("clusters", "cases", "rates", "correlation"),
    [(23, 1, (0.1, 0.0), 0.0), (60, 1, (0.05, 0.0), 0.0), (200, 5, (0.1, 0.0), 0.5), (200, 5, (0.3, 0.1), 0.5)],
)
def test_changes_cover_where_they_go_one_way(
    clusters: int, cases: int, rates: tuple[float, float], correlation: float
) -> None:
    assert change_coverage(clusters, cases, rates, correlation, 600) >= LEAST - slack(600)


def test_an_unpaired_difference_covers() -> None:
    from auditor import stats
    from auditor.types import Row

    rng, hits = np.random.default_rng(22), []
    for _ in range(400):
        arms = {"first": rng.random(60) < 0.9, "second": rng.random(80) < 0.75}
        rows = [Row(f"{arm}{i}", arm, float(v), 1.0) for arm, some in arms.items() for i, v in enumerate(some)]
        hits.append(coverage(lambda alpha, rows=rows: stats.bounds("newcombe", rows, alpha, low=-1, high=1), 0.15))  # type: ignore[misc]
    assert np.mean(hits, axis=0).min() >= LEAST - slack(400)


@pytest.mark.parametrize("rare", [0.0, 0.03, 0.06])
def test_a_gaps_high_side_covers_where_few_sentences_flip_the_score(rare: float) -> None:
    from auditor import stats
    from auditor.types import Row

    rng, kept = np.random.default_rng(23), 0
    for _ in range(500):
        change = np.clip(rng.normal(0.0, 0.03, 150) + 0.8 * (rng.random(150) < rare), -1, 1)
        rows = [Row(f"c{i}", "f/a", 0.0, 1.0) for i in range(150)]
        rows += [Row(f"c{i}", "f/b", float(one), 1.0) for i, one in enumerate(change)]
        kept += stats.bounds("largest_gap", rows, 0.05, low=-1, high=1)[1] >= 0.8 * rare
    assert kept >= (LEAST - slack(500)) * 500


def test_the_median_covers() -> None:
    rng, hits = np.random.default_rng(24), []
    for _ in range(800):
        values = rng.exponential(1.0, 25)
        hits.append(coverage(lambda alpha, values=values: intervals.median_order(values, alpha), np.log(2)))  # type: ignore[misc]
    assert np.mean(hits, axis=0).min() >= LEAST - slack(800)


@pytest.mark.slow
@pytest.mark.parametrize(("clusters", "cases", "rate", "correlation"), GRID)
def test_means_cover_on_the_whole_grid(clusters: int, cases: int, rate: float, correlation: float) -> None:
    assert mean_coverage(clusters, cases, rate, correlation, 4000) >= LEAST


@pytest.mark.slow
@pytest.mark.parametrize(("clusters", "cases", "rates", "correlation"), CHANGES)
def test_changes_cover_on_the_whole_grid(
    clusters: int, cases: int, rates: tuple[float, float], correlation: float
) -> None:
    assert change_coverage(clusters, cases, rates, correlation, 4000) >= LEAST
