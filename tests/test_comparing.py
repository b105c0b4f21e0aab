"""Comparisons between models: hypotheses named beforehand are answered, or said to be unanswered."""

from __future__ import annotations

from typing import Any

import pytest

from auditor import metrics
from auditor.config import CompareEntry
from auditor.errors import ConfigError
from auditor.types import Metric, ProbeRecord, Row
from auditor.verdicts import comparisons

SHARE = Metric("share", "share", "mean", "share", 0.0, 1.0, "higher")
RATE = Metric("rate", "rate", "mean", "share", 0.0, 1.0, "lower", comparable=False)
MEDIAN = Metric("middle", "middle", "median", "count", 0.0, float("inf"), None)
KNOWN = {"p": {metric.name: metric for metric in (SHARE, RATE, MEDIAN)}}


def record(model: str, right: int) -> ProbeRecord:
    rows = [Row(f"c{index}", "", float(index < right), 1.0) for index in range(40)]
    found = tuple(metrics.measurement(SHARE, {"part": part}, rows, n_cases=40) for part in ("a", "b"))
    return ProbeRecord(model, "p", "measured", metrics=(SHARE, RATE, MEDIAN), measurements=found)


RECORDS = (record("one", 30), record("two", 20), record("three", 10))


def wanted(**given: Any) -> CompareEntry:
    return CompareEntry(**{"probe": "p", "metric": "share", "slice": {"part": "a"}, "expect": "higher", **given})


def named(hypothesis: CompareEntry) -> list[tuple[str, str]]:
    comparisons.check([hypothesis], KNOWN, ["one", "two", "three"])
    found = comparisons.compare("one", RECORDS, [hypothesis])
    assert not comparisons.unanswered([hypothesis], found)
    return [(one["model"], one["against"]) for one in found if one["expect"]]


@pytest.mark.parametrize(
    ("sides", "pairs"),
    [
        ({}, [("two", "one"), ("three", "one")]),
        ({"model": "two"}, [("two", "one")]),
        ({"model": "one"}, [("one", "two"), ("one", "three")]),
        ({"against": "one"}, [("two", "one"), ("three", "one")]),
        ({"against": "two"}, [("one", "two"), ("three", "two")]),
        ({"model": "three", "against": "two"}, [("three", "two")]),
    ],
)
def test_a_hypothesis_is_about_the_models_it_names(sides: dict[str, str], pairs: list[tuple[str, str]]) -> None:
    assert named(wanted(**sides)) == pairs


def test_every_other_comparable_metric_is_compared_once_for_each_comparator() -> None:
    found = comparisons.compare("one", RECORDS, [wanted(model="two")])
    keys = [(one["model"], one["against"], one["metric"], one["slice"]["part"]) for one in found]
    assert len(keys) == len(set(keys)) == 4
    assert found[0]["value"] == pytest.approx(-0.25)


def test_a_hypothesis_about_a_slice_that_was_not_measured_is_unanswered() -> None:
    hypothesis = wanted(model="two", slice={"part": "z"})
    found = comparisons.compare("one", RECORDS, [hypothesis])
    assert comparisons.unanswered([hypothesis], found) == ["two against the candidate: p share, part z"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"model": "tow"}, "did you mean 'two'"),
        ({"against": "tow"}, "did you mean 'two'"),
        ({"probe": "q"}, "no probe is called 'q'"),
        ({"metric": "shares"}, "did you mean 'share'"),
        ({"metric": "rate"}, "rate is not compared between models (such as share)"),
        ({"metric": "middle"}, "middle is not compared between models"),
        ({"model": "two", "against": "two"}, "compares 'two' with itself"),
    ],
)
def test_a_hypothesis_that_cannot_be_answered_is_one_clear_line(given: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        comparisons.check([wanted(**given)], KNOWN, ["one", "two", "three"])
    assert words in caught.value.line
    assert caught.value.line.startswith("[[compare]] 1: ")


def test_where_nothing_of_a_probe_is_compared_that_is_said() -> None:
    alone = {"p": {name: metric for name, metric in KNOWN["p"].items() if name in ("rate", "middle")}}
    with pytest.raises(ConfigError) as caught:
        comparisons.check([wanted(metric="rate")], alone, ["one", "two"])
    assert caught.value.line == "[[compare]] 1: rate is not compared between models (probe p has no metric that is)"
