"""Joint critical levels: influences, correlations, and the level that a family of claims may spend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from scipy import stats as scipy_stats

from auditor import stats
from auditor.stats import correlation, joint
from auditor.stats.estimates import method_for
from auditor.types import Kind, Metric, Row

Rng = np.random.Generator
KINDS: tuple[tuple[Kind, bool], ...] = (
    ("mean", False),
    ("mean", True),
    ("change", False),
    ("change", True),
    ("difference", False),
    ("difference", True),
    ("gap", False),
)
"""Kinds whose value is smooth in the clusters; that of a median is not."""


def metric(kind: Kind, ratio: bool = False) -> Metric:
    return Metric("m", "m", kind, "share", 0.0, 1.0, "lower", ratio=ratio)


def rows_of(rng: Rng, kind: Kind, n: int = 40) -> list[Row]:
    arms = {"mean": ("",), "median": ("",), "gap": ("f/a", "f/b", "f/c")}.get(kind, ("first", "second"))
    counts = rng.integers(1, 5, n)
    # Groups lie apart, so that the largest gap stays between the same two.
    lowest = {"f/a": 0.0, "f/b": 0.3, "f/c": 0.6}
    return [
        Row(
            f"{arm if kind == 'difference' else ''}{index}",
            arm,
            float(count * rng.uniform(lowest.get(arm, 0.0), 1.0)),
            float(count),
        )
        for arm in arms
        for index, count in enumerate(counts)
    ]


def value(kind: Kind, ratio: bool, rows: Sequence[Row]) -> float:
    high = 5.0 if kind != "gap" else 1.0
    return stats.estimate(kind, rows, low=0.0, high=high, ratio=ratio).value


def test_every_kind_with_rows_has_an_influence() -> None:
    # Those of correlations are in test_stats_correlation.py.
    known = {kind for kind, _ in KINDS} | {"median", *correlation.KINDS}
    assert known == set(get_args(Kind)) - {"descriptive", "count"}  # which is exact and shares no error
    with pytest.raises(ValueError, match="no rows"):
        joint.influence(metric("descriptive"), rows_of(np.random.default_rng(0), "change"))


@pytest.mark.parametrize(("kind", "ratio"), KINDS)
def test_influences_are_those_of_leaving_each_cluster_out(kind: Kind, ratio: bool) -> None:
    """Delete-one jackknife: influence = (value − value without the cluster) · (n − 1) ÷ n, centred."""
    rows = rows_of(np.random.default_rng(3), kind)
    found = joint.influence(metric(kind, ratio), rows)
    whole = value(kind, ratio, rows)
    names = list(dict.fromkeys(row.cluster for row in rows))
    n = len(names) // (2 if kind == "difference" else 1)
    without = [whole - value(kind, ratio, [row for row in rows if row.cluster != name]) for name in names]
    expected = np.array(without) * (n - 1) / n
    for part in np.split(expected, 2) if kind == "difference" else [expected]:
        part -= part.mean()
    by_name = dict(zip(found.clusters, found.values, strict=True))
    assert [by_name[name] for name in names] == pytest.approx(list(expected), abs=1e-9)


@pytest.mark.parametrize(("kind", "ratio"), KINDS)
def test_arms_that_a_kind_does_not_know_are_left_out(kind: Kind, ratio: bool) -> None:
    rows = rows_of(np.random.default_rng(3), kind)
    more = [replace(row, arm=name) for row in rows[:40] for name in ("clean", "likelihood")]
    plain, richer = (joint.influence(metric(kind, ratio), given) for given in (rows, rows + more))
    assert dict(zip(plain.clusters, plain.values, strict=True)) == dict(
        zip(richer.clusters, richer.values, strict=True)
    )


def test_a_median_is_moved_by_the_side_on_which_a_cluster_lies() -> None:
    rows = [Row(str(index), "", float(index), 1.0) for index in range(5)]
    assert list(joint.influence(metric("median"), rows).values * 5) == [-1, -1, 0, 1, 1]


@pytest.mark.parametrize("kind", ["mean", "change", "difference", "gap"])
def test_a_missing_arm_is_an_error(kind: Kind) -> None:
    rows = [Row(str(index), "else", 0.5, 1.0) for index in range(9)]
    with pytest.raises(ValueError, match=r"no rows of the arm|a gap needs two groups"):
        joint.influence(metric(kind), rows)


def test_correlations_go_by_the_clusters_that_two_values_share() -> None:
    rng = np.random.default_rng(5)
    events = rng.random(200) < 0.3
    of = [
        joint.influence(metric("mean"), [Row(f"{name}{i}", "", float(hit), 1.0) for i, hit in enumerate(given)])
        for name, given in (("e", events), ("e", ~events), ("e", rng.random(200) < 0.3), ("d", events))
    ]
    constant = joint.influence(metric("mean"), [Row(f"e{index}", "", 0.0, 1.0) for index in range(200)])
    matrix = joint.correlations([*of, constant])
    assert matrix[0, 1] == pytest.approx(-1.0)
    assert matrix[0, 2] == pytest.approx(np.corrcoef(of[0].values, of[2].values)[0, 1])
    assert list(matrix[3]) == [0, 0, 0, 1, 0]
    assert list(matrix[4]) == [0, 0, 0, 0, 1]


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("alpha", [0.05, 0.01])
@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.8, 0.2)])
def test_the_critical_level_of_two_claims_is_that_of_the_bivariate_normal(
    correlation: float, alpha: float, weights: tuple[float, float]
) -> None:
    matrix = np.array([[1.0, correlation], [correlation, 1.0]])
    critical = joint.Joint(matrix).critical(alpha, weights, 0.0)
    edges = [scipy_stats.norm.isf(weight * critical) for weight in weights]
    error = 1.0 - scipy_stats.multivariate_normal(cov=matrix).cdf(edges)
    # Two standard errors of the draws, and Bonferroni from below.
    assert error == pytest.approx(alpha, abs=2.5 * math.sqrt(alpha / joint.DRAWS))
    assert critical >= alpha


def test_copies_have_the_whole_error_and_what_stands_alone_its_share() -> None:
    copies = joint.Joint(np.ones((10, 10)))
    # Each of ten copies is tested at weight · c: at the whole of alpha.
    assert copies.critical(0.05, [0.1] * 10, 0.0) == pytest.approx(0.5, rel=0.08)
    # Half of the weight is outside: c / 20 · … + c / 2 = alpha, so c = alpha · 20 / 11.
    assert copies.critical(0.05, [0.05] * 10, 0.5) == pytest.approx(0.05 * 20 / 11, rel=0.08)
    assert copies.critical(0.05, [0.0] * 10, 1.0) == 0.05
    assert copies.critical(0.05, [0.0] * 10, 0.25) == 0.2


def test_the_level_of_fewer_claims_is_never_below_that_of_more() -> None:
    """On this the step-down proof rests."""
    rng = np.random.default_rng(1)
    factors = rng.normal(size=(8, 3))
    covariance = factors @ factors.T + np.eye(8)
    scale = np.sqrt(np.diag(covariance))
    claims = joint.Joint(covariance / np.outer(scale, scale))
    weights = rng.uniform(0.02, 0.2, 8)
    weights /= weights.sum()
    levels = []
    while weights.any():
        levels.append(claims.critical(0.05, list(weights), 0.0))
        weights[np.flatnonzero(weights)[0]] = 0.0
    assert levels == sorted(levels)


def test_draws_are_always_the_same() -> None:
    matrix = np.full((5, 5), 0.4) + 0.6 * np.eye(5)
    first, second = (joint.Joint(matrix).critical(0.05, [0.2] * 5, 0.0) for _ in range(2))
    assert first == second


def family_error(rng: Rng, audits: int, claims: int, shared: float, n: int = 150, rate: float = 0.1) -> float:
    """Share of families, all at their limit of ``rate``, in which a claim of binomial counts is rejected."""
    wrong = 0
    for _ in range(audits):
        latent = shared**0.5 * rng.standard_normal(n) + (1 - shared) ** 0.5 * rng.standard_normal((claims, n))
        events = latent > scipy_stats.norm.isf(rate)
        p = scipy_stats.binom.sf(events.sum(axis=1) - 1, n, rate)
        of = [joint.Influence(tuple(map(str, range(n))), (row - row.mean()) / n) for row in events.astype(float)]
        wrong += bool(
            (p <= joint.Joint(joint.correlations(of)).critical(0.05, [1 / claims] * claims, 0.0) / claims).any()
        )
    return wrong / audits


@pytest.mark.parametrize("shared", [0.0, 0.9])
def test_families_at_their_limits_are_seldom_rejected(shared: float) -> None:
    assert family_error(np.random.default_rng(2), 100, 8, shared) <= 0.11  # 99 % point of Binomial(100, 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("shared", [0.0, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("claims", [5, 20])
def test_families_at_their_limits_are_rejected_in_at_most_5_percent(claims: int, shared: float) -> None:
    found = family_error(np.random.default_rng(claims), 1000, claims, shared)
    print(f"family-wise error, {claims} claims, correlation of latents {shared}: {found:.3f}")
    assert found <= 0.067  # 99 % point of Binomial(1000, 0.05)


def test_methods_of_every_kind_are_known() -> None:
    """A kind that gets a method needs an influence too."""
    for kind in get_args(Kind):
        if kind != "descriptive":
            assert method_for(kind, False) in stats.METHODS


def test_it_takes_less_than_a_second_for_sixty_claims_of_a_thousand_clusters() -> None:
    import time

    rng = np.random.default_rng(0)
    of: list[Any] = [joint.Influence(tuple(map(str, range(1000))), rng.normal(size=1000)) for _ in range(60)]
    start = time.process_time()
    joint.Joint(joint.correlations(of)).critical(0.05, [1 / 60] * 60, 0.0)
    assert time.process_time() - start < 2.0
