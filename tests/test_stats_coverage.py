"""Coverage chooses the methods: one table, by method and regime.

Each regime draws samples of a known truth. Its line says how often the one-sided bounds at 5 % miss on either side, how
often the two-sided 95 % interval covers, how wide the one-sided bounds lie apart on average, and how wide that is
against the tightest rival that covers. A rival covers if neither side misses more than 6 % in any regime of its group:
regimes of a group differ by what an analyst does not know (how alike the cases of a cluster are, which groups differ,
the rate within a fifth, and how rare few changes are), so a method that fails in one could not be chosen for another.
With one yes-or-no case a cluster no chance is left: all outcomes are enumerated. Elsewhere three standard errors of the
draws are allowed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import interval_rivals as rivals
import numpy as np
import pytest
from scipy import stats as scipy_stats

from auditor.stats import estimates, gaps, intervals, medians, ratios
from auditor.stats.clusters import Arm, Array

MISSES = 0.06
"""Of a bound at 5 %, at most."""
LEAST = 0.94
WIDEST = 1.1
Rng = np.random.Generator
Sample = tuple[Any, float]
"""What the bounds are computed from, and its weight: its probability where outcomes are enumerated."""


@dataclass(frozen=True)
class Regime:
    name: str
    truth: float
    samples: Callable[[int], Iterator[Sample]]
    """Draws → samples."""
    own: Callable[[Any, float], tuple[float, float]]
    rivals: Mapping[str, Callable[[Any, float], tuple[float, float]]]
    exact: bool = False


@dataclass
class Line:
    low: float = 0.0
    high: float = 0.0
    both: float = 0.0
    width: float = 0.0
    weight: float = field(default=0.0)

    def add(self, bounds: tuple[float, float], truth: float, weight: float) -> None:
        self.low += weight * (bounds[0] > truth + 1e-9)
        self.high += weight * (bounds[1] < truth - 1e-9)
        self.width += weight * (bounds[1] - bounds[0])
        self.weight += weight

    @property
    def misses(self) -> float:
        return max(self.low, self.high) / self.weight


def measured(regime: Regime, draws: int) -> dict[str, Line]:
    lines: dict[str, Line] = {name: Line() for name in ("own", *regime.rivals)}
    for sample, weight in regime.samples(draws):
        lines["own"].add(regime.own(sample, 0.05), regime.truth, weight)
        low, high = regime.own(sample, 0.025)
        lines["own"].both += weight * (low - 1e-9 <= regime.truth <= high + 1e-9)
        for name, rival in regime.rivals.items():
            lines[name].add(rival(sample, 0.05), regime.truth, weight)
    return lines


def check(group: str, draws: int) -> None:
    found = [(regime, measured(regime, draws)) for regime in GROUPS[group]]
    able = [name for name in found[0][0].rivals if all(lines[name].misses <= MISSES for _, lines in found)]
    faults = []
    print(f"\n{group}: rivals that cover: {', '.join(able) or 'none'}")
    print(f"{'regime':34} low % high % 95 % covers  width  ÷ best")
    for regime, lines in found:
        own, slack = lines["own"], 0.0 if regime.exact else 3 * (MISSES * LEAST / draws) ** 0.5
        best = min((lines[name].width for name in able), default=None)
        ratio = own.width / best if best else float("nan")
        both = own.both / own.weight
        print(
            f"{regime.name:34} {100 * own.low / own.weight:5.1f} {100 * own.high / own.weight:6.1f} "
            f"{100 * both:11.1f} {own.width / own.weight:6.4f} {ratio:7.2f}"
        )
        if own.misses > MISSES + slack or both < LEAST - slack or (able and ratio > WIDEST):
            faults.append(regime.name)
    assert not faults, f"{group}: {faults}"


# --- one yes-or-no case a cluster: all outcomes


@cache
def names(n: int) -> tuple[str, ...]:
    return tuple(f"c{index}" for index in range(n))


def likely(n: int, share: float) -> range:
    reach = 5 * (n * share) ** 0.5
    return range(max(0, int(n * share - reach) - 2), min(n, int(n * share + reach) + 4) + 1)


@cache
def _changed(n: int, gained: int, lost: int, alpha: float) -> tuple[float, float]:
    differences = np.repeat([1.0, -1.0, 0.0], [gained, lost, n - gained - lost])
    return intervals.rises_and_falls(differences, float(n), alpha)


@cache
def _apart(n: int, first: int, m: int, second: int, alpha: float) -> tuple[float, float]:
    arms = [Arm(names(k), np.repeat([1.0, 0.0], [x, k - x]), np.ones(k)) for k, x in ((n, first), (m, second))]
    return estimates._newcombe({"first": arms[0], "second": arms[1]}, alpha, -1.0, 1.0)[1]


def changes_of_one_case(n: int, gains: float, losses: float) -> Regime:
    def samples(_draws: int) -> Iterator[Sample]:
        for gained, lost in itertools.product(likely(n, gains), likely(n, losses)):
            if gained + lost <= n:
                rest = 1 - gains - losses
                outcome = [gained, lost, n - gained - lost]
                yield (gained, lost), float(scipy_stats.multinomial.pmf(outcome, n, [gains, losses, rest]))

    table = tuple(np.meshgrid(np.arange(n + 1.0), np.arange(n + 1.0), indexing="ij"))

    @cache
    def tango(alpha: float) -> tuple[Array, Array]:
        return rivals.tango(table[0], table[1], n, alpha)

    return Regime(
        f"{n} clusters, +{gains:g} −{losses:g}",
        gains - losses,
        samples,
        lambda s, alpha: _changed(n, *s, alpha),
        {"Tango": lambda s, alpha: (float(tango(alpha)[0][s]), float(tango(alpha)[1][s]))},
        exact=True,
    )


def differences_of_one_case(n: int, p: float, m: int, q: float) -> Regime:
    def samples(_draws: int) -> Iterator[Sample]:
        near = [likely(k, min(x, 1 - x)) for k, x in ((n, p), (m, q))]
        firsts = [i if p < 0.5 else n - i for i in near[0]]
        seconds = [i if q < 0.5 else m - i for i in near[1]]
        for i, j in itertools.product(firsts, seconds):
            yield (i, j), float(scipy_stats.binom.pmf(i, n, p) * scipy_stats.binom.pmf(j, m, q))

    table = tuple(np.meshgrid(np.arange(n + 1.0), np.arange(m + 1.0), indexing="ij"))

    def rival(method: Any) -> Any:
        both = cache(lambda alpha: method(table[0], n, table[1], m, alpha))
        return lambda s, alpha: (float(both(alpha)[0][s]), float(both(alpha)[1][s]))

    return Regime(
        f"{n} at {p:g}, {m} at {q:g}",
        p - q,
        samples,
        lambda s, alpha: _apart(n, s[0], m, s[1], alpha),
        {"Newcombe–Wilson": rival(rivals.newcombe), "Miettinen–Nurminen": rival(rivals.miettinen_nurminen)},
        exact=True,
    )


# --- drawn


def seeded(draw: Callable[[Rng], Any]) -> Callable[[int], Iterator[Sample]]:
    def samples(draws: int) -> Iterator[Sample]:
        rng = np.random.default_rng(20)
        for _ in range(draws):
            yield draw(rng), 1.0

    return samples


def outcomes(rng: Rng, n: int, cases: int, shares: tuple[float, ...], correlation: float) -> Array:
    """Clusters × outcomes: Dirichlet-multinomial counts with this intra-class correlation."""
    if not correlation:
        return rng.multinomial(cases, shares, n)
    gammas = rng.standard_gamma(np.maximum(np.array(shares) * (1 / correlation - 1), 1e-12), (n, len(shares)))
    gammas = np.maximum(gammas, 1e-300)
    return rng.multinomial(cases, gammas / gammas.sum(axis=1, keepdims=True))


OF_VALUES: dict[str, Callable[[Any, float], tuple[float, float]]] = {
    "t": rivals.student,
    "t, pseudo-clusters": rivals.with_pseudo_clusters((1.0, -1.0)),
    "Hall": rivals.hall,
    "bootstrap t": rivals.bootstrap_t,
}


def changes(n: int, cases: int, gains: float, losses: float, correlation: float) -> Regime:
    def draw(rng: Rng) -> Array:
        counts = outcomes(rng, n, cases, (gains, losses, 1 - gains - losses), correlation)
        return (counts[:, 0] - counts[:, 1]) / cases

    name = f"{n} × {cases}, +{gains:g} −{losses:g}, ρ {correlation:g}"
    return Regime(
        name, gains - losses, seeded(draw), lambda s, a: intervals.rises_and_falls(s, float(n * cases), a), OF_VALUES
    )


def scores(n: int, shift: float, spread: float, rare: float) -> Regime:
    """Differences of scores, of which a few flip by 0.8."""

    def draw(rng: Rng) -> Array:
        return np.clip(rng.normal(shift, spread, n) + 0.8 * (rng.random(n) < rare), -1, 1)

    name = f"{n}, {shift:g} ± {spread:g}, {rare:g} flip"
    own = lambda s, a: intervals.rises_and_falls(s, float("inf"), a)  # noqa: E731
    return Regime(name, shift + 0.8 * rare, seeded(draw), own, OF_VALUES)


def means(n: int, cases: int, rate: float, correlation: float) -> Regime:
    def draw(rng: Rng) -> Array:
        return outcomes(rng, n, cases, (rate, 1 - rate), correlation)[:, 0] / cases

    own = lambda s, a: intervals.korn_graubard(s, float(n * cases), a)  # noqa: E731
    others = {**OF_VALUES, "t, pseudo-clusters": rivals.with_pseudo_clusters((1.0, 0.0))}
    others["Korn–Graubard"] = lambda s, a: rivals.korn_graubard_as_published(s, n * cases, a)
    return Regime(f"{n} × {cases}, {rate:g}, ρ {correlation:g}", rate, seeded(draw), own, others)


def sentences(rng: Rng, n: int, wrong: float, correlation: float) -> tuple[Array, Array, Array]:
    """Entities, missed ones and wrong ones of each sentence."""
    entities = 1 + rng.poisson(1.0, n)
    share = rng.beta(wrong * (1 / correlation - 1), (1 - wrong) * (1 / correlation - 1), n) if correlation else wrong
    return entities, rng.binomial(entities, share), rng.binomial(entities, share)


def f1_arm(entities: Array, missed: Array, wrong: Array) -> Arm:
    right = 2.0 * (entities - missed)
    return Arm(names(len(entities)), right, right + missed + wrong)


def f1(n: int, wrong: float, correlation: float) -> Regime:
    own = lambda s, a: ratios.bounds(s, a)[1]  # noqa: E731
    others = {
        "jackknife": lambda s, a: rivals.jackknife(s.totals, s.counts, a),
        "Wilson": lambda s, a: rivals.wilson_of_ratio(s.totals, s.counts, a),
    }
    name, draw = f"{n}, F1 {1 - wrong:g}, ρ {correlation:g}", lambda rng: f1_arm(*sentences(rng, n, wrong, correlation))
    # As many missed as false: F1 is the share that is right.
    return Regime(name, 1 - wrong, seeded(draw), own, others)


def f1_drop(n: int, m: int, wrong: float) -> Regime:
    def draw(rng: Rng) -> dict[str, Arm]:
        return {arm: f1_arm(*sentences(rng, k, wrong, 0.0)) for arm, k in (("first", n), ("second", m))}

    def hybrid(s: dict[str, Arm], alpha: float) -> tuple[float, float]:
        (p, low1, high1), (q, low2, high2) = (
            (float(arm.totals.sum() / arm.counts.sum()), *rivals.jackknife(arm.totals, arm.counts, alpha))
            for arm in (s["first"], s["second"])
        )
        return p - q - np.hypot(p - low1, high2 - q), p - q + np.hypot(high1 - p, q - low2)

    own = lambda s, a: estimates._newcombe_ratio(s, a, -1.0, 1.0)[1]  # noqa: E731
    return Regime(f"{n} and {m}, F1 {1 - wrong:g}", 0.0, seeded(draw), own, {"jackknife hybrid": hybrid})


def f1_change(n: int, wrong: float, lost: float) -> Regime:
    def draw(rng: Rng) -> tuple[Arm, Arm]:
        entities, missed, false = sentences(rng, n, wrong, 0.0)
        return f1_arm(entities, missed, false), f1_arm(entities, missed + rng.binomial(entities - missed, lost), false)

    def pseudo(s: tuple[Arm, Arm]) -> Array:
        first, second = (rivals.leave_one_out(arm.totals, arm.counts)[1] for arm in s)
        return first - second

    after = 1 - wrong - lost * (1 - wrong)
    others = {name: (lambda s, a, rival=rival: rival(pseudo(s), a)) for name, rival in OF_VALUES.items()}
    # Of one entity: ``after`` right, 1 − after missed, ``wrong`` false.
    drop = 1 - wrong - 2 * after / (1 + after + wrong)
    own = lambda s, a: estimates._ratio_change({"first": s[0], "second": s[1]}, a, -1.0, 1.0)[1]  # noqa: E731
    return Regime(f"{n}, F1 {1 - wrong:g}, loses {lost:g}", drop, seeded(draw), own, others)


def gap(groups: int, n: int, kind: str, size: float, spread: float, flips: float = 0.0) -> Regime:
    """Scores of groups in the same sentences; the last group flips by 0.8 in a share of them."""
    shifts = np.zeros(groups)
    if kind == "pair":
        shifts[:2] = size / 2, -size / 2
    elif kind == "half":
        shifts[: groups // 2] = size

    def draw(rng: Rng) -> Array:
        table = 0.1 + rng.uniform(0.0, 0.1, n)[:, None] + shifts + rng.normal(0, spread, (n, groups))
        table[:, -1] += 0.8 * (rng.random(n) < flips)
        return table

    def own(table: Array, alpha: float) -> tuple[float, float]:
        value, (low, high), _ = gaps.bounds([[Arm(names(n), column, np.ones(n)) for column in table.T]], alpha)
        return min(low, value), max(high, value)

    def kept(rival: Any) -> Any:
        return lambda table, alpha: (max(0.0, (found := rival(table, alpha))[0]), found[1])

    others = {"pairs": kept(rivals.pairwise_gap), "Tukey–Kramer": kept(rivals.tukey_gap)}
    name = f"{groups} groups, {n}, {kind} {size:g} ± {spread:g}{f', {flips:g} flip' if flips else ''}"
    return Regime(name, size + 0.8 * flips, seeded(draw), own, others if not flips else {})


def median() -> Regime:
    own = lambda s, a: medians.median_order(s, a)  # noqa: E731
    return Regime("25, exponential", float(np.log(2)), seeded(lambda rng: rng.exponential(1.0, 25)), own, {})


ALIKE = (0.0, 0.1, 0.5)
RARE = (0.0, 0.1, 0.5, 0.95)
RATES = [(0.01, 0.0), (0.03, 0.0), (0.05, 0.0), (0.02, 0.01), (0.05, 0.01), (0.1, 0.02), (0.1, 0.05), (0.3, 0.1)]
PAIRS = ((0.99, 0.99), (0.98, 0.98), (0.95, 0.9), (0.9, 0.7), (0.6, 0.5))
GROUPS: dict[str, list[Regime]] = {
    **{
        f"change, one case, {n} +{gains:g} −{losses:g}": [
            changes_of_one_case(n, gains * near, losses * near) for near in (0.8, 1.0, 1.2)
        ]
        for n, (gains, losses) in itertools.product((50, 100, 200, 500, 1000), RATES)
    },
    **{
        # Just within the bound of one, two and three such events, where a bound that lies too low misses most.
        f"change, one case, {n}, one way only": [changes_of_one_case(n, events / n, 0.0) for events in (4.4, 6.0, 7.6)]
        for n in (100, 500, 1000)
    },
    **{
        f"change, {cases} cases, {n}, rare": [
            changes(n, cases, events / n, 0.0, rho) for events, rho in itertools.product((0.2, 1.0, 2.4), RARE)
        ]
        for cases, n in itertools.product((3, 12), (100, 300))
    },
    **{
        f"change, {cases} cases, {n}, few": [
            changes(n, cases, *rates, rho) for rates, rho in itertools.product(((0.01, 0.005), (0.05, 0.01)), ALIKE)
        ]
        for cases, n in itertools.product((3, 12), (100, 300, 1000))
    },
    **{
        f"change, {cases} cases, {n} +{gains:g} −{losses:g}": [changes(n, cases, gains, losses, rho) for rho in ALIKE]
        for cases, n, (gains, losses) in itertools.product((3, 12), (100, 300, 1000), ((0.1, 0.05), (0.3, 0.1)))
    },
    **{
        f"change of scores, {n}, ± {spread:g}": [scores(n, 0.0, spread, rare) for rare in rares]
        for n, spread, rares in (
            (100, 0.1, (0.0,)),
            (150, 0.03, (0.0,)),
            (150, 0.1, (0.03, 0.06)),
            (300, 0.03, (0.03, 0.06)),
            (300, 0.1, (0.0, 0.03)),
        )
    },
    **{f"change of scores, shifted, {n}": [scores(n, 0.15, 0.05, 0.0), scores(n, 0.05, 0.1, 0.0)] for n in (100, 300)},
    **{
        f"mean, {cases} cases, {n} at {rate:g}": [means(n, cases, rate, rho) for rho in ALIKE]
        for cases, n, rate in itertools.product((3, 12), (50, 100, 300), (0.05, 0.15, 0.5))
    },
    **{
        f"mean, {cases} cases, {n}, rare": [
            means(n, cases, events / n, rho) for events, rho in itertools.product((0.2, 1.0, 2.4), RARE)
        ]
        for cases, n in itertools.product((3, 12), (100, 300))
    },
    **{
        f"difference, {n} and {m}": [differences_of_one_case(n, p, m, q) for p, q in PAIRS]
        for n, m in ((60, 60), (300, 60), (200, 200), (1000, 300))
    },
    **{
        f"F1, {n} at {1 - wrong:g}": [f1(n, wrong, rho) for rho in (0.0, 0.1)]
        for n, wrong in itertools.product((50, 100, 200, 300), (0.02, 0.05, 0.1, 0.3))
    },
    "F1, drop": [f1_drop(n, m, wrong) for n, m, wrong in ((300, 60, 0.02), (300, 60, 0.1), (1000, 300, 0.05))],
    **{
        f"F1, change, {n}": [f1_change(n, w, d) for w, d in ((0.02, 0.05), (0.1, 0.05), (0.1, 0.15))]
        for n in (100, 300)
    },
    **{
        f"gap, {groups} groups, {n}": [gap(groups, n, "fair", 0.0, 0.1)]
        + [gap(groups, n, kind, 0.04, 0.1) for kind in ("pair", "half")]
        for groups, n in itertools.product((2, 4, 8), (100, 200, 500))
    },
    "gap, few flips": [gap(groups, 150, "fair", 0.0, 0.03, flips) for groups in (2, 4) for flips in (0.03, 0.06)],
    "median": [median()],
}
FAST = (
    "change, one case, 100 +0.02 −0.01",
    "change, one case, 200 +0.1 −0.05",
    "change, one case, 500, one way only",
    "change, 12 cases, 100 +0.1 −0.05",
    "change, 12 cases, 100, few",
    "change of scores, 100, ± 0.1",
    "mean, 12 cases, 100 at 0.05",
    "difference, 60 and 60",
    "F1, 100 at 0.98",
    "F1, drop",
    "gap, 4 groups, 200",
    "median",
)


@pytest.mark.parametrize("group", FAST)
def test_methods_cover_and_are_as_tight_as_the_best(group: str) -> None:
    check(group, 150)


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
def test_methods_cover_and_are_as_tight_as_the_best_on_the_whole_grid(group: str) -> None:
    check(group, 2000)
