"""The shipped policy through the real gate when it is asked after every round of examples until it has decided.

Bounds for repeated looks judge means, changes and differences. Bias, whose sentences are a fixed set, is judged by its
fixed design. The bounds only tighten, so the gate's decision on the whole sample covers every earlier look. The error
rates below ask it once; one test really looks after every round and stops every decided slice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pytest
import test_gate_simulation as simulation
from test_gate_simulation import KINDS, LIMITS, METRICS, POLICY, Place, Rng

from auditor import metrics, stats
from auditor.types import Measurement, Row
from auditor.verdicts import gate

EXAMPLES, ROUND = 1000, 64
LOOKS = [*range(ROUND, EXAMPLES, ROUND), EXAMPLES]
FIXED = {"bias", "label_swap", "leakage", "triggers"}
"""Probes whose design is fixed: bias has sentences of its own, and what a probe's ``measure`` yields has no method for
repeated looks."""
SEQUENTIAL = {metric: place for metric, place in KINDS.items() if place[0] not in FIXED}
Audit = Mapping[Place, list[Row]]


def measured(place: Place, rows: list[Row]) -> Measurement:
    """By the method for repeated looks, where the slice is sampled in rounds."""
    metric, slice_ = METRICS[place[:2]], simulation.slice_of(place)
    return metrics.measurement(metric, slice_, rows, n_cases=len(rows), sequential=place[0] not in FIXED)


def drawn(
    rng: Rng, values: Mapping[Place, float], n: int = EXAMPLES, draws: int = 3, sentences: int = 300
) -> dict[Place, list[Row]]:
    """Rows in drawn order."""
    return {
        place: simulation.rows_of(rng, place, value, sentences if place[0] == "bias" else n, draws)
        for place, value in values.items()
    }


def until(place: Place, rows: list[Row], look: int) -> list[Row]:
    """What the first examples say: an attack is only made on those answered rightly."""
    if place[0] in FIXED:
        return rows
    last = int(look * simulation.ACCURACY) if place[0] == "adversarial" else look
    return [row for row in rows if int(row.cluster[1:]) < last]


def outcomes(found: Mapping[Place, Measurement]) -> dict[Place, str]:
    said: dict[Place, str] = {}
    for verdict in gate.decide(POLICY, simulation.records_of(found), "model").verdicts:
        rule = POLICY.rules[verdict.rule]
        for place in found:
            if place[:2] == (rule.probe, rule.metric) and simulation.slice_of(place) == verdict.slice:
                said[place] = verdict.outcome
    return said


def looks(audit: Audit) -> Iterator[tuple[int, dict[Place, str]]]:
    """What the gate says after each round, a slice that it has decided being drawn no further."""
    kept: dict[Place, Measurement] = {}
    said = dict.fromkeys(audit, "inconclusive")
    for look in LOOKS:
        for place, rows in audit.items():
            if said[place] == "inconclusive" and (place[0] not in FIXED or place not in kept):
                kept[place] = measured(place, until(place, rows, look))
        said = outcomes(kept)
        yield look, said


def healthy() -> dict[Place, float]:
    """Ten points inside every limit; no drop, flip or gap, which is ten (and for a gap five) points inside."""
    return {
        **dict.fromkeys(LIMITS, 0.0),
        KINDS["gain_over_majority"]: 0.20,
        KINDS["attack_success_rate"]: 0.40,
    }


def faultless() -> dict[Place, Measurement]:
    rng = np.random.default_rng(0)
    values = {**dict.fromkeys(LIMITS, 0.0), KINDS["gain_over_majority"]: 1.0 - simulation.MAJORITY}
    return {place: measured(place, rows) for place, rows in drawn(rng, values, 400, 1, 150).items()}


def wrong_fails(seed: int, audits: int) -> int:
    """Audits ever held although every slice is at its limit and none beyond."""
    rng = np.random.default_rng(seed)
    return sum(
        simulation.exit_code({place: measured(place, rows) for place, rows in drawn(rng, LIMITS, draws=1).items()}) == 1
        for _ in range(audits)
    )


def with_one(place: Place, value: float, seed: int, audits: int) -> Iterator[int]:
    """The gate's exit codes where one slice has this value and the others are faultless, whose bounds are kept."""
    rng, others = np.random.default_rng(seed), faultless()
    with simulation.remembered(others.values()):
        for _ in range(audits):
            rows = drawn(rng, {place: value}, draws=1)[place]
            yield simulation.exit_code({**others, place: measured(place, rows)})


def wrong_passes(place: Place, seed: int, audits: int) -> int:
    """Audits ever released although one slice is at its limit with its margin.

    All other slices are faultless, which makes a wrong release likeliest.
    """
    return sum(code == 0 for code in with_one(place, simulation.edge(place), seed, audits))


def decided_at(audits: Sequence[Audit]) -> dict[str, float]:
    """Median number of examples until the gate first decided a slice.

    The result has one number for each metric; an audit that never decides counts as infinite.
    """
    found: dict[str, list[float]] = {metric: [] for metric in SEQUENTIAL}
    for audit in audits:
        first: dict[Place, int] = {}
        for look, said in looks(audit):
            for place, outcome in said.items():
                if outcome != "inconclusive":
                    first.setdefault(place, look)
        for place in audit:
            if place[1] in found:
                found[place[1]].append(first.get(place, float("inf")))
    return {metric: float(np.median(some)) for metric, some in found.items() if some}


def test_probes_of_fixed_design_are_those_whose_own_numbers_a_required_rule_reads() -> None:
    own = {place[0] for place in LIMITS if not METRICS[place[:2]].tallied}
    assert own | {"bias"} == FIXED


def test_sampled_slices_are_judged_by_the_methods_for_repeated_looks() -> None:
    found = faultless()
    for place, one in found.items():
        assert one.method in stats.METHODS
        assert one.method.startswith("betting") == (place[0] not in FIXED), place
    assert simulation.exit_code(found) == 0


@pytest.mark.parametrize(
    ("seed", "values"),
    [
        pytest.param(1, healthy(), marks=pytest.mark.slow),
        (2, LIMITS),
        # Beyond the margins, which are 0.10 at most: within them a slice may pass early that fails on the whole sample.
        pytest.param(3, {place: simulation.outside(place, 0.15) for place in LIMITS}, marks=pytest.mark.slow),
        (4, {**healthy(), KINDS["drop_over_changed_cases"]: 0.25, KINDS["attack_success_rate"]: 0.65}),
    ],
    ids=["healthy", "at every limit", "outside every limit", "outside two"],
)
def test_stopping_what_is_decided_and_asking_once_say_the_same(seed: int, values: Mapping[Place, float]) -> None:
    audit = drawn(np.random.default_rng(seed), values)
    said = dict.fromkeys(audit, "inconclusive")
    for _look, now in looks(audit):
        for place, outcome in said.items():
            assert outcome in ("inconclusive", now[place]), f"{place} was decided before"
        said = now
    assert said == outcomes({place: measured(place, rows) for place, rows in audit.items()})


def test_models_at_every_limit_are_seldom_ever_held() -> None:
    assert wrong_fails(0, 10) <= 3  # beyond the 99 % point of Binomial(10, 0.05)


@pytest.mark.parametrize("place", SEQUENTIAL.values(), ids=list(SEQUENTIAL))
def test_models_at_one_edge_are_seldom_ever_released(place: Place) -> None:
    assert wrong_passes(place, 0, 15) <= 3  # 99 % point of Binomial(15, 0.05)


def test_a_model_without_a_fault_is_decided_within_the_first_rounds() -> None:
    """A drop of nothing against 0.10: 40 clusters, so the first look; a 2 % drop takes one or two more."""
    found = drawn(np.random.default_rng(5), {KINDS["drop_over_changed_cases"]: 0.0})
    assert decided_at([found])["drop_over_changed_cases"] == ROUND
    few = [drawn(np.random.default_rng(seed), {KINDS["drop_over_changed_cases"]: 0.02}) for seed in range(5)]
    assert decided_at(few)["drop_over_changed_cases"] <= 3 * ROUND


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_models_at_every_limit_are_ever_held_in_at_most_5_percent(seed: int) -> None:
    found = wrong_fails(seed, 500)
    print(f"wrong fails over all looks, seed {seed}: {found} of 500")
    assert found <= 37  # 99 % point of Binomial(500, 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("place", KINDS.values(), ids=list(KINDS))
def test_models_at_one_edge_are_ever_released_in_at_most_5_percent(place: Place, seed: int) -> None:
    found = wrong_passes(place, seed, 300)
    print(f"wrong passes over all looks at limit + margin of {' '.join(place)}, seed {seed}: {found} of 300")
    assert found <= 24


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_models_ten_points_inside_every_limit_are_released_in_80_percent(seed: int) -> None:
    rng = np.random.default_rng(seed)
    audits = [drawn(rng, healthy()) for _ in range(200)]
    found = sum(
        simulation.exit_code({place: measured(place, rows) for place, rows in one.items()}) == 0 for one in audits
    )
    print(f"released ten points inside, seed {seed}: {found} of 200; median decided at {decided_at(audits[:30])}")
    assert found >= 160


@pytest.mark.slow
@pytest.mark.parametrize("place", SEQUENTIAL.values(), ids=list(SEQUENTIAL))
def test_models_ten_points_outside_one_limit_are_held_in_80_percent(place: Place) -> None:
    value = simulation.outside(place, 0.10)
    found = sum(code == 1 for code in with_one(place, value, 1, 200))
    rng = np.random.default_rng(2)
    audits = [{**drawn(rng, healthy()), **drawn(rng, {place: value})} for _ in range(20)]
    median = decided_at(audits)[place[1]]
    print(f"held ten points outside {' '.join(place)}: {found} of 200; median decided at {median}")
    assert found >= 160
