"""training.json: written, read back, checked against the data."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from auditor.data import sha256_of
from auditor.errors import DataError, ModelError
from auditor.training import record as records
from auditor.training.record import TrainingRecord


def a_record(data: dict[str, dict[str, str]] | None = None) -> TrainingRecord:
    return TrainingRecord(
        recipe="fgm",
        recipe_settings={"epsilon": 1.0},
        base={"path": "../base", "fingerprint": "ab"},
        data=data or {},
        columns={"text": "review", "label": "stars"},
        mapping={"1": "bad"},
        labels=("bad", "gut ☂"),
        settings={"epochs": 2, "patience": None},
        seed=7,
        train_rows=3,
        versions={"python": "3.11"},
        device="cpu",
        steps=4,
        history=({"epoch": 0.0, "loss": 0.5},),
    )


def with_data(folder: Path) -> tuple[TrainingRecord, Path, Path]:
    """A record in ``folder/ckpt`` that knows ``folder/train.csv``."""
    file = folder / "train.csv"
    file.write_text("text,label\na,b\n", encoding="utf-8")
    checkpoint = folder / "ckpt"
    checkpoint.mkdir()
    return a_record({"train": {"path": "../train.csv", "sha256": sha256_of(file)}}), checkpoint, file


def test_a_record_reads_back_as_it_was_written(tmp_path: Path) -> None:
    records.write(tmp_path, a_record())
    assert records.read(tmp_path) == a_record()


def test_the_same_record_gives_the_same_bytes(tmp_path: Path) -> None:
    records.write(tmp_path, a_record())
    first = (tmp_path / records.NAME).read_bytes()
    records.write(tmp_path, a_record())
    assert (tmp_path / records.NAME).read_bytes() == first
    assert "gut ☂" in first.decode()


def test_a_checkpoint_from_elsewhere_has_no_record(tmp_path: Path) -> None:
    assert records.read(tmp_path) is None


def test_a_record_that_cannot_be_written_is_a_model_error(tmp_path: Path) -> None:
    (tmp_path / records.NAME).mkdir()
    with pytest.raises(ModelError, match="cannot be written"):
        records.write(tmp_path, a_record())


@pytest.mark.parametrize(
    "change",
    [
        {"labels": None},
        {"labels": 3},
        {"history": [1]},
        {"base": "path"},
        {"base": {"path": "x"}},
        {"data": {"train": {"path": "x"}}},
        {"data": {"train": "x.csv"}},
        {"schema": "one"},
        {"schema": None},
        {"seed": "s"},
    ],
    ids=str,
)
def test_a_record_of_the_wrong_shape_is_a_model_error(tmp_path: Path, change: dict[str, Any]) -> None:
    records.write(tmp_path, a_record())
    file = tmp_path / records.NAME
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | change), encoding="utf-8")
    with pytest.raises(ModelError, match=r"is not auditor's training\.json"):
        records.read(tmp_path)


@pytest.mark.parametrize("content", [b"{", b"[]", b"3", b"{}", b"\xff\xfe\x00"], ids=repr)
def test_a_file_that_is_no_record_is_a_model_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / records.NAME).write_bytes(content)
    with pytest.raises(ModelError) as caught:
        records.read(tmp_path)
    assert caught.value.where == str(tmp_path / records.NAME)


def test_a_record_of_a_newer_schema_is_refused_even_when_its_shape_has_changed(tmp_path: Path) -> None:
    (tmp_path / records.NAME).write_text(json.dumps({"schema": records.SCHEMA + 1}), encoding="utf-8")
    with pytest.raises(ModelError, match="upgrade auditor"):
        records.read(tmp_path)


def test_data_that_has_not_changed_is_found_beside_the_checkpoint(tmp_path: Path) -> None:
    record, checkpoint, file = with_data(tmp_path)
    assert records.check_data(record, checkpoint, "train").resolve() == file.resolve()


def test_changed_data_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    record, checkpoint, file = with_data(tmp_path)
    file.write_text("text,label\na,c\n", encoding="utf-8")
    with pytest.raises(DataError, match="changed since training") as caught:
        records.check_data(record, checkpoint, "train")
    assert "train.csv" in caught.value.line


def test_missing_data_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    record, checkpoint, file = with_data(tmp_path)
    file.unlink()
    with pytest.raises(DataError, match="does not exist") as caught:
        records.check_data(record, checkpoint, "train")
    assert "train.csv" in caught.value.line


@pytest.mark.parametrize(
    ("written", "task"),
    [
        ({"task": {"name": "ner", "lenient": True}}, {"name": "ner", "lenient": True}),
        # Files from before the task was recorded, and one with a key that no version writes.
        ({}, {}),
        ({"lenient": True}, {}),
    ],
)
def test_the_task_and_its_settings_are_read_where_they_are_recorded(
    tmp_path: Path, written: dict[str, Any], task: dict[str, Any]
) -> None:
    content = {"schema": 1, **asdict(a_record())}
    del content["task"]
    (tmp_path / "training.json").write_text(json.dumps({**content, **written}), encoding="utf-8")
    found = records.read(tmp_path)
    assert found is not None
    assert found.task == task


@pytest.mark.parametrize("task", [{"name": 3}, {"name": ""}, {"lenient": True}, "ner"])
def test_a_task_that_is_none_is_refused(tmp_path: Path, task: object) -> None:
    content = {"schema": 1, **asdict(a_record()), "task": task}
    (tmp_path / "training.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ModelError, match=r"is not auditor's training\.json"):
        records.read(tmp_path)
