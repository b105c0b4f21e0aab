"""What would decide a verdict: never more examples or sentences than there are, and a setting that can be raised."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from fakes import FILLER, LABELS, nowhere, plan_of, reviews, shipped

from auditor import metrics, results, tasks
from auditor.evaluation import runner
from auditor.models.fake import FakeModel, keyword_model
from auditor.plugins import registry
from auditor.results import entries
from auditor.testing import FakeAudit
from auditor.types import Case, Example, Measurement, Metric, ProbeRecord, Row, Rule, Silent, Verdict
from auditor.verdicts import gate
from auditor.verdicts.policy import Policy

FLIPS = metrics.flip_rate()


def record(wrong: int, n: int, available: int | None, settings: dict[str, Any], unit: str | None = None) -> ProbeRecord:
    """A flip rate; ``unit``: of its clusters, which are sentences where the probe takes no number of examples."""
    rows = [Row(f"c{index}", "", float(index < wrong), 1.0) for index in range(n)]
    found = metrics.measurement(FLIPS, {"axis": "age"}, rows, n_cases=n)
    unit = unit if unit or "examples" in settings else "sentence"
    found = replace(found, available=available, cluster_unit=unit)
    return ProbeRecord("m", "bias", "measured", metrics=(FLIPS,), measurements=(found,), settings=settings)


def verdict(given: ProbeRecord, limit: float = 0.05, margin: float = 0.0) -> Verdict:
    rule = Rule("bias", "flip_rate", {"axis": "age"}, "a reason", max=limit, margin=margin)
    (found,) = gate.decide(Policy("test", "", (rule,)), [given], "m").verdicts
    assert found.outcome == "inconclusive"
    return found


def test_sentences_that_do_not_exist_are_not_offered() -> None:
    found = verdict(record(9, 200, 300, {"sentences": 200}))
    assert (found.more_examples, found.more_examples_high) == (None, None)
    assert re.fullmatch(
        r"the interval includes the limit; at least about \d+ more sentences would decide it, and only 100 more exist: "
        r"this probe cannot decide it with the sentences there are",
        found.reason,
    )


def test_sentences_that_exist_are_offered_with_the_setting_that_asks_for_them() -> None:
    found = verdict(record(11, 200, 20_000, {"sentences": 200}), margin=0.03)
    assert found.reason == (
        f"the interval spans the limit and its margin; about {found.more_examples} to {found.more_examples_high} more "
        "sentences would decide it; 19800 more are available: raise sentences in [probes.bias], and [audit] budget if "
        "it is set"
    )


def test_where_only_some_of_them_exist_it_is_said() -> None:
    found = verdict(record(11, 200, 500, {"examples": 200}), margin=0.03)
    assert found.more_examples is not None
    assert found.more_examples_high is not None
    assert found.more_examples < 300 < found.more_examples_high
    assert "; only 300 more are available: raise examples in [probes.bias]" in found.reason


def test_of_lists_that_are_asked_whole_none_is_left() -> None:
    found = verdict(record(1, 40, 40, {"names_per_sentence": 6}))
    assert found.more_examples is None
    assert found.reason.endswith(
        " more sentences would decide it, and only 40 sentences exist: "
        "this probe cannot decide it with the sentences there are"
    )


@pytest.mark.parametrize(("value", "raised"), [(1, True), (2, True), (3, False), (6, False)])
def test_more_cases_of_each_sentence_are_advised_where_the_probe_can_make_them(value: int, raised: bool) -> None:
    found = verdict(record(9, 300, 300, {"sentences": 300, "pairs_per_sentence": value}))
    assert found.reason.endswith(": raise pairs_per_sentence to 3 in [probes.bias]") == raised
    assert found.reason.endswith(": this probe cannot decide it with the sentences there are") != raised


@pytest.mark.parametrize(
    ("slice_", "sentences", "key"),
    [
        ({"axis": "age"}, 200, "sentences"),
        ({"axis": "age", "position": "first"}, 200, "sentences"),
        ({"axis": "age", "position": "first"}, 2000, "pairs_per_sentence"),
        ({"axis": "age", "content": "none"}, 200, "bare_sentences"),
        ({"axis": "age", "content": "none"}, 2000, "bare_sentences"),
    ],
)
def test_the_setting_named_is_that_which_raises_the_slice(slice_: dict[str, str], sentences: int, key: str) -> None:
    settings = {"sentences": sentences, "bare_sentences": 200, "pairs_per_sentence": 1}
    given = record(11, 200, 2000, settings)
    given = replace(given, measurements=(replace(given.measurements[0], slice=slice_),))
    rule = Rule("bias", "flip_rate", dict.fromkeys(slice_, "*"), "a reason", max=0.05, margin=0.03)
    (found,) = gate.decide(Policy("test", "", (rule,)), [given], "m").verdicts
    assert f"; 1800 more are available: raise {key} in [probes.bias]" in found.reason


def test_the_settings_that_advice_names_bring_every_cluster_that_it_offers() -> None:
    (bias,) = shipped("bias")
    settings = replace(bias.settings, axes=("gender",), sentences=432, bare_sentences=90)

    def clusters(pairs: int) -> dict[str, int]:
        audit = FakeAudit((), replace(settings, pairs_per_sentence=pairs), tasks.create("text-classification", LABELS))
        cases = [case for case in bias.cases(audit) if isinstance(case, Case)]
        names = {(part, case.cluster) for case in cases for key, part in case.slice.items() if key != "axis"}
        return dict(Counter(part for part, _ in names))

    parts = {"first": "position", "later": "position", "none": "content"}
    offered = {part: bias.available({"axis": "gender", key: part}) for part, key in parts.items()}
    assert clusters(1) == {"first": 216, "later": 216, "none": 90}
    assert clusters(2) == offered


@pytest.mark.parametrize(
    ("events", "look", "looks", "stopped", "required", "said"),
    [
        ((11,), 1, 3, True, "always", "the time limit ended the looks: raise --time-limit"),
        ((11,), 1, 3, False, "always", "raise examples in [probes.bias], and [audit] budget if it is set"),
        ((11,), 1, 1, True, "always", "raise examples in [probes.bias], and [audit] budget if it is set"),
        ((11,), 3, 3, True, "always", "raise examples in [probes.bias], and [audit] budget if it is set"),
        ((11,), 1, 3, True, "never", "raise examples in [probes.bias], and [audit] budget if it is set"),
        ((11, 90), 1, 3, False, "always", "drawn no further, as another slice of this rule fails"),
        ((11, 90), 1, 3, True, "always", "drawn no further, as another slice of this rule fails"),
        ((11, 90), 1, 1, False, "always", "raise examples in [probes.bias], and [audit] budget if it is set"),
    ],
)
def test_where_the_looks_ended_it_is_said_why(
    events: tuple[int, ...], look: int, looks: int, stopped: bool, required: Any, said: str
) -> None:
    numbers = [record(wrong, 200, 20_000, {"examples": 200}).measurements[0] for wrong in events]
    slices = [
        replace(number, slice={"axis": str(place)}, look=look, looks=looks) for place, number in enumerate(numbers)
    ]
    given = replace(record(1, 9, None, {"examples": 200}), measurements=tuple(slices))
    rule = Rule("bias", "flip_rate", {"axis": "*"}, "a reason", max=0.05, margin=0.03, required=required)
    decision = gate.decide(Policy("test", "", (rule,)), [given], "m", looks=looks, stopped=stopped)
    first = decision.verdicts[0]
    assert first.outcome == "inconclusive"
    assert re.search(r"; (only )?19800 more are available: ", first.reason)
    assert first.reason.endswith(said)


def test_where_nothing_is_known_of_what_there_is_the_numbers_alone_are_said() -> None:
    found = verdict(record(11, 200, None, {"examples": 200}), margin=0.03)
    numbers = f"{found.more_examples} to {found.more_examples_high}"
    assert found.reason == f"the interval spans the limit and its margin; about {numbers} more examples would decide it"


def test_without_a_margin_only_the_least_number_is_said() -> None:
    found = verdict(record(10, 200, None, {"sentences": 200}))
    assert found.more_examples_high is None
    said = f"the interval includes the limit; at least about {found.more_examples} more sentences would decide it"
    assert found.reason == said


def test_where_no_number_would_do_none_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.stats.more_clusters", lambda *_args, **_kwargs: None)
    found = verdict(record(10, 200, 2000, {"sentences": 200}))
    assert found.reason == "the interval includes the limit; more sentences would hardly decide it"
    assert found.more_examples is None


@pytest.mark.parametrize("wrong", range(10, 16))
def test_with_a_margin_there_always_is_an_answer(wrong: int) -> None:
    found = verdict(record(wrong, 200, None, {"sentences": 200}), margin=0.03)
    assert found.more_examples is not None
    assert found.more_examples_high is not None
    assert 10 <= found.more_examples < found.more_examples_high < 2000


@pytest.mark.parametrize(("wrong", "n", "beside"), [*itertools.product((1, 3, 5, 8, 9), (100, 200), (0, 1, 50, 5000))])
def test_no_more_than_there_are_is_ever_offered(wrong: int, n: int, beside: int) -> None:
    given = record(wrong, n, n + beside, {"examples": n})
    rule = Rule("bias", "flip_rate", {"axis": "age"}, "a reason", max=0.05)
    (found,) = gate.decide(Policy("test", "", (rule,)), [given], "m").verdicts
    assert found.more_examples is None or found.more_examples <= beside
    assert found.more_examples_high is None or found.more_examples is not None


def measured(
    probe: str, data: Mapping[str, Sequence[Example]], **settings: Any
) -> tuple[ProbeRecord, list[Measurement]]:
    (one,) = shipped(probe)
    plan = plan_of(keyword_model(["good"]), [one], examples=data, settings={probe: replace(one.settings, **settings)})
    (found,) = runner.run(plan, nowhere, Silent())
    assert found.status == "measured", found.reason
    return found, [item for item in found.measurements if item.rows]


def test_every_probe_of_texts_says_how_many_there_are() -> None:
    data = {"home": reviews(120), "other": reviews(40, "other"), "train": reviews(20, "train")}
    for probe, settings in (
        ("quality", {"examples": 30}),
        ("noise", {"examples": 30}),
        ("domain_shift", {"examples": 30}),
    ):
        _, found = measured(probe, data, **settings)
        assert found
        for one in found:
            every = 40 if one.slice.get("domain") == "other" else 120
            # Every home row is there for other domains to be compared with.
            drawn = 120 if one.slice == {"domain": "home"} else 30
            # As many of those not drawn as of those that were.
            assert one.available == one.n_clusters + (every - drawn) * one.n_clusters // drawn
    _, found = measured("bias", data, sentences=30)
    assert {one.available for one in found if "content" not in one.slice} == {432}
    assert {one.available for one in found if "content" in one.slice} == {90}


SMALL: dict[str, dict[str, Any]] = {
    "bias": {"sentences": 30, "bare_sentences": 12, "axes": ("gender",)},
    "capabilities": {"per_template": 2},
    "drift": {"time_column": "sent"},
    "interpretability": {"examples": 16},
    "noise": {"examples": 40, "perturbations": ("upper case",)},
    "spurious": {"tokens": (FILLER[0],)},
    "triggers": {"examples": 60, "query_budget": 1000},
}
"""Probe → settings that take little time, where its own take much."""
OF_ROWS = (
    *("calibration", "coverage", "domain_shift", "drift", "interpretability", "label_errors", "label_swap", "leakage"),
    *("noise", "quality", "repeatability", "seen_rows", "shift", "spurious", "triggers"),
)
"""Probes of texts that measure rows of the data without training."""
OF_THEIR_OWN = {
    **{"bias": "sentence", "capabilities": "template", "entity_bias": "sentence"},
    "entailment_bias": "subject",
    "stereotyped_answers": "template",
}
"""Probe → what its own texts are."""
ELSEWHERE = {
    "adversarial": "it takes examples as noise does, and TextAttack seconds to import",
    "distractors": "it takes rows of the data, as quality does, of another task",
    "dialogue_history": "it takes rows of the data, as quality does, of another task",
    "pair_shortcuts": "it takes rows of the data, as quality does, of another task",
    "relation_cues": "it takes rows of the data, as quality does, of another task",
    "entities": "it takes sentences of the data, as quality does, of another task",
    "forgetting": "it has other checkpoints answer the examples that quality takes",
    "kept_cases": "its texts are those of a file, and a count is always decided",
    "label_noise": "it trains, and its points are of the examples that quality takes",
    "out_of_scope_detection": "its texts are of no set that examples gives, and it says itself how many there are",
    "low_resource": "it trains, and its points are of the examples that quality takes",
    "training_strategy": "it trains, and its points are of the examples that quality takes",
}
"""Probe that takes rows of the data and is not run here → why not."""


def unit_by_names(names: set[str]) -> str | None:
    """What clusters are by their names, which only groups, contents and bare sentences have with such beginnings."""
    kinds = {name.partition(":")[0] for name in names}
    if kinds <= {"content", "sentence"}:
        return "sentence"
    return "group of rows" if "group" in kinds else None


def test_every_probe_has_a_unit_of_its_clusters() -> None:
    every = {probe.name: probe for probe in registry.discover()}
    assert sorted(every) == sorted((*OF_ROWS, *OF_THEIR_OWN, *ELSEWHERE))
    declared = {name: probe.cluster_unit for name, probe in every.items() if probe.cluster_unit is not None}
    # That of capabilities depends on the tests: rows of a file may be of no template.
    assert declared == {name: unit for name, unit in OF_THEIR_OWN.items() if name != "capabilities"}


@pytest.mark.parametrize("probe", [*OF_ROWS, "bias", "capabilities"])
@pytest.mark.parametrize("grouped", [False, True])
def test_the_unit_of_every_number_is_what_its_clusters_are(probe: str, grouped: bool) -> None:
    data = {"home": reviews(160), "other": reviews(48, "other"), "train": reviews(48, "train")}
    data = {
        name: tuple(
            replace(row, meta={"sent": f"202{index // 40}-01-01"}, group=f"{name} {index // 4}" if grouped else None)
            for index, row in enumerate(rows)
        )
        for name, rows in data.items()
    }
    _, found = measured(probe, data, **SMALL.get(probe, {}))
    assert found
    for one in found:
        used = {row.cluster for row in one.rows}
        if probe == "capabilities":
            assert one.cluster_unit == "template"
            assert one.n_cases > one.n_clusters
        elif not grouped and one.cluster_unit == "group of rows":
            # Rows that are the same, or nearly, are one unit here, whatever groups there are.
            assert probe in ("coverage", "label_errors", "leakage")
        else:
            assert one.cluster_unit == unit_by_names(used), (one.metric, one.slice)


@pytest.mark.parametrize(
    ("unit", "settings", "said"),
    [
        (
            None,
            {"examples": 200},
            "examples would decide it; 19800 more are available: raise examples in [probes.bias]",
        ),
        (
            "group of rows",
            {"examples": 900},
            "groups of rows would decide it; 19800 more are available: raise examples, which counts rows, in [probes.",
        ),
        ("template", {"per_template": 3}, "templates would decide it; 19800 more are available"),
        ("sentence", {"sentences": 200}, "sentences would decide it; 19800 more are available: raise sentences in ["),
    ],
)
def test_the_number_is_said_with_the_unit_that_it_counts(unit: str | None, settings: dict[str, Any], said: str) -> None:
    found = verdict(record(11, 200, 20_000, settings, unit), margin=0.03)
    assert f" {found.more_examples} to {found.more_examples_high} more {said}" in found.reason


def test_groups_of_rows_that_do_not_exist_are_not_offered() -> None:
    found = verdict(record(9, 200, 200, {"examples": 900}, "group of rows"))
    assert found.more_examples is None
    assert found.reason.endswith(
        " more groups of rows would decide it, and only 200 groups of rows exist: "
        "this probe cannot decide it with the groups of rows there are"
    )


def test_clusters_are_counted_and_not_rows() -> None:
    rows = [replace(one, group=f"g{index // 4}") for index, one in enumerate(reviews(80))]
    _, found = measured("quality", {"home": rows}, examples=40)
    assert {one.available for one in found if one.metric == "accuracy"} == {20}


def test_it_stands_in_the_results_and_is_read_from_them() -> None:
    found, items = measured("quality", {"home": reviews(60)}, examples=30)
    written = results.record_dict(found)
    assert [one.get("available") for one in written["measurements"]] == [one.available for one in found.measurements]
    assert all("cluster_unit" not in one for one in written["measurements"])
    again = entries.record_of(json.loads(json.dumps(written)), {})
    assert [one.available for one in again.measurements] == [one.available for one in found.measurements]
    assert items


def test_the_unit_stands_in_the_results_and_is_read_from_them() -> None:
    found, _ = measured("bias", {"home": reviews(10)}, **SMALL["bias"])
    written = results.record_dict(found)
    assert {one["cluster_unit"] for one in written["measurements"]} == {"sentence"}
    again = entries.record_of(json.loads(json.dumps(written)), {})
    assert {one.cluster_unit for one in again.measurements} == {"sentence"}


def test_a_number_of_a_probe_without_rows_has_none() -> None:
    (quality,) = shipped("quality")
    descriptive = Metric("pieces", "pieces", "descriptive", "ratio", 0.0, 9.0, None)

    class Probe(type(quality)):  # type: ignore[misc]
        name = "pieces"

        def metrics(self, task: Any) -> Any:
            return (*super().metrics(task), descriptive)

        def measure(self, cases: Any, audit: Any) -> Any:
            yield from super().measure(cases, audit)
            yield Measurement("pieces", {}, 1.0, 1.0, 1.0, 1, 1, "counted")

    plan = plan_of(FakeModel(lambda _: (0.2, 0.8)), [Probe()], n=30)
    (found,) = runner.run(plan, nowhere, Silent())
    assert {one.metric: one.available for one in found.measurements}["pieces"] is None
