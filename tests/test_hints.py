"""Hints name commands that work: packages that an index has, next steps for whatever may fail."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from auditor import tasks, types
from auditor.environment import packages, resources
from auditor.models import onnx
from auditor.plugins import registry
from auditor.types import (
    CANDIDATE,
    NEEDS,
    NO_RETRAINING,
    NOT_SELECTED,
    SKIPPED,
    TASK_NEEDS,
    ProbeRecord,
    Role,
    Rule,
    Skipped,
    limitations,
)
from auditor.verdicts import advice, policy, remedies

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("auditor", "probes", "reports", "fixtures", "tests")
KINDS = (".py", ".toml", ".j2")
SPELLED = re.compile(r"pip install ((?:[^\s\"'`()\[\]{};,]|\{[^}]*\}|\[[^\]]*\])+(?: (?:[\w.-]+|\{[^}]*\}))*)")


def dependencies() -> set[str]:
    """Every package that pyproject.toml or constraints.txt names, in its plain spelling."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    wanted += (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return {re.split(r"[<>=!~;\[ ]", one)[0].lower().replace("_", "-") for one in wanted}


def hints() -> Iterator[tuple[Path, str]]:
    """File, and what it says after ``pip install``."""
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*")):
            if file.suffix in KINDS and file != Path(__file__):
                for found in SPELLED.finditer(file.read_text(encoding="utf-8")):
                    yield file, found[1]


def test_every_hint_to_install_names_packages_and_no_extra_of_auditor() -> None:
    found = list(hints())
    assert len(found) >= 6, "the hints are found at all"
    for file, said in found:
        # Words after the packages may be prose; the first that is no flag is a package.
        words = [word for word in said.split() if not word.startswith("-")]
        assert not words[0].startswith("auditor"), f"{file}: pip install {said}"
        assert "[" not in words[0], f"{file}: an extra is not on an index: pip install {said}"
        known = words[0].startswith("{") or words[0].lower() in {*dependencies(), "no-such-package"}
        assert known, f"{file}: pip install {said}"


@pytest.mark.parametrize(("distribution", "module"), [entry[:2] for entry in resources._PACKAGES])
def test_the_packages_of_resources_are_known(distribution: str, module: str) -> None:
    command = packages.command(module, distribution)
    assert command.startswith("pip install ")
    words = command.removeprefix("pip install ").split()
    assert {word for word in words if not word.startswith("-")} <= dependencies()


def test_a_package_that_a_probe_of_somebody_elses_needs_is_named_as_it_is_imported() -> None:
    assert packages.command("spacy") == "pip install spacy"


def test_the_packages_of_the_onnx_backend_are_those_of_pyproject() -> None:
    assert set(onnx.PACKAGES) <= dependencies()


def shipped_rules() -> list[Rule]:
    files = (policy.load(), *(policy.load(None, task) for task in policy.BY_TASK))
    return [part for one in files for rule in one.rules for part in policy.parts(rule)]


TASK = tasks.create("text-classification", ("negative", "positive"))
ROLES = {probe.name: (probe.role, probe.limitation) for probe in registry.discover()}
"""Probe → its role and limitation."""


@pytest.mark.parametrize("rule", shipped_rules(), ids=lambda rule: rule.text)
def test_every_rule_of_a_shipped_policy_has_a_next_step_of_its_own(rule: Rule) -> None:
    role, limitation = ROLES[rule.probe]
    if rule.metric in advice.BY_METRIC:
        assert role is None
        return
    assert role in types.ROLES
    slice_ = {key: str(value) for key, value in rule.slice.items()}
    assert advice.next_step(role, slice_, limitation) not in ("", advice.next_step(None, slice_, None)) or (
        role == "quality"
    )


def test_every_probe_and_every_row_of_the_scorecard_has_a_next_step() -> None:
    assert set(advice.BY_LIMITATION) == set(limitations.IDS)
    for probe in registry.discover():
        assert advice.next_step(probe.role, {}, probe.limitation)
    assert set(advice.BY_METRIC) <= {metric.name for probe in registry.discover() for metric in probe.metrics(TASK)}
    # Remedies answer the other roles, and what they do not answer has the advice of its row.
    assert {*advice.BY_ROLE, *advice.NO_RECIPE} == set(types.ROLES)
    assert set(advice.NO_RECIPE) == set(remedies.SHOWN) - {"quality"}


def failed(
    role: Role | None,
    slice_: Mapping[str, str] | None,
    measured: Sequence[Mapping[str, str]],
    metrics: Sequence[str],
    limitation: str = "calibration",
) -> dict[str, Any]:
    """As much of results.json as next steps read: one probe of a third party, and one failed verdict on it."""
    record = {
        "model": "m",
        "probe": "theirs",
        "limitation": limitation,
        "metrics": [{"name": name} for name in metrics],
        "measurements": [{"slice": measured_slice} for measured_slice in measured],
        **({} if role is None else {"role": role}),
    }
    return {
        "candidate": "m",
        "task": {"metric": "accuracy"},
        "config": {},
        "models": [{"name": "m", "training": None}],
        "records": [record],
        "policy": {"rules": [{"probe": "theirs", "metric": "flip_rate"}]},
        "decision": {"verdicts": [{"rule": 0, "probe": "theirs", "slice": slice_, "outcome": "fail", "value": 0.5}]},
    }


@pytest.mark.parametrize("limitation", limitations.IDS)
def test_a_probe_without_a_role_gets_the_advice_of_its_limitation(limitation: str) -> None:
    slice_ = {"family": "words", "recipe": "entity swap"}
    assert advice.next_step(None, slice_, limitation) == advice.BY_LIMITATION[limitation]
    content = failed(None, slice_, [slice_], ["drop_over_changed_cases"], limitation=limitation)
    assert advice.next_steps(content) == {0: advice.BY_LIMITATION[limitation]}


@pytest.mark.parametrize("metric", advice.BY_METRIC)
def test_a_metric_with_advice_of_its_own_gets_that(metric: str) -> None:
    content = failed(None, {}, [{}], [metric], limitation="attack")
    content["policy"]["rules"][0]["metric"] = metric
    assert advice.next_steps(content) == {0: advice.BY_METRIC[metric]}


SHOWN = {"robustness": "drop_over_changed_cases", "attack": "accuracy_under_attack"}
SLICES: tuple[dict[str, str] | None, ...] = (
    None,
    {},
    {"field": "text"},
    {"severity": "middle"},
    {"family": "typos", "severity": "middle"},
    {"family": "words", "severity": "middle"},
    {"family": "accents"},
    {"recipe": "deepwordbug"},
    {"recipe": "entity swap"},
)
BESIDE: tuple[tuple[dict[str, str], ...], ...] = (
    (),
    ({"family": "case"},),
    ({"recipe": "textbugger"},),
    ({"recipe": "entity swap"},),
)
"""What the probe measured beside the failed slice."""
ANSWERED = {
    ("robustness", "typos", "case"),
    *(
        ("attack", slice_, beside)
        for slice_ in ("text", "middle", "typos", "words", "accents")
        for beside in ("textbugger", "entity swap")
    ),
    *(("attack", "deepwordbug", beside) for beside in ("", "case", "textbugger", "entity swap")),
}
"""Role, value of the failed slice and of the one beside it, where the role's metric is published.

A remedy for noise needs a family to hold out; one against attacks needs recipes of attacks.
"""


@pytest.mark.parametrize("beside", BESIDE, ids=str)
@pytest.mark.parametrize("slice_", SLICES, ids=str)
@pytest.mark.parametrize("role", [*types.ROLES, None])
def test_a_recipe_is_promised_exactly_where_audit_remedy_has_one(
    role: Role | None, slice_: dict[str, str] | None, beside: tuple[dict[str, str], ...]
) -> None:
    measured = [*([slice_] if slice_ else []), *beside]
    names = [next(iter(values.values()), "") for values in (slice_ or {}, beside[0] if beside else {})]
    for metrics in (["flip_rate", "drop"], list(SHOWN.values())):
        content = failed(role, slice_, measured, metrics)
        step = advice.next_steps(content, "here")[0]
        promised = step == "audit remedy here proposes a training recipe"
        assert promised is bool(remedies.proposed(content))
        assert promised is (metrics != ["flip_rate", "drop"] and (role, *names) in ANSWERED)
        assert promised or "audit remedy" not in step


def test_the_probe_of_the_how_to_gets_the_advice_of_its_row() -> None:
    content = failed("robustness", {"field": "text"}, [{"field": "text"}], ["flip_rate", "drop"], limitation="noise")
    assert advice.next_steps(content) == {0: "add training rows with this kind of noise, and train again"}


def test_of_two_probes_of_a_role_the_one_that_the_remedy_is_for_gets_its_line() -> None:
    typos = {"family": "typos"}
    content = failed("robustness", typos, [typos, {"family": "case"}], ["drop_over_changed_cases"], limitation="noise")
    (record,), (verdict,) = content["records"], content["decision"]["verdicts"]
    content["records"].append({**record, "probe": "second"})
    content["policy"]["rules"].append({"probe": "second", "metric": "flip_rate"})
    content["decision"]["verdicts"] += [
        {**verdict, "rule": 1, "probe": "second"},
        {**verdict, "slice": {"family": "words"}},
    ]
    assert advice.next_steps(content) == {
        0: "audit remedy FOLDER proposes a training recipe",
        1: "add training rows with this kind of noise, and train again",
        2: "add training rows with this kind of noise, and train again",
    }


def test_every_need_can_be_met_by_a_flag_or_is_the_tasks() -> None:
    of_the_task = set(TASK_NEEDS)
    assert set(advice.HOW) | of_the_task == {*NEEDS, CANDIDATE}
    assert not set(advice.HOW) & of_the_task


def gap(probe: str, *missing: str, reason: str | None = None, **more: object) -> ProbeRecord:
    words = reason or next((NEEDS[need] for need in missing if need in NEEDS), None)
    given: dict[str, object] = {"status": "not_applicable", "reason": words, "missing": missing, **more}
    return ProbeRecord("m", probe, **given)  # type: ignore[arg-type]


def test_what_is_not_measured_is_said_once_for_each_way_to_change_it() -> None:
    skipped = tuple(
        Skipped({"family": "words", "perturbation": "misspelling", "severity": one}, "nlpaug is not installed")
        for one in ("low", "middle")
    )
    records = [
        ProbeRecord("m", "noise", "measured", skipped=(*skipped, Skipped({}, "no such type", applies=False))),
        gap("bias", reason=NOT_SELECTED),
        gap("domain_shift", "domains"),
        gap("label_noise", "base", "train"),
        gap("low_resource", "base", "train"),
        gap("memory", "base", reason="the base that [training] names is not there"),
        gap("entities", "labelled_spans"),
        gap("quality", reason=NOT_SELECTED),
        gap("triggers", reason=SKIPPED),
        gap("entity_swap", "labelled_spans", reason=SKIPPED),
        gap("training_strategy", reason=NO_RETRAINING),
        gap("entity_bias", "labelled_spans", reason=NOT_SELECTED),
        gap("theirs", "package:spacy", reason="spacy is not installed; get it with: pip install spacy"),
        gap("crashed", status="failed", reason="ValueError: no"),
        ProbeRecord("m", "shares", "measured", skipped=(Skipped({"a": "1"}, NEEDS["domains"]),)),
    ]
    assert advice.not_measured(
        records, {("quality", NOT_SELECTED), ("theirs", "spacy is not installed; get it with: pip install spacy")}
    ) == [
        "noise [words, misspelling] – nlpaug is not installed",
        "domain_shift, shares [1] – give another domain with --domain NAME=FILE",
        "label_noise, low_resource – name the base model with --base FOLDER; give training rows with --train FILE",
        "memory – the base that [training] names is not there",
        "entities – the task labels texts, not their words",
        "theirs (required) – spacy is not installed; get it with: pip install spacy",
        "bias, quality (required) – not selected with --probe",
        "triggers – left out by --skip",
        "training_strategy – left out by --fast, because it retrains",
    ]


@pytest.mark.parametrize("need", sorted(set(NEEDS) - set(advice.HOW)))
def test_the_reason_of_a_probe_that_was_asked_for_and_is_of_another_task_is_said(need: str) -> None:
    asked = gap("entities", need)
    others = [gap("noise", reason=NOT_SELECTED), gap("bias", need, reason=NOT_SELECTED)]
    assert advice.not_measured([asked, *others], set()) == [
        f"entities – {NEEDS[need]}",
        "noise – not selected with --probe",
    ]
    assert advice.not_measured([asked], set()) == []


def test_slices_without_anything_in_common_are_counted() -> None:
    skipped = (Skipped({"a": "1"}, "no"), Skipped({"b": "2"}, "no"))
    assert advice.not_measured([ProbeRecord("m", "p", "measured", skipped=skipped)], set()) == ["p (2 slices) – no"]
