"""An accuracy below that of the same answer to every text: said, at the level that the method states."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from fakes import LABELS, nowhere, plan_of
from pair_task import PairTask
from scipy.stats import binomtest

from auditor.evaluation import doubts, runner
from auditor.evaluation.plan import AuditedModel
from auditor.models.fake import FakeModel, keyword_model
from auditor.types import Example, ProbeRecord, Silent
from probes.quality import PROBE

NEGATIVE, POSITIVE = LABELS


def rows(right: int, wrong: int, negatives: int, *, group: bool = False) -> tuple[Example, ...]:
    """Positives that the keyword model finds and misses, and negatives that it finds.

    With ``group`` all of them are in one group.
    """
    said = [(POSITIVE, "yes")] * right + [(POSITIVE, "no")] * wrong + [(NEGATIVE, "no")] * negatives
    return tuple(
        Example(f"home:{place}", {"text": f"row {place} {word}"}, gold, "one" if group else None)
        for place, (gold, word) in enumerate(said)
    )


def records(examples: Sequence[Example]) -> tuple[ProbeRecord, ...]:
    return runner.run(plan_of(keyword_model(["yes"]), (PROBE,), examples={"home": examples}), nowhere, Silent())


@pytest.mark.parametrize("wins", range(12))
@pytest.mark.parametrize("losses", [0, 1, 7, 30, 900])
def test_the_sign_test_is_the_exact_one(wins: int, losses: int) -> None:
    expected = binomtest(wins, wins + losses, 0.5, alternative="less").pvalue if wins + losses else 1.0
    assert doubts.sign_test(wins, losses) == pytest.approx(expected)


def test_swapped_labels_are_doubted() -> None:
    found = records(rows(0, 40, 0) + tuple(Example(f"home:x{n}", {"text": f"x {n} yes"}, NEGATIVE) for n in range(30)))
    # Right nowhere; "positive" is right 40 times: 40 losses, no win, 2 ** -40.
    assert doubts.swapped_labels(found, "keywords") == (
        "labels swapped? The model is right on 0 of 70 rows, and the same answer to every text on 40"
        " (one-sided sign test, p = 9e-13)"
    )
    assert doubts.swapped_labels(found, "another") is None


def test_the_level_is_kept_to_the_row() -> None:
    # Beyond what both get right: 9 losses and no win are p = 1/512, above 0.001; 10 are p = 1/1,024, below it.
    assert doubts.swapped_labels(records(rows(30, 9, 0)), "keywords") is None
    assert doubts.swapped_labels(records(rows(30, 10, 0)), "keywords") is not None
    # Negatives that it finds are wins: 10 losses and 5 wins are no reason.
    assert doubts.swapped_labels(records(rows(30, 10, 5)), "keywords") is None
    # A cluster is one toss, however many rows it has.
    assert doubts.swapped_labels(records(rows(30, 10, 0, group=True)), "keywords") is None


def test_a_good_model_a_crashed_probe_and_a_ratio_are_not_doubted() -> None:
    assert doubts.swapped_labels(records(rows(40, 0, 30)), "keywords") is None
    assert doubts.swapped_labels((), "keywords") is None
    pairs = tuple(
        Example(f"home:{n}", {"premise": "a", "hypothesis": f"b {n}"}, "follows" if n % 2 else "differs")
        for n in range(60)
    )
    never = FakeModel(lambda _: (1.0, 0.0), PairTask.labels)
    plan = plan_of(never, (PROBE,), task=PairTask(), examples={"home": pairs}, models=(AuditedModel(never),))
    assert doubts.swapped_labels(runner.run(plan, nowhere, Silent()), "fake") is None


def test_a_doubt_stands_with_the_facts_of_the_home_domain() -> None:
    facts = [{"name": "home"}, {"name": "train"}]
    assert doubts.noted(facts, None) == facts
    assert doubts.noted(facts, "why") == [{"name": "home", "doubt": "why"}, {"name": "train"}]
