"""Plain quality: the task's metric, recall by class and the gain over a constant answer, worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from fakes import LABELS, nowhere, plan_of
from pair_task import PairTask

from auditor.evaluation import runner
from auditor.evaluation.plan import AuditedModel
from auditor.models.fake import FakeModel, keyword_model
from auditor.types import Example, Measurement, ProbeRecord, Silent
from probes.quality import PROBE, Settings

YES, NO = (0.1, 0.9), (0.9, 0.1)


def rows(golds: Sequence[str | None], said: Sequence[bool], name: str = "home") -> tuple[Example, ...]:
    """Row i holds the word "yes" where said[i]: the keyword model answers positive there."""
    pairs = zip(golds, said, strict=True)
    return tuple(
        Example(f"{name}:{i}", {"text": f"row {i} {'yes' if yes else 'no'}"}, gold)
        for i, (gold, yes) in enumerate(pairs)
    )


def measured(examples: dict[str, tuple[Example, ...]], **given: Any) -> dict[tuple[str, str], Measurement]:
    plan = plan_of(keyword_model(["yes"]), (PROBE,), examples=examples, **given)
    (record,) = runner.run(plan, nowhere, Silent())
    assert record.status == "measured", plan.errors
    return {(one.metric, one.slice.get("class", "")): one for one in record.measurements}


NEGATIVE, POSITIVE = LABELS
HOME = rows([POSITIVE] * 30 + [NEGATIVE] * 10, [True] * 24 + [False] * 6 + [False] * 9 + [True])
"""24 of 30 positives and 9 of 10 negatives are right: accuracy 33/40, and always "positive" has 30/40."""


def test_accuracy_gain_and_recall_are_those_worked_out_by_hand() -> None:
    found = measured({"home": HOME})
    assert {key: (round(one.value, 9), one.n_cases, one.n_clusters) for key, one in found.items()} == {
        ("accuracy", ""): (33 / 40, 40, 40),
        ("gain_over_majority", ""): (3 / 40, 40, 40),
        ("recall", NEGATIVE): (0.9, 10, 10),
        ("recall", POSITIVE): (0.8, 30, 30),
    }
    assert all(one.low < one.value < one.high and one.status == "ok" for one in found.values())


def test_the_constant_answer_is_the_majority_of_the_training_rows_where_given() -> None:
    train = rows([NEGATIVE] * 3 + [POSITIVE], [False] * 4, "train")
    found = measured({"home": HOME, "train": train})
    assert found["gain_over_majority", ""].value == pytest.approx(33 / 40 - 10 / 40)


def test_training_rows_without_labels_leave_the_majority_to_the_test_rows() -> None:
    found = measured({"home": HOME, "train": rows([None] * 4, [False] * 4, "train")})
    assert found["gain_over_majority", ""].value == pytest.approx(3 / 40)


def test_a_constant_model_gains_nothing() -> None:
    model = FakeModel(lambda _: YES)
    plan = plan_of(model, (PROBE,), examples={"home": HOME})
    (record,) = runner.run(plan, nowhere, Silent())
    values = {(one.metric, one.slice.get("class", "")): one.value for one in record.measurements}
    assert values == {
        ("accuracy", ""): 0.75,
        ("gain_over_majority", ""): 0.0,
        ("recall", NEGATIVE): 0.0,
        ("recall", POSITIVE): 1.0,
    }


def test_a_class_with_few_rows_is_too_few() -> None:
    found = measured({"home": rows([POSITIVE] * 20 + [NEGATIVE] * 9, [True] * 20 + [False] * 9)})
    assert (found["recall", NEGATIVE].status, found["recall", POSITIVE].status) == ("too_few", "ok")


def test_rows_of_one_group_are_one_cluster_of_recall() -> None:
    one_author = tuple(Example(row.id, row.inputs, row.gold, group="author") for row in HOME[:30])
    found = measured({"home": (*one_author, *HOME[30:])})
    assert (found["recall", POSITIVE].n_cases, found["recall", POSITIVE].n_clusters) == (30, 1)
    assert found["recall", POSITIVE].value == pytest.approx(0.8)


def test_rows_without_a_label_are_left_out() -> None:
    found = measured({"home": (*HOME, *rows([None] * 5, [True] * 5, "more"))})
    assert found["accuracy", ""].n_cases == found["gain_over_majority", ""].n_cases == 40
    assert ("recall", "None") not in found
    assert measured({"home": rows([None] * 12, [True] * 12)}) == {}


def test_no_more_rows_are_asked_for_than_the_settings_say() -> None:
    found = measured({"home": HOME}, settings={"quality": Settings(examples=12)})
    assert found["accuracy", ""].n_cases == 12


def pairs_measured() -> ProbeRecord:
    """20 pairs follow, 20 differ, and the model is always right."""
    task = PairTask()
    examples = tuple(
        Example(f"home:{i}", {"premise": f"dogs {i}", "hypothesis": "yes" if i % 2 else "no"}, task.labels[i % 2])
        for i in range(40)
    )
    model = FakeModel(lambda request: YES if request.texts[1] == "yes" else NO, task.labels)
    plan = plan_of(model, (PROBE,), task=task, examples={"home": examples}, models=(AuditedModel(model),))
    (record,) = runner.run(plan, nowhere, Silent())
    return record


def test_a_task_whose_metric_is_a_ratio_has_its_metric_and_gain_but_no_recall() -> None:
    record = pairs_measured()
    names = ["f1", "gain_over_majority"]
    assert [metric.name for metric in record.metrics] == names
    assert [(one.metric, one.slice) for one in record.measurements] == [(name, {}) for name in names]
    assert record.measurements[0].value == 1.0


def test_the_gain_of_a_ratio_is_the_ratio_less_that_of_the_constant_answer() -> None:
    # Always "follows": 20 true and 20 false positives, F1 = 40 / 60.
    assert pairs_measured().measurements[1].value == pytest.approx(1 / 3)


class Wordless(PairTask):
    """A task that has no classes and no constant answer."""

    ratio = False
    metric = "closeness"

    def stratum(self, gold: str | None) -> None:
        del gold

    def constant(self, golds: Sequence[str | None]) -> None:
        del golds


def test_a_task_without_classes_or_a_constant_answer_has_its_metric_alone() -> None:
    examples = tuple(Example(f"home:{i}", {"premise": f"{i}", "hypothesis": "x"}, "follows") for i in range(20))
    model = FakeModel(lambda _: YES, PairTask.labels)
    plan = plan_of(model, (PROBE,), task=Wordless(), examples={"home": examples}, models=(AuditedModel(model),))
    (record,) = runner.run(plan, nowhere, Silent())
    assert [(one.metric, one.slice, one.value) for one in record.measurements] == [("closeness", {}, 1.0)]


def test_the_probe_answers_for_no_limitation_and_needs_nothing() -> None:
    assert (PROBE.limitation, PROBE.needs, PROBE.settings.examples) == (None, frozenset(), 1000)
