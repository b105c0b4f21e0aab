"""Planned looks through the real rounds and the real gate, on fake models: how often they are wrong, what they cost.

A model flips in a share of the rows. The rule's limit is 0.10 with a margin of 0.03; 60 rows are the default size, of
400 that there are.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest
from fakes import nowhere, plan_of
from test_rounds import Planted, Settings, flipping, limit, positive

from auditor.evaluation import designs
from auditor.types import Silent
from auditor.verdicts import gate
from auditor.verdicts.policy import Policy

FIRST, ROWS = 60, 400
LIMIT, MARGIN = 0.10, 0.03
POLICY = Policy("test", "", (limit("one", LIMIT, margin=MARGIN),))


@dataclass(frozen=True)
class Outcome:
    """Of many audits of models with the same rate."""

    passed: float
    failed: float
    rows: float
    """Mean number asked."""

    @property
    def decided(self) -> float:
        return self.passed + self.failed


def outcome(design: designs.Design, rate: float, seed: int, audits: int, first: int = FIRST) -> Outcome:
    said: Counter[str] = Counter()
    rows = 0
    for number in range(audits):
        probe = Planted({"one": rate}, settings=Settings(first))
        plan = plan_of(flipping(), (probe,), examples={"home": positive(ROWS)}, seed=seed * 100_000 + number)
        records, drawn = designs.run(design, plan, POLICY, nowhere, Silent())
        (verdict,) = gate.decide(POLICY, records, "fake", looks=designs.looks(drawn)).verdicts
        said[verdict.outcome] += 1
        rows += records[0].counts["cases"]
    return Outcome(said["pass"] / audits, said["fail"] / audits, rows / audits)


def test_models_at_the_limit_are_seldom_held_and_models_at_its_edge_seldom_released() -> None:
    # 99.9 % point of Binomial(60, 0.05): 9.
    assert outcome("adaptive", LIMIT, 1, 60).failed * 60 <= 9
    assert outcome("adaptive", LIMIT + MARGIN, 2, 60).passed * 60 <= 9


def test_a_sound_model_costs_the_default_size_and_an_undecided_one_goes_on() -> None:
    sound, near = outcome("adaptive", 0.0, 3, 6), outcome("adaptive", LIMIT, 4, 6)
    assert (sound.passed, sound.rows) == (1.0, FIRST)
    assert near.rows > 2 * FIRST


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_at_most_5_percent_are_held_at_the_limit_and_released_at_its_edge(seed: int) -> None:
    held, released = outcome("adaptive", LIMIT, seed, 1000), outcome("adaptive", LIMIT + MARGIN, seed, 1000)
    print(f"seed {seed}: held at the limit {held.failed:.1%}, released at its edge {released.passed:.1%}")
    # 99 % point of Binomial(1000, 0.05).
    assert held.failed * 1000 <= 67
    assert released.passed * 1000 <= 67


@pytest.mark.slow
def test_more_is_decided_than_at_the_default_size_for_less_than_all_rows() -> None:
    print("rate | default size | all rows | until decided | adaptive: share decided, mean rows")
    audits = 150
    for rate in (0.0, 0.03, 0.07, 0.10, 0.16, 0.25):
        default = outcome("fixed", rate, 5, audits)
        whole = outcome("fixed", rate, 5, audits, first=ROWS)
        betting = outcome("until-decided", rate, 5, audits)
        planned = outcome("adaptive", rate, 5, audits)
        cells = (f"{one.decided:.0%}, {one.rows:.0f}" for one in (default, whole, betting, planned))
        print(" | ".join((f"{rate:g}", *cells)))
        assert planned.decided >= default.decided - 0.05
        assert planned.rows <= whole.rows
        assert planned.decided >= whole.decided - 0.2
