"""Regression on clean answers: its arithmetic, what it covers, and how many examples it saves."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from auditor import stats
from auditor.stats import regression
from auditor.stats.clusters import Array
from auditor.stats.estimates import method_for
from auditor.types import Kind, Metric, Names, Row, Rows

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
    part: float
    """Share of the clusters that is measured."""

    @property
    def examples(self) -> float:
        """Examples measured to the same width, over those of the ordinary method; the clean answers are there.

        With R² explained, the width at n of N is by √(1 − R² (1 − n/N)) smaller than the ordinary one.
        """
        explained = (1.0 - self.width**2) / (1.0 - self.part)
        return (1.0 - explained) / (1.0 - explained * self.part)


def simulated(regime: Regime, measured: int, clusters: int, draws: int, alpha: float = 0.05) -> Found:
    rng, truth = np.random.default_rng([measured, clusters, draws]), regime.truth()
    kind: Kind = "change" if regime.change else "mean"
    methods = method_for(kind, ratio=False), f"regression_{kind}"
    misses, widths = np.zeros((2, 2)), np.zeros(2)
    for _ in range(draws):
        rows = rows_of(regime.world(rng, clusters), measured, regime.cases, change=regime.change)
        for place, method in enumerate(methods):
            low, high = stats.bounds(method, rows, alpha, low=-1.0 if regime.change else 0.0, high=1.0)
            misses[place] += low > truth, high < truth
            widths[place] += high - low
    shares = 100.0 * misses / draws
    return Found(
        shares[1, 0], shares[1, 1], (shares[0, 0], shares[0, 1]), float(widths[1] / widths[0]), measured / clusters
    )


def test_a_case_worked_by_hand() -> None:
    """The fit is 1/2 + 2/5 x, each leverage 9/20, and the mean of the fits without one cluster 1/2 + 4/11 x."""
    measured, others = np.array([[-1.0], [-1.0], [1.0], [1.0]]), np.array([[1.0], [1.0]])
    means, residuals = regression.predicted(measured, others, np.array([[0.0], [0.0], [1.0], [1.0]]))
    assert means == pytest.approx([1 / 2 + 1 / 3 * (19 / 22 - 1 / 2)])
    assert residuals[:, 0] == pytest.approx([-2 / 11, -2 / 11, 2 / 11, 2 / 11])


def test_it_is_the_least_squares_of_statsmodels_with_one_cluster_left_out_of_each_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from statsmodels.api import OLS, add_constant

    monkeypatch.setattr(regression, "PENALTY", 0.0)
    rng, measured, clusters = np.random.default_rng(3), 80, 300
    world = Regime("accuracy", 1.5, 0.5, cases=5).world(rng, clusters)
    rows = rows_of(world, measured, 5, change=False)
    found = regression.read("regression_mean", rows, 0.0, 1.0)
    assert found is not None
    every = add_constant(np.column_stack([world.clean, world.likelihood, world.clean * world.likelihood]))
    values, predictions = world.values[:measured], np.zeros((measured, clusters))
    for left_out in range(measured):
        kept = np.arange(measured) != left_out
        predictions[left_out] = OLS(values[kept], every[:measured][kept]).fit().predict(every)
    own = np.diag(predictions[:, :measured])
    weight = float(np.clip(np.cov(values, own)[0, 1] / own.var(ddof=1), 0.0, 1.0))
    everywhere = (own.sum() + predictions[:, measured:].mean(axis=0).sum()) / clusters
    assert found.value == pytest.approx(values.mean() + weight * (everywhere - own.mean()))
    residuals = values - weight * own
    left = residuals.var(ddof=1)
    left += (1 - left / values.var(ddof=1)) * ((residuals - residuals.mean()) ** 2).max() / measured
    part = (1 / measured - 1 / clusters) * left
    assert found.variance == pytest.approx(part + values.var(ddof=1) / clusters)


def test_the_error_is_that_of_two_phase_sampling() -> None:
    """Cochran (1977), 12.11: the variance of a mean is S²(1 − R²)/n + S² R²/N."""
    world = Regime("flips", 1.5, 0.5, cases=5).world(np.random.default_rng(4), 20_000)
    found = regression.read("regression_mean", rows_of(world, 4000, 5, change=False), 0.0, 1.0)
    assert found is not None
    every = np.column_stack([np.ones(20_000), world.clean, world.likelihood, world.clean * world.likelihood])
    residuals = world.values - every @ np.linalg.lstsq(every, world.values)[0]
    explained = 1 - residuals.var() / world.values.var()
    expected = world.values.var() * ((1 - explained) / 4000 + explained / 20_000)
    assert 0.3 < explained < 0.9
    assert found.variance == pytest.approx(expected, rel=0.05)


def test_a_metric_that_the_clean_answer_gives_is_as_sure_as_if_all_clusters_were_measured() -> None:
    world = Regime("accuracy", 0.0, 0.0).world(np.random.default_rng(5), 1000)
    some, every = (
        stats.estimate("mean", rows_of(world, n, 1, change=False, clean=n < 1000), low=0.0, high=1.0)
        for n in (300, 1000)
    )
    assert (some.method, every.method) == ("regression_mean", method_for("mean", ratio=False))
    assert some.value == pytest.approx(every.value, abs=0.003)
    assert some.high - some.low == pytest.approx(every.high - every.low, rel=0.05)


def tango_bound(rise: float, fall: float, size: float, alpha: float) -> float:
    """Tango's bound by its definition: the likelihood of the discordant shares maximised under the difference."""
    from scipy.optimize import brentq, minimize_scalar
    from scipy.stats import norm

    def score(difference: float) -> float:
        def lost(share: float) -> float:
            up = share + difference
            return -(rise * math.log(up) + fall * math.log(share) + (1 - rise - fall) * math.log(1 - up - share))

        least = max(0.0, -difference) + 1e-12
        best = minimize_scalar(
            lost, bounds=(least, (1 - difference) / 2 - 1e-12), method="bounded", options={"xatol": 1e-12}
        )
        return float((rise - fall - difference) / math.sqrt((2 * best.x + difference - difference**2) / size))

    return float(brentq(lambda difference: score(difference) + norm.isf(alpha), rise - fall, 0.999))


@pytest.mark.parametrize(("rise", "fall", "size"), [(0.1, 0.02, 200.0), (0.02, 0.1, 63.7), (0.3, 0.25, 30.5)])
@pytest.mark.parametrize("alpha", [0.05, 0.0025])
def test_the_score_bound_is_tangos(rise: float, fall: float, size: float, alpha: float) -> None:
    assert regression.tango_high(rise, fall, size, alpha) == pytest.approx(
        tango_bound(rise, fall, size, alpha), abs=1e-5
    )


def some_rows() -> Iterator[tuple[Kind, Rows]]:
    rng = np.random.default_rng(6)
    for regime, measured in itertools.product((Regime("drop", 1.5), Regime("drop", 0.2, 0.5, 12, 0.3)), (60, 200)):
        yield "change", rows_of(regime.world(rng, 500), measured, regime.cases, change=True)
    for regime in (Regime("accuracy", 1.5), Regime("flips", 0.02, math.inf, 12), Regime("success", 3.0)):
        yield "mean", rows_of(regime.world(rng, 500), 120, regime.cases, change=False)


def test_bounds_hold_the_value_and_get_wider_as_alpha_gets_smaller() -> None:
    for kind, rows in some_rows():
        least = -1.0 if kind == "change" else 0.0
        found = stats.estimate(kind, rows, low=least, high=1.0)
        assert found.method == f"regression_{kind}"
        assert least <= found.low < found.value < found.high <= 1.0
        limits = [
            stats.bounds(found.method, rows, alpha, low=least, high=1.0) for alpha in (0.2, 0.05, 0.01, 1e-4, 1e-6)
        ]
        assert [low for low, _ in limits] == sorted((low for low, _ in limits), reverse=True)
        assert [high for _, high in limits] == sorted(high for _, high in limits)


def test_the_order_of_rows_and_the_names_that_a_file_shares_change_nothing() -> None:
    for kind, rows in some_rows():
        least = -1.0 if kind == "change" else 0.0
        found = stats.estimate(kind, rows, low=least, high=1.0)
        backwards = stats.estimate(kind, list(rows)[::-1], low=least, high=1.0)
        assert (backwards.value, backwards.low, backwards.high) == pytest.approx((found.value, found.low, found.high))
        plain = rows_of(Regime("accuracy", 1.5).world(np.random.default_rng(7), 90), 90, 1, change=False, clean=False)
        shared = Rows(
            plain.names, (*plain.arm_names, *regression.ARMS), plain.clusters, plain.arms, plain.totals, plain.counts
        )
        assert stats.estimate("mean", shared, low=0.0, high=1.0) == stats.estimate("mean", plain, low=0.0, high=1.0)


def mean_rows(values: list[float], others: int, *, missing: int = 0) -> list[Row]:
    rows = [Row(f"c{place}", "", value, 1.0) for place, value in enumerate(values)]
    rows += [Row(f"m{place}", "", 0.0, 0.0) for place in range(missing)]
    names = [row.cluster for row in rows] + [f"o{place}" for place in range(others)]
    clean = [float(place < 7) for place in range(len(names))]
    return rows + [
        Row(name, arm, known, 1.0) for name, known in zip(names, clean, strict=True) for arm in regression.ARMS
    ]


@pytest.mark.parametrize(
    ("values", "others"),
    [
        ([1.0] * 4 + [0.0] * 60, 100),  # four events
        ([0.0] * 4 + [1.0] * 60, 100),  # four without
        ([1.0] * 30 + [0.0] * 30, 0),  # no cluster whose clean answer alone is known
    ],
)
def test_the_ordinary_method_stands_where_there_is_too_little(values: list[float], others: int) -> None:
    found = stats.estimate("mean", mean_rows(values, others), low=0.0, high=1.0)
    plain = [row for row in mean_rows(values, others) if row.arm == ""]
    expected = stats.estimate("mean", plain, low=0.0, high=1.0)
    assert (found.value, found.low, found.high) == (expected.value, expected.low, expected.high)


def test_which_method_stands_does_not_depend_on_the_direction_of_a_change() -> None:
    for rises, falls in ((4, 0), (0, 4), (2, 2), (5, 0), (0, 5), (2, 3)):
        changes = [1.0] * rises + [-1.0] * falls + [0.0] * 60
        rows = [Row(f"c{place}", "first", max(change, 0.0), 1.0) for place, change in enumerate(changes)]
        rows += [Row(f"c{place}", "second", max(-change, 0.0), 1.0) for place, change in enumerate(changes)]
        rows += [Row(f"c{place}", arm, float(place < 7), 1.0) for place in range(200) for arm in regression.ARMS]
        regressed = regression.read("regression_change", rows, -1.0, 1.0) is not None
        assert regressed == (rises + falls >= regression.EVENTS), (rises, falls)


def test_rows_that_cannot_be_are_refused() -> None:
    rows = mean_rows([1.0, 0.0] * 30, 100)
    for broken, said in (
        ([row for row in rows if row.arm], "main arm"),
        ([row for row in rows if (row.cluster, row.arm) != ("c3", "clean")], "no clean answer"),
        (
            [row for row in rows if (row.cluster, row.arm) != ("c3", "likelihood")],
            "lacks its row of the likelihood arm",
        ),
        ([Row("c3", "", 2.0, 1.0) if row == rows[3] else row for row in rows], "outside the range"),
    ):
        with pytest.raises(ValueError, match=said):
            stats.bounds("regression_mean", broken, 0.05, low=0.0, high=1.0)


def test_more_examples_shrink_the_residuals_part_until_all_clusters_are_measured() -> None:
    world = Regime("flips", 1.5, 0.5, cases=5).world(np.random.default_rng(8), 1000)
    rows = rows_of(world, 200, 5, change=False)
    found = regression.read("regression_mean", rows, 0.0, 1.0)
    assert found is not None
    # By hand: the two-phase variance with 200 r measured of 1,000 known, and with all known measured from r = 5 on.
    ratios = np.array([1.0, 2.0, 4.0, 5.0, 20.0])
    variances = [
        (1 / n - 1 / max(n, 1000)) * found.residual + found.whole / max(n, 1000) for n in (200, 400, 800, 1000, 4000)
    ]
    assert list(found.shrinkage(ratios) ** 2) == pytest.approx([one / found.variance for one in variances])
    assert found.shrinkage(ratios)[0] == 1.0
    metric = Metric("m", "m", "mean", "share", 0.0, 1.0, "lower")
    goals = [stats.Goal(found.value + 0.015, 0.05, below=True)]
    more = stats.more_clusters(metric, "regression_mean", rows, goals, value=found.value, clusters=found.informative)
    assert more is not None
    high = stats.bounds("regression_mean", rows, 0.05, low=0.0, high=1.0)[1]
    wanted = 0.015 / (high - found.value)
    assert found.shrinkage(np.array([1 + 1.06 * more.even / found.informative]))[0] <= wanted
    assert found.shrinkage(np.array([1 + 0.85 * more.even / found.informative]))[0] > wanted


REGIMES = [
    Regime("drop", 0.2),
    Regime("drop", 1.5),
    Regime("drop", 1.5, 0.3),
    Regime("drop", 4.0, 2.0),
    Regime("drop", 1.5, cases=12),
    Regime("drop", 0.2, 0.5, cases=12),
    Regime("drop", 1.5, cases=5, missing=0.5),
    Regime("flips", 0.3, 0.3),
    Regime("flips", 1.5),
    Regime("flips", 0.2, 0.5, cases=12),
    Regime("flips", 1.5, missing=0.7),
    Regime("accuracy", 1.5),
    Regime("accuracy", 2.5, 0.5, cases=5),
    Regime("accuracy", -4.0, 0.3),
    Regime("success", 1.5),
    Regime("success", 4.0),
    Regime("success", -0.5),
    Regime("success", 3.0, missing=0.2),
]
USELESS = [
    Regime("drop", 0.02, math.inf),
    Regime("drop", 0.1, math.inf),
    Regime("drop", 0.02, math.inf, cases=12),
    Regime("flips", 0.005, math.inf),
    Regime("flips", 0.02, math.inf),
    Regime("flips", 0.02, math.inf, cases=12),
    Regime("flips", 0.3, math.inf),
]
SIZES = [(50, 200), (100, 1000), (200, 400), (200, 1000), (400, 2000)]
MOST_MISSES = 6.0
"""Percent, of one-sided bounds at 5 %."""


def beyond(found: Found, draws: int) -> bool:
    """Whether it misses more than chance explains: three standard errors."""
    return max(found.below, found.above) > MOST_MISSES + 300 * math.sqrt(0.06 * 0.94 / draws)


def line(regime: Regime, measured: int, clusters: int, found: Found) -> str:
    said = "nothing" if math.isinf(regime.noise) else f"{regime.noise:g}"
    return (
        f"{regime.kind:8} strength {regime.strength:5g} noise {said:>7} cases {regime.cases:2} "
        f"without {regime.missing:.1f} n {measured:3} of {clusters:4}: misses {found.below:4.1f} {found.above:4.1f} "
        f"(ordinary {found.ordinary[0]:4.1f} {found.ordinary[1]:4.1f}), width {found.width:.3f}, "
        f"examples {found.examples:.2f}"
    )


@pytest.mark.parametrize("regime", [REGIMES[1], REGIMES[5], REGIMES[9], REGIMES[11], REGIMES[14]], ids=repr)
def test_it_covers_and_needs_fewer_examples(regime: Regime) -> None:
    found = simulated(regime, 200, 1000, 250)
    assert not beyond(found, 250), found
    assert found.examples < 0.65


@pytest.mark.parametrize("regime", [USELESS[1], USELESS[4], USELESS[6]], ids=repr)
def test_it_costs_nothing_where_clean_answers_say_nothing(regime: Regime) -> None:
    found = simulated(regime, 100, 500, 250)
    assert not beyond(found, 250), found
    assert found.width <= 1.03


@pytest.mark.slow
@pytest.mark.parametrize(("measured", "clusters"), SIZES)
@pytest.mark.parametrize("regime", [*REGIMES, *USELESS], ids=repr)
def test_it_covers_on_the_whole_grid(regime: Regime, measured: int, clusters: int) -> None:
    found = simulated(regime, measured, clusters, 2000)
    print(line(regime, measured, clusters, found))
    assert not beyond(found, 2000), found
    assert found.width <= 1.03
