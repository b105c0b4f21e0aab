"""Differences of a metric between two audits: values and tests by hand, bounds by simulation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.contingency_tables import mcnemar
from two_audits import ACCURACY, DROP, FREE, MIDDLE, measured, rows, yes

from auditor import stats
from auditor.stats import audits
from auditor.types import Kind, Metric, Row

Rng = np.random.Generator
GAP = Metric("gap", "gap", "gap", "points", 0.0, 1.0, "lower")
BETWEEN = Metric("between", "between", "difference", "points", -1.0, 1.0, "lower")
F1 = Metric("f1", "f1", "mean", "share", 0.0, 1.0, "higher", ratio=True)
F1_DROP = Metric("f1_drop", "f1 drop", "change", "points", -1.0, 1.0, "lower", ratio=True)
F1_BETWEEN = Metric("f1_between", "f1 between", "difference", "points", -1.0, 1.0, "lower", ratio=True)


def between(metric: Metric, new: list[Row], old: list[Row], *, paired: bool = True, **more: Any) -> stats.Difference:
    return stats.between(metric, measured(metric, new, **more), measured(metric, old, **more), paired=paired)


@pytest.mark.parametrize(("gained", "lost", "both"), [(9, 2, 29), (0, 7, 60), (1, 0, 40), (0, 0, 25), (30, 28, 5)])
def test_single_cases_are_tested_as_statsmodels_does(gained: int, lost: int, both: int) -> None:
    n = gained + lost + both
    new, old = yes(gained, n), yes(lost, n, first=gained)
    found = between(ACCURACY, rows(new), rows(old))
    assert found.p == pytest.approx(mcnemar([[both, gained], [lost, 0]], exact=True).pvalue)
    assert found.discordant == (gained, lost)
    assert found.value == pytest.approx((gained - lost) / n)
    assert found.method == "McNemar exact; rises and falls"
    assert found.alike == (gained == lost == 0)


def test_bounds_are_those_of_the_interval_that_compares_models_within_an_audit() -> None:
    rng = np.random.default_rng(1)
    for metric, arms in ((ACCURACY, ("",)), (DROP, ("first", "second")), (F1, ("",)), (F1_DROP, ("first", "second"))):
        new, old = ([row for arm in arms for row in rows(rng.integers(0, 4, 80) / 3, arm, count=3.0)] for _ in range(2))
        expected = stats.compare(metric.kind, new, old, low=metric.low, high=metric.high, ratio=metric.ratio)
        found = between(metric, new, old)
        assert (found.value, *found.bounds(0.025)) == pytest.approx((expected.value, expected.low, expected.high))
        assert found.p == pytest.approx(expected.p)
        assert found.clusters == expected.n_clusters
        assert found.value == pytest.approx(found.new - found.old)


def test_only_common_clusters_are_read_and_their_number_is_said() -> None:
    found = between(ACCURACY, rows(yes(10, 40)), rows(yes(10, 25)))
    assert (found.clusters, found.new, found.old, found.value) == (25, 0.4, 0.4, 0.0)
    with pytest.raises(ValueError, match="no common clusters"):
        between(ACCURACY, rows(yes(3, 20)), rows(yes(3, 20), of="away:"))


def test_a_difference_between_groups_of_clusters_is_tested_by_welch() -> None:
    """The first arm's paired differences less those of the second."""
    rng = np.random.default_rng(2)
    sides = [[rng.integers(0, 2, n).astype(float) for n in (40, 60)] for _ in range(2)]
    new, old = ([*rows(side[0], "first", "a"), *rows(side[1], "second", "b")] for side in sides)
    found = between(BETWEEN, new, old)
    first, second = (sides[0][at] - sides[1][at] for at in (0, 1))
    assert found.value == pytest.approx(first.mean() - second.mean())
    assert found.p == pytest.approx(scipy_stats.ttest_ind(first, second, equal_var=False).pvalue)
    low, high = found.bounds(0.025)
    half = 1.96 * (first.var(ddof=1) / 40 + second.var(ddof=1) / 60) ** 0.5
    assert (low, high) == pytest.approx((found.value - half, found.value + half), abs=0.05)
    assert found.influence is not None
    assert len(found.influence.clusters) == 100
    assert float((found.influence.values**2).sum()) ** 0.5 == pytest.approx(half / 1.96, rel=0.03)
    counted = between(F1_BETWEEN, new, old)
    assert counted.value == pytest.approx(found.value)


def test_alike_answers_have_no_difference_and_yet_a_width() -> None:
    given = {
        ACCURACY: rows(yes(10, 40)),
        DROP: rows(yes(30, 40), "first") + rows(yes(20, 40), "second"),
        BETWEEN: rows(yes(30, 40), "first", "a") + rows(yes(20, 40), "second", "b"),
        GAP: rows(yes(30, 40), "axis/x") + rows(yes(20, 40), "axis/y"),
        F1: rows([0.5] * 40, count=4.0),
    }
    for metric, own in given.items():
        found = between(metric, own, own)
        low, high = found.bounds(0.025)
        assert found.value == 0.0
        assert found.p in (1.0, None)
        assert low < 0.0 < high
        assert found.alike
        assert low > -0.3
        assert high < 0.3, metric.name


def gaps(rng: Rng, n: int, groups: int, apart: float, again: float = 0.2) -> list[list[Row]]:
    """Two audits of groups that all lie at 0.5, but for one that lies ``apart`` above."""
    cluster = rng.standard_normal(n) + 0.3 * rng.standard_normal((groups, n))
    made = []
    for _ in range(2):
        own = again * rng.standard_normal((groups, n)) + cluster
        shares = 1 / (1 + np.exp(-own)) * 0.3 + 0.35
        shares[0] += apart
        made.append([row for k in range(groups) for row in rows(shares[k], f"axis/{k}")])
    return made


def test_the_gap_of_another_audit_is_bounded_by_the_paired_differences() -> None:
    new, old = gaps(np.random.default_rng(3), 200, 4, 0.1)
    found = between(GAP, new, old)
    low, high = found.bounds(0.025)
    own, other = (stats.estimate("gap", given, low=0, high=1) for given in (new, old))
    assert found.value == pytest.approx(own.value - other.value)
    assert low <= found.value <= high
    assert high - low < (own.high - own.low) + (other.high - other.low)
    assert (found.p, found.discordant, found.influence) == (None, None, None)
    later = found.copied(0.025)
    assert 0.4 < (later[1] - later[0]) / (high - low) < 0.9, "four times as many clusters"
    with pytest.raises(ValueError, match="no common clusters"):
        between(GAP, new, [Row(f"x{row.cluster}", row.arm, row.total, row.count) for row in old])
    with pytest.raises(ValueError, match="two groups"):
        between(GAP, new, [row for row in old if row.arm == "axis/0"] + rows([0.4] * 20, "axis/z"))


def test_audits_of_other_cases_are_compared_as_independent_samples() -> None:
    """Newcombe's hybrid of two Clopper–Pearson intervals, by hand."""
    found = between(ACCURACY, rows(yes(60, 100)), rows(yes(70, 100), of="away:"), paired=False)
    a, b = (scipy_stats.binomtest(events, 100).proportion_ci(0.95) for events in (60, 70))
    low = -0.1 - ((0.6 - a.low) ** 2 + (b.high - 0.7) ** 2) ** 0.5
    high = -0.1 + ((a.high - 0.6) ** 2 + (0.7 - b.low) ** 2) ** 0.5
    assert found.bounds(0.025) == pytest.approx((low, high))
    assert found.value == pytest.approx(-0.1)
    assert (found.p, found.influence, found.alike) == (None, None, False)
    narrower = found.copied(0.025)
    assert low < narrower[0] < -0.1 < narrower[1] < high


@pytest.mark.parametrize(("metric", "arms"), [(ACCURACY, ("",)), (DROP, ("first", "second"))])
def test_audits_until_decided_have_bounds_that_hold_at_every_look(metric: Metric, arms: tuple[str, ...]) -> None:
    rng = np.random.default_rng(4)
    new, old = ([row for arm in arms for row in rows(rng.integers(0, 2, 200), arm)] for _ in range(2))
    at_once, any_time = between(metric, new, old), between(metric, new, old, method="betting")
    assert any_time.value == at_once.value
    assert any_time.bounds(0.025)[0] < at_once.bounds(0.025)[0] < at_once.bounds(0.025)[1] < any_time.bounds(0.025)[1]
    assert (any_time.p, any_time.influence) == (None, None)
    assert any_time.method == "betting, valid at every look"
    with pytest.raises(ValueError, match="drawn in another order"):
        between(metric, new, list(reversed(old)), method="betting")


def test_two_groups_until_decided_share_the_error() -> None:
    new = rows(yes(60, 90), "first", "a") + rows(yes(20, 90), "second", "b")
    old = rows(yes(50, 90), "first", "a") + rows(yes(20, 90), "second", "b")
    low, high = between(BETWEEN, new, old, method="betting_difference").bounds(0.025)
    assert low < 10 / 90 < high


def test_what_has_no_test_is_refused() -> None:
    for metric in (MIDDLE, FREE):
        one = measured(ACCURACY, rows(yes(3, 20)))
        with pytest.raises(ValueError, match=f"no test of a {metric.kind} number"):
            stats.between(metric, one, one, paired=True)
    nothing = [Row("a", "", 0.0, 0.0), Row("b", "", 0.0, 0.0)]
    given = measured(F1, rows([0.5] * 12, count=2.0))
    empty = measured(F1, rows([0.5] * 12, of="away:", count=2.0) + [Row(f"home:{k}", "", 0.0, 0.0) for k in range(12)])
    assert nothing
    with pytest.raises(ValueError, match="no counts"):
        stats.between(F1, given, empty, paired=True)


def test_a_group_with_one_cluster_has_no_test() -> None:
    assert audits._welch([np.array([1.0]), np.array([0.0, 1.0])]) == (None, "no test")
    assert audits._welch([np.array([1.0, 1.0]), np.array([0.0, 0.0])])[0] is None
    assert audits._welch([np.array([1.0, 1.0]), np.array([1.0, 1.0])])[0] == 1.0


SIMULATED: tuple[Kind, ...] = ("mean", "change", "difference", "gap")


def _draw(kind: Kind, rng: Rng, n: int) -> tuple[Metric, list[Row], list[Row]]:
    """Two models of equal truth; examples that are hard for one are hard for the other."""
    if kind == "gap":
        new, old = gaps(rng, n, 4, 0.08)
        return GAP, new, old
    hard = rng.standard_normal(n)
    metric = {"mean": ACCURACY, "change": DROP, "difference": BETWEEN}[kind]
    arms = ("",) if kind == "mean" else ("first", "second")

    def side() -> list[Row]:
        return [
            row
            for arm in arms
            for row in rows(
                (hard + rng.standard_normal(n) < (1.2 if arm == "first" else 0.9)),
                arm,
                of=arm if kind == "difference" else "home:",
            )
        ]

    return metric, side(), side()


def _misses(kind: Kind, seed: int, draws: int, n: int) -> tuple[int, int]:
    """How often the true difference, 0, lies below the low and above the high one-sided 95 % bound."""
    rng, below, above = np.random.default_rng(seed), 0, 0
    for _ in range(draws):
        metric, new, old = _draw(kind, rng, n)
        low, high = between(metric, new, old).bounds(0.05)
        below, above = below + (low > 0.0), above + (high < 0.0)
    return below, above


@pytest.mark.parametrize("kind", SIMULATED)
def test_bounds_cover(kind: Kind) -> None:
    """Of 200 draws 5 % are 10; 21 or more have a chance of 0.1 %."""
    assert max(_misses(kind, 11, 200, 100)) <= 20


@pytest.mark.slow
@pytest.mark.parametrize("n", [60, 300])
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("kind", SIMULATED)
def test_bounds_cover_at_length(kind: Kind, seed: int, n: int) -> None:
    """At most 6 % of 2,000 draws on either side, as of all bounds here: 5 % and 2.3 standard errors are 123."""
    assert max(_misses(kind, seed, 2000, n)) <= 123
