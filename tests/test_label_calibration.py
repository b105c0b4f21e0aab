"""Calibration of each label's probability: by hand, and the worst ten first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from fakes import nowhere, plan_of, shipped
from numpy.typing import NDArray

from auditor import tasks
from auditor.evaluation import runner
from auditor.evaluation.plan import AuditedModel
from auditor.models.fake import FakeModel
from auditor.types import Example, Measurement, ProbeRecord, Request, Response, Silent, Task
from probes import _label_calibration, calibration
from reports import tables

(PROBE,) = shipped("calibration")
LABELS = tuple(f"l{number:02}" for number in range(14))
N = 120


def answering(chances: NDArray[np.float64], labels: Sequence[str]) -> FakeModel:
    def answer(request: Request) -> Response:
        return tuple(chances[len(request.texts[0].split()) - 1].tolist())

    return FakeModel(answer, labels)


def record_of(chances: NDArray[np.float64], holds: NDArray[np.bool_], groups: Sequence[str | None]) -> ProbeRecord:
    labels = LABELS[: chances.shape[1]]
    golds = [frozenset(label for label, own in zip(labels, row, strict=True) if own) for row in holds.tolist()]
    task = tasks.create("multi-label-classification", labels)
    rows = tuple(
        Example(f"home:{i}", {"text": " ".join(["word"] * (i + 1))}, task.load(sorted(gold)), groups[i])
        for i, gold in enumerate(golds)
    )
    model = answering(chances, labels)
    settings = {"calibration": replace(PROBE.settings, elsewhere=1)}
    plan = plan_of(
        model, (PROBE,), examples={"home": rows}, models=(AuditedModel(model),), settings=settings, task=task
    )
    (record,) = runner.run(plan, nowhere, Silent())
    assert record.status == "measured", plan.errors
    return record


def of_label(record: ProbeRecord, label: str) -> dict[str, Measurement]:
    return {each.metric: each for each in record.measurements if dict(each.slice) == {"label": label}}


def expected_error(chances: NDArray[np.float64], holds: NDArray[np.bool_], bins: int = 15) -> float:
    """Guo et al.'s expected calibration error of one label, by definition."""
    places = np.minimum((chances * bins).astype(int), bins - 1)
    inside = [places == place for place in range(bins)]
    return float(sum(own.mean() * abs(chances[own].mean() - holds[own].mean()) for own in inside if own.any()))


def drawn(too_sure: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Probabilities of calibrated labels, but one, which is said to be likelier than it is."""
    rng = np.random.default_rng(seed)
    chances = rng.beta(0.6, 2.0, (N, len(LABELS)))
    holds = rng.random((N, len(LABELS))) < chances
    chances[:, too_sure] = np.minimum(0.99, chances[:, too_sure] + 0.4)
    return chances, holds


def test_each_label_has_its_gap_and_error_by_definition() -> None:
    chances, holds = drawn(too_sure=3)
    record = record_of(chances, holds, [None] * N)
    for place, label in enumerate(LABELS):
        own = of_label(record, label)
        assert set(own) == {_label_calibration.GAP, _label_calibration.ERROR, _label_calibration.CALIBRATED}
        gap, error, calibrated = (own[name] for name in own)
        assert gap.value == pytest.approx(chances[:, place].mean() - holds[:, place].mean())
        assert gap.low < gap.value < gap.high
        assert (gap.n_cases, gap.n_clusters) == (N, N)
        assert error.value == pytest.approx(expected_error(chances[:, place], holds[:, place]))
        assert calibrated.low <= calibrated.value <= calibrated.high
        if label == LABELS[3]:
            assert gap.low > 0.2
            assert error.value > calibrated.high
    within = [of_label(record, label)[_label_calibration.GAP] for label in LABELS if label != LABELS[3]]
    # Of 13 intervals of 95 % one may miss.
    assert sum(each.low <= 0.0 <= each.high for each in within) >= 12


def test_groups_are_the_clusters() -> None:
    chances, holds = drawn(too_sure=0)
    gap = of_label(record_of(chances, holds, [f"g{i // 4}" for i in range(N)]), LABELS[0])[_label_calibration.GAP]
    assert gap.n_clusters == N // 4
    assert gap.value == pytest.approx((chances[:, 0] - holds[:, 0]).mean())


def test_a_label_that_no_row_has_has_an_interval() -> None:
    chances, holds = np.full((N, 2), 0.02), np.zeros((N, 2), dtype=bool)
    holds[:30, 1] = True
    gap = of_label(record_of(chances, holds, [None] * N), LABELS[0])[_label_calibration.GAP]
    assert gap.value == pytest.approx(0.02)
    assert gap.low < gap.value < gap.high


def test_other_tasks_have_no_such_number() -> None:
    for name in tasks.names():
        task: Task = tasks.create(name, tasks.kind(name).example_labels)
        own = {metric.name for metric in PROBE.metrics(task)} & set(_label_calibration.of())
        assert bool(own) == ("label_sets" in task.offers)


def test_a_task_with_other_choices_is_left_alone() -> None:
    class Judged:
        cluster, slice, choices = "c", {"of": "labels", "input": "home"}, ()

    class Audit:
        task = tasks.create("multi-label-classification", LABELS)

    metrics = calibration._metrics(Audit.task)
    assert list(_label_calibration.measured(metrics, [Judged()], Audit())) == []  # type: ignore[list-item, arg-type]


def test_the_worst_ten_labels_come_first_on_the_page() -> None:
    def measured(label: str, value: float) -> dict[str, object]:
        own = {"metric": _label_calibration.ERROR, "slice": {"label": label}, "value": value, "low": value}
        return {**own, "high": value, "n_cases": 9, "n_clusters": 9, "vacuous": 0.0, "method": "m", "status": "ok"}

    metric = {"title": "error", "better": "lower", "kind": "descriptive", "unit": "ratio", "comparable": True}
    pairs = [("m", measured(label, place / 100)) for place, label in enumerate(LABELS)]
    worst = tables._worst(pairs, metric)
    assert [own["slice"]["label"] for _, own in worst] == [*reversed(LABELS)][:10]
    assert tables._worst(pairs, {**metric, "better": None}) == []
