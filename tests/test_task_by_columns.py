"""A file that lacks the text of an assumed task names the tasks that read it."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from test_zoo import folder

from auditor import tasks
from auditor.cli.main import main
from auditor.errors import DataError, NoTextColumnError
from auditor.tasks import by_columns, dialogue_columns, pairs

PAIRS = {"sentence-pair", "sentence-similarity"}
ANSWERS = {("question", "context"): {"question-answering"}}
"""Columns that questions with answers are called too."""


@pytest.mark.parametrize("columns", [pairs.FIELDS, *pairs.USUAL_COLUMNS])
def test_columns_of_pairs_tell_the_tasks_of_pairs(columns: tuple[str, str]) -> None:
    header = ("id", *(name.title() for name in columns), "score")
    told = by_columns.reading(header)
    assert set(told) == PAIRS | ANSWERS.get(columns, set())
    assert all(list(own) == list(header[1:3]) for own in told.values())


@pytest.mark.parametrize(
    ("columns", "reads"),
    [
        *((own, list(own)) for own in (("history", "turn"), *dialogue_columns.USUAL)),
        *(([name], [f"{name}[:-1]", f"{name}[-1]"]) for name in dialogue_columns.DIALOGUES),
        (["turn1", "turn2", "turn3"], ["turn1, turn2", "turn3"]),
        (["history", "turn", "utterance"], []),
        (["dialog_history", "message", "response"], []),
    ],
)
def test_columns_of_dialogues_tell_dialogues(columns: Sequence[str], reads: Sequence[str]) -> None:
    told = by_columns.reading((*columns, "label"))
    assert {name: list(own) for name, own in told.items()} == {"dialogue-classification": reads}


def test_several_pairs_of_columns_are_told_by_the_task_alone() -> None:
    told = by_columns.reading(("premise", "hypothesis", "text1", "text2"))
    assert told == dict.fromkeys(sorted(PAIRS), ())
    with (
        pytest.raises(DataError, match=r"no text \(--task sentence-pair; else name it\)"),
        by_columns.hinting("text-classification"),
    ):
        raise NoTextColumnError("no text", hint="name it", header=("premise", "hypothesis", "text1", "text2"))


@pytest.mark.parametrize("header", [(), ("text", "label"), ("premise", "label"), ("history", "label"), ("turn1", "a")])
def test_other_columns_tell_nothing(header: Sequence[str]) -> None:
    assert by_columns.reading(header) == {}


@pytest.mark.parametrize("task", tasks.names())
def test_the_tasks_that_are_named_have_the_same_kind_of_model(task: str) -> None:
    with (
        pytest.raises(DataError) as caught,
        by_columns.hinting(task),
    ):
        raise NoTextColumnError("no text", where="a.csv", hint="name it", header=("premise", "hypothesis"))
    same = [name for name in sorted(PAIRS) if name != task and tasks.kind(name).head == tasks.kind(task).head]
    flags = "".join(f"--task {name}, which reads premise and hypothesis; else " for name in same)
    assert caught.value.line == f"a.csv: no text ({flags}name it)"


def test_an_error_with_a_place_keeps_what_is_known() -> None:
    error = NoTextColumnError("no text", hint="name it", header=["a"])
    assert error.header == ("a",)
    assert error.at("b.csv").line == "b.csv: no text (name it)"


CELLS = {"history": ["hello"], "messages": ["hello", "a good film"]}


def rows_in(path: Path, columns: Sequence[str], label: Any) -> Path:
    """A file with rows of these columns."""
    rows = [{name: CELLS.get(name, f"a good film {number}") for name in columns} | label for number in range(3)]
    if set(columns) & CELLS.keys():
        file = path / "test.jsonl"
        file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        return file
    file = path / "test.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        written = csv.DictWriter(stream, [*columns, *label])
        written.writeheader()
        written.writerows(rows)
    return file


@pytest.mark.parametrize(
    ("assumed", "task", "columns", "label"),
    [
        ("text-regression", "sentence-similarity", ("sentence_A", "sentence_B"), {"relatedness_score": 0.5}),
        ("text-classification", "sentence-pair", ("premise", "hypothesis"), {"label": "positive"}),
        ("text-classification", "dialogue-classification", ("history", "turn"), {"label": "positive"}),
        ("text-classification", "dialogue-classification", ("messages",), {"label": "positive"}),
    ],
)
def test_an_audit_of_a_checkpoint_from_elsewhere_says_which_task_to_name(
    assumed: str, task: str, columns: Sequence[str], label: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = shutil.copytree(folder(4, assumed) / "bert", tmp_path / "model")
    file = rows_in(tmp_path, columns, label)
    command = ["run", "--model", str(model), "--data", str(file), "--out", str(tmp_path / "audit"), "--quiet"]
    assert main([*command, "--probe", "quality"]) == 2
    line = capsys.readouterr().err
    assert f"(--task {task}, which reads " in line
    assert "; else name it: --text-column or [data] text_column; columns: " in line
    assert line.count("\n") == 1
    assert not (tmp_path / "audit").exists()
    # What the line says works.
    assert main([*command, "--probe", "quality", "--task", task]) in (1, 3), capsys.readouterr().err


def test_a_checkpoint_whose_task_is_recorded_is_given_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from auditor.evaluation import audit_data

    monkeypatch.setattr(audit_data, "recorded_task", lambda _model: {"name": "text-classification"})
    model = folder(4, "text-classification") / "bert"
    file = rows_in(tmp_path, ("premise", "hypothesis"), {"label": "positive"})
    assert main(["run", "--model", str(model), "--data", str(file), "--out", str(tmp_path / "audit"), "--quiet"]) == 2
    line = capsys.readouterr().err
    assert "--task" not in line
    assert "name it: --text-column" in line


def test_training_names_the_tasks_of_every_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = folder(4, "text-classification") / "bert"
    file = rows_in(tmp_path, ("premise", "hypothesis"), {"label": "positive"})
    config = tmp_path / "audit.toml"
    config.write_text(f'[data]\ntrain = "{file.name}"\n[training]\nbase = "{base}"\n', encoding="utf-8")
    assert main(["train", "--config", str(config), "--quiet"]) == 2
    line = capsys.readouterr().err
    assert "--task sentence-pair, which reads premise and hypothesis, or --task sentence-similarity, which" in line
