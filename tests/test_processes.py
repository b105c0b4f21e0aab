"""Several processes of one training."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from fakes import reviews
from safetensors.torch import load_file
from test_ner import columns, sentences
from tiny import tiny_checkpoint

from auditor.cli.main import main
from auditor.training import distributed

CONFIG = """
[data]
train = "train.csv"
[training]
base = "base"
recipes = ["standard", "smart", "fgm"]
epochs = 1
batch_size = 9
learning_rate = 1e-3
max_length = 32
dropout = 0.0
clip_norm = 1e9
"""


class Two:
    """What accelerate tells the second of two processes."""

    num_processes, process_index, device = 2, 1, "cpu"

    def reduce(self, value: Any, reduction: str) -> Any:
        assert reduction == "mean"
        return (value + 10.0) / 2  # the other one's is 10


class One:
    num_processes, process_index, device = 1, 0, "cpu"


def test_a_batch_is_divided_and_the_mean_of_means_is_that_of_all() -> None:
    # Nine rows: five for the first, four for the second, whose mean counts as four rows of nine.
    own, weight = distributed.share(Two(), list(range(9)), [1] * 9)
    assert own == [1, 3, 5, 7]
    assert weight == pytest.approx(8 / 9)
    assert distributed.share(One(), [3, 4], [1] * 9) == ([3, 4], 1.0)
    # One row for two processes: the second has a row that weighs nothing.
    assert distributed.share(Two(), [7], [1] * 9) == ([7], 0.0)
    # Of words it is labels that count: four of the twelve are in the second row.
    own, weight = distributed.share(Two(), [0, 1], [8, 4])
    assert (own, round(weight, 9)) == ([1], round(2 / 3, 9))


def test_losses_and_gradients_are_means_over_processes() -> None:
    assert distributed.mean(Two(), 4.0, 0.5) == (2.0 + 10.0) / 2
    assert distributed.mean(Two(), float("nan"), 0.0) == 5.0
    assert distributed.mean(One(), 4.0, 1.0) == 4.0
    one, none = torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(2))
    one.grad = torch.tensor([2.0, 4.0])
    distributed.average_gradients(Two(), [one, none])
    assert one.grad.tolist() == [6.0, 7.0]
    assert none.grad is None
    distributed.average_gradients(One(), [one])
    assert one.grad.tolist() == [6.0, 7.0]


def test_without_a_launcher_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (distributed.count(), distributed.is_first(), distributed.device("cuda")) == (1, True, "cuda")
    for name, value in {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    assert (distributed.count(), distributed.is_first()) == (2, False)
    assert (distributed.device("cuda"), distributed.device("cpu")) == ("cuda:1", "cpu")


def launched(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    return subprocess.run(
        [*command, "-m", "auditor.cli.main", "train", "--config", str(folder / "audit.toml"), *words],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
        check=False,
    )


def both(folder: Path) -> list[str]:
    """Train in two processes and in one, and compare the weights that must be equal.

    Returns the lines that the two processes printed.
    """
    done = launched(folder, "--out", str(folder / "two"), "--quiet", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    one = ["train", "--config", str(folder / "audit.toml"), "--out", str(folder / "one"), "--quiet"]
    assert main([*one, "--device", "cpu"]) == 0
    for name in ("standard", "smart"):
        ours, theirs = (load_file(folder / where / name / "model.safetensors") for where in ("two", "one"))
        for key, value in ours.items():
            torch.testing.assert_close(value, theirs[key], rtol=1e-4, atol=2e-5)
    return done.stdout.splitlines()


def test_two_processes_train_what_one_trains(tmp_path: Path) -> None:
    rows = [f'"{row.inputs["text"]}",{row.gold}' for row in reviews(31)]
    (tmp_path / "train.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    tiny_checkpoint(tmp_path / "base", head=False)
    (tmp_path / "audit.toml").write_text(CONFIG, encoding="utf-8")
    # Said once, by the first process.
    assert [Path(line).name for line in both(tmp_path)] == ["standard", "smart", "fgm"]
    # FGM goes along each process's own gradient: other weights, and a whole checkpoint.
    assert (tmp_path / "two" / "fgm" / "training.json").is_file()
    again = launched(tmp_path, "--out", str(tmp_path / "two"), "--device", "cpu")
    assert again.returncode == 0, again.stderr
    assert again.stderr.count("inputs unchanged since training") == 3


def test_two_processes_train_words_as_one_does(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text(columns(sentences(31)), encoding="utf-8")
    tiny_checkpoint(tmp_path / "base", head=False)
    config = f'task = "ner"\n{CONFIG}'.replace("train.csv", "train.txt").replace(', "fgm"', "")
    (tmp_path / "audit.toml").write_text(config, encoding="utf-8")
    assert len(both(tmp_path)) == 2
