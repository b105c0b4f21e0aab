"""Clean answers to all home rows narrow what is measured on some of them, from the model to the verified results."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import small_results
from fakes import nowhere, plan_of, reviews, shipped

from auditor import metrics, results, stats
from auditor.errors import NoAnswerError, ResultsError
from auditor.evaluation import runner
from auditor.evaluation.plan import Plan
from auditor.evaluation.probe_run import _Nested
from auditor.evaluation.sequential import run as run_until_decided
from auditor.metrics.aggregation import Tally
from auditor.models.fake import FakeModel, uncased_words
from auditor.results import verification
from auditor.settings import CheckedSettings, Count
from auditor.stats.estimates import method_for
from auditor.types import (
    Audit,
    Case,
    Edit,
    Inquiry,
    Judged,
    Measurement,
    Metric,
    ProbeDefaults,
    ProbeRecord,
    Request,
    Response,
    Score,
    Silent,
    Skipped,
    Task,
)
from auditor.verdicts import policy

MEAN = method_for("mean", ratio=False)
ORDINARY = {MEAN, method_for("change", ratio=False)}
GOOD = ("good", "great", "fine", "lovely", "superb")


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    examples: Count = 60


class Shouting(ProbeDefaults):
    """Each text behind a word that changes some answers, by how sure they were."""

    name = "shouting"
    limitation = "noise"
    role = "robustness"
    settings = Settings()

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        own = (metrics.task_metric_before(task), metrics.task_metric(task), metrics.drop(task), metrics.flip_rate())
        return (*map(metrics.predicted_by_clean, own), replace(metrics.flip_rate(), name="plain_flip_rate"))

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        for example in audit.examples("home", audit.settings.examples):
            yield Case(example, {}, {"text": (Edit(0, 0, ("OH",)),)})


def graded_model(name: str = "graded") -> FakeModel:
    """Its log odds come of the words; a word of noise takes away two of them."""

    def answer(request: Request) -> Response:
        (text,) = request.texts
        words = [word.strip(".,!?") for word in uncased_words(text)]
        number = int(words[-1]) if words[-1].isdigit() else 0
        sure = 4.0 * math.sin(number * 12.9898) + 3.0
        if "oh" in words:
            sure -= 2.0 + math.sin(number * 78.233)
        odds = sure if any(word in GOOD for word in words) else -sure
        positive = 1.0 / (1.0 + math.exp(-odds))
        return (1.0 - positive, positive)

    return FakeModel(answer, name=name)


def measured(plan: Plan) -> dict[str, Measurement]:
    (record,) = (record for record in runner.run(plan, nowhere, Silent()) if record.probe == "shouting")
    assert record.status == "measured", record.reason
    return {found.metric: found for found in record.measurements}


def plan(n: int = 400, **given: object) -> Plan:
    return plan_of(graded_model(), (Shouting(),), n=n, **given)


def test_an_audit_uses_the_clean_answers_of_all_home_rows() -> None:
    found, few = measured(plan()), measured(plan(60))
    assert {name: one.method for name, one in found.items()} == {
        "accuracy_before": "regression_mean",
        "accuracy": "regression_mean",
        "drop": "regression_change",
        "flip_rate": "regression_mean",
        "plain_flip_rate": MEAN,
    }
    assert {one.method for one in few.values()} == ORDINARY
    for name in ("accuracy", "drop", "flip_rate"):
        assert found[name].high - found[name].low < few[name].high - few[name].low
        # The clean answers are rows of their own, and the cases are those that there were.
        assert [row for row in found[name].rows if row.arm not in stats.CLEAN_ARMS] == list(few[name].rows)
        assert {row.cluster for row in found[name].rows if row.arm == "clean"} == {one.cluster for one in reviews(400)}
        assert (found[name].n_cases, found[name].n_clusters) == (60, 60)
    everyone = measured(plan(settings={"shouting": Settings(examples=400)}))
    assert found["accuracy_before"].value == pytest.approx(everyone["accuracy_before"].value, abs=0.01)
    assert found["drop"].low <= everyone["drop"].value <= found["drop"].high


def test_the_same_numbers_come_whether_the_probe_runs_alone_and_again() -> None:
    quality, shouting = shipped("quality")[0], Shouting()
    alone, again = measured(plan()), measured(plan())
    both = measured(plan_of(graded_model(), (quality, shouting), n=400))
    assert alone == again == both


def test_no_more_rows_are_asked_than_quality_reads_and_the_budget_allows() -> None:
    quality = shipped("quality")[0]
    settings = {"quality": replace(quality.settings, examples=100), "shouting": Settings()}
    limited = measured(plan_of(graded_model(), (quality, Shouting()), n=400, settings=settings))
    budget = measured(plan(budget=100))
    for found in (limited, budget):
        assert sum(row.arm == "clean" for row in found["drop"].rows) == 100
    assert limited == budget


def test_rows_without_a_gold_are_left_out() -> None:
    rows = [replace(one, gold=None) if place % 3 == 0 else one for place, one in enumerate(reviews(400))]
    found = measured(plan(examples={"home": tuple(rows)}))
    labelled = {one.cluster for one in rows if one.gold is not None}
    assert {row.cluster for row in found["drop"].rows if row.arm == "clean"} == labelled
    # A flip needs no gold: its cases are of rows without one too, and its method stays the ordinary one.
    assert found["flip_rate"].method == MEAN
    assert found["flip_rate"].n_clusters == 60


def test_groups_of_rows_are_measured_as_they_were() -> None:
    rows = tuple(replace(one, group=f"author {place // 2}") for place, one in enumerate(reviews(400)))
    assert {one.method for one in measured(plan(examples={"home": rows})).values()} == ORDINARY


def test_a_text_without_an_answer_is_left_out() -> None:
    answering = graded_model()

    def answer(request: Request) -> Response:
        # Texts 3 and 300: one measured, one not.
        if request.texts[0].endswith((" number 3", " number 300")):
            raise NoAnswerError("fails on it", where="m")
        return answering.run(answering.encode([request]))[0]

    found = measured(plan_of(FakeModel(answer, name="failing"), (Shouting(),), n=400))
    clean = {row.cluster for row in found["drop"].rows if row.arm == "clean"}
    assert {one.cluster for one in reviews(400)} - clean == {"home:5", "home:302"}
    assert (found["drop"].method, found["drop"].n_clusters) == ("regression_change", 59)


def test_a_models_nested_findings_ask_no_clean_pass() -> None:
    model, asking = graded_model(), plan()
    nested = _Nested(asking, Counter(), Silent())
    inquiry = Inquiry("robustness", "drop", {"examples": 30})
    found = nested.findings(inquiry, model)
    assert not isinstance(found, str)
    assert {one.method for one in found} == ORDINARY


def test_looks_keep_their_own_methods_and_rows() -> None:
    rules = policy.Policy(
        "own.toml",
        "0" * 64,
        (policy.rule_of({"probe": "shouting", "metric": "drop", "max": 0.5, "why": "a test"}, ""),),
    )
    (record,), _ = run_until_decided(plan(), rules, nowhere, Silent())
    (drop,) = (one for one in record.measurements if one.metric == "drop")
    assert drop.method == "betting_change"
    assert {row.arm for row in drop.rows} == {"first", "second"}


def test_a_cluster_that_was_drawn_and_has_no_case_counts_as_measured() -> None:
    tally = Tally([metrics.predicted_by_clean(metrics.flip_rate())])
    tally.register(f"c{place}" for place in range(50))
    for place in range(0, 50, 2):
        tally.add(Judged({}, f"c{place}", None, None, place % 4 == 0, False, {}, {}, {}))
    tally.predict({f"c{place}": (float(place % 3 > 0), place / 200) for place in range(200)})
    (found,) = tally.measurements()
    rows = [row for row in found.rows if row.arm == ""]
    assert [(row.cluster, row.count) for row in rows] == [(f"c{place}", 1.0 - place % 2) for place in range(50)]
    assert (found.method, found.n_clusters) == ("regression_mean", 25)
    assert list(tally.measurements()) == [found]
    (looked,) = tally.measurements(sequential=True)
    assert [row.cluster for row in looked.rows] == [f"c{place}" for place in range(0, 50, 2)]


def test_clusters_of_no_home_row_keep_the_ordinary_method() -> None:
    tally = Tally([metrics.predicted_by_clean(metrics.flip_rate())])
    tally.register(["c0", "c1"])
    for name in ("c0", "c1", "a sentence of its own"):
        tally.add(Judged({}, name, Score(1.0, 1.0), Score(1.0, 1.0), True, False, {}, {}, {}))
    tally.predict({f"c{place}": (1.0, 0.9) for place in range(200)})
    (found,) = tally.measurements()
    assert (found.method, len(found.rows)) == (MEAN, 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (noise,) = shipped("noise")
    settings = replace(
        noise.settings,
        examples=60,
        perturbations=("upper case", "joined words", "digits to words"),
        severities={"high": 0.4},
    )
    place = tmp_path_factory.mktemp("results") / "regressed"
    return small_results.write(place, "quality", "noise", n=300, settings={"noise": settings})


def test_results_are_computed_again_from_their_rows(folder: Path) -> None:
    audited = verification.load(folder)
    (noise,) = (record for record in audited.records if (record.model, record.probe) == ("candidate", "noise"))
    methods = {one.metric: one.method for one in noise.measurements if one.slice.get("perturbation") == "joined words"}
    assert methods["drop"] == methods["drop_over_changed_cases"] == "regression_change"
    assert methods["accuracy"] == methods["accuracy_before"] == methods["flip_rate"] == "regression_mean"
    assert methods["vacuous_rate"] == MEAN
    assert any(row.arm == "likelihood" for record in audited.records for one in record.measurements for row in one.rows)
    assert set(results.load(folder)["methods"]) >= set(methods.values())


def test_a_clean_answer_that_was_changed_is_found(folder: Path) -> None:
    records = results.records_of(results.load(folder), folder)

    def changed(record: ProbeRecord) -> ProbeRecord:
        made = []
        for one in record.measurements:
            # As if the model were right on every second text.
            rows = [replace(row, total=place % 2) if row.arm == "clean" else row for place, row in enumerate(one.rows)]
            made.append(replace(one, rows=rows))
        return replace(record, measurements=tuple(made))

    verification.computed(records, "")
    with pytest.raises(ResultsError, match="but its rows give"):
        verification.computed([changed(record) for record in records], "")
