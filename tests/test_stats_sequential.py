"""Bounds for repeated looks against hand computation, an independent implementation and simulated sequences."""

from __future__ import annotations

import itertools
import math
import time

import numpy as np
import pytest

from auditor import stats
from auditor.stats import sequential
from auditor.stats.clusters import Array
from auditor.types import Kind, Row

ALPHAS = (1e-6, 0.0017, 0.01, 0.025, 0.05, 0.2, 0.4)
LOOKS = 1000


def naive_rejects(values: list[float], m: float, alpha: float) -> bool:
    """Whether the capital against "the mean is at most m" ever reached 1/alpha, written out without numpy."""
    capitals = [1.0] * 8
    for value in values:
        for index in range(8):
            fraction = math.sin(math.pi * (2 * index + 1) / 32) ** 2
            capitals[index] *= 1 + fraction * (value / m - 1)
        if sum(capitals) / 8 >= 1 / alpha:
            return True
    return False


def sequences() -> list[Array]:
    rng = np.random.default_rng(3)
    ends = [np.zeros(40), np.ones(40), np.full(40, 0.5), np.repeat([0.0, 1.0], 20), np.repeat([1.0, 0.0], 20)]
    return [*ends, rng.random(3), rng.beta(0.2, 2.0, 60), (rng.random(200) < 0.05).astype(float)]


def rows(values: Array | list[float], arm: str = "", prefix: str = "c") -> list[Row]:
    return [Row(f"{prefix}{index}", arm, 2.0 * float(value), 2.0) for index, value in enumerate(values)]


def test_one_value_by_hand() -> None:
    """The fractions' mean is one half: 1 + (x/m − 1)/2 = 20 where x/m = 39."""
    assert sequential.mean(np.array([1.0]), 0.05) == pytest.approx((1 / 39, 1.0), abs=2e-9)
    assert sequential.mean(np.array([0.0]), 0.05) == pytest.approx((0.0, 38 / 39), abs=2e-9)
    assert sequential.mean(np.array([0.5]), 0.05) == pytest.approx((1 / 78, 77 / 78), abs=2e-9)


def test_two_and_three_values_by_hand() -> None:
    """Moments of the arcsine law, which the nodes keep: 1/2, 3/8, 5/16. With z = 1/m − 1 after ones alone the capital
    is 1 + z + 3z²/8, then 1 + 3z/2 + 9z²/8 + 5z³/16."""
    z = (math.sqrt(1 + 4 * 0.375 * 19) - 1) / 0.75
    assert sequential.mean(np.ones(2), 0.05) == pytest.approx((1 / (1 + z), 1.0), abs=2e-9)
    z = max(float(root.real) for root in np.roots([5 / 16, 9 / 8, 3 / 2, -19]) if abs(root.imag) < 1e-9)
    assert sequential.mean(np.ones(3), 0.05) == pytest.approx((1 / (1 + z), 1.0), abs=2e-9)
    # A zero after a one: 1 + z/2 was already the peak.
    assert sequential.mean(np.array([1.0, 0.0]), 0.05)[0] == pytest.approx(1 / 39, abs=2e-9)


@pytest.mark.parametrize("alpha", [0.05, 0.0024])
def test_a_fine_grid_of_means_and_a_plain_loop_reject_the_same(alpha: float) -> None:
    grid = np.arange(1, 400) / 400
    for values in sequences():
        low, high = sequential.mean(values, alpha)
        for m in grid:
            assert naive_rejects(values.tolist(), m, alpha) == (m <= low), (values, m)
            assert naive_rejects((1 - values).tolist(), 1 - m, alpha) == (m >= high), (values, m)


def test_the_bound_is_on_the_rejected_side_and_close_to_the_end() -> None:
    for values, alpha in itertools.product(sequences(), ALPHAS):
        low, high = sequential.mean(values, alpha)
        assert low == 0.0 or naive_rejects(values.tolist(), low, alpha * (1 + 1e-12))
        assert not naive_rejects(values.tolist(), low + 2e-9, alpha)
        assert high == 1.0 or naive_rejects((1 - values).tolist(), 1 - high, alpha * (1 + 1e-6))


def test_bounds_widen_as_alpha_falls() -> None:
    for values in sequences():
        found = np.array([sequential.mean(values, alpha) for alpha in ALPHAS])
        assert (np.diff(found[:, 0]) >= -1e-9).all()
        assert (np.diff(found[:, 1]) <= 1e-9).all()


def test_bounds_only_tighten_as_values_come() -> None:
    for values in sequences():
        found = np.array([sequential.mean(values[:n], 0.05) for n in range(1, len(values) + 1)])
        assert (np.diff(found[:, 0]) >= -1e-9).all()
        assert (np.diff(found[:, 1]) <= 1e-9).all()


def test_larger_values_have_larger_bounds_and_mirrored_ones_mirrored_bounds() -> None:
    for values in sequences():
        low, high = sequential.mean(values, 0.05)
        more = sequential.mean(np.minimum(values + 0.1, 1.0), 0.05)
        assert more[0] >= low - 1e-9
        assert more[1] >= high - 1e-9
        assert sequential.mean(1.0 - values, 0.05) == pytest.approx((1.0 - high, 1.0 - low), abs=2e-9)


def test_the_order_matters_as_an_earlier_look_stands() -> None:
    """Forty events, then as many misses: a mean of 0.6 was rejected after the events."""
    early = sequential.mean(np.repeat([1.0, 0.0], 40), 0.05)
    late = sequential.mean(np.repeat([0.0, 1.0], 40), 0.05)
    assert early[0] == pytest.approx(sequential.mean(np.ones(40), 0.05)[0], abs=2e-9)
    assert early[0] > 0.6 > late[0]
    assert early[0] > early[1], "values that contradict every mean reject them all"


def test_capitals_beyond_a_floats_range_bound_as_well() -> None:
    rng = np.random.default_rng(4)
    values = (rng.random(20_000) < 0.3).astype(float)
    low, high = sequential.mean(values, 0.05)
    assert 0.285 < low < 0.3 < high < 0.315
    lost = sequential.mean(np.repeat([0.0, 1.0], 3000), 1e-9)
    assert 0.0 < lost[0] < 0.5 < lost[1] < 1.0 or lost[0] > lost[1]


def test_values_just_outside_are_clipped_and_others_refused() -> None:
    assert sequential.mean(np.array([1 + 5e-10, -5e-10]), 0.05) == sequential.mean(np.array([1.0, 0.0]), 0.05)
    for wrong in ([1.01], [-0.01, 0.5], [math.nan]):
        with pytest.raises(ValueError, match="outside"):
            sequential.mean(np.array(wrong), 0.05)
    for empty in (np.zeros(0), np.zeros((2, 2))):
        with pytest.raises(ValueError, match="no values"):
            sequential.mean(empty, 0.05)
    for alpha in (0.0, 1.0, math.nan):
        with pytest.raises(ValueError, match="alpha"):
            sequential.mean(np.ones(2), alpha)


def test_a_thousand_values_are_bounded_in_milliseconds() -> None:
    values = (np.random.default_rng(5).random(1000) < 0.1).astype(float)
    sequential.mean(values, 0.05)
    spent = []
    for _ in range(5):
        begun = time.process_time()
        sequential.mean(values, 0.05)
        spent.append(time.process_time() - begun)
    assert min(spent) < 0.015, "five times what it takes: the machine may be busy"


def capitals(values: Array, m: float) -> Array:
    """For each sequence (draws × n) the capital's logarithm against "at most m" after every value."""
    found: Array = -np.inf
    for fraction in np.sin(np.pi * (2 * np.arange(8) + 1) / 32) ** 2:
        found = np.logaddexp(found, np.cumsum(np.log1p(fraction * (values / m - 1.0)), axis=1))
    return found - math.log(8)


def ever_wrong(rng: np.random.Generator, rate: float, cases: int, draws: int) -> tuple[int, int]:
    """Of so many sequences of LOOKS clusters, those whose lower (upper) 95 % bound ever excludes their mean."""
    low = high = 0
    for _ in range(draws // 200):
        shares = rng.beta(rate, 1 - rate, (200, LOOKS)) if cases > 1 else rate
        values = rng.binomial(cases, shares, (200, LOOKS)) / cases
        for index, (side, m) in enumerate(((values, rate), (1.0 - values, 1.0 - rate))):
            wrong = capitals(side, m).max(axis=1) >= math.log(20)
            low, high = (low + int(wrong.sum()), high) if index == 0 else (low, high + int(wrong.sum()))
            # What is counted is what the bounds say, whose last look holds every earlier one.
            for line in range(2):
                bounds = sequential.mean(values[line], 0.05)
                assert wrong[line] == (bounds[0] > rate if index == 0 else bounds[1] < rate)
    return low, high


@pytest.mark.parametrize(("rate", "cases"), [(0.01, 1), (0.3, 5), (0.5, 1)])
def test_bounds_looked_at_after_every_cluster_are_seldom_ever_wrong(rate: float, cases: int) -> None:
    assert max(ever_wrong(np.random.default_rng(0), rate, cases, 400)) <= 31  # 99 % point of Binomial(400, 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("rate", "cases"), list(itertools.product((0.01, 0.05, 0.3, 0.5), (1, 5))))
def test_bounds_looked_at_after_every_cluster_are_wrong_in_at_most_5_percent(
    rate: float, cases: int, seed: int
) -> None:
    found = ever_wrong(np.random.default_rng(seed), rate, cases, 2000)
    print(f"ever wrong at rate {rate}, {cases} cases, seed {seed}: low {found[0]}, high {found[1]} of 2000")
    assert max(found) <= 123  # 99 % point of Binomial(2000, 0.05)


def test_means_changes_and_differences_have_a_method_for_repeated_looks() -> None:
    kinds: list[Kind] = ["mean", "change", "difference", "gap", "median", "descriptive"]
    found = [stats.sequential_method(kind, False) for kind in kinds]
    assert found == ["betting", "betting_change", "betting_difference", None, None, None]
    assert {stats.sequential_method(kind, True) for kind in kinds} == {None}
    assert set(found) - {None} == set(sequential.METHODS) <= set(stats.METHODS)


def test_other_kinds_keep_their_fixed_design() -> None:
    values = rows([0.0, 1.0, 1.0])
    assert stats.estimate("mean", values, low=0, high=1, ratio=True, sequential=True).method == "jackknife_ratio"
    found = stats.estimate("median", values, low=0, high=1, sequential=True)
    assert found == stats.estimate("median", values, low=0, high=1)


def test_a_mean_is_read_in_drawn_order_and_in_its_range() -> None:
    """c10 sorts before c2: were clusters read by name, the order that matters here would be another."""
    values = np.repeat([1.0, 0.0], 40)
    found = stats.bounds("betting", rows(values), 0.05, low=0, high=1)
    assert found == pytest.approx(sequential.mean(values, 0.05))
    wide = stats.bounds("betting", rows(10 * values - 5), 0.05, low=-5, high=5)
    assert wide == pytest.approx([10 * one - 5 for one in found])
    without = [Row("none", "", 0.0, 0.0), *rows(values)]
    assert stats.bounds("betting", without, 0.05, low=0, high=1) == found


def test_the_value_is_the_fixed_designs_and_lies_within_the_interval() -> None:
    rng = np.random.default_rng(6)
    arms = rows(rng.random(30), "first") + rows(rng.random(30), "second")
    samples: list[tuple[Kind, list[Row]]] = [
        ("mean", rows(np.repeat([1.0, 0.0], 40))),
        ("mean", rows(np.repeat([1.0, 0.0], [40, 4]))),
        ("change", arms),
        ("difference", arms[:50]),
    ]
    for kind, found in samples:
        low = 0.0 if kind == "mean" else -1.0
        fixed = stats.estimate(kind, found, low=low, high=1)
        one = stats.estimate(kind, found, low=low, high=1, sequential=True)
        assert one.value == pytest.approx(fixed.value)
        assert one.n_clusters == fixed.n_clusters
        assert one.low <= one.value <= one.high
        assert one.high - one.low > 0.01


def test_a_change_is_paired_by_cluster_in_drawn_order() -> None:
    first, second = rows([1.0, 0.0, 0.5, 1.0], "first"), rows([0.0, 1.0, 0.5], "second")
    # Drawn first is the third cluster, whichever its arm there; the fourth has no partner.
    expected = 2 * np.array(sequential.mean(np.array([0.5, 1.0, 0.0]), 0.05)) - 1
    mixed = [second[2], first[3], first[0], second[0], first[1], first[2], second[1]]
    found = stats.bounds("betting_change", mixed, 0.05, low=-1, high=1)
    assert found == pytest.approx(expected)
    assert stats.estimate("change", mixed, low=-1, high=1, sequential=True).n_clusters == 3


def test_a_difference_pairs_the_clusters_of_one_rank_and_the_shorter_arm_ends_it() -> None:
    first, second = rows([1.0, 0.0, 0.5, 1.0], "first", "a"), rows([0.0, 1.0, 0.5], "second", "b")
    expected = 2 * np.array(sequential.mean(np.array([1.0, 0.0, 0.5]), 0.05)) - 1
    found = stats.bounds("betting_difference", first + second, 0.05, low=-1, high=1)
    assert found == pytest.approx(expected)
    assert stats.estimate("difference", first + second, low=-1, high=1, sequential=True).value == pytest.approx(0.125)


@pytest.mark.parametrize("method", list(sequential.METHODS))
def test_rows_that_cannot_be_read_are_refused(method: str) -> None:
    for empty in ([], [Row("a", "", 0.0, 0.0)]):
        with pytest.raises(ValueError, match="no rows"):
            stats.bounds(method, empty, 0.05, low=0, high=1)
    name = "" if method == "betting" else "first"
    with pytest.raises(ValueError, match="outside"):
        stats.bounds(method, rows([1.5], name) + rows([0.0], "second"), 0.05, low=0, high=1)
    with pytest.raises(ValueError, match="finite range"):
        stats.bounds(method, rows([1.5], name) + rows([0.0], "second"), 0.05, low=0, high=math.inf)
    if method != "betting":
        with pytest.raises(ValueError, match="no rows of the second arm"):
            stats.bounds(method, rows([1.0], "first"), 0.05, low=-1, high=1)
    with pytest.raises(ValueError, match="no common clusters"):
        stats.bounds("betting_change", rows([1.0], "first", "a") + rows([1.0], "second", "b"), 0.05, low=-1, high=1)


def test_a_bound_keeps_what_an_earlier_look_showed_even_beyond_the_value() -> None:
    found = rows(np.repeat([0.0, 1.0], 40))
    assert stats.bounds("betting", found, 0.05, low=0, high=1)[1] < 0.1
    assert stats.estimate("mean", found, low=0, high=1, sequential=True).high == 0.5
