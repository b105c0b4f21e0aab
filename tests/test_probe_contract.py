"""What every probe declares, what the registry says of one that does not, and what scopes mean."""

from __future__ import annotations

import inspect
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from fakes import GOOD, LABELS, nowhere, plan_of, reviews, shipped
from tiny import tiny_checkpoint

from auditor import metrics, results, tasks
from auditor.cli.main import main
from auditor.errors import ProbeError
from auditor.evaluation import estimating, needs, probe_run, runner
from auditor.evaluation.case_spool import Spool
from auditor.evaluation.plan import AuditedModel, Plan
from auditor.models.fake import FakeModel, keyword_model
from auditor.plugins import registry
from auditor.types import (
    OUT_OF_SCOPE,
    ROLES,
    Audit,
    Case,
    Inquiry,
    Judged,
    Measurement,
    Metric,
    Probe,
    ProbeDefaults,
    ProbeRecord,
    Row,
    Scope,
    Silent,
    Skipped,
    Task,
)
from auditor.verdicts import advice, doubts

PROBES = {probe.name: probe for probe in registry.discover()}
OWN = {"name", "limitation", "settings", "metrics", "cases"}
"""What a probe says itself."""
HINT = "derive its class from auditor.types.ProbeDefaults"


@dataclass(frozen=True)
class NoSettings:
    """None."""


class Small(ProbeDefaults):
    """As little as a probe can be."""

    name, limitation, settings = "small", "noise", NoSettings()

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        return (metrics.task_metric(task),)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        yield from (Case(example, slice={}) for example in audit.examples("home", 20))


# --- the contract


def test_the_defaults_give_all_but_what_a_probe_says_itself() -> None:
    assert {name for name in registry.CONTRACT if not hasattr(ProbeDefaults, name)} == OWN
    assert isinstance(Small(), Probe)
    assert registry._contract(Small(), "here").name == "small"


def test_the_defaults_are_declared_as_the_protocol_has_them() -> None:
    members = {name: member for name, member in vars(Probe).items() if isinstance(member, property)}
    # Whether a probe retrains follows from its needs, unless it says otherwise.
    following = {
        name: get_type_hints(member.fget)["return"]
        for name, member in vars(ProbeDefaults).items()
        if isinstance(member, property)
    }
    assert get_type_hints(ProbeDefaults) | following == {
        name: get_type_hints(member.fget)["return"] for name, member in members.items()
    }
    for name, method in inspect.getmembers(ProbeDefaults, inspect.isfunction):
        assert inspect.signature(method) == inspect.signature(getattr(Probe, name)), name


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
def test_every_probe_declares_every_member(probe: Probe) -> None:
    assert isinstance(probe, ProbeDefaults)
    assert isinstance(probe, Probe)
    assert [name for name in registry.CONTRACT if not hasattr(probe, name)] == []
    assert probe.scope in get_args(Scope)
    assert probe.role is None or probe.role in ROLES
    assert isinstance(probe.interactive, bool)
    assert isinstance(probe.reads_details, bool)
    for name in ("measure", "planned", "available", "worth_showing", "worst_by"):
        own, default = (inspect.signature(getattr(kind, name)) for kind in (type(probe), ProbeDefaults))
        assert list(own.parameters) == list(default.parameters), name


def test_each_role_and_scope_has_exactly_the_probes_that_it_should() -> None:
    roles = {role: {name for name, probe in PROBES.items() if probe.role == role} for role in (*ROLES, None)}
    assert roles == {
        "repeatability": {"repeatability"},
        "labels": {"label_swap"},
        "quality": {"quality"},
        "robustness": {"noise"},
        "attack": {"adversarial"},
        "shift": {"domain_shift"},
        "bias": {"bias", "entailment_bias", "entity_bias"},
        None: {
            "calibration",
            "capabilities",
            "coverage",
            "dialogue_history",
            "distractors",
            "drift",
            "entities",
            "forgetting",
            "label_errors",
            "interpretability",
            "kept_cases",
            "label_noise",
            "relation_cues",
            "leakage",
            "low_resource",
            "pair_shortcuts",
            "out_of_scope_detection",
            "seen_rows",
            "shift",
            "spurious",
            "stereotyped_answers",
            "training_strategy",
            "triggers",
        },
    }
    scopes = {name: probe.scope for name, probe in PROBES.items() if probe.scope != "model"}
    assert scopes == dict.fromkeys(
        ("interpretability", "label_errors", "label_noise", "leakage", "low_resource", "shift", "training_strategy"),
        "candidate",
    )
    assert [name for name, probe in PROBES.items() if probe.interactive] == ["adversarial", "triggers"]
    details = {name for name, probe in PROBES.items() if probe.reads_details}
    assert details == {
        "calibration",
        "quality",
        "label_errors",
        "label_swap",
        "domain_shift",
        "entities",
        "entity_bias",
    }


def test_the_schema_knows_every_role() -> None:
    file = Path(registry.__file__).parents[1] / "results" / "schema.json"
    schema = json.loads(file.read_text(encoding="utf-8"))
    assert schema["$defs"]["record"]["properties"]["role"]["enum"] == list(ROLES)


@pytest.mark.parametrize("name", registry.CONTRACT)
def test_the_registry_names_what_a_probe_lacks_and_how_to_have_it(name: str) -> None:
    members = {member: getattr(Small(), member) for member in registry.CONTRACT if member != name}
    probe = type("Lacking", (), members)()
    with pytest.raises(ProbeError, match=rf"PROBE lacks {name} \(") as caught:
        registry._contract(probe, "here")
    assert caught.value.hint == ("see auditor.types.Probe" if name in OWN else HINT)


@pytest.mark.parametrize(
    ("member", "value", "words"),
    [
        ("role", "atack", "unknown role 'atack' (did you mean 'attack'?)"),
        ("role", 3, "unknown role 3 (known: repeatability, labels, quality, robustness, attack, shift, bias)"),
        ("scope", "models", "unknown scope 'models' (did you mean 'model'?)"),
        ("scope", None, "unknown scope None (known: model, candidate, data)"),
        ("needs", frozenset({"candidate"}), "unknown need 'candidate' (write scope = \"candidate\")"),
        ("needs", frozenset({"trian"}), "unknown need 'trian' (did you mean 'train'?)"),
        ("limitation", None, "limitation is None (one of "),
    ],
)
def test_the_registry_refuses_what_cannot_be(member: str, value: Any, words: str) -> None:
    probe = type("Wrong", (Small,), {member: value})()
    with pytest.raises(ProbeError) as caught:
        registry._contract(probe, "here")
    assert caught.value.line.startswith(f"here: {words}")


def test_a_class_in_place_of_an_instance_is_told() -> None:
    with pytest.raises(
        ProbeError, match=r"PROBE is the class Small, not an instance \(end the file with PROBE = Small\("
    ):
        registry._contract(Small, "here")


# --- the engine reads what is declared


def run(*probes: Any, **given: Any) -> tuple[Plan, tuple[ProbeRecord, ...]]:
    plan = plan_of(keyword_model(GOOD), probes, n=40, **given)
    return plan, runner.run(plan, nowhere, Silent())


def test_judged_cases_are_kept_only_for_a_probe_with_numbers_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    class Reading(Small):
        """Counts its cases."""

        name = "reading"

        def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Skipped]:
            del audit
            yield Skipped({}, f"{sum(1 for _ in cases)} cases")

    kept: list[Judged] = []
    add = Spool.add

    def counted(spool: Spool, judged: Judged) -> None:
        kept.append(judged)
        add(spool, judged)

    monkeypatch.setattr(Spool, "add", counted)
    _, (record,) = run(Small())
    assert (record.counts["cases"], kept) == (20, [])
    _, (record,) = run(Reading())
    assert (record.skipped, len(kept)) == ((Skipped({}, "20 cases"),), 20)
    defined = {name for name, probe in PROBES.items() if "measure" in vars(type(probe))}
    assert {name for name, probe in PROBES.items() if probe_run.measures(probe)} == defined
    without = ("distractors", "noise", "adversarial", "seen_rows", "relation_cues", "entailment_bias")
    assert defined == PROBES.keys() - set(without)


def test_a_small_probe_is_measured_and_its_record_has_no_role() -> None:
    plan, (record,) = run(Small())
    assert (record.status, record.role, plan.errors) == ("measured", None, [])
    assert [found.available for found in record.measurements] == [40]
    assert estimating.planned_by(plan, plan.models[0], Small()) is None


@pytest.mark.parametrize(
    "probe", [probe for probe in PROBES.values() if probe.role is not None], ids=lambda one: one.name
)
def test_a_record_has_the_role_of_its_probe_whether_it_runs_or_not(probe: Probe) -> None:
    _, (record,) = run(probe, selected=frozenset())
    assert (record.status, record.role) == ("not_applicable", probe.role)


@pytest.mark.parametrize("scope", OUT_OF_SCOPE)
def test_out_of_its_scope_a_probe_says_so_in_its_record(scope: Scope) -> None:
    probe = type("Scoped", (Small,), {"scope": scope, "needs": frozenset({"train"})})()
    _, (record,) = run(probe, candidate="another")
    assert (record.status, record.missing) == ("not_applicable", ("candidate", "train"))
    assert record.reason == OUT_OF_SCOPE[scope]
    _, (record,) = run(probe)
    assert record.missing == ("train",)


# --- probes of the data

SHARE = Metric("short_rows", "rows of few words", "mean", "share", 0.0, 1.0, "lower")


class ShortRows(ProbeDefaults):
    """Rows of few words.

    The share of the home domain's rows with fewer words than the settings say.
    """

    name, limitation, settings = "short_rows", "coverage", NoSettings()
    scope: Scope = "data"

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        del task
        return (SHARE,)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        if "train" not in audit.domains:
            yield Skipped({"set": "train"}, "no training rows")

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement | Skipped]:
        assert list(cases) == []
        rows = [
            Row(example.cluster, "", float(len(example.inputs["text"].split()) < 11), 1.0)
            for example in audit.examples()
        ]
        yield metrics.measurement(SHARE, {}, rows, n_cases=len(rows))


class Unasked(FakeModel):
    """A model that nobody may ask."""

    def run(self, batch: Any) -> Any:  # noqa: ARG002 - it only refuses
        raise AssertionError("asked")

    def encode(self, requests: Any) -> Any:  # noqa: ARG002 - it only refuses
        raise AssertionError("asked")


def test_a_probe_of_the_data_is_measured_once_and_asks_no_model() -> None:
    models = tuple(AuditedModel(Unasked(lambda _: (0.5, 0.5), name=name)) for name in ("mine", "other"))
    plan = plan_of(models[0].model, (ShortRows(),), n=40, models=models)
    mine, other = runner.run(plan, nowhere, Silent())
    assert plan.errors == []
    assert (mine.status, mine.counts["cases"], mine.counts["forward_passes"]) == ("measured", 0, 0)
    # Reviews have eight words, "number" and the number: ten.
    (found,) = mine.measurements
    assert (found.value, found.n_clusters, found.available) == (1.0, 40, None)
    assert [gap.reason for gap in mine.skipped] == ["no training rows"]
    assert (other.status, other.missing) == ("not_applicable", ("candidate",))
    assert other.reason == "measures the data, so it runs once, with the candidate"


ASKING: dict[str, Callable[[Any], Any]] = {
    "ask": lambda audit: audit.ask([{"text": "a"}]),
    "side_by_side": lambda audit: list(audit.side_by_side({}, ())),
    "encode": lambda audit: audit.encode([{"text": "a"}]),
    "integrated_gradients": lambda audit: audit.integrated_gradients({"text": "a"}, "positive", 1),
    "vocabulary": lambda audit: audit.vocabulary(),
    "similar_words": lambda audit: audit.similar_words(["a"], 1),
    "embeddings": lambda audit: audit.embeddings([{"text": "a"}]),
    "logits": lambda audit: audit.logits([{"text": "a"}]),
    "why_not": lambda audit: audit.why_not("again"),
    "fit": lambda audit: audit.fit((), seed=0, steps=30, batch_size=1),
    "checkpoints": lambda audit: audit.checkpoints,
    "earlier": lambda audit: audit.earlier,
    "train_by": lambda audit: audit.train_by("fgm", (), seed=0, steps=30, batch_size=1),
    "findings": lambda audit: audit.findings(Inquiry("quality", "accuracy"), keyword_model(GOOD)),
}
NOT_OF_A_MODEL = {
    *(
        "model",
        "settings",
        "task",
        "domains",
        "time_slices",
        "out_of_scope",
        "favourable_label",
        "language",
        "examples",
        "given",
        "has",
        "rng",
        "once",
    )
}


def test_every_way_to_ask_a_model_stands_above() -> None:
    members = {name for name in vars(Audit) if not name.startswith("_")}
    assert members == ASKING.keys() | NOT_OF_A_MODEL


@pytest.mark.parametrize("name", ASKING)
@pytest.mark.parametrize("place", ["cases", "measure"])
def test_a_probe_of_the_data_that_asks_the_model_is_told_so(name: str, place: str) -> None:
    def asking(_probe: Any, *arguments: Any) -> Iterator[Any]:
        ASKING[name](arguments[-1])
        yield from ()

    probe = type("Asking", (ShortRows,), {place: asking})()
    plan, (record,) = run(probe)
    assert record.status == "failed"
    assert record.reason == (
        f'probe short_rows: asks the model (audit.{name}), but its scope is "data" '
        '(declare scope = "model", or "candidate")'
    )
    assert len(plan.errors) == 1


def test_a_probe_of_the_data_that_makes_a_case_is_told_so() -> None:
    _, (record,) = run(type("Casting", (ShortRows,), {"cases": Small.cases})())
    assert record.reason == (
        'probe short_rows: makes a case, which asks the model, but its scope is "data" (yield numbers from measure())'
    )


SHORT_ROWS = '''
from dataclasses import dataclass

from auditor import metrics, results, tasks
from auditor.types import Metric, ProbeDefaults, Row

SHARE = Metric("short_rows", "rows of few words", "mean", "share", 0.0, 1.0, "lower")


@dataclass(frozen=True)
class Settings:
    words: int = 11


class ShortRows(ProbeDefaults):
    """Rows of few words."""

    name, limitation, scope, settings = "short_rows", "coverage", "data", Settings()

    def metrics(self, task):
        return (SHARE,)

    def cases(self, audit):
        yield from ()

    def measure(self, cases, audit):
        short = {row.cluster: len(row.inputs["text"].split()) < audit.settings.words for row in audit.examples()}
        rows = [Row(cluster, "", float(value), 1.0) for cluster, value in short.items()]
        yield metrics.measurement(SHARE, {}, rows, n_cases=len(rows))


PROBE = ShortRows()
'''


def test_a_probe_of_the_data_works_end_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "other"):
        tiny_checkpoint(tmp_path / "models" / name)
    rows = "".join(f"{row.inputs['text']},{row.gold}\n" for row in reviews(40))
    Path("test.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
    Path("short_rows.py").write_text(SHORT_ROWS, encoding="utf-8")
    Path("limits.toml").write_text(
        '[[rule]]\nprobe = "short_rows"\nmetric = "short_rows"\nmax = 0.1\nwhy = "Short rows say little."\n',
        encoding="utf-8",
    )
    words = ["run", "--model", "models", "--candidate", "mine", "--data", "test.csv", "--out", "out"]
    words += ["--probe", "short_rows.py", "--probe", "short_rows", "--policy", "limits.toml"]
    for extra in ([], ["--until-decided"]):
        assert main([*words, *extra]) == 1
        said = capsys.readouterr().out
        assert "short_rows short_rows 1.000 (limit 0.1)" in said
        assert "add training rows like those of the slice, and train again" in said
        content = json.loads(Path("out/results.json").read_text(encoding="utf-8"))
        mine, other = (record for record in content["records"] if record["probe"] == "short_rows")
        assert (mine["model"], mine["measurements"][0]["value"]) == ("mine", 1.0)
        assert "role" not in mine
        assert other["status"] == "not_applicable"
        assert main(["gate", "out"]) == 1
        assert main(["report", "out"]) == 0
        capsys.readouterr()


# --- nobody goes by a probe's name


def renamed(probe: Probe) -> Probe:
    other: Any = type("Renamed", (type(probe),), {"name": f"my_{probe.name}", "__doc__": type(probe).__doc__})()
    return other  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "probe", [probe for probe in PROBES.values() if probe.role is not None], ids=lambda one: one.name
)
def test_a_probe_of_another_name_is_known_by_its_role(probe: Probe) -> None:
    assert probe.role is not None
    of_need = {
        "labelled_spans": ("ner", ("O", "B-PER", "I-PER")),
        "text_pair": ("sentence-pair", LABELS),
        "answers_in_context": ("question-answering", ()),
    }
    named = (of_need[need] for need in sorted(probe.needs) if need in of_need)
    task = tasks.create(*next(named, ("text-classification", LABELS)))
    model, mine = keyword_model(GOOD), renamed(probe)
    plan = plan_of(model, (mine,), n=20, task=task)
    asked = needs.asked_of(plan, Inquiry(probe.role, probe.metrics(task)[0].name))
    assert asked is mine
    _, (record,) = run(mine, selected=frozenset())
    verdict = {"rule": 0, "probe": mine.name, "slice": {}, "outcome": "fail"}
    content = {
        "candidate": model.name,
        "task": {"metric": task.metric},
        "models": [{"name": model.name}],
        "records": [results.record_dict(record)],
        "policy": {"rules": [{"probe": mine.name}]},
        "decision": {"verdicts": [verdict]},
    }
    # No recipe answers a verdict on the whole: robustness and attacks get the advice of their row.
    expected = advice.BY_ROLE.get(probe.role, advice.BY_LIMITATION.get(probe.limitation or ""))
    assert advice.next_steps(content) == {0: expected}


def test_what_another_probe_finds_is_asked_by_role_and_the_reason_said_where_there_is_none() -> None:
    (quality,) = shipped("quality")
    plan = plan_of(keyword_model(GOOD), (renamed(quality),), n=40)
    nested = probe_run._Nested(plan, Counter(), Silent())
    answer = nested.findings(Inquiry("quality", "accuracy", {"examples": 10}), keyword_model(GOOD, name="other"))
    assert not isinstance(answer, str)
    assert next(found for found in answer if found.metric == "accuracy").n_clusters == 10
    said = nested.findings(Inquiry("attack", "success", {"tries": 3}), keyword_model(GOOD))
    assert said == "no probe of role attack publishes success and takes the settings tries"


def test_swapped_labels_are_doubted_whatever_the_probe_of_quality_is_called() -> None:
    (quality,) = shipped("quality")
    wrong = tuple(replace(row, gold=LABELS[row.gold == LABELS[0]]) for row in reviews(40))
    plan = plan_of(keyword_model(GOOD), (renamed(quality),), examples={"home": wrong})
    doubt = doubts.swapped_labels(runner.run(plan, nowhere, Silent()), "keywords")
    assert doubt is not None
    assert doubt.startswith("labels swapped? The model is right on 0 of 40 rows")
