"""Domain shift of a task whose data sets have labels of their own: the same labels count at every look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from fakes import nowhere, plan_of

from auditor import metrics, stats, tasks
from auditor.evaluation import runner, sequential
from auditor.evaluation.plan import Plan
from auditor.evaluation.probe_run import Measuring, scorer_for
from auditor.evaluation.rounds import Drawn
from auditor.evaluation.sampling import Draw
from auditor.models.fake import FakeModel
from auditor.plugins import registry
from auditor.tasks.classification import TextClassification
from auditor.types import (
    ComparableLabels,
    Detail,
    Example,
    Measurement,
    Metric,
    ProbeRecord,
    Request,
    Rule,
    Silent,
)
from auditor.verdicts.policy import Policy
from probes._comparable_labels import measured_later
from probes.domain_shift import PROBE, Settings

LABELS = ("a", "b", "c")
ROWS = 400


class Classes(TextClassification):
    """Texts of classes, of which each data set may lack some."""

    name = "classes"
    sliced_metrics = (Metric("class_accuracy", "accuracy by class", "mean", "share", 0.0, 1.0, "higher"),)

    def details(self, gold: Any, response: Any) -> Iterator[Detail]:
        yield Detail("class_accuracy", {"class": gold}, self.score(gold, response))

    def comparable(self, golds: Sequence[Any]) -> ComparableLabels:
        there = set(golds)
        lacking = {label: "no row of the domain has it" for label in LABELS if label not in there}
        unknown = dict.fromkeys(sorted(there - set(LABELS)), "the model has no such class")
        counted = tuple(label for label in LABELS if label in there)
        return ComparableLabels(counted, {**unknown, **lacking}, "no class is shared", "class_accuracy", "class")


class Sums(Classes):
    """The same, by a ratio of sums."""

    name = "sums"
    ratio = True


KINDS: dict[str, type[Classes]] = {"a mean": Classes, "a ratio": Sums}


def answers(request: Request) -> tuple[float, ...]:
    return tuple(0.8 if request.texts[0][0] == label else 0.1 for label in LABELS)


def example(name: str, number: int, said: str, gold: str) -> Example:
    return Example(f"{name}:{number}", {"text": f"{said} {name} {number}"}, gold)


HOME = tuple(example("home", n, "abc"[n % 3] if n % 8 else "a", "abc"[n % 3]) for n in range(ROWS))
FAR = tuple(example("far", n, "abb"[n % 3] if n % 5 else "c", "a" if n < 64 else "abd"[n % 3]) for n in range(ROWS))
"""Its first 64 rows are all of class a; the model has no class d, and the domain no class c."""


def plan(kind: type[Classes] = Classes, examples: int = ROWS, **given: Any) -> Plan:
    settings = {PROBE.name: Settings(examples=examples)}
    sets = {"home": HOME, "far": FAR}
    return plan_of(
        FakeModel(answers, LABELS), (PROBE,), **{"task": kind(LABELS), "examples": sets, "settings": settings, **given}
    )


def share(rows: Sequence[Example], counted: str) -> float:
    """The share of right answers, by hand: the first letter is the model's answer."""
    kept = [row for row in rows if row.gold in counted]
    right: int = sum(row.inputs["text"][0] == row.gold for row in kept)
    return right / len(kept)


def by_name(measurements: Sequence[Measurement]) -> dict[tuple[str, str], Measurement]:
    return {(found.metric, found.slice["domain"]): found for found in measurements}


def looked(whole: Plan, stops: Sequence[int]) -> dict[str, Any]:
    audited = whole.models[0]
    measuring = Measuring(whole, audited, PROBE, scorer_for(whole, audited.model), nowhere)
    draws = zip((0, *stops), stops, strict=False)
    for look, clusters in enumerate(draws, start=1):
        measuring.draw(Silent(), Draw(clusters, look, lambda _: True))
    found = measuring.results(Draw((0, stops[-1]), len(stops), lambda _: True))
    measuring.close()
    return found


LOOKS = [(ROWS,), (64, ROWS), (64, 128, ROWS), (64,), (64, 128), tuple(range(50, ROWS + 1, 50))]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stops", LOOKS, ids=str)
def test_every_look_counts_the_labels_of_the_whole_set(kind: str, stops: tuple[int, ...]) -> None:
    found = looked(plan(KINDS[kind]), stops)
    measured, stop = by_name(found["measurements"]), stops[-1]
    assert measured["accuracy", "home"].value == pytest.approx(share(HOME[:stop], "abc"))
    assert measured["accuracy", "far"].value == pytest.approx(share(FAR[:stop], "ab"))
    drop = share(HOME[:stop], "ab") - share(FAR[:stop], "ab")
    assert measured["drop_against_home", "far"].value == pytest.approx(drop)
    gaps = {gap.slice["class"]: gap.reason for gap in found["skipped"] if "class" in gap.slice}
    assert gaps == {"c": "no row of the domain has it", "d": "the model has no such class"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("given", [{"examples": 64}, {"budget": 64}, {"examples": 100}, {"budget": 100}, {}], ids=str)
def test_a_fixed_design_counts_the_labels_of_its_examples(kind: str, given: dict[str, int]) -> None:
    n = min([ROWS, *given.values()])
    (record,) = runner.run(plan(KINDS[kind], **given), nowhere, Silent())
    counted = "a" if n == 64 else "ab"
    home = n if "budget" in given else ROWS
    measured = by_name(record.measurements)
    assert measured["accuracy", "home"].value == pytest.approx(share(HOME[:home], "abc"))
    assert measured["accuracy", "far"].value == pytest.approx(share(FAR[:n], counted))
    drop = share(HOME[:home], counted) - share(FAR[:n], counted)
    assert measured["drop_against_home", "far"].value == pytest.approx(drop)


@pytest.mark.parametrize(("examples", "counted"), [(64, "a"), (100, "ab")])
def test_looks_past_the_examples_of_the_settings_count_the_labels_of_the_fixed_design(
    examples: int, counted: str
) -> None:
    measured = by_name(looked(plan(examples=examples), (64, ROWS))["measurements"])
    assert measured["accuracy", "far"].value == pytest.approx(share(FAR, counted))


def decided(whole: Plan, metric: str, limit: dict[str, float]) -> tuple[ProbeRecord, Drawn]:
    rule = Rule(probe=PROBE.name, metric=metric, slice={"domain": "far"}, why="x", **limit)  # type: ignore[arg-type]
    (record,), drawn = sequential.run(whole, Policy("test", "", (rule,)), nowhere, Silent())
    return record, drawn


@pytest.mark.parametrize("kind", KINDS)
def test_until_decided_a_drop_keeps_its_fixed_design_and_number(kind: str) -> None:
    whole = plan(KINDS[kind])
    record, drawn = decided(whole, "drop_against_home", {"max": 0.9})
    (plain,) = runner.run(whole, nowhere, Silent())
    expected = by_name(plain.measurements)["drop_against_home", "far"]
    assert by_name(record.measurements)["drop_against_home", "far"] == expected
    assert [(found.design, found.clusters) for found in drawn.slices] == [("fixed", expected.n_clusters)]


def test_until_decided_the_tasks_metric_is_bounded_over_the_same_labels() -> None:
    record, drawn = decided(plan(), "accuracy", {"min": 0.05})
    (found,) = drawn.slices
    assert found.design == "sequential"
    measured = by_name(record.measurements)["accuracy", "far"]
    assert drawn.clusters < ROWS
    assert measured.value == pytest.approx(share(FAR[: drawn.clusters], "ab"))
    assert measured.method == stats.sequential_method("mean", False)


TASKS: dict[str, tuple[Any, bool]] = {
    "text-classification": (tasks.create("text-classification", LABELS), True),
    "ner": (tasks.create("ner", ("O", "B-A", "I-A")), False),
    "a mean": (Classes(LABELS), False),
    "a ratio": (Sums(LABELS), False),
}


@pytest.mark.parametrize("name", TASKS)
def test_a_drop_is_read_case_by_case_only_where_every_label_counts(name: str) -> None:
    task, tallied = TASKS[name]
    drop = registry.metrics_of(PROBE, task)["drop_against_home"]
    assert drop.tallied is tallied
    # In all that is declared it stays what it is.
    plain = metrics.drop_against(task, {"domain": "home"})
    assert drop == plain
    assert not measured_later(plain).tallied
    assert measured_later(plain) == plain
