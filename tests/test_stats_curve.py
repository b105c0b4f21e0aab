"""Learning curves by hand and on power laws that are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.proportion import proportion_confint

from auditor.stats import curve


def scores(values: list[float]) -> dict[str, tuple[float, float]]:
    return {f"c{index}": (value, 1.0) for index, value in enumerate(values)}


def flat(labels: int, value: float, seeds: int = 3, n: int = 400) -> curve.Point:
    """All seeds right on the same share of the examples."""
    return curve.point(labels, [scores([1.0] * round(value * n) + [0.0] * (n - round(value * n)))] * seeds)


def test_the_checkpoint_itself_has_nearly_the_binomial_interval_of_its_examples() -> None:
    found = curve.point(3000, [scores([1.0] * 80 + [0.0] * 20)])
    assert (found.value, found.seeds, len(found.clusters)) == (0.8, 1, 100)
    assert (found.low, found.high) == pytest.approx(proportion_confint(80, 100, method="beta"), abs=0.02)


def test_the_interval_adds_the_seeds_t_interval_to_the_examples() -> None:
    seeds = [[1.0] * right + [0.0] * (50 - right) for right in (30, 35, 40)]
    found = curve.point(100, [scores(one) for one in seeds])
    half = scipy_stats.t.ppf(0.975, 2) * np.std([0.6, 0.7, 0.8], ddof=1) / 3**0.5
    assert found.value == pytest.approx(0.7)
    assert found.low == pytest.approx(max(0.0, 0.7 - float(np.hypot(half, 0.7 - flat_bounds(seeds)[0]))))
    assert found.high == pytest.approx(min(1.0, 0.7 + float(np.hypot(half, flat_bounds(seeds)[1] - 0.7))))


def flat_bounds(seeds: list[list[float]]) -> tuple[float, float]:
    from auditor.stats import intervals

    return intervals.korn_graubard(np.mean(seeds, axis=0), 150.0, 0.025)


def test_a_perfect_score_still_has_an_interval() -> None:
    found = flat(30, 1.0, n=60)
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(proportion_confint(60, 60, method="beta")[0])


def test_a_ratio_of_sums_keeps_its_value() -> None:
    rows = {"a": (3.0, 4.0), "b": (1.0, 3.0), "c": (5.0, 5.0)}
    found = curve.point(10, [rows, rows], ratio=True)
    assert found.value == pytest.approx(9 / 12)
    assert found.low < 9 / 12 < found.high


def test_seeds_without_a_common_cluster_are_refused() -> None:
    with pytest.raises(ValueError, match="no common clusters"):
        curve.point(10, [{"a": (1.0, 1.0)}, {"b": (1.0, 1.0)}])


def test_the_target_is_reached_at_the_smallest_size_whose_value_reaches_it() -> None:
    points = [flat(1000, 0.9), flat(30, 0.5), flat(300, 0.84), flat(100, 0.8)]
    # ±0.04 about each value: 0.84's upper bound reaches 0.85 and so does 0.8's not; only 0.9's lower bound does.
    assert curve.labels_to(points, 0.85) == (1000, 300, 1000)
    assert curve.labels_to(points, 0.99) is None
    assert curve.labels_to(points, 0.89) == (1000, 1000, 1000)


def test_a_curve_that_is_a_power_law_gives_the_gain_of_that_law() -> None:
    """Error 0.1 + 2·n^(−0.5): from 1,024 to 2,048 it falls by 2·1024^(−0.5)·(1 − 2^(−0.5)) = 0.0183."""
    sizes = np.array([64.0, 256.0, 512.0, 1024.0])
    errors = 0.1 + 2 * sizes**-0.5
    assert curve._gains(sizes, errors[None, :])[0] == pytest.approx(2 / 32 * (1 - 2**-0.5), abs=1e-9)


def test_a_curve_that_falls_to_nothing_is_fitted_without_a_floor() -> None:
    """Convex in the fit: the free fit would take a below 0, so the floor is 0."""
    sizes = np.array([30.0, 100.0, 300.0, 1000.0])
    gain = curve._gains(sizes, np.array([[0.4, 0.2, 0.08, 0.0]]))[0]
    assert 0.0 < gain < 0.05


def test_a_curve_that_gets_worse_promises_nothing() -> None:
    gains = curve._gains(np.array([30.0, 100.0, 300.0, 1000.0]), np.array([[0.1, 0.2, 0.3, 0.4]]))
    assert gains[0] == 0.0


def test_a_steady_curve_identifies_its_gain_and_a_wild_one_does_not() -> None:
    steady = [flat(labels, 1 - 0.1 - 2 * labels**-0.5, n=4000) for labels in (64, 256, 512, 1024)]
    found = curve.gain_from_doubling(steady, seed=1)
    assert found is not None
    assert found.identified
    assert found.low <= 0.0183 <= found.high
    wild = [
        curve.point(labels, [scores([1.0] * round(40 * one) + [0.0] * round(40 - 40 * one)) for one in (low, high)])
        for labels, low, high in ((30, 0.3, 0.65), (100, 0.45, 0.8), (300, 0.55, 0.9), (1000, 0.625, 0.975))
    ]
    unsure = curve.gain_from_doubling(wild, seed=1)
    assert unsure is not None
    assert not unsure.identified
    assert unsure.low <= unsure.value <= unsure.high


def test_the_gain_is_the_same_for_the_same_seed_and_whatever_the_order() -> None:
    points = [flat(labels, 1 - labels**-0.3) for labels in (30, 100, 300, 1000)]
    assert curve.gain_from_doubling(points, 3) == curve.gain_from_doubling(points[::-1], 3)


def test_too_few_sizes_seeds_or_common_examples_give_no_gain() -> None:
    points = [flat(labels, 0.7) for labels in (30, 100, 300, 1000)]
    assert curve.gain_from_doubling(points[1:], 0) is None
    assert curve.gain_from_doubling([*points[1:], flat(30, 0.6, seeds=1)], 0) is None
    apart = curve.point(30, [{"other": (1.0, 1.0)}] * 2)
    assert curve.gain_from_doubling([*points[1:], apart], 0) is None
