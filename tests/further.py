"""Trainings that continue from a tiny checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from test_training_job import written

from auditor import config as configs
from auditor.config import Config
from auditor.training import job
from auditor.types import Silent

FIRST = """
seed = 5
[data]
train = "train.csv"
test = "validation.csv"
[training]
base = "base"
epochs = 1
batch_size = 4
max_length = 32
"""
LATER = FIRST.replace("train.csv", "new.csv").replace("validation.csv", "new-test.csv")
SMALL: dict[str, dict[str, Any]] = {"replay": {"keep": 4}, "ewc": {"rows": 4}, "grow": {"width": 3}}


def new_rows(folder: Path, rows: str = "dull film,no\nfine film,yes\ndull plot,no\nfine plot,yes\n") -> None:
    (folder / "new.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
    (folder / "new-test.csv").write_text("text,label\nfine movie,yes\ndull movie,no\n", encoding="utf-8")


def later(folder: Path, names: Sequence[str], out: str = "second", start: str = "ckpt/standard", **more: Any) -> Config:
    (folder / "later.toml").write_text(LATER, encoding="utf-8")
    config = configs.load(folder / "later.toml")
    training = {"recipes": tuple(names), "continue_from": Path(start), "out": Path(out), "recipe": SMALL, **more}
    return config.model_copy(update={"training": config.training.model_copy(update=training)})


def train(config: Config, *, fresh: bool = True) -> list[Path]:
    return [each.folder for each in job.train(config, out=None, device="cpu", progress=Silent(), fresh=fresh)]


def first_period(folder: Path) -> Path:
    """A folder with a trained checkpoint ``ckpt/standard`` and rows of a later period."""
    train(written(folder, FIRST))
    new_rows(folder)
    return folder
