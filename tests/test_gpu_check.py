"""The check for machines with a CUDA device: its pieces on a CPU, and whole as a slow test."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any
from unittest import mock

import gpu_check
import pytest
import torch
from gpu import auditing, inputs, limits, speed, task_sets, training, wheels
from gpu.agreeing import agreement
from gpu.found import Check
from safetensors.torch import load_file, save_file

from auditor.errors import OutOfMemoryError

TINY = replace(
    inputs.SMALL, train=96, test=24, domain=16, noise=4, sentences=6, attacks=1, timed=48, budgets=(512,), epochs=2
)


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Check:
    """Trained and audited on the CPU, in fp32 alone and without attacks."""
    check = Check("cpu", TINY, tmp_path_factory.mktemp("gpu-check"))
    inputs.prepare(check.folder, TINY, small=True)
    with (
        mock.patch.object(inputs, "PRECISIONS", ("fp32",)),
        mock.patch.object(auditing, "has_attacks", return_value=False),
    ):
        training.train_all(check)
        auditing.audit(check)
    return check


def fresh(check: Check, **changes: Any) -> Check:
    return replace(check, rows=[], **changes)


def said(check: Check, step: str) -> list[tuple[str, Any]]:
    return [(row["value"], row["ok"]) for row in check.rows if row["step"] == step]


def test_every_recipe_is_trained_and_timed_against_the_bare_model(audited: Check) -> None:
    rows = {row["what"]: row for row in audited.rows if row["step"] == "train"}
    assert set(rows) == {"bare model, fp32", *(f"{recipe}, fp32" for recipe in inputs.RECIPES)}
    bare = rows["bare model, fp32"]["samples_per_second"]
    for recipe in inputs.RECIPES:
        row = rows[f"{recipe}, fp32"]
        assert row["of_bare"] == pytest.approx(row["samples_per_second"] / bare)
    assert rows["standard, fp32"]["ok"] == (rows["standard, fp32"]["accuracy"] >= training.LEARNED)


def test_the_audit_measures_every_probe_and_says_plainly_what_it_skips(audited: Check) -> None:
    rows = {row["what"]: row for row in audited.rows if row["step"] == "audit"}
    assert [rows[name]["ok"] for name in ("noise", "bias", "domain shift")] == [True] * 3
    assert rows["attacks in lockstep"]["value"] == "skipped: TextAttack is not installed"
    assert {name for name, _, _ in audited.answers} == set(inputs.RECIPES)


def test_a_probe_that_crashes_is_named_with_its_reason(audited: Check, tmp_path: Path) -> None:
    check = fresh(audited, folder=tmp_path, answers=[])
    (tmp_path / "audit").mkdir()
    found = json.loads((audited.folder / "audit" / "results.json").read_text(encoding="utf-8"))
    for record in found["records"]:
        if (record["probe"], record["model"]) == ("bias", "lora"):
            record.update(status="failed", reason="KeyError: 'x'", measurements=[])
    (tmp_path / "audit" / "results.json").write_text(json.dumps(found), encoding="utf-8")
    with mock.patch.object(auditing, "command", return_value=2):
        auditing.audit(check)
    rows = {row["what"]: (row["value"], row["ok"]) for row in check.rows}
    assert rows["bias"] == ("KeyError: 'x'", False)
    assert rows["noise"][1] is True


def test_an_audit_without_results_says_how_it_ended(audited: Check, tmp_path: Path) -> None:
    check = fresh(audited, folder=tmp_path, answers=[])
    (tmp_path / "log").write_text("first\naudit run: it is not there\n", encoding="utf-8")
    with mock.patch.object(auditing, "command", return_value=2):
        auditing.audit(check)
    assert said(check, "audit") == [("exit code 2: audit run: it is not there", False)]


def test_every_answer_is_compared_with_the_cpus(audited: Check) -> None:
    check = fresh(audited)
    auditing.compare(check)
    (fp32, ok), (bf16, reported) = said(check, "compare")
    assert fp32.startswith(f"{len(audited.answers):,} answers, ")
    assert ok is True
    assert "decisions changed" in bf16
    assert reported is None


def test_one_answer_of_another_decision_fails_the_check(audited: Check) -> None:
    index = next(at for at, (_, _, answer) in enumerate(audited.answers) if abs(answer[0] - answer[1]) > 1e-3)
    name, text, answer = audited.answers[index]
    wrong = [*audited.answers]
    wrong[index] = (name, text, answer[::-1])
    check = fresh(audited, answers=wrong)
    auditing.compare(check)
    (value, ok), _ = said(check, "compare")
    assert ", 1 decisions changed" in value
    assert ok is False
    assert not check.passed


def test_no_answer_at_all_does_not_agree(audited: Check) -> None:
    check = fresh(audited, answers=[])
    auditing.compare(check)
    assert said(check, "compare")[0][1] is False


def test_batches_that_do_not_fit_are_halved_to_the_same_answers(audited: Check) -> None:
    check = fresh(audited)
    limits.full_memory(check)
    ((value, ok),) = said(check, "memory")
    assert value.startswith("stood in for: ")
    assert ok is True


def test_a_memory_that_was_never_full_fails_the_check(audited: Check) -> None:
    check = fresh(audited)
    with mock.patch.object(limits, "STAND_IN_TOKENS", 10**9):
        limits.full_memory(check)
    assert said(check, "memory")[0][1] is False


def test_speed_is_given_for_each_precision_and_budget_until_time_is_up(audited: Check) -> None:
    check = fresh(audited)
    speed.throughput(check)
    rows = [row for row in check.rows if row["step"] == "speed"]
    assert [row["what"] for row in rows] == ["fp32, 512 tokens", "bf16, 512 tokens"]
    assert all(min(row["bare"], row["engine"], row["whole"]) > 0 for row in rows)
    late = fresh(audited, deadline=0.0)
    speed.throughput(late)
    assert said(late, "speed") == [("not run: out of time", False)] * 2


def test_a_step_that_crashes_or_comes_too_late_fails_the_check_and_the_others_follow(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def crashing(_check: Check) -> None:
        raise ValueError("as planned")

    def following(check: Check) -> None:
        check.note("following", "ran", "yes", ok=True)

    check = Check("cpu", TINY, tmp_path)
    steps = {"crashing": gpu_check.Step(crashing, 10), "following": gpu_check.Step(following, 10)}
    with mock.patch.object(gpu_check, "STEPS", steps):
        gpu_check.run(check)
    assert ("ValueError: as planned", False) in said(check, "crashing")
    assert ("yes", True) in said(check, "following")
    assert not check.passed
    assert "Traceback" in capsys.readouterr().err
    late = Check("cpu", TINY, tmp_path, deadline=0.0)
    with mock.patch.object(gpu_check, "STEPS", steps):
        gpu_check.run(late, ["following"])
    assert said(late, "following") == [("out of time", False)]


@pytest.mark.parametrize(
    ("mine", "other", "changed", "ties"),
    [
        ((0.6, 0.4), (0.6, 0.4), 0, 0),
        ((0.4, 0.6), (0.6, 0.4), 1, 0),
        ((0.49999, 0.50001), (0.50001, 0.49999), 0, 1),
        ((0.4, 0.6), (0.50001, 0.49999), 0, 1),
        ((0.1, 0.2, 0.7), (0.2, 0.1, 0.7), 0, 0),
    ],
)
def test_a_decision_is_changed_unless_the_cpu_had_a_tie(
    mine: Sequence[float], other: Sequence[float], changed: int, ties: int
) -> None:
    found = agreement([(mine, other)])
    assert (found.answers, found.changed, found.ties) == (1, changed, ties)
    assert found.largest == pytest.approx(max(abs(one - two) for one, two in zip(mine, other, strict=True)))


def test_a_stand_in_for_little_memory_refuses_large_batches_alone() -> None:
    class Text:
        length = 100

    model = mock.Mock()
    model.run = lambda batch: [(0.5, 0.5)] * len(batch)
    full = limits.Full(model, "cpu")
    with pytest.raises(OutOfMemoryError):
        full.run([Text()] * 21)
    assert len(full.run([Text()] * 20)) == 20
    assert (full.refused, full.ran) == ([21], [20])


def test_reviews_are_distinct_balanced_and_the_same_every_time() -> None:
    rows = inputs.reviews(200, 1)
    assert rows == inputs.reviews(200, 1)
    assert len({text for text, _ in rows}) == 200
    assert [label for _, label in rows] == list(inputs.LABELS) * 100
    assert all(12 <= len(text.split()) - 1 <= 65 for text, _ in rows)


def test_a_device_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert gpu_check.main(["--device", "cuda:99", "--json", str(tmp_path / "found.json")]) == 2
    assert capsys.readouterr().err.startswith("gpu_check: device 'cuda:99' is not available")
    assert not list(tmp_path.iterdir())


def test_a_folder_with_something_in_it_is_left_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    assert gpu_check.main(["--device", "cpu", "--folder", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"gpu_check: {tmp_path}: is not empty (name a new folder)\n"
    assert [one.name for one in tmp_path.iterdir()] == ["mine"]


def test_little_memory_on_cuda_is_a_share_of_the_card(monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[tuple[float, int]] = []
    cuda = torch.cuda
    monkeypatch.setattr(cuda, "empty_cache", lambda: None)
    monkeypatch.setattr(cuda, "current_device", lambda: 3)
    monkeypatch.setattr(cuda, "memory_reserved", lambda _device: 192 * 2**20)
    monkeypatch.setattr(cuda, "get_device_properties", lambda _device: mock.Mock(total_memory=2**30))
    monkeypatch.setattr(cuda, "set_per_process_memory_fraction", lambda share, device: shares.append((share, device)))
    for device, index in (("cuda", 3), ("cuda:1", 1)):
        with limits.Full(mock.Mock(), device).filled():
            assert shares == [(0.25, index)]
        assert shares == [(0.25, index), (1.0, index)]
        shares.clear()


def test_chosen_steps_bring_what_they_need_in_their_order() -> None:
    assert gpu_check.chosen("compare,tasks") == ["tasks", "train", "audit", "compare"]
    assert gpu_check.chosen(None) == list(gpu_check.STEPS)
    assert all(need in gpu_check.STEPS for step in gpu_check.STEPS.values() for need in step.needs)
    assert sum(step.seconds for step in gpu_check.STEPS.values()) == 60 * gpu_check.MINUTES


def test_a_step_or_a_base_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert gpu_check.main(["--device", "cpu", "--steps", "tasks,all"]) == 2
    assert capsys.readouterr().err.startswith("gpu_check: no step is called 'all' (known: tasks, ")
    assert gpu_check.main(["--device", "cpu", "--base", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"gpu_check: {tmp_path}: holds no config.json")


def test_a_step_may_take_what_those_before_it_left(tmp_path: Path) -> None:
    check = Check("cpu", TINY, tmp_path)
    left: list[float] = []
    steps = {
        name: gpu_check.Step(lambda check: left.append(check.until - time.monotonic()), 30)
        for name in ("first", "next")
    }
    with mock.patch.object(gpu_check, "STEPS", steps):
        gpu_check.run(check, seconds=600)
    assert left == [pytest.approx(300, abs=10), pytest.approx(600, abs=10)]


def test_a_base_in_half_precision_becomes_float32(tmp_path: Path) -> None:
    inputs.random_base(tmp_path / "half", TINY)
    file = tmp_path / "half" / "model.safetensors"
    before = load_file(file)
    save_file({name: one.half() for name, one in before.items()}, file, metadata={"format": "pt"})
    config = json.loads((tmp_path / "half" / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "half" / "config.json").write_text(json.dumps({**config, "dtype": "float16"}), encoding="utf-8")
    base, rate = inputs.prepare(tmp_path / "out", TINY, small=True, given=tmp_path / "half")
    assert (base, rate) == ("half", inputs.PRETRAINED_RATE)
    after = load_file(tmp_path / "out" / "base" / "model.safetensors")
    assert {one.dtype for one in after.values()} == {torch.float32}
    assert all(torch.equal(after[name], one.half().float()) for name, one in before.items())
    assert json.loads((tmp_path / "out" / "base" / "config.json").read_text(encoding="utf-8"))["dtype"] == "float32"


# What to bring


def test_wheels_and_what_is_there_hold_everything_that_pyproject_asks_for() -> None:
    pure, compiled = wheels.wheels()
    brought = {one.partition("==")[0] for one in (*pure, *compiled)}
    there = wheels.closure(wheels.PRESENT)
    assert brought.isdisjoint(there)
    for name in wheels.declared():
        installed = wheels.closure([name])[name] is not None
        assert name in brought or name in there or name in wheels.LEFT_OUT or not installed, name


def test_what_attacks_need_is_listed_where_it_is_asked_for() -> None:
    without, every = ([one for part in wheels.wheels(attacks=attacks) for one in part] for attacks in (False, True))
    assert set(without) < set(every)
    assert [one.partition("==")[0] for one in every if one.startswith(("textattack=", "flair="))] == ["textattack"]


def test_only_pure_wheels_are_listed_as_such() -> None:
    pure, compiled = wheels.wheels()
    assert pure
    assert compiled
    for line in pure:
        name, _, version = line.partition("==")
        found = metadata.distribution(name)
        assert found.version == version
        assert "none-any" in (found.read_text("WHEEL") or ""), name
        assert not [file for file in found.files or () if file.suffix in {".so", ".pyd"}], name


def test_what_is_present_is_not_brought(capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu_check.main(["--wheels"]) == 0
    every = capsys.readouterr().out
    assert gpu_check.main(["--wheels", "--present", "jsonschema", "NLPaug", "scipy"]) == 0
    fewer = capsys.readouterr().out
    for name in ("jsonschema", "referencing", "nlpaug", "scipy"):
        assert f"{name}==" in every
        assert f"{name}==" not in fewer


def packages(folder: Path, names: Sequence[str]) -> None:
    """A folder that holds these installed packages and no others."""
    for name in names:
        found = metadata.distribution(name)
        for top in {file.parts[0] for file in found.files or () if file.parts[0] not in {"..", "__pycache__"}}:
            source, link = Path(str(found.locate_file(top))), folder / top
            if source.exists() and not link.exists():
                link.symlink_to(source)


@pytest.mark.slow
def test_the_whole_check_runs_on_a_cpu_with_nothing_but_what_it_says_to_bring(tmp_path: Path) -> None:
    site, out = tmp_path / "site", tmp_path / "gpu_check.json"
    site.mkdir()
    there = [name for name, found in wheels.closure(wheels.PRESENT).items() if found is not None]
    packages(site, [*there, *(one.partition("==")[0] for part in wheels.wheels() for one in part)])
    command = [sys.executable, "-S", str(wheels.ROOT / "tests" / "gpu_check.py"), "--device", "cpu", "--small"]
    done = subprocess.run(
        [*command, "--json", str(out), "--minutes", "30"],
        env={"PYTHONPATH": str(site), "PATH": "", "HOME": str(tmp_path), "OMP_NUM_THREADS": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["passed"]
    assert {row["step"] for row in found["rows"]} == set(gpu_check.STEPS)
    assert set(found["tasks"]) == {own.name for own in task_sets.SETS}
    skipped = [row["value"] for row in found["rows"] if row["what"] == "attacks in lockstep"]
    assert skipped == ["skipped: TextAttack is not installed"]
    assert "passed on CPU" in done.stdout
