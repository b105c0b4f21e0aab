"""An audit with attacks and a retraining probe survives SIGKILL at any moment, to the same bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import reviews
from kill_and_resume import disturbed, of_task
from tiny import tiny_checkpoint

from auditor.cli.main import main

CONFIG = """
[data]
train = "train.csv"
test = "test.csv"
[training]
base = "base"
epochs = 1
learning_rate = 1e-3
max_length = 32
[probes.noise]
perturbations = ["keyboard typo", "swapped words"]
[probes.adversarial]
examples = 40
recipes = ["deepwordbug", "pruthi"]
[probes.low_resource]
sizes = [10, 40]
seeds = 2
steps = 30
examples = 40
"""


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
def test_twenty_kills_at_random_moments_change_no_byte(seed: int, tmp_path: Path) -> None:
    for name, n in (("train", 120), ("test", 80)):
        rows = [f'"{row.inputs["text"]} {name}",{row.gold}' for row in reviews(n)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    tiny_checkpoint(tmp_path / "base", head=False)
    (tmp_path / "audit.toml").write_text(CONFIG, encoding="utf-8")
    assert main(["train", "--config", str(tmp_path / "audit.toml"), "--quiet"]) == 0
    words = ["--model", str(tmp_path / "ckpt" / "standard"), "--config", str(tmp_path / "audit.toml")]
    words += [word for probe in ("noise", "adversarial", "low_resource") for word in ("--probe", probe)]
    (tmp_path / "runs").mkdir()
    assert len(disturbed(words, tmp_path / "runs", 20, seed)) == 20


@pytest.mark.slow
@pytest.mark.parametrize("task", ["question-answering"])
def test_kills_change_no_byte_of_an_audit_of_another_task(task: str, tmp_path: Path) -> None:
    words = of_task(task, tmp_path / "made")
    words += [word for probe in ("noise", "adversarial", "low_resource") for word in ("--probe", probe)]
    (tmp_path / "runs").mkdir()
    assert len(disturbed(words, tmp_path / "runs", 8, 2)) == 8
