"""Correlations and their intervals, against scipy, by hand and by simulation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy import stats as scipy_stats

from auditor import metrics, stats
from auditor.stats import correlation, joint
from auditor.stats.clusters import arms
from auditor.types import Detail, Judged, Kind, Measurement, Metric, Row, Score, Skipped

KINDS: dict[Kind, Any] = {"correlation": scipy_stats.pearsonr, "rank_correlation": scipy_stats.spearmanr}
Rng = np.random.Generator


def metric(kind: Kind) -> Metric:
    return Metric("r", "r", kind, "ratio", -1.0, 1.0, "higher")


def rows_of(first: Any, second: Any, clusters: Sequence[object] | None = None) -> list[Row]:
    names = range(len(first)) if clusters is None else clusters
    return list(correlation.rows([(str(c), float(a), float(b)) for c, a, b in zip(names, first, second, strict=True)]))


def estimate(kind: Kind, rows: Sequence[Row]) -> stats.Estimate:
    return stats.estimate(kind, rows, low=-1.0, high=1.0)


def drawn(rng: Rng, n: int, rho: float) -> tuple[Any, Any]:
    first, noise = rng.standard_normal((2, n))
    return first, rho * first + math.sqrt(1.0 - rho**2) * noise


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ties", [False, True])
def test_values_are_those_of_scipy_whatever_the_clusters(kind: Kind, ties: bool) -> None:
    first, second = drawn(np.random.default_rng(1), 60, -0.6)
    if ties:
        first, second = np.round(first), np.round(2 * second)
    expected = float(KINDS[kind](first, second).statistic)
    for clusters in (None, [place % 12 for place in range(60)], [place // 7 for place in range(60)]):
        own = estimate(kind, rows_of(first, second, clusters))
        assert own.value == pytest.approx(expected, abs=1e-12)
        assert own.low < own.value < own.high
        assert own.n_clusters == (60 if clusters is None else len(set(clusters)))


def test_of_independent_rows_the_bounds_are_never_within_those_of_fisher_and_mostly_they_are_these() -> None:
    rng, equal = np.random.default_rng(2), 0
    for _ in range(40):
        first, second = rng.uniform(size=(2, 30))
        second = second + 0.5 * first
        low, high = scipy_stats.pearsonr(first, second).confidence_interval(0.95)
        own = estimate("correlation", rows_of(first, second))
        assert own.low <= low + 1e-9
        assert own.high >= high - 1e-9
        equal += abs(own.low - low) < 1e-9 and abs(own.high - high) < 1e-9
    assert equal >= 20


def test_fishers_half_width_is_that_of_scipy() -> None:
    for rho, n, level in ((0.3, 20, 0.95), (0.8, 100, 0.9), (-0.95, 11, 0.99)):
        first, second = drawn(np.random.default_rng(3), n, rho)
        result = scipy_stats.pearsonr(first, second)
        half = correlation.fisher("correlation", float(result.statistic), n, (1 - level) / 2)
        low, high = result.confidence_interval(level)
        centre = math.atanh(result.statistic)
        assert (math.tanh(centre - half), math.tanh(centre + half)) == pytest.approx((low, high), abs=1e-9)


def test_of_ranks_the_variance_is_larger_by_half_of_the_square() -> None:
    """Bonett & Wright (2000): (1 + r² / 2) ÷ (n − 3) on the z scale."""
    half = correlation.fisher("rank_correlation", 0.8, 103, 0.025)
    assert half == pytest.approx(1.959963984540054 * math.sqrt(1.32 / 100))
    assert correlation.fisher("rank_correlation", 0.8, 3, 0.025) == math.inf


@pytest.mark.parametrize("cluster", [1, 4])
def test_influences_are_those_of_leaving_each_cluster_out(cluster: int) -> None:
    first, second = drawn(np.random.default_rng(4), 200, 0.7)
    clusters = [place // cluster for place in range(200)]
    rows, n = rows_of(first, second, clusters), 200 // cluster
    nearly: dict[Kind, float] = {"correlation": 1e-9, "rank_correlation": 0.02}
    for kind, near in nearly.items():
        whole, found = estimate(kind, rows).value, joint.influence(metric(kind), rows)
        without = [
            KINDS[kind](first[np.array(clusters) != name], second[np.array(clusters) != name]).statistic
            for name in map(int, found.clusters)
        ]
        expected = (whole - np.array(without)) * ((n - 1) / n) ** 0.5
        expected -= expected.mean()
        scale = np.sqrt((expected**2).sum())
        assert np.abs(found.values - expected).max() < near * scale
        assert np.sqrt((found.values**2).sum()) == pytest.approx(scale, rel=1e-6 if near < 1e-6 else 0.02)


def test_what_alike_cases_of_a_cluster_say_counts_once() -> None:
    first, second = drawn(np.random.default_rng(5), 40, 0.5)
    alike = rows_of(np.repeat(first, 5), np.repeat(second, 5), np.repeat(np.arange(40), 5).tolist())
    for kind in KINDS:
        once, five = (joint.influence(metric(kind), rows) for rows in (rows_of(first, second), alike))
        assert dict(zip(five.clusters, five.values, strict=True)) == pytest.approx(
            dict(zip(once.clusters, once.values, strict=True))
        )
        assert estimate(kind, alike).value == pytest.approx(estimate(kind, rows_of(first, second)).value)


def test_points_on_a_line_have_bounds_of_clusters_that_all_agree() -> None:
    """Clopper–Pearson of 20 of 20 at 2.5 %: 0.025 ** (1 / 20) of (1 + r) / 2."""
    nearest = 2 * 0.025 ** (1 / 20) - 1
    for kind in KINDS:
        up = estimate(kind, rows_of(range(20), [2.0 * place for place in range(20)]))
        down = estimate(kind, rows_of(range(20), [-2.0 * place for place in range(20)]))
        assert (up.value, up.low, up.high) == pytest.approx((1.0, nearest, 1.0))
        assert (down.value, down.low, down.high) == pytest.approx((-1.0, -1.0, -nearest))


def test_a_correlation_of_one_row_alone_has_bounds_that_say_nothing() -> None:
    """Without the last row all golds are equal: what is left has no correlation."""
    rows = rows_of([0.1 * place for place in range(12)], [*[3.0] * 11, 5.0])
    own = estimate("correlation", rows)
    assert own.low < 0.0 < own.value < own.high
    # All but one lie on a line.
    nearly = estimate("correlation", rows_of(range(12), [*range(11), 0]))
    assert -1.0 < nearly.low < nearly.value < nearly.high < 1.0


def test_numbers_of_any_size_have_a_correlation() -> None:
    first, second = drawn(np.random.default_rng(6), 30, 0.4)
    expected = estimate("correlation", rows_of(first, second))
    for size in (1e-200, 1e200):
        own = estimate("correlation", rows_of(first * size, second))
        assert (own.value, own.low, own.high) == pytest.approx((expected.value, expected.low, expected.high))


def test_bounds_get_wider_with_a_smaller_error() -> None:
    rows = rows_of(*drawn(np.random.default_rng(7), 50, 0.8))
    for method in ("pearson", "spearman"):
        limits = [stats.bounds(method, rows, alpha, low=-1.0, high=1.0) for alpha in (0.2, 0.05, 0.001)]
        lows, highs = zip(*limits, strict=True)
        assert list(lows) == sorted(lows, reverse=True)
        assert list(highs) == sorted(highs)


def test_a_number_without_its_partner_is_an_error() -> None:
    rows = [*rows_of(range(5), range(5)), Row("9", "answer 1", 1.0, 1.0)]
    with pytest.raises(ValueError, match="have no partners"):
        estimate("correlation", rows)
    with pytest.raises(ValueError, match="equal numbers have no correlation"):
        estimate("rank_correlation", rows_of(range(5), [1.0] * 5))


# --- details of answers


def judged(first: Sequence[float], second: Sequence[float], clusters: Sequence[str]) -> list[Judged]:
    details = [(Detail("r", {"of": "values"}, Score(*pair)),) for pair in zip(first, second, strict=True)]
    facts: Any = {"before": None, "after": None, "same": True, "vacuous": False, "facts": {}, "before_classes": {}}
    facts |= {"after_classes": {}}
    return [
        Judged(slice={}, cluster=cluster, details=own, **facts) for cluster, own in zip(clusters, details, strict=True)
    ]


@pytest.mark.parametrize(
    ("answers", "golds", "clusters", "reason"),
    [
        ([3.0] * 12, range(12), 12, "all answers are equal: they have no correlation"),
        (range(12), [3.0] * 12, 12, "all right numbers are equal: they have no correlation"),
        (range(12), range(12), 9, "a correlation needs 10 examples, or groups of them"),
        (range(1), range(1), 1, "a correlation needs 10 examples, or groups of them"),
    ],
)
def test_where_there_is_no_correlation_the_reason_stands(
    answers: Sequence[float], golds: Sequence[float], clusters: int, reason: str
) -> None:
    names = [str(place % clusters) for place in range(len(answers))]
    (gap,) = metrics.correlations([metric("correlation")], judged(answers, golds, names))
    assert isinstance(gap, Skipped)
    assert (gap.slice, gap.reason, gap.applies) == ({"of": "values"}, reason, True)


def test_details_become_a_measurement_that_follows_from_its_rows() -> None:
    first, second = drawn(np.random.default_rng(8), 40, 0.9)
    cases = judged(list(first), list(second), [str(place // 2) for place in range(40)])
    own = metric("rank_correlation")
    (measured,) = metrics.correlations([own], cases)
    assert isinstance(measured, Measurement)
    assert (measured.n_cases, measured.n_clusters, measured.status) == (40, 20, "ok")
    assert measured.value == pytest.approx(scipy_stats.spearmanr(first, second).statistic)
    assert metrics.recomputed(own, measured) == measured
    assert list(metrics.correlations([], cases)) == []


# --- two audits


def between(kind: Kind, new: Sequence[Row], old: Sequence[Row]) -> Any:
    sides = [metrics.measurement(metric(kind), {}, rows, n_cases=len(rows) // 2) for rows in (new, old)]
    return stats.between(metric(kind), *sides, paired=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_difference_of_two_audits_has_zous_bounds(kind: Kind) -> None:
    """Zou (2007): the distances of both audits' own bounds, as the legs of a right angle."""
    first, second = drawn(np.random.default_rng(12), 80, 0.9)
    worse = np.random.default_rng(13).standard_normal(80) + 0.5 * second
    new, old = rows_of(worse, second), rows_of(first, second)
    own, past = estimate(kind, new), estimate(kind, old)
    found = between(kind, new, old)
    low, high = found.bounds(0.025)
    assert found.value == pytest.approx(own.value - past.value)
    assert low == pytest.approx(found.value - math.hypot(own.value - own.low, past.high - past.value))
    assert high == pytest.approx(found.value + math.hypot(own.high - own.value, past.value - past.low))
    assert high < 0.0
    assert not found.alike
    same = between(kind, old, old)
    assert (same.value, same.alike, same.influence) == (0.0, True, None)
    assert same.bounds(0.025)[0] < 0.0 < same.bounds(0.025)[1]


@pytest.mark.parametrize("changed", [0.05, 1.0])
def test_bounds_of_a_difference_cover_where_few_and_where_all_answers_change(changed: float) -> None:
    """Why it is not paired: with few changes the unseen ones decide, and paired bounds miss 20 % and more."""

    def answers(rng: Rng, n: int) -> tuple[Any, Any, Any]:
        first, gold = drawn(rng, n, 0.8)
        return gold, first, np.where(rng.random(n) < changed, rng.standard_normal(n), first)

    rng = np.random.default_rng(14)
    gold, old, new = answers(rng, 1_000_000)
    truth = np.corrcoef(new, gold)[0, 1] - np.corrcoef(old, gold)[0, 1]
    misses = [0, 0]
    for _ in range(100):
        gold, old, new = answers(rng, 100)
        low, high = between("correlation", rows_of(new, gold), rows_of(old, gold)).bounds(0.05)
        misses[0] += low > truth
        misses[1] += high < truth
    assert max(misses) <= 12  # 99.5 % point of Binomial(100, 0.05)


# --- coverage

SHAPES: dict[str, Any] = {
    "normal": lambda numbers: numbers,
    "skewed": lambda numbers: np.exp(0.7 * numbers),
    "five grades": lambda numbers: np.clip(np.round(numbers + 3.0), 1.0, 5.0),
}
DESIGNS = ((12, 1), (30, 1), (100, 1), (20, 5), (60, 5))
"""Clusters, and cases of each; half of the variance of the cases of a cluster is in common."""
MISSES = 0.06


def sample(rng: Rng, shape: str, clusters: int, cases: int, rho: float) -> tuple[Any, Any, Any]:
    of = np.repeat(np.arange(clusters), cases)
    noise = rng.standard_normal((2, clusters * cases))
    if cases > 1:
        noise = np.sqrt(0.5) * (noise + rng.standard_normal((2, clusters))[:, of])
    first, second = noise[0], rho * noise[0] + math.sqrt(1.0 - rho**2) * noise[1]
    bent = SHAPES[shape]
    # Answers run on, golds are grades.
    return of, bent(first) if shape == "skewed" else first, bent(second)


def missed(shape: str, rho: float, draws: int) -> dict[tuple[str, int, int], float]:
    """Kind, clusters, cases → how often the two-sided 95 % interval misses."""
    rng = np.random.default_rng(20261127)
    _, first, second = sample(rng, shape, 1_000_000, 1, rho)
    truths = {kind: float(measure(first, second).statistic) for kind, measure in KINDS.items()}
    shares: dict[tuple[str, int, int], float] = {}
    for clusters, cases in DESIGNS:
        misses = dict.fromkeys(KINDS, 0)
        for _ in range(draws):
            of, first, second = sample(rng, shape, clusters, cases, rho)
            by_name = arms(rows_of(first, second, of.tolist()))
            for kind, truth in truths.items():
                _, (low, high), _ = correlation.bounds(kind, by_name, 0.025)
                misses[kind] += not low <= truth <= high
        shares |= {(str(kind), clusters, cases): share / draws for kind, share in misses.items()}
    return shares


def check(shape: str, rho: float, draws: int) -> None:
    allowed = MISSES + 3.0 * math.sqrt(MISSES * (1.0 - MISSES) / draws)
    shares = missed(shape, rho, draws)
    for key, share in shares.items():
        print(f"{shape:12} r = {rho:<5} {key[0]:17} {key[1]:4} × {key[2]}  misses {100 * share:4.1f} %")
    assert {key: share for key, share in shares.items() if share > allowed} == {}


@pytest.mark.parametrize(("shape", "rho"), [("normal", 0.0), ("skewed", 0.8), ("five grades", 0.95)])
def test_intervals_cover(shape: str, rho: float) -> None:
    check(shape, rho, 40)


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.0, 0.3, 0.8, 0.95])
@pytest.mark.parametrize("shape", SHAPES)
def test_intervals_cover_on_the_whole_grid(shape: str, rho: float) -> None:
    check(shape, rho, 2000)


def test_fishers_interval_alone_misses_of_skewed_and_of_clustered_rows() -> None:
    """Why it is not the method: one in eight of skewed rows, and of five alike cases a cluster."""
    rng, misses, draws = np.random.default_rng(9), {"skewed": 0, "normal": 0}, 200
    for shape, clusters, cases in (("skewed", 100, 1), ("normal", 20, 5)):
        _, *numbers = sample(rng, shape, 1_000_000, 1, 0.8)
        truth = float(scipy_stats.pearsonr(*numbers).statistic)
        for _ in range(draws):
            _, *numbers = sample(rng, shape, clusters, cases, 0.8)
            low, high = scipy_stats.pearsonr(*numbers).confidence_interval(0.95)
            misses[shape] += not low <= truth <= high
    assert min(misses.values()) > draws / 8


def test_a_cluster_of_many_cases_is_left_out_in_truth() -> None:
    """Of ten clusters that share most of what they say, one has five times as many cases."""
    random = np.random.default_rng(15)
    clusters = np.repeat(np.arange(10), [50, *[10] * 9])
    first, second = (
        (random.normal(size=10)[clusters] + 0.3 * random.normal(size=len(clusters))).round(1) for _ in range(2)
    )
    rows = rows_of(first, second, clusters.tolist())
    found = joint.influence(metric("rank_correlation"), rows)
    without = [
        scipy_stats.spearmanr(first[clusters != name], second[clusters != name]).statistic
        for name in map(int, found.clusters)
    ]
    expected = (np.mean(without) - np.array(without)) * 0.9**0.5
    assert found.values == pytest.approx(expected, abs=1e-9)


def test_bounds_of_ranks_hold_with_few_clusters_of_unequal_size() -> None:
    """At a first order in each cluster's share 10 % are missed."""
    random, missed = np.random.default_rng(16), 0
    clusters = np.repeat(np.arange(10), [50, *[10] * 9])
    for _ in range(200):
        first, second = (
            0.9**0.5 * random.normal(size=10)[clusters] + 0.1**0.5 * random.normal(size=len(clusters)) for _ in range(2)
        )
        own = estimate("rank_correlation", rows_of(first, second, clusters.tolist()))
        missed += not own.low <= 0.0 <= own.high
    assert missed <= 16


def test_a_cluster_without_which_all_numbers_are_equal_leaves_no_correlation() -> None:
    clusters = [0] * 5 + [1, 2, 3, 4, 5, 6]
    own = estimate("rank_correlation", rows_of([1, 2, 3, 4, 5, *[1] * 6], [2, 1, 4, 3, 5, *[1] * 6], clusters))
    assert own.low < 0.0 < own.value <= own.high <= 1.0
