"""``training.json``: everything needed to repeat a training.

With it, ``audit run`` needs no further arguments. This module does not import torch.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from auditor.data import sha256_of
from auditor.errors import DataError, ModelError, UsageError
from auditor.models import checkpoint
from auditor.storage.reading import DOCUMENT, read_file

NAME = "training.json"
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class TrainingRecord:
    """The content of ``training.json``; paths are relative to the checkpoint's folder."""

    recipe: str
    recipe_settings: Mapping[str, Any]
    base: Mapping[str, str]
    """``path`` and ``fingerprint``."""
    data: Mapping[str, Mapping[str, str]]
    """``train``, ``validation``, ``test`` and the names of domains and slices → ``path`` and ``sha256``, for a separate
    file of labels ``labels_path`` and ``labels_sha256``, and for a slice its ``kind``, ``TIME_SLICE``."""
    columns: Mapping[str, str]
    mapping: Mapping[str, str]
    labels: tuple[str, ...]
    settings: Mapping[str, Any]
    seed: int
    train_rows: int
    versions: Mapping[str, str]
    device: str
    steps: int
    history: tuple[Mapping[str, float], ...]
    inputs: str = ""
    """The key of the training (``training_key.key``): an equal key means that nothing that decides the weights has
    changed. Empty in files from versions without keys."""
    parameters: int = 0
    """Parameters of the model during training; 0 in files from versions that did not record it."""
    trainable: int = 0
    """How many of ``parameters`` training changed."""
    work: int = 0
    """Weighted tokens that training processed (``Trained.work``); 0 in files from versions that did not count it."""
    own_learning_rate: bool = False
    """Whether the learning rate was this recipe's own instead of the whole training's."""
    repair: bool = False
    """Whether tags that violate the tagging scheme were repaired."""
    ignore_case: bool = False
    """Whether labels that differ only in case counted as one label."""
    header: bool = True
    """Whether the first row of CSV and TSV files named the columns."""
    task: Mapping[str, Any] = field(default_factory=dict)
    """``name``, and the task's settings as ``[task]`` gives them; empty in files from before they were recorded."""
    out_of_scope: Mapping[str, str] = field(default_factory=dict)
    """Kind of rows that were out of scope → their label, which is none of ``labels``."""
    language: str | None = None
    """ISO 639-1 code of the texts' language, where it was given; None: recipes detected it."""
    chain: tuple[Mapping[str, Any], ...] = ()
    """The checkpoints that training continued from, the oldest first; the last is ``base``. For each: ``path``,
    ``fingerprint``, ``labels``, ``data`` (``train`` and ``test``) and how these are read."""
    warning: str = ""
    """Problems of the model that training could detect."""


def write(folder: Path, record: TrainingRecord) -> None:
    """Write ``training.json`` beside the weights.

    Raises ModelError when writing fails.
    """
    content = {"schema": SCHEMA, **asdict(record)}
    for name in ("chain", "out_of_scope", "language"):
        if not content[name]:
            del content[name]
    text = json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    try:
        # Bytes of paths that are not UTF-8 become JSON escapes, which ``read`` restores.
        (folder / NAME).write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise ModelError(f"cannot be written: {error.strerror}", where=str(folder / NAME)) from None


def read(folder: Path) -> TrainingRecord | None:
    """Return the record of a checkpoint.

    Returns None for a checkpoint without a record. Raises ModelError for a broken file or one with a newer schema.
    """
    file = folder / NAME
    try:
        if not (file.exists() or file.is_symlink()):
            return None
        content = json.loads(read_file(file, ModelError, limit=DOCUMENT).decode("utf-8"))
        schema = int(content["schema"])
        if schema <= SCHEMA:
            record = TypeAdapter(TrainingRecord).validate_python(content)
            _check_entries(record)
            return record
    except (OSError, ValidationError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise ModelError("is not auditor's training.json", where=str(file), hint="remove it and give --data") from None
    raise ModelError(f"has schema {schema}; this auditor reads {SCHEMA}", where=str(file), hint="upgrade auditor")


def _check_entries(record: TrainingRecord) -> None:
    places = [*record.data.values(), *(place for entry in record.chain for place in entry["data"].values())]
    models = (record.base, *record.chain)
    for entry, needed in (*((model, "fingerprint") for model in models), *((place, "sha256") for place in places)):
        if not {"path", needed} <= entry.keys():
            raise ValueError(needed)
    name = record.task.get("name")
    if record.task and not (isinstance(name, str) and name):
        raise ValueError("task")


def check_data(record: TrainingRecord, folder: Path, name: str) -> Path:
    """Return the path of one set's file, unchanged since training.

    Raises DataError if the file or its file of labels does not exist or has changed.
    """
    entry = record.data[name]
    for kind in ("", "labels_") if "labels_path" in entry else ("",):
        path = folder / entry[f"{kind}path"]
        if not os.path.exists(path):  # noqa: PTH110 - it raises nothing
            raise DataError(f"the {name} data that {NAME} names does not exist", where=str(path), hint="give --data")
        if sha256_of(path) != entry.get(f"{kind}sha256"):
            raise DataError(
                f"the {name} data has changed since training", where=str(path), hint="train again, or give --data"
            )
    return folder / entry["path"]


def base_of(record: TrainingRecord, folder: Path) -> Path | None:
    """Return the folder of a checkpoint's base.

    Returns None if the folder holds no model any longer. Raises UsageError if the base has changed since training.
    """
    base = folder / record.base["path"]
    if not os.path.isfile(base / "config.json"):  # noqa: PTH113 - it raises nothing
        return None
    if checkpoint.fingerprint(base) != record.base["fingerprint"]:
        raise UsageError("the base model has changed since training", where=str(base), hint="name another with --base")
    return base
