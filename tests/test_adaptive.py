"""Looks that are planned beforehand: default sizes first, then more rows where a required rule is undecided."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pages
import pytest
from fakes import LABELS, nowhere, plan_of, reviews, shipped
from test_comparable_labels import plan as plan_of_classes
from test_entities import TASK, model, sentence
from test_rounds import Planted, Pooled, Settings, flipping, limit, positive
from tiny import tiny_checkpoint

from auditor import results, stats
from auditor.cli.main import main
from auditor.errors import ResultsError
from auditor.evaluation import adaptive, designs, rounds, runner, sampling, sequential
from auditor.evaluation.plan import AuditedModel, Plan
from auditor.models.fake import FakeModel, keyword_model
from auditor.plugins import registry
from auditor.results import verification
from auditor.types import (
    Audit,
    Case,
    Decision,
    Example,
    Measurement,
    Outcome,
    ProbeRecord,
    Rule,
    Silent,
    Skipped,
    Verdict,
)
from auditor.verdicts import gate, policy
from auditor.verdicts.policy import Policy


def looked(
    probe: Any, *rules: Rule, n: int = 2000, time_left: rounds.TimeLeft = rounds.unlimited, **given: Any
) -> tuple[dict[str, ProbeRecord], rounds.Drawn, Decision, Plan]:
    probes = given.pop("probes", (probe,))
    plan = plan_of(given.pop("model", flipping()), probes, **{"examples": {"home": positive(n)}, **given})
    own = Policy("test", "", rules)
    records, drawn = adaptive.run(plan, own, nowhere, Silent(), time_left)
    decision = gate.decide(own, records, plan.candidate, looks=designs.looks(drawn))
    return {record.probe: record for record in records if record.model == plan.candidate}, drawn, decision, plan


def by_slice(record: ProbeRecord, metric: str = "flip_rate") -> dict[str, Measurement]:
    return {next(iter(found.slice.values())): found for found in record.measurements if found.metric == metric}


# --- the plan


@pytest.mark.parametrize(
    ("first", "available", "sizes"),
    [
        (100, 0, (0,)),
        (100, 50, (50,)),
        (100, 100, (100,)),
        (100, 149, (100,)),
        (100, 150, (100, 150)),
        (100, 224, (100, 224)),
        (100, 225, (100, 150, 225)),
        (200, 1000, (200, 447, 1000)),
        (300, 100_000, (300, 5477, 100_000)),
    ],
)
def test_sizes_grow_geometrically_to_all_rows(first: int, available: int, sizes: tuple[int, ...]) -> None:
    assert stats.looks.sizes(first, available) == sizes


def test_every_plan_has_a_level_for_each_of_its_looks_and_they_add_up_to_the_error() -> None:
    for available in range(1, 3000, 7):
        looks = len(stats.looks.sizes(100, available))
        assert sum(stats.looks.level(0.05, look, looks) for look in range(1, looks + 1)) == pytest.approx(0.05)
    assert stats.looks.level(0.05, 1, 1) == 0.05
    for look, planned in ((0, 1), (2, 1), (4, 3), (1, 4), (1, 0)):
        with pytest.raises(ValueError, match="look"):
            stats.looks.level(0.05, look, planned)


# --- what is drawn


def test_what_is_clear_keeps_its_default_size_and_what_is_undecided_is_drawn_on() -> None:
    probe = Planted({"never": 0.0, "often": 0.5, "near": 0.07, "unread": 0.07})
    records, drawn, decision, _ = looked(probe, limit("never"), limit("often"), limit("near"))
    assert {verdict.slice["kind"]: verdict.outcome for verdict in decision.verdicts if verdict.slice} == {
        "never": "pass",
        "often": "fail",
        "near": "pass",
    }
    found = by_slice(records["planted"])
    assert {kind: (one.n_cases, one.look, one.looks) for kind, one in found.items()} == {
        "never": (100, 1, 3),
        "often": (100, 1, 3),
        "near": (2000, 3, 3),
        "unread": (100, 1, 1),
    }
    assert (drawn.looks, drawn.planned, drawn.clusters, drawn.available) == (3, 3, 2000, 2000)
    assert drawn.saved == pytest.approx(1 - (100 + 100 + 2000) / 6000)


@pytest.mark.parametrize("interactive", [False, True])
def test_after_its_look_a_slice_has_the_rows_of_a_fixed_design_of_that_size(interactive: bool) -> None:
    rates = {"never": 0.0, "middling": 0.02, "near": 0.085, "unread": 0.3}
    rules = [limit(kind) for kind in ("never", "middling", "near")]
    records, _, _, plan = looked(Planted(rates, interactive=interactive), *rules)
    looks = set()
    for kind, found in by_slice(records["planted"]).items():
        size = stats.looks.sizes(100, 2000)[found.look - 1]
        again = Planted(rates, settings=Settings(size), interactive=interactive)
        (fixed,) = runner.run(replace(plan, probes=(again,)), nowhere, Silent())
        whole = by_slice(fixed)[kind]
        assert (list(found.rows), found.value, found.low) == (list(whole.rows), whole.value, whole.low)
        looks.add(found.look)
    assert len(looks) > 1


def test_attacks_of_recipes_that_are_decided_or_unread_do_not_start_again() -> None:
    probe = Planted({"good": 0.0, "near": 0.07, "unread": 0.0}, interactive=True)
    looked(probe, limit("good"), limit("near"))
    started = {kind: probe.started.count(kind) for kind in ("good", "near", "unread")}
    assert started == {"good": 100, "near": 2000, "unread": 100}


def test_comparators_and_probes_that_nothing_required_reads_keep_the_numbers_of_the_fixed_size() -> None:
    candidate, other = flipping(), FakeModel(lambda _: (0.1, 0.9), name="other")
    probes = (Planted({"near": 0.07}), *shipped("quality"))
    given: dict[str, Any] = {
        "examples": {"home": positive(2000)},
        "models": (AuditedModel(candidate), AuditedModel(other)),
    }
    plan = plan_of(candidate, probes, **given)
    fixed = {(record.model, record.probe): record for record in runner.run(plan, nowhere, Silent())}
    records, _ = adaptive.run(plan, Policy("test", "", (limit("near"),)), nowhere, Silent())
    assert [(record.model, record.probe) for record in records] == list(fixed)
    for record in records:
        if (record.model, record.probe) != ("fake", "planted"):
            assert record == fixed[record.model, record.probe]
    assert by_slice(records[0])["near"].n_cases == 2000


@pytest.mark.parametrize("n", [60, 100, 149])
def test_where_there_are_no_more_rows_there_is_one_look_at_the_whole_error(n: int) -> None:
    probe = Planted({"near": 0.07, "bad": 0.4})
    records, drawn, decision, plan = looked(probe, limit("near"), limit("bad"), n=n)
    assert tuple(records.values()) == runner.run(plan, nowhere, Silent())
    assert (drawn.planned, designs.looks(drawn)) == (1, 1)
    whole = gate.decide(Policy("test", "", (limit("near"), limit("bad"))), tuple(records.values()), "fake")
    assert decision == whole
    assert designs.run("adaptive", plan, Policy("test", "", (limit("near"),)), nowhere, Silent())[1] is None
    assert {slice_.reason for slice_ in drawn.slices} == {stats.looks.ALL}


@pytest.mark.parametrize(
    ("n", "cases", "looks"), [(99, 99, 1), (100, 100, 1), (101, 101, 1), (149, 149, 1), (150, 100, 2), (500, 100, 3)]
)
def test_a_set_with_few_more_rows_is_taken_whole_for_the_candidate(n: int, cases: int, looks: int) -> None:
    candidate, other = flipping(), FakeModel(lambda _: (0.1, 0.9), name="other")
    models = (AuditedModel(candidate), AuditedModel(other))
    given: dict[str, Any] = {"model": candidate, "models": models, "whole": frozenset({"planted"})}
    records, _, _, plan = looked(Planted({"never": 0.0}), limit("never"), n=n, **given)
    found = by_slice(records["planted"])["never"]
    assert (found.n_cases, found.looks, found.available) == (cases, looks, n)
    comparator = next(record for record in runner.run(plan, nowhere, Silent()) if record.model == "other")
    assert by_slice(comparator)["never"].n_cases == min(n, 100)


def test_sets_are_taken_whole_where_a_required_rule_reads_them_and_the_user_sets_no_number() -> None:
    probes = [
        Planted({}, name=name, interactive=name == "attack") for name in ("read", "attack", "set", "words", "shown")
    ]
    rules = [limit("x", probe=probe.name, required="never" if probe.name == "shown" else "always") for probe in probes]
    given: dict[str, dict[str, Any]] = {"set": {"examples": 100}, "words": {"kinds": ("a", "b"), "fast": True}}
    plan, own = plan_of(flipping(), probes), Policy("test", "", tuple(rules))
    assert designs.whole_sets("adaptive", plan, own, given).whole == {"read", "words"}
    for design in ("fixed", "until-decided"):
        assert designs.whole_sets(design, plan, own, given).whole == frozenset()


def test_a_budget_is_the_end_of_the_file() -> None:
    records, drawn, _, _ = looked(Planted({"near": 0.1}), limit("near"), budget=400)
    assert by_slice(records["planted"])["near"].n_cases == 400
    assert drawn.available == 400


def test_a_slice_without_a_case_at_first_takes_the_rows_from_its_own_start() -> None:
    class Rare(Planted):
        """Its second slice has cases from the 150th row on."""

        def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
            for case in super().cases(audit):
                if isinstance(case, Case) and (
                    case.slice["kind"] == "near" or int(case.example.id.split(":")[1]) >= 150
                ):
                    yield case

    records, _, _, _ = looked(Rare({"near": 0.08, "rare": 0.08}), limit(("near", "rare")), n=1000)
    found = by_slice(records["planted"])
    assert (found["near"].n_cases, found["near"].look) == (1000, 3)
    assert (found["rare"].n_cases, found["rare"].look) == (852, 3)


def test_what_exists_of_a_slice_is_estimated_from_its_own_draws() -> None:
    """Of "half" every other row has a case; "near" is drawn on, and its draws say nothing of "half"."""

    class Half(Planted):
        def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
            for case in super().cases(audit):
                if isinstance(case, Case) and (case.slice["kind"] == "near" or int(case.example.id.split(":")[1]) % 2):
                    yield case

    records, _, _, _ = looked(Half({"near": 0.08, "half": 0.0}), limit("near"), limit("half"), n=1000)
    found = by_slice(records["planted"])
    assert (found["near"].n_cases, found["near"].available) == (1000, 1000)
    # By hand: 50 of the 100 rows drawn, so 500 of 1,000.
    assert (found["half"].n_cases, found["half"].available) == (50, 500)


def test_a_pool_goes_on_without_the_slices_in_it() -> None:
    records, _, _, _ = looked(Pooled({"one": 0.08, "two": 0.08}), limit("", slice={"family": "f"}))
    sizes = {tuple(found.slice): found.n_cases for found in records["planted"].measurements}
    assert sizes == {("family",): 4000, ("family", "kind"): 100}


def test_a_group_counts_once_at_every_look() -> None:
    examples = tuple(replace(one, group=str(index % 300)) for index, one in enumerate(positive(900)))
    records, _, _, _ = looked(Planted({"near": 0.09}), limit("near"), examples={"home": examples})
    found = by_slice(records["planted"])["near"]
    assert (found.n_cases, found.n_clusters) == (900, 300)


# --- domains


def domains(far: int, near: int = 300) -> dict[str, tuple[Example, ...]]:
    sets = {"home": positive(1500)}
    for name, n in (("far", far), ("near", near)):
        sets[name] = tuple(replace(one, id=f"{name}:{one.id}") for one in positive(n))
    return sets


def mistaken(share: dict[str, float]) -> FakeModel:
    """A model that is wrong on a share of the rows of a set, by the rows' numbers."""

    def answer(request: Any) -> tuple[float, float]:
        number = int(request.texts[0].split()[-1])
        wrong = (number * 7919 % 1000) / 1000 < share.get(request.texts[0].split()[0], 0.0)
        return (0.9, 0.1) if wrong else (0.1, 0.9)

    return FakeModel(answer)


def marked(sets: dict[str, tuple[Example, ...]]) -> dict[str, tuple[Example, ...]]:
    """Each text begins with the name of its set."""
    return {
        name: tuple(replace(row, inputs={"text": f"{name} {row.inputs['text']}"}) for row in rows)
        for name, rows in sets.items()
    }


DROP = Rule("domain_shift", "drop_against_home", {"domain": "*"}, "x", max=0.10)


def test_a_domain_is_drawn_to_the_end_of_its_file_and_a_decided_one_keeps_its_numbers() -> None:
    sets = marked(domains(far=2000, near=2000))
    fake = mistaken({"far": 0.09, "near": 0.0})
    records, drawn, decision, plan = looked(None, DROP, probes=shipped("domain_shift"), examples=sets, model=fake)
    found = {one.slice["domain"]: one for one in records["domain_shift"].measurements if one.metric == "accuracy"}
    assert (found["near"].n_cases, found["near"].look) == (300, 1)
    assert found["far"].n_cases == stats.looks.sizes(300, 2000)[found["far"].look - 1] > 300
    (fixed,) = runner.run(plan, nowhere, Silent())
    before = {(one.metric, one.slice["domain"]): one for one in fixed.measurements}
    after = {(one.metric, one.slice["domain"]): one for one in records["domain_shift"].measurements}
    # With the home rows of its own look, although more were drawn for the other domain.
    assert replace(after["drop_against_home", "near"], looks=1) == before["drop_against_home", "near"]
    assert {name for name, _ in after} >= {"proxy_distance", "unknown_words"}
    for place, one in after.items():
        if not one.rows:
            assert one == before[place]
    assert {one.slice["domain"]: one.design for one in drawn.slices} == {"far": "adaptive", "near": "adaptive"}
    assert decision.verdicts


def test_a_domain_without_more_rows_is_judged_once_at_the_whole_error_beside_one_that_has_more() -> None:
    sets = marked(domains(far=2000, near=300))
    fake = mistaken({"far": 0.09, "near": 0.06})
    records, drawn, _, _ = looked(None, DROP, probes=shipped("domain_shift"), examples=sets, model=fake)
    found = {one.slice["domain"]: one for one in records["domain_shift"].measurements if one.metric == DROP.metric}
    assert (found["near"].looks, found["far"].looks) == (1, 3)
    reasons = {one.slice["domain"]: (one.design, one.reason) for one in drawn.slices}
    assert reasons == {"far": ("adaptive", None), "near": ("fixed", stats.looks.ALL)}


def test_a_drop_that_the_probe_measures_itself_is_drawn_on() -> None:
    whole = plan_of_classes(examples=100)
    rule = Rule("domain_shift", "drop_against_home", {"domain": "far"}, "x", max=0.52)
    (record,), drawn = adaptive.run(whole, Policy("test", "", (rule,)), nowhere, Silent())
    (one,) = drawn.slices
    assert one.design == "adaptive"
    found = next(found for found in record.measurements if found.metric == "drop_against_home")
    assert found.look > 1
    settings = {"domain_shift": replace(whole.settings["domain_shift"], examples=drawn.clusters)}
    (fixed,) = runner.run(replace(whole, settings=settings), nowhere, Silent())
    other = next(found for found in fixed.measurements if found.metric == "drop_against_home")
    assert (found.n_clusters, found.value, found.low) == (other.n_clusters, other.value, other.low)
    assert [gap for gap in record.skipped if "class" in gap.slice]
    assert len({str(gap) for gap in record.skipped}) == len(record.skipped)


def test_recall_of_a_class_is_drawn_on_with_every_row() -> None:
    rule = Rule("quality", "recall", {"class": "*"}, "x", min=0.87)
    rows = tuple(replace(row, gold=LABELS[index % 2]) for index, row in enumerate(reviews(3000)))
    fake = FakeModel(
        lambda request: (0.1, 0.9) if int(request.texts[0].split()[-1]) % 2 and hash_of(request) > 0.1 else (0.9, 0.1)
    )

    def hash_of(request: Any) -> float:
        return (int(request.texts[0].split()[-1]) * 7919 % 1000) / 1000

    records, drawn, _, _ = looked(None, rule, probes=shipped("quality"), model=fake, examples={"home": rows})
    found = {one.slice["class"]: one for one in records["quality"].measurements if one.metric == "recall"}
    assert drawn.looks > 1
    assert (
        sum(one.n_cases for one in found.values()) == drawn.clusters == stats.looks.sizes(1000, 3000)[drawn.looks - 1]
    )
    assert {one.look for one in found.values()} == {drawn.looks}


# --- probes that cannot


class Topics(Planted):
    """Its clusters are not those of its examples."""

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        yield from (
            replace(case, cluster=f"topic {int(case.example.id.split(':')[1]) % 40}")
            for case in super().cases(audit)
            if isinstance(case, Case)
        )


class Everything(Planted):
    """It takes all rows at once."""

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        yield from (self._case(audit, one, {"kind": "near"}, 0.07) for one in audit.examples())


@pytest.mark.parametrize(("probe", "reason"), [(Topics, stats.looks.OTHERS), (Everything, stats.looks.OWN)])
def test_a_probe_whose_cases_are_not_of_rows_it_takes_by_number_is_drawn_once(probe: Any, reason: str) -> None:
    records, drawn, _, plan = looked(probe({"near": 0.07}), limit("near"), n=500)
    assert tuple(records.values()) == runner.run(plan, nowhere, Silent())
    assert [(one.design, one.reason) for one in drawn.slices] == [("fixed", reason)]


@pytest.mark.parametrize("searches", [False, True])
def test_a_probe_that_searches_is_drawn_once(searches: bool) -> None:
    probe = Planted({"near": 0.07}, interactive=True)
    probe.searches = searches
    _, drawn, _, _ = looked(probe, limit("near"), n=500)
    (one,) = drawn.slices
    assert (one.design, one.reason) == (("fixed", stats.looks.SEARCH) if searches else ("adaptive", None))
    assert one.clusters == (100 if searches else 500)


def test_a_probe_that_makes_other_cases_later_keeps_the_numbers_of_its_first_look() -> None:
    class Drifting(Planted):
        def cases(self, audit: Any) -> Iterator[Case | Skipped]:
            yield from super().cases(audit)
            if audit._draw is not None:
                yield self._case(audit, audit.examples()[0], {"kind": "near"}, 0.0)

    records, drawn, decision, plan = looked(Drifting({"near": 0.07}), limit("near"))
    (fixed,) = runner.run(plan, nowhere, Silent())
    written: list[str] = []
    again, _ = adaptive.run(
        plan,
        Policy("test", "", (limit("near"),)),
        lambda _model, _probe, case: written.append(str(case.case)),
        Silent(),
    )
    assert len(written) == again[0].counts["cases"] == by_slice(fixed)["near"].n_cases
    assert by_slice(records["planted"])["near"].value == by_slice(fixed)["near"].value
    assert by_slice(records["planted"])["near"].look == 1
    assert (drawn.looks, drawn.slices[0].reason) == (1, stats.looks.OTHERS)
    assert decision.exit_code == 3


def test_a_probe_that_crashes_at_a_later_look_is_a_failed_record() -> None:
    class Crashing(Planted):
        def cases(self, audit: Any) -> Iterator[Case | Skipped]:
            if audit._draw is not None:
                raise ValueError("later")
            return super().cases(audit)

    records, _, decision, _ = looked(Crashing({"near": 0.07}), limit("near"))
    assert records["planted"].status == "failed"
    assert decision.exit_code == 2


def test_what_is_missing_at_the_first_look_is_not_looked_for_again() -> None:
    class Missing(Planted):
        looks = 0

        def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
            self.looks += 1
            yield from super().cases(audit)
            yield Skipped({"kind": "none"}, "a package is missing")

    probe = Missing({"good": 0.0})
    records, _, decision, _ = looked(probe, limit("good"), limit("none"))
    assert decision.exit_code == 3
    assert probe.looks == 1
    assert len(records["planted"].skipped) == 1


# --- a slice that turns undecided again


def test_a_slice_that_turns_undecided_again_goes_on_from_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[dict[str, Outcome]] = [
        {"a": "pass", "b": "inconclusive"},
        {"a": "pass", "b": "inconclusive"},
        {"a": "inconclusive", "b": "inconclusive"},
        {"a": "inconclusive", "b": "pass"},
        {"a": "inconclusive", "b": "pass"},
    ]
    script = iter(said)

    def scripted(*_: Any, **__: Any) -> Decision:
        verdicts = tuple(
            Verdict(index, {"kind": kind}, outcome, "") for index, (kind, outcome) in enumerate(next(script).items())
        )
        return Decision(3, False, "", verdicts)

    monkeypatch.setattr("auditor.verdicts.gate.decide", scripted)
    plan = plan_of(flipping(), (Planted({"a": 0.07, "b": 0.07}),), examples={"home": positive(2000)})
    (record,), drawn = adaptive.run(plan, Policy("test", "", (limit("a"), limit("b"))), nowhere, Silent())
    ids = [one.id for one in plan.examples["home"]]
    for found in by_slice(record).values():
        assert [row.cluster for row in found.rows] == ids
        assert (found.n_cases, found.look) == (2000, 3)
    assert drawn.looks == 3
    assert next(script, None) is None


# --- the time limit


def clock(*readings: float) -> rounds.TimeLeft:
    """Says these seconds left, the last one for ever."""
    left = itertools.chain(readings, itertools.repeat(readings[-1]))
    return lambda: next(left)


def test_no_look_begins_after_the_time_limit_and_the_first_is_always_made() -> None:
    _, drawn, decision, _ = looked(Planted({"near": 0.07}), limit("near"), time_left=clock(0.0))
    assert (drawn.looks, drawn.planned, drawn.stopped) == (1, 3, True)
    assert decision.exit_code == 3
    assert drawn.entry()["stopped"] is True


@pytest.mark.parametrize(("after", "looks"), [(345.0, 1), (355.0, 2), (10_000.0, 3)])
def test_no_look_begins_that_would_not_end_in_time_at_the_pace_so_far(after: float, looks: int) -> None:
    """A hundred cases take a hundred seconds, and the second look has 347 more rows of the undecided slice."""
    model_ = flipping()
    seconds = {"left": after + 200.0}

    class Slow(Planted):
        def _case(self, *given: Any) -> Case:
            seconds["left"] -= 1.0
            return super()._case(*given)

    probe = Slow({"near": 0.07, "unread": 0.5})
    _, drawn, _, _ = looked(probe, limit("near"), model=model_, time_left=lambda: seconds["left"])
    assert (drawn.looks, drawn.stopped) == (looks, looks < 3)


@pytest.mark.parametrize(("after", "looks"), [(690.0, 1), (700.0, 2)])
def test_a_case_of_a_slice_and_its_pool_takes_its_time_once(after: float, looks: int) -> None:
    """By hand: two hundred cases took 200 seconds; the second look has 347 more rows, of two cases each."""
    seconds = {"left": after + 200.0}

    class Slow(Pooled):
        def _case(self, *given: Any) -> Case:
            seconds["left"] -= 1.0
            return super()._case(*given)

    rules = (limit("", slice={"family": "f"}), limit("", slice={"family": "f", "kind": "*"}))
    _, drawn, _, _ = looked(Slow({"one": 0.08, "two": 0.08}), *rules, time_left=lambda: seconds["left"])
    assert (drawn.looks, drawn.stopped) == (looks, True)


def test_until_decided_ends_at_the_time_limit_too() -> None:
    plan = plan_of(flipping(), (Planted({"near": 0.07}),), examples={"home": positive(2000)})
    _, drawn = sequential.run(plan, Policy("test", "", (limit("near"),)), nowhere, Silent(), clock(5.0, 5.0, 0.0))
    assert (drawn.looks, drawn.stopped) == (3, True)
    assert "planned" not in drawn.entry()


# --- every required rule of both shipped policies


def plan_for(task: str) -> Plan:
    probes = {rule.probe: None for rule in policy.load(None, task).rules}
    if task == "ner":
        rows = tuple(sentence(f"home:{n}", f"word{n} Ann/PER lives in Oslo/LOC") for n in range(1600))
        sets = {name: tuple(replace(row, id=f"{name}:{row.id}") for row in rows) for name in ("home", "far", "later")}
        wrong = {"Ann": "B-PER", "Oslo": "B-LOC"}
        fake = model(lambda words, at: wrong.get(words[at], "O"))
        models = (AuditedModel(fake),)
        return plan_of(fake, shipped(*probes), task=TASK, models=models, examples=sets, time_slices=("later",))
    rows = reviews(1600)
    sets = {name: tuple(replace(row, id=f"{name}:{row.id}") for row in rows) for name in ("home", "far", "later")}
    fake = keyword_model(("good", "great", "fine", "lovely", "superb"))
    return plan_of(fake, shipped(*probes), examples=sets, time_slices=("later",))


DRAWN_ONCE = {"bias": stats.looks.OWN, "entity_bias": stats.looks.OWN, "triggers": stats.looks.SEARCH}
"""Probe of a required rule → why it is drawn once."""


@pytest.mark.parametrize("task", ["text-classification", "ner"])
@pytest.mark.parametrize("design", ["adaptive", "until-decided"])
def test_every_required_rule_is_drawn_on_or_says_why_not(
    task: str, design: designs.Design, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = policy.load(None, task)
    plan = plan_for(task)
    quick = {"bias": {"sentences": 20}, "entity_bias": {"sentences": 20}, "calibration": {"elsewhere": 12}}
    quick["drift"] = {"later": 12}
    settings = {
        name: replace(own, **{key: value for key, value in quick.get(name, {}).items() if hasattr(own, key)})
        for name, own in plan.settings.items()
    }
    small = {name: rows[:60] if "adversarial" in plan.settings else rows for name, rows in plan.examples.items()}
    settings = {name: replace(own, examples=12) if hasattr(own, "examples") else own for name, own in settings.items()}
    plan = replace(plan, settings=settings, examples=small)
    # As if no verdict ever stood: whatever can be drawn is.
    monkeypatch.setattr(
        rounds.Rounds, "_is_done", lambda self, rule, verdict: self._exhausted(rule.probe, verdict.slice or {})
    )
    _, drawn = designs.run(design, plan, rules, nowhere, Silent())
    assert not plan.errors
    assert drawn is not None
    read = {(one.probe, one.metric) for one in drawn.slices}
    for rule in rules.rules:
        probe = registry.installed({rule.probe})[rule.probe]
        if rule.required == "never" or probe.limits_need or {"earlier", "cases", "out_of_scope"} & set(probe.needs):
            continue  # Neither training rows, columns, an earlier checkpoint, cases nor rows out of scope are given.
        own = [one for one in drawn.slices if (one.probe, one.metric) == (rule.probe, rule.metric)]
        assert own, (rule.text, read)
        for one in own:
            if one.probe in DRAWN_ONCE:
                assert (one.design, one.reason) == ("fixed", DRAWN_ONCE[one.probe] if design == "adaptive" else None)
            elif design == "adaptive":
                assert (one.design, one.reason) == ("adaptive", None)
                # "joined words" mostly joins a word to an entity, which leaves no case: 12 of all 60 texts have one.
                assert one.clusters > 12 or one.clusters == one.available < 60, one


# --- the folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audit of two models of 900 rows with a rule that stays undecided at first."""
    place = tmp_path_factory.mktemp("adaptive")
    for name in ("mine", "other"):
        tiny_checkpoint(place / "models" / name)
    rows = "".join(f"{row.inputs['text']},{row.gold}\n" for row in reviews(900))
    (place / "test.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
    (place / "audit.toml").write_text(
        'candidate = "mine"\n[data]\ntest = "test.csv"\n[probes.noise]\nexamples = 40\n'
        'perturbations = ["deleted letter"]\n[probes.quality]\nexamples = 60\n',
        encoding="utf-8",
    )
    (place / "limits.toml").write_text(
        '[[rule]]\nprobe = "quality"\nmetric = "accuracy"\nmin = 0.49\nwhy = "Near what it has."\n'
        '[[rule]]\nprobe = "noise"\nmetric = "flip_rate"\nslice = { family = "typos", severity = "middle" }\n'
        'max = 0.02\nwhy = "Near what it has."\n',
        encoding="utf-8",
    )
    assert audit(place, "whole") in (0, 1, 3)
    return place


def audit(place: Path, out: str, *more: str) -> int:
    words = ["run", "--config", str(place / "audit.toml"), "--model", str(place / "models")]
    words += ["--policy", str(place / "limits.toml"), "--probe", "quality", "--probe", "noise", "--quiet"]
    return main([*words, "--out", str(place / out), *more])


FILES = ("results.json", "scorecard.html", "cases.parquet", "examples.parquet")


def test_an_audit_of_several_looks_gives_the_same_bytes_whatever_is_kept(folder: Path) -> None:
    for out, flags in (("kept", ()), ("fresh", ("--fresh",))):
        audit(folder, out, *flags)
        for name in FILES:
            assert pages.content(folder / out / name) == pages.content(folder / "whole" / name), name


def test_its_results_say_what_was_drawn_and_are_believed(folder: Path) -> None:
    content = results.load(folder / "whole")
    assert (content["until_decided"], content["looks"]) == (None, 3)
    assert content["drawn"]["planned"] == 3
    assert content["drawn"]["looks"] > 1
    assert {found["look"] for record in content["records"] for found in record["measurements"] if "look" in found}
    assert all(
        "look" not in found
        for record in content["records"]
        if record["model"] == "other"
        for found in record["measurements"]
    )
    page = (folder / "whole" / "scorecard.html").read_text(encoding="utf-8")
    assert "More rows where undecided" in page
    assert f"Made: {content['drawn']['looks']} looks" in page
    assert verification.load(folder / "whole").decision.exit_code == content["decision"]["exit_code"]
    assert main(["gate", str(folder / "whole")]) == content["decision"]["exit_code"]


def drawn_on(content: dict[str, Any]) -> Iterator[dict[str, Any]]:
    found = [found for record in content["records"] for found in record["measurements"] if found.get("look", 1) > 1]
    yield from found


Edit = Callable[[dict[str, Any]], None]


def every(change: Callable[[dict[str, Any]], object]) -> Edit:
    """An edit of every measurement of a later look."""

    def edit(content: dict[str, Any]) -> None:
        for found in drawn_on(content):
            change(found)

    return edit


def more_than_ever(content: dict[str, Any]) -> None:
    for found in drawn_on(content):
        found["looks"] = 9
    content["looks"] = 9


EDITS: dict[str, Edit] = {
    # The first look has the share of the third.
    "an earlier look": every(lambda found: found.update(look=2)),
    "a look that was not planned": every(lambda found: found.update(look=4)),
    "one look for its slice": every(lambda found: found.pop("looks")),
    "two looks for its slice": every(lambda found: found.update(look=2, looks=2)),
    "one look for the audit": lambda content: content.pop("looks", None),
    "two looks for the audit": lambda content: content.update(looks=2),
    "more looks than there ever are": more_than_ever,
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=list(EDITS))
def test_an_edited_look_is_refused(folder: Path, tmp_path: Path, edit: Edit) -> None:
    shutil.copytree(folder / "whole", tmp_path / "edited")
    content = json.loads((tmp_path / "edited" / "results.json").read_text(encoding="utf-8"))
    edit(content)
    results.write(tmp_path / "edited", content)
    with pytest.raises(ResultsError):
        verification.load(tmp_path / "edited")


def test_fixed_draws_no_more_and_is_judged_once(folder: Path) -> None:
    audit(folder, "fixed", "--fixed")
    content = results.load(folder / "fixed")
    assert "looks" not in content
    assert "drawn" not in content
    assert all("looks" not in found for record in content["records"] for found in record["measurements"])
    (cases,) = (
        found["n_cases"]
        for record in content["records"]
        if (record["model"], record["probe"]) == ("mine", "quality")
        for found in record["measurements"]
        if found["metric"] == "accuracy"
    )
    assert cases == 60


def test_a_time_limit_that_is_over_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readings = itertools.count(0.0, 3600.0)
    monkeypatch.setattr("auditor.evaluation.designs.time.monotonic", lambda: next(readings))
    audit(folder, "limited", "--time-limit", "10m")
    content = results.load(folder / "limited")
    assert (content["drawn"]["looks"], content["drawn"]["stopped"]) == (1, True)
    page = (folder / "limited" / "scorecard.html").read_text(encoding="utf-8")
    assert "stopped by --time-limit after look 1 of 3" in page


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--time-limit", "ten"), "--time-limit ten: should be a time such as 90s, 10m or 1h (--time-limit 10m)"),
        (("--time-limit", "10"), "--time-limit 10: should be a time such as 90s, 10m or 1h (--time-limit 10m)"),
        (("--time-limit", "0m"), "--time-limit 0m: should be a time such as 90s, 10m or 1h (--time-limit 10m)"),
        (("--time-limit", "-5m"), "expected one argument"),
        (("--fixed", "--until-decided"), "argument --until-decided: not allowed with argument --fixed"),
        (("--fixed", "--time-limit", "5m"), "--time-limit 5m: with --fixed there is one look, and nothing to stop"),
    ],
)
def test_flags_that_cannot_be_are_refused_in_one_line(
    folder: Path, words: Sequence[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = audit(folder, "refused", *words)
    except SystemExit as ended:
        code = int(str(ended.code))
    assert code == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert not (folder / "refused").exists()


def test_a_dry_run_says_how_many_more_rows_there_may_be(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    audit(folder, "dry", "--dry-run")
    said = capsys.readouterr().out
    assert "where undecided, rows up to 900 of home (first 60)" in said
    assert "noise up to 900 of home (first 40)" in said
    audit(folder, "dry", "--dry-run", "--json")
    entries = {(entry["model"], entry["probe"]): entry["looks"] for entry in json.loads(capsys.readouterr().out)}
    assert entries["mine", "quality"] == {"home": [60, 232, 900]}
    assert entries["other", "quality"] == {}
    audit(folder, "dry", "--dry-run", "--fixed")
    assert "undecided" not in capsys.readouterr().out


# --- the same checkpoint with ten seeds


def decided(rate: float, seed: int) -> int:
    probe = Planted({"one": rate, "two": rate / 2})
    examples = positive(1500)
    shuffled = {"home": sampling.shuffled(examples, seed, "home")}
    _, _, decision, _ = looked(probe, limit(("one", "two"), margin=0.03), examples=shuffled, seed=seed)
    return decision.exit_code


@pytest.mark.parametrize(("rate", "code"), [(0.07, 0), (0.16, 1)], ids=["3 points inside", "3 points beyond the edge"])
def test_ten_seeds_decide_alike_outside_the_zone(rate: float, code: int) -> None:
    codes = [decided(rate, seed) for seed in range(10)]
    assert sum(found != code for found in codes) <= 1
