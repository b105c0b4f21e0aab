"""Recipes that train a few parameters, with every task: their checkpoints are audited as any other."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import heads_of_tasks
import pytest
from tiny import tiny_checkpoint

from auditor import tasks
from auditor.cli.main import main
from auditor.models import hugging_face, onnx
from auditor.models.options import LoadOptions
from auditor.testing import sample_rows
from auditor.text import answers
from auditor.types import Example, Task

RECIPES = ("ia3", "lora", "prefix", "prompt")


def cells(task: Task, row: Example) -> Mapping[str, Any]:
    """A row as its file has it."""
    if "answers_in_context" in task.offers:
        starts = [answers.start_of(row.inputs["context"], right) for right in row.gold]
        return {**row.inputs, "answers": {"text": [right.text for right in row.gold], "answer_start": starts}}
    gold = list(row.gold) if "label_sets" in task.offers else row.gold
    return {**row.inputs, "label": gold}


def files(task: Task, place: Path) -> dict[str, str]:
    """Training and test rows."""
    named = {}
    for name, many, words in (("train", 16, range(6)), ("data", 12, range(6, 12))):
        rows = sample_rows(task, many, name, words=words)
        if task.layout == "sentences":
            file = place / f"{name}.conll"
            pairs = (zip(row.inputs["text"].split(), row.gold, strict=True) for row in rows)
            file.write_text("\n".join("".join(f"{word}\t{tag}\n" for word, tag in own) for own in pairs), "utf-8")
        else:
            file = place / f"{name}.jsonl"
            file.write_text("".join(f"{json.dumps(cells(task, row))}\n" for row in rows), "utf-8")
        named[name] = str(file)
    return named


@pytest.mark.parametrize("name", tasks.names())
def test_checkpoints_of_a_few_parameters_are_audited(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    task = tasks.create(name, heads_of_tasks.LABELS[name])
    base, given = tiny_checkpoint(tmp_path / "base", head=False), files(task, tmp_path)
    train = given["train"]
    Path("audit.toml").write_text(
        f'task = "{name}"\n[data]\ntrain = "{train}"\n[training]\nbase = "{base}"\n'
        'out = "ckpt"\nepochs = 1\nbatch_size = 8\nmax_length = 48\n',
        encoding="utf-8",
    )
    assert main(["train", "--recipes", ",".join(RECIPES)]) == 0, capsys.readouterr().err
    words = ["run", "--model", "ckpt", "--candidate", "lora", "--data", given["data"], "--probe", "quality"]
    assert main([*words, "--out", "audit", "--quiet"]) in (1, 3), capsys.readouterr().err
    records = json.loads(Path("audit/results.json").read_text("utf-8"))["records"]
    measured = {record["model"]: record["status"] for record in records if record["probe"] == "quality"}
    assert measured == dict.fromkeys(RECIPES, "measured")
    runtime = all(importlib.util.find_spec(package) for package in onnx.PACKAGES)
    _, requests = heads_of_tasks.requests(name)
    for recipe in RECIPES if runtime else ():
        options = LoadOptions(device="cpu", head=task.head)
        own, known = (kind.load(Path("ckpt", recipe), options, name=recipe) for kind in (onnx, hugging_face))
        pairs = zip(own.run(own.encode(requests)), known.run(known.encode(requests)), strict=True)
        rows = (zip(*map(known.head.distributions, pair), strict=True) for pair in pairs)
        assert all(one == pytest.approx(two, abs=1e-5) for of_answer in rows for one, two in of_answer)
    notes = json.loads(Path("ckpt/lora/training.json").read_text("utf-8"))
    assert notes["task"]["name"] == name
