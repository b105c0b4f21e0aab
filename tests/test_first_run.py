"""The first run of somebody with a checkpoint of their own: what is planned, what was not measured, what comes next."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import reviews, script
from tiny import tiny_checkpoint

from auditor import results
from auditor.cli import estimate
from auditor.cli.arguments import parser
from auditor.cli.main import main
from auditor.evaluation import pace
from auditor.evaluation.estimating import Work
from auditor.progress import duration
from auditor.types import NEEDS, Planned, Rule
from auditor.verdicts.policy import Policy


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: a checkpoint without training.json, its base, data and a config that names the base."""
    tiny_checkpoint(tmp_path / "model")
    tiny_checkpoint(tmp_path / "base", head=False)
    for name, n in (("train", 40), ("test", 24)):
        rows = [f'"{row.inputs["text"]} {name}",{row.gold}' for row in reviews(n)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    (tmp_path / "audit.toml").write_text(
        '[training]\nbase = "base"\n[probes.label_noise]\nrates = [0.2]\nkinds = ["symmetric"]\nrows = 8\nseeds = 1\n'
        "steps = 30\nbatch_size = 2\nexamples = 4\n[probes.low_resource]\nsizes = [4]\nseeds = 1\nsteps = 30\n"
        "batch_size = 2\nexamples = 4\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*more: str) -> int:
    return main(["run", "--model", "model", "--data", "test.csv", *more])


def every_file(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*")}


@pytest.mark.parametrize(("rows", "words"), [(1, "the only row of long.csv is"), (3, "all 3 rows of long.csv are")])
def test_a_set_of_which_no_text_is_read_to_its_end_is_told(
    rows: int, words: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = "".join(f"{'good film ' * 40}{row},positive\n" for row in range(rows))
    (place / "long.csv").write_text(f"text,label\n{texts}", encoding="utf-8")
    (place / "most.csv").write_text(f"text,label\n{texts}short,negative\n", encoding="utf-8")
    assert main(["run", "--model", "model", "--data", "long.csv", "--domain", "most=most.csv", "--dry-run"]) == 0
    said = capsys.readouterr().err.splitlines()
    assert f"{words} longer than the 64 tokens that the model reads" in said
    assert not any("most.csv" in line and "longer" in line for line in said)


def test_what_to_do_next_is_the_same_on_the_page_of_a_run_and_of_a_later_report(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "".join(f"a film {n},{label}\n" for n in range(20) for label in ("negative", "positive"))
    (place / "even.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
    (place / "failing.toml").write_text(
        '[[rule]]\nprobe = "quality"\nmetric = "accuracy"\nmin = 0.99\nwhy = "w"\n', encoding="utf-8"
    )
    judged = ["--probe", "quality", "--policy", "failing.toml", "--out", "failing", "--json"]
    assert main(["run", "--model", "model", "--data", "even.csv", *judged]) == 1
    (verdict,) = json.loads(capsys.readouterr().out)["verdicts"]
    assert verdict["next"].startswith("train longer or on more rows")
    page = (place / "failing" / "scorecard.html").read_bytes()
    assert f"What to do next: {verdict['next']}".encode() in page
    moved = Path(shutil.copytree(place / "failing", place / "elsewhere" / "moved"))
    for folder in (place / "failing", moved):
        assert main(["report", str(folder), "--out", "again.html"]) == 0
        assert (place / "again.html").read_bytes() == page


def test_a_base_that_the_config_names_counts_for_a_foreign_checkpoint(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--train", "train.csv", "--probe", "label_noise", "--probe", "low_resource"]
    assert run(*words, "--out", "configured", "--quiet") == 3
    assert run(*words, "--out", "flag", "--quiet", "--base", "base") == 3
    records = {name: results.load(place / name)["records"] for name in ("configured", "flag")}
    assert records["configured"] == records["flag"]
    measured = {one["probe"]: one["status"] for one in records["flag"]}
    assert (measured["label_noise"], measured["low_resource"]) == ("measured", "measured")
    capsys.readouterr()
    assert run(*words, "--dry-run") == 0
    assert "model: retraining starts from base, the base of [training]\n" in capsys.readouterr().err


def test_the_end_of_a_run_says_once_what_was_not_measured_and_how_to_change_that(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "audit.toml").unlink()
    words = ["--probe", "quality", "--probe", "domain_shift", "--probe", "label_noise", "--probe", "low_resource"]
    assert run(*words, "--budget", "20") == 3
    said = capsys.readouterr()
    block = said.out.split("not measured:\n")[1].splitlines()
    assert block == [
        "  domain_shift – give another domain with --domain NAME=FILE",
        "  label_noise, low_resource – name the base model with --base FOLDER; give training rows with --train FILE",
        "  adversarial (required), bias (required), calibration (required), capabilities, coverage, drift, forgetting, "
        "interpretability, kept_cases, label_errors, label_swap (required), leakage, noise (required), "
        "out_of_scope_detection, repeatability (required), seen_rows, shift, spurious, training_strategy, "
        "triggers (required) – not selected with --probe",
    ]
    left_out = "adversarial, bias, calibration, label_swap, noise, repeatability and triggers"
    assert said.out.count(f"required rules of {left_out} were left out by --probe") == 1
    lines = said.err.splitlines()
    assert lines[0] == "labels are matched to the model's: home (test.csv) by name"
    assert lines[1:3] == ["language of the texts: home English (detected)", "will measure:"]
    assert lines[3] == "  quality  20 cases; at least 1 s"
    assert lines[4].startswith("estimate: at least ")
    assert lines[-2].startswith("took ")
    assert lines[-1].startswith("scorecard: ")
    timings = json.loads((place / "audit" / "timings.json").read_text(encoding="utf-8"))
    assert list(timings["expected_seconds"]) == ["model: quality"]
    for name in ("results.json", "scorecard.html"):
        content = (place / "audit" / name).read_text(encoding="utf-8")
        assert "expected_seconds" not in content
        assert "estimate" not in json.loads(content if name.endswith("json") else "{}")
    assert main(["gate", "audit"]) == 3
    policy = "policy: default (the audit was judged by it)\n"
    assert capsys.readouterr().out == policy + said.out, "the gate says the same from the folder alone"


def test_quiet_is_the_decision_alone(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--probe", "quality", "--quiet") == 3
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.splitlines() == [results.load(place / "audit")["decision"]["headline"]]
    assert main(["gate", "audit", "--quiet"]) == 3
    assert capsys.readouterr().out == said.out


def test_a_dry_run_lists_what_would_be_measured_and_writes_nothing(
    place: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = every_file(place)
    assert run("--train", "train.csv", "--dry-run", "--out", "new/folder") == 0
    said = capsys.readouterr()
    assert every_file(place) == before
    assert not list(cache.iterdir())
    lines = said.out.splitlines()
    assert lines[0] == "would measure:"
    assert any(line.startswith("  label_noise ") and "8 cases, 2 trainings of 30 steps" in line for line in lines)
    assert any(line.startswith("  quality ") and " cases; at least " in line for line in lines)
    assert "  domain_shift – give another domain with --domain NAME=FILE" in lines
    assert any(
        "entities" in line and "does not apply: the task labels texts, not their words" in line for line in lines
    )
    assert lines[-1] == "results would be written to new/folder; nothing was written"


def test_a_dry_run_as_json_is_one_entry_for_each_probe(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--dry-run", "--json", "--probe", "quality", "--probe", "domain_shift", "--until-decided") == 0
    found = {one["probe"]: one for one in json.loads(capsys.readouterr().out)}
    assert found["quality"]["measured"] is True
    assert found["quality"]["cases"] > 0
    assert found["quality"]["seconds_at_least"] is None, "how long --until-decided takes is not known"
    assert found["domain_shift"]["reason"] == "no other domain given (--domain name=file)"
    assert found["noise"]["reason"] == "not selected"
    assert not (place / "audit").exists()


def test_a_dry_run_says_that_until_decided_has_no_time(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--dry-run", "--until-decided") == 0
    said = capsys.readouterr().out
    assert "at least" not in said
    assert "--until-decided stops each slice once its verdict is decided" in said
    assert place.is_dir()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--data", "none.csv"], "none.csv"),
        (["--model", "base"], "fine-tune it first"),
        (["--policy", "none.toml"], "no such policy file"),
        (["--config", "none.toml"], "no such config"),
        (["--probe", "nois"], "did you mean 'noise'?"),
        (["--out", "model"], "other files"),
        (["--base", "train.csv"], "not a pretrained model"),
    ],
)
def test_a_dry_run_finds_the_mistakes_that_a_run_would(
    more: list[str], words: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = every_file(place)
    assert run("--dry-run", "--quiet", *more) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert words in said.err
    assert every_file(place) == before


def test_the_base_of_the_config_is_left_alone_where_it_is_another_models(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = json.loads((place / "base" / "config.json").read_text(encoding="utf-8"))
    (place / "base" / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}), encoding="utf-8")
    assert run("--train", "train.csv", "--probe", "low_resource", "--quiet") == 3
    (record,) = (one for one in results.load(place / "audit")["records"] if one["probe"] == "low_resource")
    reason = "the base that [training] names is another model's (num_hidden_layers is 3, not 2); name it with --base"
    assert (record["reason"], record["missing"]) == (reason, ["base"])
    capsys.readouterr()
    assert main(["gate", "audit"]) == 3
    assert f"  low_resource – {reason}\n" in capsys.readouterr().out
    assert run("--train", "train.csv", "--probe", "low_resource", "--quiet", "--base", "base") == 2
    said = (
        "is not the base of model: num_hidden_layers is 3, not 2 (--base names the model that it was fine-tuned from)"
    )
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda base: base.rename(base.with_name("moved")), "is not there: 'base'; name it with --base"),
        (
            lambda base: (base / "model.safetensors").rename(base / "pytorch_model.bin"),
            "cannot be used: has pickle weights only (pytorch_model.bin)",
        ),
    ],
)
def test_a_base_of_the_config_that_is_not_there_or_unsafe_ends_no_audit(
    place: Path, capsys: pytest.CaptureFixture[str], spoil: Any, reason: str
) -> None:
    spoil(place / "base")
    assert run("--train", "train.csv", "--dry-run") == 0
    found = next(line for line in capsys.readouterr().out.splitlines() if "low_resource" in line)
    assert found.startswith("  label_noise, low_resource – the base that [training] names ")
    assert reason in found


def test_the_help_says_that_flags_are_repeatable_and_what_the_budget_is() -> None:
    runs: Any = next(action for action in parser()._actions if action.dest == "command")
    flags = {action.dest: action.help for action in runs.choices["run"]._actions}
    assert "repeatable" in flags["probe"]
    assert "repeatable" in flags["domain"]
    assert flags["budget"].startswith("use at most N examples per data set and probe; it does not limit ")


WORK = Work("m", "p", (), None, Planned(1000, queries=50, trainings=3, steps=60), 600.0, 300.0, 90.0)


def test_an_estimate_is_a_lower_bound_with_trainings_and_queries_apart() -> None:
    other = Work("m", "q", (), None, None)
    assert estimate.lines([WORK, other], kept=True) == [
        "estimate: at least 10 min for 1,000 cases and 3 trainings",
        "  p: 3 trainings of 60 steps, about 5 min of that time",
        "  p may ask up to 50 more queries, which take at most 90 s",
        "  not included: q (the amount of work is not known)",
        "  answers and trainings that an earlier run kept take no time",
    ]
    assert estimate.lines([other], kept=True) == []


def test_the_list_names_models_where_there_are_several_and_what_no_probe_would_say() -> None:
    rules = Policy("p", "0", (Rule("q", "metric", {}, "why", max=0.1),))
    silent, unfit = Work("m", "q", (), None, None), Work("m", "e", ("labelled_spans",), NEEDS["labelled_spans"], None)
    assert estimate.listing([WORK, silent, unfit], rules, "m") == [
        "would measure:",
        "  p  1,000 cases, up to 50 queries, 3 trainings of 60 steps; at least 10 min; "
        "if attacks ask every query, 12 min",
        "  q  amount of work not known",
        "  e – does not apply: the task labels texts, not their words",
    ]
    other = Work("n", "q", ("domains",), NEEDS["domains"], None)
    assert estimate.listing([replace(WORK, planned=Planned(1, trainings=1, steps=9)), other], rules, "n") == [
        "would measure:",
        "  m: p  1 case, 1 training of 9 steps; at least 10 min; if attacks ask every query, 12 min",
        "would not measure:",
        "  q (required) – give another domain with --domain NAME=FILE",
    ]
    assert estimate.listing([unfit], rules, "m")[0] == "would measure nothing"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0, "1 s"), (99.4, "99 s"), (100.0, "2 min"), (3599.0, "1 h"), (7800.0, "2 h 10 min"), (86400.0, "24 h")],
)
def test_durations_are_rounded_as_people_say_them(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_what_a_run_took_names_its_longest_pieces() -> None:
    seconds = {"m: a": 60.0, "m: b": 200.0, "m: c": 0.4, "m: d": 3.0}
    assert estimate.took(seconds, sum(seconds.values())) == "took 4 min: b 3 min, a 60 s, d 3 s"
    assert estimate.took({"m: a": 60.0, "n: a": 2.0}, 62.4) == "took 62 s: m: a 60 s, n: a 2 s"
    assert estimate.took({"m: a": 60.0}, 75.0) == "took 75 s: a 60 s, 15 s outside probes"
    assert estimate.took({"m: a": 0.2}, 0.3) == "took 1 s"


def test_the_demo_says_when_the_machine_is_not_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare = script("fixtures/demo/prepare.py")
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(os, "getloadavg", lambda: (0.9, 9.0, 9.0))
    assert prepare.busy() is None
    monkeypatch.setattr(os, "getloadavg", lambda: (7.93, 0.0, 0.0))
    expected = "this machine is not idle (load 7.9 on 2 cores): the demo takes longer than the README says"
    assert prepare.busy() == expected
    monkeypatch.delattr(os, "getloadavg")
    assert prepare.busy() is None


def test_an_estimate_is_not_made_where_nobody_reads_it(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def timed(*_: Any) -> float:
        raise AssertionError("timed")

    monkeypatch.setattr(pace, "seconds_per_text", timed)
    assert run("--probe", "quality", "--quiet") == 3
    assert run("--probe", "quality", "--until-decided") == 3
    assert "estimate" not in capsys.readouterr().err
    assert place.is_dir()
