"""Probes that a user leaves out: --skip, --fast, [audit] skip and fast, and what the decision makes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import GOOD, nowhere, plan_of, reviews, shipped
from tiny import tiny_checkpoint

import auditor
from auditor import results
from auditor.cli import arguments
from auditor.cli.main import main
from auditor.config import Config
from auditor.errors import AuditError, UsageError
from auditor.evaluation import runner, selection
from auditor.evaluation.plan import AuditedModel
from auditor.evaluation.selection import Selection
from auditor.models.fake import keyword_model
from auditor.plugins import registry
from auditor.types import (
    LEFT_OUT,
    NO_RETRAINING,
    NOT_SELECTED,
    SKIPPED,
    Audit,
    Case,
    Metric,
    ProbeDefaults,
    Rule,
    Silent,
    Skipped,
    Task,
)
from auditor.verdicts.policy import Policy

PROBES = registry.discover()
RETRAINING = [probe.name for probe in PROBES if probe.retrains]


@pytest.mark.parametrize("name", [probe.name for probe in PROBES])
def test_every_probe_can_be_skipped_and_the_others_stay(name: str) -> None:
    assert registry.left_out(PROBES, (), skip=[name]) == {name: SKIPPED}


def test_fast_leaves_out_what_retrains() -> None:
    assert set(RETRAINING) >= {"label_noise", "low_resource", "training_strategy"}
    assert registry.left_out(PROBES, (), fast=True) == dict.fromkeys(RETRAINING, NO_RETRAINING)


def test_what_is_not_asked_for_is_not_selected_whatever_else_leaves_it_out() -> None:
    reasons = registry.left_out(PROBES, ["quality", "noise"], skip=["bias"], fast=True)
    assert reasons == dict.fromkeys((probe.name for probe in PROBES[1:] if probe.name != "noise"), NOT_SELECTED)


@pytest.mark.parametrize(
    ("names", "skip", "fast", "said"),
    [
        ((), ["nois"], False, "no probe is called 'nois' (did you mean 'noise'?)"),
        (
            (),
            ["mine"],
            False,
            "; a probe of your own is named by its file: --probe mine.py --skip mine)",
        ),
        (("noise",), ["noise"], False, "noise is asked for by --probe and left out by --skip (drop one of the two)"),
        (
            ("low_resource",),
            (),
            True,
            "low_resource is asked for by --probe and left out by --fast, because it retrains (drop one of the two)",
        ),
    ],
    ids=["misspelt", "unknown", "asked for and skipped", "asked for and retrains"],
)
def test_what_cannot_be_left_out_is_one_line(names: Any, skip: Any, fast: bool, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        registry.left_out(PROBES, names, skip=skip, fast=fast)
    assert said in caught.value.line


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["qualty"], "no probe is called 'qualty' (did you mean 'quality'?)"),
        (
            ["quality"],
            "[[compare]] 1: compares models by noise, which [audit] baseline_probes leaves out (add 'noise' to it)",
        ),
        (["quality", "noise"], None),
        ([], "[[compare]] 1: compares models by noise, which [audit] baseline_probes leaves out (add 'noise' to it)"),
    ],
    ids=["misspelt", "compared and left out", "right", "none"],
)
def test_baseline_probes_are_known_and_hold_what_is_compared(names: list[str], said: str | None) -> None:
    hypothesis = {"probe": "noise", "metric": "drop_over_changed_cases"}
    config = Config.model_validate({"audit": {"baseline_probes": tuple(names)}, "compare": (hypothesis,)})
    if said is None:
        assert not selection.select((), config, None, check=lambda: None).left_out
        return
    with pytest.raises(AuditError) as caught:
        selection.select((), config, None, check=lambda: None)
    assert said in caught.value.line


class Trainer(ProbeDefaults):
    """Trains a model, and says nothing of it beforehand."""

    name, limitation, settings = "trainer", "noise", replace(shipped("quality")[0].settings)

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """One."""
        return shipped("quality")[0].metrics(task)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """None: the training comes first."""
        audit.fit(audit.examples("home"), seed=0, steps=1, batch_size=1)
        yield from ()


class Declared(Trainer):
    """Trains a model, and says so."""

    retrains = True


@pytest.mark.parametrize("probe", [Trainer(), Declared()], ids=["undeclared", "declared"])
def test_a_probe_trains_only_if_fast_would_leave_it_out(probe: Trainer) -> None:
    model, trained = keyword_model(GOOD), list[int]()
    audited = AuditedModel(model, fit=lambda *_, seed, **__: trained.append(seed) or model)  # type: ignore[func-returns-value]
    (record,) = runner.run(plan_of(model, (probe,), n=4, models=(audited,)), nowhere, Silent())
    assert record.status == ("measured" if probe.retrains else "failed")
    assert bool(trained) is probe.retrains
    if not probe.retrains:
        assert record.reason == (
            "probe trainer: trains a model (audit.fit), but its retrains is False "
            '(list "base" among its needs, or declare retrains = True)'
        )


def test_the_note_of_fast_says_whether_a_required_rule_is_left_out() -> None:
    reasons = registry.left_out(PROBES, (), fast=True)
    needed = Rule("low_resource", "accuracy", {}, "w", min=0.5)

    def note(*rules: Rule) -> str | None:
        return Selection(PROBES, reasons, Policy("p", "0" * 64, rules)).note()

    names = ", ".join(RETRAINING[:-1]) + f" and {RETRAINING[-1]}"
    begins = f"--fast leaves out {names}, which retrain; "
    assert note() == f"{begins}no required rule of the policy reads them"
    assert note(replace(needed, required="never")) == note()
    assert note(needed) == f"{begins}the required rules of low_resource count as left out, as with --probe"
    assert Selection(PROBES, {"noise": SKIPPED}, Policy("p", "0" * 64, ())).note() is None


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place")
    tiny_checkpoint(folder / "model")
    rows = [f'"{row.inputs["text"]}",{row.gold}' for row in reviews(24)]
    (folder / "test.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    (folder / "limits.toml").write_text(
        "".join(
            f'[[rule]]\nprobe = "{probe}"\nmetric = "{metric}"\nmin = 0.01\nwhy = "w"\n'
            for probe, metric in (("quality", "accuracy"), ("leakage", "accuracy_without_copies"))
        ),
        encoding="utf-8",
    )
    (folder / "empty.toml").write_text("", encoding="utf-8")
    (folder / "lean.toml").write_text('[audit]\nskip = ["quality"]\nfast = true\n', encoding="utf-8")
    return folder


SLOW = ("adversarial", "noise", "bias", "triggers", "repeatability", "calibration", "label_swap", "seen_rows")


def run(place: Path, *more: str, config: str = "empty") -> int:
    words = ["run", "--model", str(place / "model"), "--data", str(place / "test.csv")]
    words += ["--config", str(place / f"{config}.toml"), "--out", str(place / "out")]
    return main([*words, *more])


def test_what_skip_and_fast_leave_out_is_said_before_and_after_and_on_the_page(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [word for name in (*SLOW, "quality") for word in ("--skip", name)]
    assert run(place, "--fast", *flags, "--policy", str(place / "limits.toml")) == 3
    said = capsys.readouterr()
    assert said.err.startswith(f"--fast leaves out {', '.join(RETRAINING[:-1])} and {RETRAINING[-1]}, which retrain; ")
    assert "required rules of quality were left out by --skip" in said.out
    content = results.load(place / "out")
    assert content["partial"] is True
    reasons = {record["probe"]: record["reason"] for record in content["records"] if record["reason"] in LEFT_OUT}
    assert reasons == dict.fromkeys((*SLOW, "quality"), SKIPPED) | dict.fromkeys(RETRAINING, NO_RETRAINING)
    page = (place / "out" / "scorecard.html").read_text(encoding="utf-8")
    assert "<strong>noise</strong>: not measured: left out by --skip" in page
    assert "<strong>low_resource</strong>: not measured: left out by --fast, because it retrains" in page
    assert main(["gate", str(place / "out")]) == 3
    assert "required rules of quality were left out by --skip" in capsys.readouterr().out


def reasons_of(content: Any) -> dict[str, str | None]:
    return {record["probe"]: record["reason"] for record in content["records"]}


def test_the_config_leaves_out_too_and_a_probe_that_is_asked_for_is_measured(place: Path) -> None:
    flags = [word for name in SLOW for word in ("--skip", name)]
    assert run(place, "--quiet", *flags, config="lean") == 3
    reasons = reasons_of(results.load(place / "out"))
    assert {reasons[name] for name in SLOW} == {SKIPPED}
    assert reasons["quality"] is None, "flags stand in the place of the config's names"
    assert reasons["low_resource"] == NO_RETRAINING
    assert run(place, "--quiet", "--probe", "quality", "--probe", "low_resource", config="lean") == 3
    reasons = reasons_of(results.load(place / "out"))
    assert (reasons["quality"], reasons["leakage"]) == (None, NOT_SELECTED)
    assert reasons["low_resource"] not in LEFT_OUT, "it does not run for another reason"


@pytest.mark.parametrize("flags", [["--skip", "nois"], ["--probe", "noise", "--skip", "noise"]])
def test_a_wrong_flag_is_one_line(place: Path, flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(place, *flags) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_python_leaves_out_as_the_command_does(place: Path) -> None:
    def audited(**given: Any) -> dict[str, str | None]:
        return reasons_of(auditor.audit(place / "model", place / "test.csv", budget=8, **given).content)

    reasons = audited(skip=SLOW, fast=True)
    assert {reasons[name] for name in SLOW} == {SKIPPED}
    assert {reasons[name] for name in RETRAINING} == {NO_RETRAINING}
    assert audited(skip="noise", probes=["quality"])["quality"] is None
    assert audited(config=place / "lean.toml", probes=["quality"])["quality"] is None
    with pytest.raises(UsageError, match="no probe is called 'nois'"):
        audited(skip="nois")


def test_a_dry_run_lists_what_is_left_out(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(place, "--dry-run", "--fast", "--skip", "noise") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "  noise (required) – left out by --skip" in lines
    assert f"  {', '.join(RETRAINING)} – left out by --fast, because it retrains" in lines
    assert run(place, "--dry-run", "--fast", "--json") == 0
    listed = {work["probe"]: work["reason"] for work in json.loads(capsys.readouterr().out)}
    assert {name: listed[name] for name in RETRAINING} == dict.fromkeys(RETRAINING, NO_RETRAINING)


def test_flags_name_several_probes_with_commas() -> None:
    parser = arguments.parser()
    given = parser.parse_args(
        ["run", "--model", "ckpt", "--probe", "noise, bias", "--probe", "a,b.py", "--skip", "x,y", "--skip", "z"]
    )
    assert given.probe == ["noise", "bias", "a,b.py"]
    assert given.skip == ["x", "y", "z"]
    assert parser.parse_args(["run", "--model", "ckpt", "--probe", ""]).probe == [""]
