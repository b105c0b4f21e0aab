"""Learning curves by hand and on power laws that are known."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.proportion import proportion_confint

from auditor.stats import curve, curve_families


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


SIZES = np.array([30.0, 100.0, 300.0, 1000.0])


def fits(errors: list[float], sizes: np.ndarray = SIZES, error: float = 0.005) -> dict[str, curve_families.Fit]:
    found = curve_families.fitted(sizes, np.array([errors]), np.eye(len(sizes)) * error**2)
    return {fit.family: fit for fit in found}


def test_a_curve_that_is_a_power_law_gives_the_gain_of_that_law() -> None:
    """Error 0.1 + 2·n^(−0.5): from 1,024 to 2,048 it falls by 2·1024^(−0.5)·(1 − 2^(−0.5)) = 0.0183."""
    sizes = np.array([64.0, 256.0, 512.0, 1024.0])
    fit = fits(list(0.1 + 2 * sizes**-0.5), sizes)["power law"]
    assert fit.gains[0] == pytest.approx(2 / 32 * (1 - 2**-0.5), abs=1e-6)
    assert fit.misfit == pytest.approx(0.0, abs=1e-9)
    assert not fit.contradicted(8)


def test_an_exponential_and_a_logistic_curve_give_the_gain_of_theirs() -> None:
    """Of scales on the grids: exp(−n/τ) with τ = 3,000, and the logistic with its middle there."""
    exponential = fits(list(0.1 + 0.4 * np.exp(-SIZES / 3000)))["exponential"]
    assert exponential.gains[0] == pytest.approx(0.4 * (np.exp(-1 / 3) - np.exp(-2 / 3)), abs=1e-6)
    logistic = fits(list(0.1 + 0.4 / (1 + (SIZES / 3000) ** 3)))["logistic"]
    assert logistic.gains[0] == pytest.approx(0.4 / (1 + 1 / 27) - 0.4 / (1 + 8 / 27), abs=1e-6)


def test_a_curve_that_falls_to_nothing_is_fitted_without_a_floor() -> None:
    """Convex in the fit: the free fit would take a below 0, so the floor is 0."""
    assert 0.0 < fits([0.4, 0.2, 0.08, 0.0])["power law"].gains[0] < 0.05


def test_a_curve_that_gets_worse_promises_nothing_and_contradicts_every_family() -> None:
    found = fits([0.1, 0.2, 0.3, 0.4])
    assert {fit.gains[0] for fit in found.values()} == {0.0}
    assert all(fit.contradicted(8) for fit in found.values())


def test_a_family_is_contradicted_as_often_as_an_f_test_says() -> None:
    """One point more than parameters: the misfit is a squared t with the variances' degrees of freedom."""
    fit = curve_families.Fit("x", float(scipy_stats.f.ppf(0.96, 1, 8)), 4, np.zeros(1))
    assert fit.contradicted(8)
    fit = curve_families.Fit("x", float(scipy_stats.f.ppf(0.94, 1, 8)), 4, np.zeros(1))
    assert not fit.contradicted(8)
    assert not curve_families.Fit("x", 1e9, 3, np.zeros(1)).contradicted(8)


CURVES: dict[str, Callable[[float], float]] = {
    "power law": lambda n: 0.12 + 1.6 * n**-0.5,
    "slow power law": lambda n: 0.05 + 0.8 * n**-0.2,
    "exponential": lambda n: 0.15 + 0.35 * math.exp(-n / 150),
    "flat from 300 on": lambda n: 0.2 + (0.3 * (1 - math.log10(n / 30)) if n < 300 else 0.0),
    "flat from 100 on": lambda n: 0.2 + (0.25 * (1 - math.log(n / 30, 100 / 30)) if n < 100 else 0.0),
    "phase change at 500": lambda n: 0.18 + 0.3 / (1 + (n / 500) ** 4),
    "phase change at 2,000": lambda n: 0.18 + 0.3 / (1 + (n / 2000) ** 4),
    "jump at 500": lambda n: 0.45 if n < 500 else 0.2,
    "flat": lambda n: 0.3 + 0.0 * n,
}


def drawn(rng: np.random.Generator, error: Callable[[float], float], examples: int = 300) -> list[curve.Point]:
    """Three seeds that move the error by 1.5 points; the same examples are hard for all sizes."""
    hard, points = rng.normal(size=examples), []
    for labels in SIZES:
        seeds = [np.clip(error(float(labels)) + rng.normal() * 0.015, 0.01, 0.6) for _ in range(3)]
        right = [0.8 * hard + 0.6 * rng.normal(size=examples) > scipy_stats.norm.ppf(share) for share in seeds]
        points.append(curve.point(int(labels), [scores(list(seed.astype(float))) for seed in right]))
    return points


def simulated(name: str, draws: int) -> tuple[float, float]:
    """Shares of the draws whose interval holds the true gain, and that identify it."""
    rng, error = np.random.default_rng(5), CURVES[name]
    true = error(1000.0) - error(2000.0)
    found = [curve.gain_from_doubling(drawn(rng, error), seed) for seed in range(draws)]
    gains = [gain for gain in found if gain is not None]
    held = sum(gain.low - 1e-9 <= true <= gain.high + 1e-9 for gain in gains)
    return held / draws, sum(gain.identified for gain in gains) / draws


@pytest.mark.parametrize("name", CURVES)
def test_the_gain_is_held_whatever_the_curve(name: str) -> None:
    held, _ = simulated(name, 12)
    assert held >= 10 / 12


@pytest.mark.slow
@pytest.mark.parametrize("name", CURVES)
def test_the_gain_is_held_as_often_as_it_says_and_identified_where_it_can_be(name: str) -> None:
    held, identified = simulated(name, 300)
    print(f"{name}: held {held:.3f}, identified {identified:.3f}")
    # What lies beyond a phase change at twice the largest size, no point tells: it is not identified, and held mostly.
    assert held >= (0.88 if name == "phase change at 2,000" else 0.93)
    if "phase" in name or "jump" in name:
        assert identified <= 0.1
    elif name in ("power law", "exponential", "flat from 300 on", "flat from 100 on"):
        assert identified >= 0.7


def test_a_curve_that_contradicts_every_family_is_not_identified() -> None:
    found = curve.gain_from_doubling([flat(30, 0.9), flat(100, 0.8), flat(300, 0.7), flat(1000, 0.6)], seed=1)
    assert found is not None
    assert (found.families, found.identified, found.low, found.high) == ((), False, 0.0, 0.4)


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
