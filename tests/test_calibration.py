"""The probe calibration: scores as scikit-learn has them, gaps by hand, planted over-confidence, few false alarms."""

from __future__ import annotations

import importlib.util
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import small_results
from fakes import LABELS, nowhere, plan_of, shipped
from sklearn.metrics import brier_score_loss, log_loss

from auditor import stats, tasks
from auditor.evaluation import runner
from auditor.evaluation.plan import AuditedModel
from auditor.models.fake import FakeModel
from auditor.plugins import registry
from auditor.tasks.defaults import TaskDefaults
from auditor.types import Choice, Example, Measurement, ProbeRecord, Request, Response, Row, Silent, Skipped, Task
from auditor.verdicts import gate, policy
from probes import _confidence, calibration
from probes._confidence import Answers
from reports import charts, reliability, scorecard, view

(PROBE,) = shipped("calibration")
NEGATIVE, POSITIVE = LABELS
HOME = {"input": "home"}


def answering(chances: Sequence[Sequence[float]], labels: Sequence[str] = LABELS, name: str = "fake") -> FakeModel:
    """A model that gives row i these probabilities, whatever typos its text has; i is its number of words."""

    def answer(request: Request) -> Response:
        return tuple(chances[len(request.texts[0].split()) - 1])

    return FakeModel(answer, labels, name=name)


def rows(golds: Sequence[str], name: str = "home") -> tuple[Example, ...]:
    return tuple(Example(f"{name}:{i}", {"text": " ".join(["word"] * (i + 1))}, gold) for i, gold in enumerate(golds))


def record_of(
    model: FakeModel, examples: dict[str, tuple[Example, ...]], elsewhere: int = 5, **given: Any
) -> ProbeRecord:
    settings = {"calibration": replace(PROBE.settings, elsewhere=elsewhere)}
    plan = plan_of(model, (PROBE,), examples=examples, models=(AuditedModel(model),), settings=settings, **given)
    (record,) = runner.run(plan, nowhere, Silent())
    assert record.status == "measured", plan.errors
    return record


def numbers(record: ProbeRecord, **slice_: str) -> dict[str, Measurement]:
    wanted = {**HOME, **slice_}
    return {found.metric: found for found in record.measurements if dict(found.slice) == wanted}


RNG = np.random.default_rng(7)
CHANCES = RNG.dirichlet((1.0, 0.5, 0.7), 80).tolist()
THREE = ("a", "b", "c")
GOLDS = [THREE[number] for number in RNG.integers(0, 3, 80)]


def test_scores_of_three_labels_are_those_of_scikit_learn() -> None:
    task = tasks.create("text-classification", THREE)
    found = numbers(record_of(answering(CHANCES, THREE), {"home": rows(GOLDS)}, task=task))
    assert found["brier_score"].value == pytest.approx(
        brier_score_loss(GOLDS, CHANCES, labels=THREE, scale_by_half=True)
    )
    assert found["negative_log_likelihood"].value == pytest.approx(log_loss(GOLDS, CHANCES, labels=THREE))
    right = [THREE[int(np.argmax(chances))] == gold for chances, gold in zip(CHANCES, GOLDS, strict=True)]
    assert found["confidence_gap"].value == pytest.approx(np.max(CHANCES, axis=1).mean() - np.mean(right))
    for name in ("confidence_gap", "brier_score", "negative_log_likelihood"):
        assert found[name].n_clusters == 80
        assert found[name].low < found[name].value < found[name].high


def test_scores_of_two_labels_are_those_of_scikit_learn() -> None:
    sure = np.random.default_rng(3).uniform(size=60).tolist()
    golds = [LABELS[number] for number in np.random.default_rng(4).integers(0, 2, 60)]
    found = numbers(record_of(answering([(1 - share, share) for share in sure]), {"home": rows(golds)}))
    positive = [gold == POSITIVE for gold in golds]
    assert found["brier_score"].value == pytest.approx(brier_score_loss(positive, sure))
    assert found["negative_log_likelihood"].value == pytest.approx(log_loss(positive, sure))


def test_certainty_of_a_wrong_answer_costs_what_scikit_learn_says() -> None:
    found = numbers(record_of(answering([(0.0, 1.0)] * 30), {"home": rows([NEGATIVE] * 10 + [POSITIVE] * 20)}))
    expected = log_loss([0] * 10 + [1] * 20, [1.0] * 30)
    assert found["negative_log_likelihood"].value == pytest.approx(expected)


SURE = [0.95] * 40 + [0.8] * 30 + [0.6] * 30
"""38 of the first are right, 24 of the second, 15 of the third."""
RIGHT = [True] * 38 + [False] * 2 + [True] * 24 + [False] * 6 + [True] * 15 + [False] * 15


def by_hand() -> dict[str, tuple[Example, ...]]:
    return {"home": rows([POSITIVE if right else NEGATIVE for right in RIGHT])}


def test_numbers_are_those_worked_out_by_hand() -> None:
    record = record_of(answering([(1 - sure, sure) for sure in SURE]), by_hand())
    found = numbers(record)
    values = {name: one.value for name, one in found.items()}
    # 0.8 of 100 are 80: all that are as sure as the eightieth, which is all; half are the 70 surest.
    assert values["confidence_gap"] == pytest.approx(0.8 - 0.77)
    assert values["error_at_80_percent_coverage"] == pytest.approx(0.23)
    assert values["error_at_50_percent_coverage"] == pytest.approx(8 / 70)
    assert found["error_at_50_percent_coverage"].detail == "those with a confidence of 0.800 or more"
    assert values["sure_answers"] == pytest.approx(0.4)
    assert values["accuracy_of_sure_answers"] == pytest.approx(0.95)
    # Bins of equal width: 0.95 and its 0.95, 0.8 and its 0.8, 0.6 and its 0.5 of 30 in 100.
    assert values["calibration_error"] == pytest.approx(0.03)
    assert (found["error_at_50_percent_coverage"].n_cases, found["accuracy_of_sure_answers"].n_cases) == (70, 40)


def test_equally_sure_answers_share_a_bin() -> None:
    record = record_of(answering([(1 - sure, sure) for sure in SURE]), by_hand())
    bins: dict[tuple[str, str], Any] = {
        (found.metric, found.slice["bin"]): (found.value, found.n_cases)
        for found in record.measurements
        if "bin" in found.slice
    }
    # Five bins of 20 places: the 30 least sure begin at place 0, the next at 30, the surest at 60.
    assert bins == {
        ("confidence_in_bin", "1 of 3"): (pytest.approx(0.6), 30),
        ("accuracy_in_bin", "1 of 3"): (pytest.approx(0.5), 30),
        ("confidence_in_bin", "2 of 3"): (pytest.approx(0.8), 30),
        ("accuracy_in_bin", "2 of 3"): (pytest.approx(0.8), 30),
        ("confidence_in_bin", "3 of 3"): (pytest.approx(0.95), 40),
        ("accuracy_in_bin", "3 of 3"): (pytest.approx(0.95), 40),
    }


def test_every_number_weighs_each_group_of_rows_once_as_accuracy_does() -> None:
    # A group of 300 right rows counts as one beside 50 rows of their own, half of them right: 26 of 51, at 0.9 each.
    grouped = [replace(row, group="all") for row in rows([POSITIVE] * 300)]
    single = rows([POSITIVE] * 25 + [NEGATIVE] * 25, "single")
    record = record_of(answering([(0.1, 0.9)] * 300), {"home": (*grouped, *single)})
    values = {name: found.value for name, found in numbers(record).items()}
    gap = 0.9 - 26 / 51
    assert values["confidence_gap"] == pytest.approx(gap)
    assert values["calibration_error"] == pytest.approx(gap)
    assert values["error_at_80_percent_coverage"] == pytest.approx(25 / 51)
    # Logit 0.9 ÷ logit 26/51 is 56, beyond the hottest that is searched; of all 350 answers it would be 0.9.
    assert values["temperature"] == pytest.approx(_confidence.HOTTEST, rel=1e-3)
    in_bins = {found.metric: found.value for found in record.measurements if "bin" in found.slice}
    assert in_bins["accuracy_in_bin"] == pytest.approx(26 / 51)
    assert values["negative_log_likelihood"] == pytest.approx((26 * -math.log(0.9) + 25 * -math.log(0.1)) / 51)


def test_shares_and_bins_weigh_each_group_of_rows_once() -> None:
    # A group of 10 rows, half of them at 0.9 and half at 0.6, and 4 rows of their own.
    sure = [0.9] * 5 + [0.6] * 5 + [0.9, 0.8, 0.7, 0.6]
    right = [True] * 2 + [False] * 8 + [True, True, True, False]
    clusters = ["group"] * 10 + ["a", "b", "c", "d"]
    choices = [Choice("texts", (1 - p, p), 1, int(yes)) for p, yes in zip(sure, right, strict=True)]
    answers = Answers(clusters, choices)
    # At 0.9 are half a group and a, 1.5 of 5, and 6 of 14 answers; with b 2.5 of 5.
    assert answers.surest(0.4)[0] == 0.8
    assert Answers(clusters, choices, ratio=True).surest(0.4)[0] == 0.9

    def off(weights: Sequence[float]) -> float:
        sums: dict[float, float] = {}
        for p, yes, weight in zip(sure, right, weights, strict=True):
            sums[p] = sums.get(p, 0.0) + weight * (yes - p)
        return sum(map(abs, sums.values())) / sum(weights)

    assert answers.calibration_error() == pytest.approx(off([0.1] * 10 + [1.0] * 4))
    assert Answers(clusters, choices, ratio=True).calibration_error() == pytest.approx(off([1.0] * 14))


def test_confidence_in_a_bin_weighs_each_group_of_rows_once() -> None:
    # 20 rows of one group at 0.9, and 10 of their own at 0.6, are 11: (0.9 + 10 × 0.6) ÷ 11.
    grouped = [replace(row, group="all") for row in rows([POSITIVE] * 20)]
    single = rows([POSITIVE] * 30, "single")[20:]
    chances = [(0.1, 0.9)] * 20 + [(0.4, 0.6)] * 10
    record = record_of(answering(chances), {"home": (*grouped, *single)})
    in_bins = {found.metric: found for found in record.measurements if "bin" in found.slice}
    assert in_bins["confidence_in_bin"].value == pytest.approx(6.9 / 11)
    assert in_bins["confidence_in_bin"].n_clusters == in_bins["accuracy_in_bin"].n_clusters == 11


@pytest.mark.parametrize(("n", "count"), [(1, 1), (39, 1), (40, 2), (100, 5), (200, 10), (1000, 10)])
def test_bins_have_as_many_answers(n: int, count: int) -> None:
    shares = np.random.default_rng(1).uniform(0.01, 0.9, n).tolist()
    choices = [Choice("texts", (share / 2, 1 - share / 2), 1, 1) for share in shares]
    answers = Answers([str(number) for number in range(n)], choices)
    sizes = [int(inside.sum()) for inside in answers.bins()]
    assert (len(sizes), sum(sizes)) == (count, n)
    assert max(sizes) - min(sizes) <= 1
    least = [float(answers.confidence[inside].min()) for inside in answers.bins()]
    assert least == sorted(least)


def test_the_temperature_of_one_confidence_is_that_worked_out_by_hand() -> None:
    # 0.9 in every answer, of which 0.8 are right: logit 0.9 ÷ logit 0.8 = ln 9 ÷ ln 4.
    found = numbers(record_of(answering([(0.1, 0.9)] * 200), {"home": rows([POSITIVE] * 160 + [NEGATIVE] * 40)}))
    fitted = found["temperature"]
    assert fitted.value == pytest.approx(math.log(9) / math.log(4), rel=1e-6)
    assert fitted.low < fitted.value < fitted.high
    assert fitted.detail == ""
    assert abs(found["confidence_gap_at_temperature"].value) < 0.02
    best = -0.8 * math.log(0.8) - 0.2 * math.log(0.2)
    after = found["negative_log_likelihood_at_temperature"].value
    assert best <= after < best + 0.01 < found["negative_log_likelihood"].value


def test_a_temperature_at_an_end_says_so() -> None:
    found = numbers(record_of(answering([(0.3, 0.7)] * 40), {"home": rows([POSITIVE] * 40)}))
    assert found["temperature"].value == pytest.approx(_confidence.COLDEST, rel=1e-3)
    assert found["temperature"].detail == "an end of the temperatures searched"


def test_the_temperature_that_made_scores_too_sure_is_found_again() -> None:
    rng = np.random.default_rng(5)
    logits = rng.normal(0.0, 1.5, (3000, 3))
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    gold = [int(rng.choice(3, p=row)) for row in chances]
    sharp = chances**2.5 / (chances**2.5).sum(axis=1, keepdims=True)
    choices = [Choice("texts", tuple(row), int(np.argmax(row)), right) for row, right in zip(sharp, gold, strict=True)]
    fitted = Answers([str(number) for number in range(3000)], choices).temperature(0)
    assert fitted.value == pytest.approx(2.5, rel=0.05)
    assert abs(float(fitted.confidences.mean()) - np.mean([choice.right for choice in choices])) < 0.02


def test_few_rows_have_no_temperature() -> None:
    found = numbers(record_of(answering([(0.1, 0.9)] * 12), {"home": rows([POSITIVE] * 8 + [NEGATIVE] * 4)}))
    assert "temperature" not in found
    assert found["confidence_gap"].value == pytest.approx(0.9 - 8 / 12)


def test_a_calibrated_model_of_100_rows_shows_the_error_that_stands_beside() -> None:
    # Published simulations of a calibrated model of 100 examples: 0.071 on average (15 bins).
    rng = np.random.default_rng(11)
    sure = rng.uniform(0.5, 1.0, 100)
    choices = [Choice("texts", (1 - p, p), 1, int(rng.random() < p)) for p in sure.tolist()]
    answers = Answers([str(number) for number in range(100)], choices)
    drawn = answers.calibration_errors_if_calibrated(0)
    own = rng.random((2000, 100)) < sure
    places = np.minimum((sure * 15).astype(int), 14)
    expected = np.mean(
        [sum(abs((draw - sure)[places == place].sum()) for place in set(places.tolist())) / 100 for draw in own]
    )
    assert drawn.mean() == pytest.approx(expected, abs=0.005)
    assert 0.06 < drawn.mean() < 0.12


# Other inputs.


def test_typos_and_other_domains_are_measured_beside_home() -> None:
    home, far = rows([POSITIVE] * 40), rows([NEGATIVE] * 30, "far")
    record = record_of(answering([(0.1, 0.9)] * 40), {"home": home, "far": far}, elsewhere=300)
    gaps = {
        found.slice["input"]: (round(found.value, 9), found.n_cases)
        for found in record.measurements
        if found.metric == "confidence_gap"
    }
    assert gaps == {"home": (-0.1, 40), "typos": (-0.1, 40), "domain far": (0.9, 30)}
    # Home rows are known, typos and other domains are asked about.
    assert record.counts["forward_passes"] <= 40 + 40 + 30
    assert not {"temperature", "calibration_error"} & numbers(record, input="typos").keys()
    assert {"error_at_80_percent_coverage", "brier_score"} <= numbers(record, input="domain far").keys()


def test_without_nlpaug_only_the_typos_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    record = record_of(answering([(0.1, 0.9)] * 20), {"home": rows([POSITIVE] * 20)})
    assert [(dict(gap.slice), gap.reason, gap.applies) for gap in record.skipped] == [
        ({"input": "typos"}, "nlpaug is not installed", True)
    ]
    assert "confidence_gap" in numbers(record)


def test_rows_without_a_label_are_left_out_and_none_at_all_is_said() -> None:
    some = (*rows([POSITIVE] * 20), Example("home:x", {"text": "one two"}, None))
    assert numbers(record_of(answering([(0.1, 0.9)] * 20), {"home": some}))["confidence_gap"].n_cases == 20
    record = record_of(answering([(0.1, 0.9)] * 20), {"home": (Example("home:x", {"text": "one two"}, None),)})
    assert record.measurements == ()
    assert {gap.slice["input"]: gap.applies for gap in record.skipped} == {"home": False, "typos": False}


def test_a_task_without_probabilities_does_not_apply() -> None:
    class Written(TaskDefaults):
        """Answers are words."""

        name, fields, metric, ratio, head = "written", ("text",), "exact", False, "sequence"

    audit: Any = _OnlyTask(Written(()))
    assert list(PROBE.cases(audit)) == [Skipped({"input": "home"}, calibration.NO_CHOICES, applies=False)]


class _OnlyTask:
    """An audit that is asked for its task and its settings alone."""

    def __init__(self, task: Any) -> None:
        self.task, self.settings = task, PROBE.settings


# Named entities.

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")


def tagged(confidences: Sequence[tuple[str, float]]) -> tuple[tuple[float, ...], ...]:
    """The probabilities of a sentence: its tags with these, the rest shared by the others."""
    return tuple(tuple(sure if tag == label else (1 - sure) / 4 for label in TAGS) for tag, sure in confidences)


def test_words_and_entities_are_those_worked_out_by_hand() -> None:
    task = tasks.create("ner", TAGS)
    gold = ("B-PER", "I-PER", "O", "B-LOC")
    response = tagged([("B-PER", 0.9), ("I-PER", 0.6), ("B-LOC", 0.7), ("B-PER", 0.8)])
    choices = list(task.choices(gold, response))
    assert [(one.of, round(one.confidence, 9), one.right) for one in choices] == [
        ("words", 0.9, True),
        ("words", 0.6, True),
        ("words", 0.7, False),
        ("words", 0.8, False),
        # The least likely word's; then two that are not there.
        ("entities", 0.6, True),
        ("entities", 0.7, False),
        ("entities", 0.8, False),
    ]
    assert all(math.isclose(sum(one.chances), 1.0) for one in choices)


def test_words_that_the_model_does_not_read_and_types_that_it_lacks_have_no_choice() -> None:
    task = tasks.create("ner", TAGS).other_domain()
    gold = ("B-ORG", "O", "O")
    choices = list(task.choices(gold, tagged([("B-PER", 0.9), ("O", 0.8)])))
    assert [(one.of, one.confidence) for one in choices] == [("words", 0.8)]


def test_a_model_of_another_scheme_is_right_where_it_is_read_so() -> None:
    task = tasks.create("ner", ("O", "B-PER", "I-PER", "E-PER", "S-PER"))
    single = tuple(0.96 if tag == "S-PER" else 0.01 for tag in task.labels)
    assert [one.right for one in task.choices(("B-PER",), (single,))] == [True, True]


@pytest.mark.parametrize("letters", ["BIES", "BILU"])
def test_tags_that_are_one_in_iob2_are_one_choice(letters: str) -> None:
    begin, inside, end, single = sorted(letters, key="BIELSU".index)
    task = tasks.create("ner", ("O", *(f"{letter}-PER" for letter in (begin, inside, end, single))))
    # O 0.4; B 0.1 and S 0.3 are one tag; I 0.05 and E 0.15 another. The model says O, and the gold is one word.
    (word,) = task.choices(("B-PER",), ((0.4, 0.1, 0.05, 0.15, 0.3),))
    assert word.chances == pytest.approx((0.4, 0.4, 0.2))
    assert (word.confidence, word.right) == (0.4, False)
    assert _confidence.loss(word) == pytest.approx(-math.log(0.4))
    assert task.likelihood(("B-PER",), ((0.4, 0.1, 0.05, 0.15, 0.3),)) == pytest.approx(0.4)
    # B then E of an entity of two words: the least likely word has 0.2 + 0.31.
    two = ((0.1, 0.6, 0.1, 0.0, 0.2), (0.29, 0.1, 0.2, 0.31, 0.1))
    choices = list(task.choices(("B-PER", "I-PER"), two))
    assert [(one.of, round(one.confidence, 9), one.right) for one in choices] == [
        ("words", 0.8, True),
        ("words", 0.51, True),
        ("entities", 0.51, True),
    ]


def test_named_entities_are_measured_by_word_and_by_entity() -> None:
    task: Task = tasks.create("ner", TAGS)
    gold = ("B-PER", "I-PER", "O")
    home = tuple(Example(f"home:{i}", {"text": f"Ann Lee number{i}"}, gold) for i in range(90))
    model = FakeModel(lambda _: tagged([("B-PER", 0.9), ("I-PER", 0.6), ("O", 0.9)]), TAGS)
    record = record_of(model, {"home": home}, task=task)
    words, entities = numbers(record, of="words"), numbers(record, of="entities")
    assert words["confidence_gap"].value == pytest.approx(0.8 - 1)
    assert entities["confidence_gap"].value == pytest.approx(0.6 - 1)
    assert (words["confidence_gap"].n_cases, words["confidence_gap"].n_clusters) == (90, 90)
    assert words["brier_score"].value == pytest.approx(
        np.mean([((1 - sure) ** 2 + 4 * ((1 - sure) / 4) ** 2) / 2 for sure in (0.9, 0.6, 0.9)])
    )
    assert entities["brier_score"].value == pytest.approx(0.4**2)
    assert decided(record, "ner") == {"words": "fail", "entities": "fail"}


# The decision.


def decided(record: ProbeRecord, task: str) -> dict[str, str]:
    """Slice → the worst outcome of the probe's rules on it."""
    rules = tuple(rule for rule in policy.load(None, task).rules if rule.probe == "calibration")
    assert {(rule.max, rule.min, rule.required) for rule in rules} == {(0.05, None, "always"), (None, -0.05, "always")}
    decision = gate.decide(policy.Policy("some", "", rules), (record,), record.model)
    outcomes: dict[str, set[str]] = {}
    for verdict in decision.verdicts:
        outcomes.setdefault((verdict.slice or {}).get("of", "texts"), set()).add(verdict.outcome)
    order = ("fail", "inconclusive", "pass")
    return {name: next(outcome for outcome in order if outcome in own) for name, own in outcomes.items()}


def planted(accuracy: float, sure: float, n: int = 1000) -> dict[str, str]:
    right = round(accuracy * n)
    golds = [POSITIVE] * right + [NEGATIVE] * (n - right)
    examples = tuple(Example(f"home:{i}", {"text": f"row {i}"}, gold) for i, gold in enumerate(golds))
    return decided(record_of(FakeModel(lambda _: (1 - sure, sure)), {"home": examples}), "text-classification")


@pytest.mark.parametrize(
    ("accuracy", "sure", "outcome"),
    [
        (0.85, 0.95, "fail"),  # ten points too sure
        (0.95, 0.85, "fail"),  # ten points not sure enough
        (0.85, 0.85, "pass"),
        (0.85, 0.89, "pass"),
        (0.89, 0.85, "pass"),
    ],
)
def test_a_thousand_rows_decide(accuracy: float, sure: float, outcome: str) -> None:
    assert planted(accuracy, sure) == {"texts": outcome}


def bounds_of(beyond: float, spread: tuple[float, float], n: int, rng: np.random.Generator) -> tuple[float, float]:
    """One-sided 95 % bounds of the gap of a model that is so much too sure."""
    sure = rng.beta(*spread, n).clip(0.2, 0.999)
    right = rng.random(n) < (sure - beyond).clip(0.0, 1.0)
    rows = [Row(str(place), "first", float(share), 1.0) for place, share in enumerate(sure)]
    rows += [Row(str(place), "second", float(yes), 1.0) for place, yes in enumerate(right)]
    return stats.bounds("rises_and_falls", rows, 0.05, low=-1.0, high=1.0)


def alarms(beyond: float, n: int, draws: int, seed: int) -> tuple[int, int]:
    """Of models that are so much too sure, how many the two bounds hold, and how many they let pass."""
    limit, edge = _limits()
    rng = np.random.default_rng(seed)
    drawn = [bounds_of(beyond, (5.0, 1.2), n, rng) for _ in range(draws)]
    held = sum(low > limit or high < -limit for low, high in drawn)
    return held, sum(low >= -edge and high <= edge for low, high in drawn)


@pytest.mark.parametrize("spread", [(20.0, 0.5), (8.0, 0.5), (5.0, 1.2)], ids=["0.98", "0.94", "0.81"])
def test_each_bound_of_the_gap_covers_with_100_rows_however_few_answers_are_wrong(spread: tuple[float, float]) -> None:
    rng = np.random.default_rng(1)
    drawn = [bounds_of(0.0, spread, 100, rng) for _ in range(300)]
    # 99.9 % point of Binomial(300, 0.05). A t interval's upper bound misses 35 of 300 where 0.98 are right.
    assert sum(low > 0.0 for low, _ in drawn) <= 28
    assert sum(high < 0.0 for _, high in drawn) <= 28


def _limits() -> tuple[float, float]:
    (rule,) = (rule for rule in policy.load().rules if rule.probe == "calibration" and rule.max is not None)
    assert rule.max is not None
    assert rule.edge is not None
    return rule.max, rule.edge


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_calibrated_model_of_100_rows_is_held_in_at_most_5_of_100(seed: int) -> None:
    held, _ = alarms(0.0, 100, 300, seed)
    assert held <= 15
    # At the limit itself: 5 % and the chance of the simulation.
    held, _ = alarms(_limits()[0], 100, 300, seed)
    assert held <= 15 + 3 * 4
    # At the limit with its margin.
    _, released = alarms(_limits()[1], 100, 300, seed)
    assert released <= 15 + 3 * 4


# The page.


def test_the_reliability_chart_has_a_dot_and_an_interval_for_each_bin_on_one_scale() -> None:
    points = [[(60.0, charts.Point(50.0, 33.0, 67.0, "a")), (95.0, charts.Point(95.0, 84.0, 99.0, "b"))]]
    root = ET.fromstring(charts.diagonal("i", "t", points, across="x", along="y"))
    lines: list[tuple[Any, ...]] = [
        (one.get("class", ""), *(float(one.get(name, "")) for name in ("x1", "y1", "x2", "y2")))
        for one in root.iter("line")
    ]
    circles = [(float(one.get("cx", "")), float(one.get("cy", ""))) for one in root.iter("circle")]
    ((x1, y1, x2, y2),) = (ends for kind, *ends in lines if kind == "zero" and ends[0] != ends[2])
    # 50 of 60 lies below the line of equals (further down on the page), 95 of 95 on it.
    below = [y - (y1 + (x - x1) / (x2 - x1) * (y2 - y1)) for x, y in circles]
    assert below[0] > 5
    assert below[1] == pytest.approx(0.0, abs=0.2)
    assert sum(kind.startswith("whisker") for kind, *_ in lines) == 2


def test_the_page_draws_each_kind_of_choice_and_keeps_bins_out_of_other_charts(tmp_path: Path) -> None:
    content = json.loads((small_results.write(tmp_path, "quality", "calibration") / "results.json").read_text("utf-8"))
    (page,) = (one for one in view.build(content)["probes"] if one["name"] == "calibration")
    first, *others = page["charts"]
    assert first["title"] == reliability.TITLE
    assert [panel["caption"] for panel in first["panels"]] == ["input home"]
    description = ET.fromstring(first["panels"][0]["svg"]).find("desc")
    assert description is not None
    assert "candidate, input home, bin 1 of 1: confidence " in str(description.text)
    assert "weaker, " in str(description.text)
    assert [chart["title"] for chart in others][:1] == ["mean confidence less accuracy"]
    assert not {"accuracy by bin", "mean confidence by bin"} & {chart["title"] for chart in others}
    html = scorecard.render(content)
    assert reliability.TITLE in html


def test_every_kind_of_choice_is_told_by_some_task() -> None:
    told = {choice.of for choice in tasks.create("ner", TAGS).choices(("B-PER",), tagged([("B-PER", 0.9)]))}
    told |= {choice.of for choice in tasks.create("text-classification", LABELS).choices(POSITIVE, (0.1, 0.9))}
    assert told == {"texts", "words", "entities"}
    assert registry.metrics_of(PROBE, tasks.create("ner", TAGS))["brier_score"].ratio
