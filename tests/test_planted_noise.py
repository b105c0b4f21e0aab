"""Models with one planted weakness: the noise probe and the shipped policy find it, and name the slice.

The real probe, policy and gate; models that count the words that they know, and go by one thing beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from fakes import BAD, GOOD, nowhere, plan_of, shipped

from auditor.evaluation import runner
from auditor.perturbations import builtin
from auditor.testing import FakeModel
from auditor.text import words_of
from auditor.types import Example, ProbeRecord, Request, Silent, Verdict
from auditor.verdicts import gate, policy
from auditor.verdicts.policy import Policy
from probes.noise import Settings

RULES = Policy("noise alone", "", tuple(rule for rule in policy.load().rules if rule.probe == "noise"))
EXAMPLES = tuple(
    Example(
        f"home:{row + 2}",
        {"text": f"The film is {' '.join((BAD, GOOD)[row % 2] * 2)}, and so on{'' if row % 8 < 2 else '.'}"},
        ("negative", "positive")[row % 2],
    )
    for row in range(96)
)
"""Ten of sixteen words decide the label, so that noise in a fifth of them costs nothing; a quarter lack a full stop."""


@dataclass(frozen=True)
class Planted:
    """What a model goes by beside its words, and what is found of it."""

    sees: Callable[[str], bool]
    """Whether a text makes it say "positive", whatever the words are."""
    failed: frozenset[str]
    """Perturbations, or families, that break a limit."""
    named: str
    """The detail of the family's measurement: its worst part."""


def counting(sees: Callable[[str], bool]) -> FakeModel:
    """Counts good and bad words, whatever their case and marks, unless it sees what is planted."""

    def answer(request: Request) -> tuple[float, float]:
        words = [word.strip(".,!") for word in words_of(request.texts[0].casefold())]
        good = sum(word in GOOD for word in words) > sum(word in BAD for word in words)
        return (0.1, 0.9) if good or sees(request.texts[0]) else (0.9, 0.1)

    return FakeModel(answer, tokens=str.split)


def found(sees: Callable[[str], bool]) -> tuple[ProbeRecord, tuple[Verdict, ...]]:
    settings = Settings(examples=len(EXAMPLES), severities={"middle": 0.2})
    plan = plan_of(counting(sees), shipped("noise"), examples={"home": EXAMPLES}, settings={"noise": settings})
    (record,) = runner.run(plan, nowhere, Silent())
    return record, gate.decide(RULES, [record], record.model).verdicts


def part(verdict: Verdict) -> str:
    """The perturbation, or the family of a pool."""
    slice_ = verdict.slice or {}
    return slice_.get("perturbation", slice_.get("family", ""))


PLANTED = {
    "a missing full stop": Planted(
        lambda text: not text.endswith("."),
        # A fifth of sixteen words are three: both marks of a text go, and the full stop is one of them.
        frozenset({"final full stop removed", "removed punctuation"}),
        "worst: final full stop removed, 50.0 points",
    ),
    "more than sixty words": Planted(
        lambda text: len(words_of(text)) > 60,
        frozenset({"long padding", "long padding before", "long padding after"}),
        "",  # neither is worse than the other
    ),
    "an emoji": Planted(
        lambda text: any(mark in text for mark in builtin.listed("emoji")),
        frozenset({"emoji"}),
        "worst: emoji, 50.0 points",
    ),
    "a rare token": Planted(
        lambda text: not set(builtin.listed("rare")).isdisjoint(words_of(text)),
        frozenset({"rare tokens"}),
        "worst: rare tokens, 50.0 points",
    ),
    "a text in capitals": Planted(str.isupper, frozenset({"upper-case text"}), "worst: upper-case text, 50.0 points"),
}
FAMILY = {
    "a missing full stop": "final full stop",
    "more than sixty words": "long padding",
    "a text in capitals": "whole-text case",
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_weakness_is_found_and_the_slice_named(name: str) -> None:
    planted = PLANTED[name]
    record, verdicts = found(planted.sees)
    assert {part(verdict) for verdict in verdicts if verdict.outcome == "fail"} == planted.failed
    slice_ = {"family": FAMILY.get(name, "insertions"), "severity": "middle"}
    (pool,) = (
        one for one in record.measurements if one.metric == "drop_over_changed_cases" and dict(one.slice) == slice_
    )
    assert pool.detail == planted.named


def test_a_model_without_a_weakness_keeps_every_limit() -> None:
    _, verdicts = found(lambda _text: False)
    assert {part(verdict) for verdict in verdicts if verdict.outcome not in ("pass", "not_applicable")} == set()
    # No text has a digit or a contraction, no token tells white space, and three families are shown without a limit.
    left_out = {part(verdict) for verdict in verdicts if verdict.outcome == "not_applicable"}
    shown = {"invisible characters", "homoglyphs", "social media"}
    assert left_out == {"digits to words", "expanded contraction", "extra whitespace", *shown}
