"""--until-decided: what a required rule reads, drawn in rounds, and no further than its verdict needs."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from fakes import changed, nowhere, plan_of, reviews, shipped
from pair_task import PairTask

from auditor import metrics
from auditor.errors import ConfigError
from auditor.evaluation import runner, sampling, sequential
from auditor.evaluation.plan import AuditedModel
from auditor.evaluation.rounds import Drawn
from auditor.evaluation.sampling import Draw
from auditor.models.fake import FakeModel
from auditor.types import (
    Audit,
    Case,
    Example,
    Metric,
    ProbeDefaults,
    ProbeRecord,
    Request,
    Rule,
    ScoredCase,
    Silent,
    Skipped,
    Task,
)
from auditor.verdicts import gate
from auditor.verdicts.policy import Policy


@dataclass(frozen=True)
class Settings:
    examples: int = 100


@dataclass
class Planted(ProbeDefaults):
    """Asks about each example once in each slice; the model flips in a share of them that the slice names."""

    rates: Mapping[str, float]
    name: str = "planted"
    limitation: str | None = "noise"
    needs: frozenset[str] = frozenset()
    settings: Any = field(default_factory=Settings)
    pools: tuple[frozenset[str], ...] = ()
    interactive: bool = False
    started: list[str] = field(default_factory=list)

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        return (metrics.flip_rate(), metrics.drop(task))

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        examples = audit.examples("home", self.settings.examples)
        for kind, rate in self.rates.items():
            slice_ = {"kind": kind}
            if not self.interactive:
                yield from (self._case(audit, one, slice_, rate) for one in examples)
                continue
            yield from audit.side_by_side(
                slice_, (functools.partial(self._attack, audit, one, slice_, rate) for one in examples)
            )

    def _case(self, audit: Audit, example: Example, slice_: dict[str, str], rate: float) -> Case:
        flips = audit.rng(slice_["kind"], example.id).random() < rate
        text = f"{example.inputs['text']} {slice_['kind']} {'flip' if flips else 'stay'}"
        return changed(example, slice_, {"text": text})

    def _attack(self, audit: Audit, example: Example, slice_: dict[str, str], rate: float) -> Case:
        self.started.append(slice_["kind"])
        audit.ask([example.inputs])
        return self._case(audit, example, slice_, rate)


@dataclass
class Pooled(Planted):
    """Kinds of one family, which is a pool."""

    pools: tuple[frozenset[str], ...] = (frozenset({"family"}),)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        examples = audit.examples("home", self.settings.examples)
        for kind, rate in self.rates.items():
            yield from (self._case(audit, one, {"family": "f", "kind": kind}, rate) for one in examples)


def flipping() -> FakeModel:
    def answer(request: Request) -> tuple[float, float]:
        return (0.9, 0.1) if request.texts[0].endswith("flip") else (0.1, 0.9)

    return FakeModel(answer)


def positive(n: int) -> tuple[Example, ...]:
    return tuple(replace(one, gold="positive") for one in reviews(n))


def limit(kind: str | tuple[str, ...], most: float = 0.10, **given: Any) -> Rule:
    return Rule(
        **{"probe": "planted", "metric": "flip_rate", "slice": {"kind": kind}, "why": "x", "max": most, **given}
    )


def drawn(probe: Any, *rules: Rule, n: int = 2000, **given: Any) -> tuple[dict[str, ProbeRecord], Drawn, Any]:
    probes = given.pop("probes", (probe,))
    plan = plan_of(given.pop("model", flipping()), probes, **{"examples": {"home": positive(n)}, **given})
    seen: list[ScoredCase] = []
    policy = Policy("test", "", rules)
    records, how = sequential.run(plan, policy, lambda _m, _p, case: seen.append(case), Silent())
    decision = gate.decide(policy, records, plan.candidate)
    return {record.probe: record for record in records if record.model == plan.candidate}, how, (decision, seen, plan)


def clusters(how: Drawn) -> dict[str, int]:
    return {one.slice["kind"]: one.clusters for one in how.slices}


def test_what_is_clear_is_decided_early_and_what_is_not_is_drawn_on() -> None:
    probe = Planted({"never": 0.0, "often": 0.5, "near": 0.07})
    _, how, (decision, seen, _) = drawn(probe, limit("never"), limit("often"), limit("near"))
    outcomes = {verdict.slice["kind"]: verdict.outcome for verdict in decision.verdicts}
    assert outcomes["never"] == "pass"
    assert outcomes["often"] == "fail"
    assert clusters(how)["never"] == clusters(how)["often"] == 64
    assert clusters(how)["near"] > 200
    assert how.looks > 3
    assert how.clusters == clusters(how)["near"]
    assert how.saved == pytest.approx(1 - sum(clusters(how).values()) / (3 * 2000))
    assert len(seen) == sum(clusters(how).values())
    assert {one.design for one in how.slices} == {"sequential"}


def test_rounds_begin_with_64_and_later_grow_by_a_quarter() -> None:
    stops: list[tuple[int, int]] = []

    class Watched(Planted):
        def cases(self, audit: Any) -> Iterator[Case | Skipped]:
            stops.append(audit._draw.clusters)
            return super().cases(audit)

    drawn(Watched({"at the limit": 0.1}), limit("at the limit"), n=700)
    assert stops == [
        (0, 64),
        (64, 128),
        (128, 192),
        (192, 256),
        (256, 320),
        (320, 400),
        (400, 500),
        (500, 625),
        (625, 700),
    ]


def test_a_rule_with_one_slice_that_fails_draws_none_of_its_slices_further() -> None:
    _, how, (decision, _, _) = drawn(Planted({"bad": 0.6, "near": 0.09}), limit(("bad", "near")))
    assert decision.exit_code == 1
    assert clusters(how) == {"bad": 64, "near": 64}


def test_a_rule_waits_for_its_last_slice_but_draws_no_other() -> None:
    _, how, (decision, _, _) = drawn(Planted({"good": 0.0, "near": 0.03}), limit(("good", "near")))
    assert decision.exit_code == 0
    assert clusters(how)["good"] == 64 < clusters(how)["near"]


def test_slices_that_no_required_rule_reads_are_not_asked_about() -> None:
    advisory = limit("shown", required="never")
    records, how, (_, seen, _) = drawn(Planted({"read": 0.0, "shown": 0.0, "extra": 0.0}), limit("read"), advisory)
    assert {one.case.slice["kind"] for one in seen} == {"read"}
    assert clusters(how) == {"read": 64}
    assert records["planted"].counts["forward_passes"] < 700


def test_tasks_of_slices_that_are_decided_do_not_start() -> None:
    probe = Planted({"good": 0.0, "near": 0.05, "unread": 0.0}, interactive=True)
    _, how, _ = drawn(probe, limit("good"), limit("near"))
    assert probe.started.count("good") == 64
    assert probe.started.count("near") == clusters(how)["near"] > 64
    assert "unread" not in probe.started


def test_the_budget_ends_undecided_with_about_how_many_more_would_decide() -> None:
    _, how, (decision, _, _) = drawn(Planted({"near": 0.06}), limit("near"), budget=100)
    assert decision.exit_code == 3
    (verdict,) = decision.verdicts
    assert verdict.outcome == "inconclusive"
    assert verdict.more_examples is not None
    assert "more example" in verdict.reason
    assert (how.looks, how.clusters, how.available, how.saved) == (2, 100, 100, 0.0)


def test_stopping_when_decided_is_never_another_verdict_than_drawing_on() -> None:
    for rate in (0.0, 0.02, 0.2, 0.4):
        probe = Planted({"one": rate})
        records, how, (decision, _, plan) = drawn(probe, limit("one"))
        assert clusters(how)["one"] < 2000
        assert decision.exit_code in (0, 1)
        (found,) = (one for one in records["planted"].measurements if one.metric == "flip_rate")
        assert found.method == "betting"
        (whole,) = runner.run(replace(plan, settings={"planted": Settings(2000)}), nowhere, Silent())
        assert gate.decide(Policy("test", "", (limit("one"),)), (whole,), "fake").exit_code == decision.exit_code


def test_groups_are_drawn_whole_and_count_once() -> None:
    # Twenty examples of each of 100 authors, one after the other through the file.
    examples = tuple(replace(one, group=str(index % 100)) for index, one in enumerate(positive(2000)))
    _, how, (_, seen, _) = drawn(Planted({"one": 0.0}), limit("one"), examples={"home": examples})
    assert how.available == 100
    assert clusters(how) == {"one": 64}
    assert len(seen) == 64 * 20


def test_large_groups_are_not_drawn_first() -> None:
    # 300 authors of twenty rows never flip, 900 of one row do in 30 %: 22.5 % of the authors, above the limit.
    many = [(author, row) for author in range(300) for row in range(20)]
    groups = [f"many {author}" for author, _ in many] + [f"one {author}" for author in range(900)]
    rows = tuple(replace(one, group=group) for one, group in zip(positive(len(groups)), groups, strict=True))

    class Uneven(Planted):
        def _case(self, audit: Audit, example: Example, slice_: dict[str, str], rate: float) -> Case:
            return super()._case(audit, example, slice_, 0.0 if str(example.group).startswith("many") else rate)

    for seed in range(6):
        shuffled = sampling.shuffled(rows, seed, "home")
        _, _, (decision, _, _) = drawn(
            Uneven({"one": 0.30}), limit("one", 0.15), examples={"home": shuffled}, seed=seed
        )
        assert decision.exit_code != 0


def test_a_group_in_two_sets_keeps_every_probe_at_its_fixed_design() -> None:
    home = tuple(replace(one, group=str(index // 2)) for index, one in enumerate(positive(200)))
    far = tuple(replace(one, id=f"far:{one.id}") for one in home[::-1])
    records, how, _ = drawn(Planted({"one": 0.0}), limit("one"), examples={"home": home, "far": far})
    assert {one.design for one in how.slices} == {"fixed"}
    assert records["planted"].measurements[0].method == "exact_or_korn_graubard"


def test_a_slice_that_is_half_vacuous_is_drawn_on_and_one_that_is_nearly_all_vacuous_is_not() -> None:
    class Unseen(Planted):
        """In its slices a share of the cases changes nothing the model sees, and all others flip."""

        def metrics(self, task: Task) -> tuple[Metric, ...]:
            return (metrics.flip_rate(), metrics.drop_over_changed_cases(task))

        def _case(self, audit: Audit, example: Example, slice_: dict[str, str], rate: float) -> Case:
            vacuous = audit.rng(slice_["kind"], example.id).random() < rate
            text = example.inputs["text"]
            return changed(example, slice_, {"text": text.upper() if vacuous else f"{text} flip"})

    rules = [limit(kind, metric="drop_over_changed_cases") for kind in ("half", "all")]
    for seed in range(8):
        _, how, (decision, _, _) = drawn(Unseen({"half": 0.45, "all": 1.0}), *rules, seed=seed)
        outcomes = {verdict.slice["kind"]: verdict.outcome for verdict in decision.verdicts}
        assert outcomes == {"half": "fail", "all": "not_applicable"}
        assert how.looks < 9


def test_a_pool_that_is_decided_takes_no_cases_that_another_rule_still_draws() -> None:
    rates = {"one": 0.5, **{f"other {number}": 0.0 for number in range(19)}}
    pool = limit("", slice={"family": "f"})
    near = limit("", 0.55, slice={"family": "f", "kind": "one"})
    records, how, (decision, _, _) = drawn(Pooled(rates), pool, near, n=1000)
    found = {tuple(one.slice): one for one in records["planted"].measurements if one.metric == "flip_rate"}
    assert found["family",].value == pytest.approx(0.5 / 20, abs=0.02)
    assert found["family",].n_clusters < found["family", "kind"].n_clusters
    assert decision.verdicts[0].outcome == "pass"
    assert len(how.slices) == 2


def test_a_metric_that_a_probe_measures_itself_keeps_its_fixed_design() -> None:
    rule = Rule("quality", "recall", {"class": "*"}, "x", min=0.5)
    rows = tuple(
        replace(one, gold=label) for one, label in zip(reviews(400), ("positive", "negative") * 200, strict=True)
    )
    model = FakeModel(lambda request: (0.1, 0.9) if int(request.texts[0].split()[-1]) % 2 == 0 else (0.9, 0.1))
    records, how, (decision, _, _) = drawn(None, rule, probes=shipped("quality"), model=model, examples={"home": rows})
    assert decision.exit_code == 0
    assert (how.looks, {one.design for one in how.slices}) == (1, {"fixed"})
    assert records["quality"].counts["cases"] == 400


def test_a_probe_with_sentences_of_its_own_is_asked_once_whatever_rule_reads_it() -> None:
    rule = Rule("bias", "counterfactual_flip_rate", {"axis": "*"}, "x", max=0.02)
    records, how, (_, seen, _) = drawn(None, rule, probes=shipped("bias"))
    assert (how.looks, how.saved) == (1, 0.0)
    assert {one.design for one in how.slices} == {"fixed"}
    assert records["bias"].counts["cases"] == len(seen) == len({str(one.case) for one in seen})


@pytest.mark.parametrize("fault", ["everything", "topics"])
def test_cases_that_are_not_of_the_examples_drawn_are_a_fixed_design(fault: str) -> None:
    class Own(Planted):
        def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
            yield Skipped({"kind": "two"}, "never here")
            for one in audit.examples() if fault == "everything" else audit.examples("home", 100):
                case = self._case(audit, one, {"kind": "one"}, 0.0)
                yield case if fault == "everything" else replace(case, cluster=f"topic {one.id[-1]}")

    records, how, (_, seen, _) = drawn(Own({}), limit("one"), n=500)
    assert {one.design for one in how.slices} == {"fixed"}
    assert len(seen) == (500 if fault == "everything" else 100)
    assert len(records["planted"].skipped) == 1


def test_a_later_look_with_cases_of_other_examples_is_an_error() -> None:
    class Drifting(Planted):
        def cases(self, audit: Any) -> Iterator[Case | Skipped]:
            yield from super().cases(audit)
            if audit._draw.look > 1:
                yield self._case(audit, audit.examples()[0], {"kind": "near"}, 0.0)

    records, _, (decision, _, _) = drawn(Drifting({"near": 0.09}), limit("near"))
    assert decision.exit_code == 2
    assert "which this look did not draw" in str(records["planted"].reason)


def test_a_fail_that_was_seen_is_not_taken_back_when_more_slices_join() -> None:
    class Late(Planted):
        """All but its first slice have few cases at first."""

        def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
            for index, case in enumerate(super().cases(audit)):
                if isinstance(case, Case) and (case.slice["kind"] == "first" or index % 20 == 0):
                    yield case

    rates = {"first": 0.30, **{f"late {number}": 0.02 for number in range(20)}}
    for seed in range(5):
        records, _, _ = drawn(Late(rates), *map(limit, rates), n=600, seed=seed)
        (first,) = (
            one for one in records["planted"].measurements if one.metric == "flip_rate" and one.slice["kind"] == "first"
        )
        order = [row.cluster for row in first.rows]
        whole = [one.id for one in positive(600)]
        assert order == whole[: len(order)]


def test_nothing_is_drawn_past_the_end_of_the_smaller_of_two_sets() -> None:
    rule = Rule("domain_shift", "drop_against_home", {"domain": "*"}, "x", max=0.10)
    sets = {"home": positive(1500), "far": tuple(replace(one, id=f"far:{one.id}") for one in positive(30))}
    records, how, (decision, _, _) = drawn(None, rule, probes=shipped("domain_shift"), examples=sets)
    assert decision.exit_code == 3
    assert (how.looks, how.clusters) == (1, 64)
    assert records["domain_shift"].counts["cases"] == 94
    assert how.slices[0].available == 30


def test_rules_that_nothing_can_answer_cost_no_looks() -> None:
    rules = (limit("one"), Rule("quality", "gain_over_majority", {}, "x", min=0.1))
    probes = (Planted({"one": 0.0}), *shipped("quality"))
    _, how, (decision, _, _) = drawn(None, *rules, probes=probes, selected=frozenset({"planted"}))
    assert decision.exit_code == 3
    assert (how.looks, how.clusters) == (1, 64)


def test_rows_stand_in_the_order_drawn_whatever_slice_an_example_first_has_a_case_in() -> None:
    class Gaps(Planted):
        """Its first slice has no case of every other example."""

        def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
            for index, case in enumerate(super().cases(audit)):
                if isinstance(case, Case) and not (case.slice["kind"] == "first" and index % 2):
                    yield case

    records, _, (_, _, plan) = drawn(Gaps({"first": 0.05, "second": 0.05}), limit("first"), limit("second"))
    order = {one.id: index for index, one in enumerate(plan.examples["home"])}
    for found in records["planted"].measurements:
        places = [order[row.cluster] for row in found.rows if row.arm in ("", "first")]
        assert places == sorted(places)
        assert len(places) > 60


def test_a_metric_without_a_method_for_repeated_looks_keeps_its_fixed_design() -> None:
    class Pairs(Planted):
        def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
            yield from (Case(one, {"kind": "x"}) for one in audit.examples("home", self.settings.examples))

        def metrics(self, task: Task) -> tuple[Metric, ...]:
            return (metrics.task_metric(task),)

    task = PairTask()
    inputs = {"premise": "it rains", "hypothesis": "it is wet"}
    examples = tuple(Example(f"test:{index}", inputs, "follows") for index in range(300))
    model = FakeModel(lambda _: (0.1, 0.9), task.labels)
    rule = limit("x", metric="f1", max=None, min=0.5)
    records, how, _ = drawn(Pairs({}), rule, model=model, task=task, examples={"home": examples})
    (one,) = how.slices
    assert (one.design, one.clusters, how.looks) == ("fixed", 100, 1)
    assert records["planted"].measurements[0].method == "jackknife_ratio"
    assert how.saved == 0.0


def test_bias_is_a_fixed_set_of_sentences_and_is_asked_once() -> None:
    rule = Rule("bias", "score_gap", {"axis": "*"}, "x", max=0.05)
    records, how, _ = drawn(None, rule, probes=shipped("bias"))
    assert {one.design for one in how.slices} == {"fixed"}
    assert {one.clusters for one in how.slices} == {432}
    assert (how.looks, how.clusters, how.saved) == (1, 0, 0.0)
    assert records["bias"].status == "measured"


def test_comparators_and_probes_that_nothing_required_reads_are_left_out_with_the_reason() -> None:
    candidate, other = flipping(), FakeModel(lambda _: (0.1, 0.9), name="other")
    probe, quality = Planted({"one": 0.0}), shipped("quality")[0]
    plan = plan_of(
        candidate,
        (probe, quality),
        examples={"home": positive(200)},
        models=(AuditedModel(other), AuditedModel(candidate)),
    )
    records, _ = sequential.run(plan, Policy("test", "", (limit("one"),)), nowhere, Silent())
    found = {(record.model, record.probe): (record.status, record.reason) for record in records}
    assert list(found) == [("other", "planted"), ("other", "quality"), ("fake", "planted"), ("fake", "quality")]
    assert found["fake", "planted"] == ("measured", None)
    assert found["fake", "quality"] == ("not_applicable", sequential.UNREAD)
    assert found["other", "planted"] == found["other", "quality"] == ("not_applicable", sequential.COMPARATOR)


def test_a_rule_on_what_was_not_given_ends_at_the_first_look() -> None:
    rules = (
        limit("one"),
        Rule("domain_shift", "drop_against_home", {"domain": "*"}, "x", max=0.1, required="when_input_given"),
    )
    _, how, (decision, _, _) = drawn(None, *rules, probes=(Planted({"one": 0.0}), *shipped("domain_shift")))
    assert decision.exit_code == 0
    assert how.looks == 1


def test_the_home_domain_is_drawn_for_as_long_as_another_is_compared_with_it() -> None:
    rule = Rule("domain_shift", "drop_against_home", {"domain": "*"}, "x", max=0.10)
    sets = {"home": positive(1500), "far": tuple(replace(one, id=f"far:{one.id}") for one in positive(1500))}
    records, how, (decision, _, _) = drawn(None, rule, probes=shipped("domain_shift"), examples=sets)
    assert decision.exit_code == 0
    (one,) = how.slices
    (found,) = (one for one in records["domain_shift"].measurements if one.metric == "drop_against_home")
    assert found.method == "betting_difference"
    assert one.clusters == how.clusters < 200
    assert any(one.metric == "proxy_distance" for one in records["domain_shift"].measurements)


def test_a_probe_that_crashes_in_a_later_round_is_a_failed_record() -> None:
    class Crashing(Planted):
        def cases(self, audit: Any) -> Iterator[Case | Skipped]:
            if audit._draw.look > 1:
                raise ValueError("later")
            return super().cases(audit)

    records, how, (decision, _, plan) = drawn(Crashing({"near": 0.09}), limit("near"))
    assert (records["planted"].status, records["planted"].reason) == ("failed", "ValueError: later")
    assert len(plan.errors) == 1
    assert decision.exit_code == 2
    assert how.slices == ()
    assert how.saved == 0.0


def test_settings_that_cannot_be_and_full_disks_end_the_audit() -> None:
    class Unsure(Planted):
        def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
            raise ConfigError(f"no such thing on {audit.model}")

    with pytest.raises(ConfigError, match="no such thing"):
        drawn(Unsure({"one": 0.0}), limit("one"))

    def full(_model: str, _probe: str, _case: ScoredCase) -> None:
        raise OSError(28, "No space left on device")

    plan = plan_of(flipping(), (Planted({"one": 0.0}),), examples={"home": positive(100)})
    with pytest.raises(OSError, match="No space"):
        sequential.run(plan, Policy("test", "", (limit("one"),)), full, Silent())


def test_what_an_early_look_had_no_case_for_is_no_gap_once_a_later_one_has() -> None:
    class Late(Planted):
        """Its slices have cases from the second look on."""

        def cases(self, audit: Any) -> Iterator[Case | Skipped]:
            if audit._draw.look == 1:
                yield Skipped({"kind": "late"}, "no text has a digit")
                yield Skipped({"kind": "never"}, "no text has a digit")
                return
            yield from super().cases(audit)

    records, how, (decision, _, _) = drawn(Late({"late": 0.0}), limit("late"), limit("never"), n=300)
    assert [gap.slice for gap in records["planted"].skipped] == [{"kind": "never"}]
    assert {verdict.slice["kind"]: verdict.outcome for verdict in decision.verdicts if verdict.slice} == {
        "late": "pass",
        "never": "not_measured",
    }
    assert how.clusters == 300


def test_what_is_not_the_models_affair_keeps_nothing_drawing() -> None:
    class Without(Planted):
        """Of its two slices one cannot be."""

        def cases(self, audit: Any) -> Iterator[Case | Skipped]:
            yield Skipped({"kind": "none"}, "the model knows no such type", applies=False)
            yield from super().cases(audit)

    _, how, (decision, _, _) = drawn(Without({"one": 0.0}), limit("one"), limit("none"), n=3000)
    assert [verdict.outcome for verdict in decision.verdicts if verdict.slice] == ["pass", "not_applicable"]
    assert how.clusters < 3000


def test_a_draw_is_about_clusters_in_the_order_of_their_first_examples() -> None:
    examples = [Example(str(index), {}, group=group) for index, group in enumerate("abacbd")]

    def wanted(_: Any) -> bool:
        return True

    found = {pair: [one.id for one in Draw(pair, 1, wanted).of(examples, 1)] for pair in ((0, 1), (1, 3), (3, 9))}
    assert found == {(0, 1): ["0", "2"], (1, 3): ["1", "3", "4"], (3, 9): ["5"]}
    assert [one.id for one in Draw(None, 1, wanted).of(examples, 4)] == ["0", "1", "2", "3"]
    # Sizes of 2 of 6: 2, 3 and 6.
    planned = [Draw(None, look, wanted, planned=True).of(examples, 2) for look in (1, 2, 3, 4)]
    assert [[one.id for one in added] for added in planned] == [["0", "1"], ["2"], ["3", "4", "5"], []]
