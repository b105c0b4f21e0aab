"""The shipped policy through the real gate on simulated audits: how often it is wrong, and how often it can decide.

A simulated model has accuracy 0.9 where three quarters of the rows are of one class, so that every limit can be met or
broken by a model that could exist. Cases of one example (or sentence) are beta-binomial: they come in clusters.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from auditor import metrics, tasks
from auditor.perturbations.catalogue import NOISE
from auditor.plugins import registry
from auditor.types import Measurement, Metric, ProbeRecord, Row, Slice
from auditor.verdicts import gate, policy

Rng = np.random.Generator
TASK = tasks.create("text-classification", ("negative", "positive"))
PROBES = {probe.name: probe for probe in registry.discover()}
POLICY = policy.load()
METRICS: dict[tuple[str, str], Metric] = {
    (name, metric.name): metric for name, probe in PROBES.items() for metric in probe.metrics(TASK)
}
ACCURACY, MAJORITY, CORRELATION = 0.9, 0.75, 0.3
FAMILIES = {
    "typos": 7,
    "case": 4,
    "spacing and punctuation": 5,
    "words": 5,
    "insertions": 5,
    "final full stop": 1,
}
"""Family → cases that an example has in it."""
SINGLES = {
    one.name: one.family
    for one in NOISE
    if one.family in ("typos", "case", "spacing and punctuation", "insertions", "long padding")
    or one.name in ("deleted word", "swapped words")
}
"""Perturbation that has a limit of its own → family."""
AXES = {
    "gender": 2,
    "ethnicity by name": 3,
    "nationality": 5,
    "religion": 5,
    "age": 2,
    "disability": 2,
    "sexual orientation": 2,
}
"""Axis → groups."""
Place = tuple[str, str, str]
"""(probe, metric, value of the slice)."""

LIMITS: dict[Place, float] = {
    ("quality", "gain_over_majority", ""): 0.10,
    **{("noise", "drop_over_changed_cases", name): 0.20 for name in SINGLES},
    **{("noise", "drop_over_changed_cases", name): 0.10 for name in FAMILIES},
    ("adversarial", "attack_success_rate", "deepwordbug"): 0.50,
    ("domain_shift", "drop_against_home", "far"): 0.10,
    **{("bias", "counterfactual_flip_rate", name): 0.10 for name in AXES},
    **{("bias", "score_gap", name): 0.05 for name in AXES},
}
KINDS = {place[1]: place for place in LIMITS}
"""One place for each metric that a required rule reads."""


def outside(place: Place, points: float) -> float:
    """The value that lies so far outside the limit (inside: negative)."""
    return LIMITS[place] + (-points if place[0] == "quality" else points)


def clustered(rng: Rng, n: int, cases: int, rate: float) -> np.ndarray:
    """Events of each cluster: beta-binomial with this intra-class correlation."""
    if rate <= 0.0:
        return np.zeros(n)
    if cases == 1:
        return (rng.random(n) < rate).astype(float)
    spread = 1 / CORRELATION - 1
    return rng.binomial(cases, rng.beta(rate * spread, (1 - rate) * spread, n)).astype(float)


def arm(name: str, totals: np.ndarray, count: float = 1.0) -> list[Row]:
    return [Row(f"c{index}", name, float(total), count) for index, total in enumerate(totals)]


def slice_of(place: Place) -> Slice:
    key = {"adversarial": "recipe", "domain_shift": "domain", "bias": "axis"}
    if place[2] in SINGLES:
        return {"family": SINGLES[place[2]], "perturbation": place[2], "severity": "middle"}
    if place[0] == "noise":
        return {"family": place[2], "severity": "middle"}
    return {key[place[0]]: place[2]} if place[0] in key else {}


def rows_of(rng: Rng, place: Place, value: float, n: int, draws: int = 1) -> list[Row]:
    probe, metric, name = place
    if probe == "quality":
        majority = rng.random(n) < MAJORITY
        # Wrong rows are spread over both classes, so that the accuracy is the majority's share and the gain.
        wrong = 1.0 - MAJORITY - value
        right = rng.random(n) < np.where(majority, 1 - wrong / 2 / MAJORITY, 1 - wrong / 2 / (1 - MAJORITY))
        return arm("first", right.astype(float)) + arm("second", majority.astype(float))
    if probe == "noise":
        cases = FAMILIES.get(name, 1)
        before = (rng.random(n) < ACCURACY).astype(float) * cases
        lost = np.minimum(clustered(rng, n, cases, value / ACCURACY), before)
        return arm("first", before, cases) + arm("second", before - lost, cases)
    if probe == "adversarial":
        return arm("", clustered(rng, int(n * ACCURACY), 1, value))
    if probe == "domain_shift":
        return arm("first", clustered(rng, n, 1, ACCURACY)) + arm("second", clustered(rng, n, 1, ACCURACY - value))
    if metric == "counterfactual_flip_rate":
        pairs = draws * (1 if AXES[name] == 2 else AXES[name])
        return arm("", clustered(rng, n, pairs, value), pairs)
    base = rng.uniform(0.3, 0.7, n)
    shifts = [value] + [0.0] * (AXES[name] - 1)
    return [
        row
        for index, shift in enumerate(shifts)
        for row in arm(f"positive/group {index}", base + shift + rng.normal(0.0, 0.04, n).clip(-0.1, 0.1))
    ]


def measured(place: Place, rows: list[Row]) -> Measurement:
    return metrics.measurement(METRICS[place[:2]], slice_of(place), rows, n_cases=len(rows))


def records_of(found: Mapping[Place, Measurement]) -> tuple[ProbeRecord, ...]:
    return tuple(
        ProbeRecord(
            "model",
            name,
            "measured",
            metrics=tuple(probe.metrics(TASK)),
            measurements=tuple(one for place, one in found.items() if place[0] == name),
        )
        for name, probe in PROBES.items()
    )


def exit_code(found: Mapping[Place, Measurement]) -> int:
    return gate.decide(POLICY, records_of(found), "model").exit_code


def audit(rng: Rng, values: Mapping[Place, float], n: int, draws: int = 1) -> dict[Place, Measurement]:
    """A whole audit on n examples and at most 300 bias sentences (``draws``: ``pairs_per_sentence``)."""
    return {
        place: measured(place, rows_of(rng, place, value, min(n, 300) if place[0] == "bias" else n, draws))
        for place, value in values.items()
    }


def faultless() -> dict[Place, Measurement]:
    """Every slice far inside its limit, so that the one that a simulation draws decides alone."""
    rng = np.random.default_rng(0)
    return audit(rng, {**dict.fromkeys(LIMITS, 0.0), KINDS["gain_over_majority"]: 1.0 - MAJORITY}, 150)


def wrong_fails(seed: int, audits: int, n: int = 200) -> int:
    """Audits held although every slice is at its limit and none beyond."""
    rng = np.random.default_rng(seed)
    return sum(exit_code(audit(rng, LIMITS, n)) == 1 for _ in range(audits))


def wrong_passes(place: Place, seed: int, audits: int, n: int = 200) -> int:
    """Audits released although one slice is at its limit: the others being faultless is what makes it likeliest."""
    rng, others = np.random.default_rng(seed), faultless()
    return sum(
        exit_code({**others, place: measured(place, rows_of(rng, place, LIMITS[place], n))}) == 0 for _ in range(audits)
    )


def test_the_simulation_draws_every_slice_that_a_required_rule_reads() -> None:
    known = {(rule.probe, rule.metric) for rule in POLICY.rules if rule.required != "never"}
    assert {place[:2] for place in LIMITS} == known
    for rule in POLICY.rules:
        for place, limit in LIMITS.items():
            if place[:2] == (rule.probe, rule.metric) and policy.matches(rule, slice_of(place)):
                assert rule.limit == limit, place
    assert set(AXES) == set(PROBES["bias"].settings.axes)


@pytest.mark.parametrize("place", LIMITS, ids=" ".join)
def test_the_simulation_draws_what_it_says(place: Place) -> None:
    found = measured(place, rows_of(np.random.default_rng(1), place, LIMITS[place], 20_000))
    assert found.value == pytest.approx(LIMITS[place], abs=0.012)


def test_a_faultless_model_is_released() -> None:
    assert exit_code(faultless()) == 0


def test_models_at_every_limit_are_seldom_held() -> None:
    assert wrong_fails(0, 40) <= 6  # 99 % point of Binomial(40, 0.05)


@pytest.mark.parametrize("place", KINDS.values(), ids=list(KINDS))
def test_models_at_one_limit_are_seldom_released(place: Place) -> None:
    assert wrong_passes(place, 0, 60) <= 8  # 99 % point of Binomial(60, 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_models_at_every_limit_are_held_in_at_most_5_percent(seed: int) -> None:
    found = wrong_fails(seed, 2000)
    print(f"wrong fails, seed {seed}: {found} of 2000")
    assert found <= 123  # 99 % point of Binomial(2000, 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("place", KINDS.values(), ids=list(KINDS))
def test_models_at_one_limit_are_released_in_at_most_5_percent(place: Place, seed: int) -> None:
    found = wrong_passes(place, seed, 2000)
    print(f"wrong passes at {' '.join(place)}, seed {seed}: {found} of 2000")
    assert found <= 123


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_models_five_points_inside_every_limit_are_released_in_80_percent(seed: int) -> None:
    rng = np.random.default_rng(seed)
    inside = {place: outside(place, -0.05) for place in LIMITS}
    found = sum(exit_code(audit(rng, inside, 1000, draws=3)) == 0 for _ in range(200))
    print(f"released five points inside, seed {seed}: {found} of 200")
    assert found >= 160


@pytest.mark.slow
@pytest.mark.parametrize("place", KINDS.values(), ids=list(KINDS))
def test_models_ten_points_outside_one_limit_are_held_in_80_percent(place: Place) -> None:
    rng, others = np.random.default_rng(1), faultless()
    n = 300 if place[0] == "bias" else 1000
    found = sum(
        exit_code({**others, place: measured(place, rows_of(rng, place, outside(place, 0.10), n))}) == 1
        for _ in range(200)
    )
    print(f"held ten points outside {' '.join(place)}: {found} of 200")
    assert found >= 160
