"""``training.json``: everything needed to repeat a training, and to audit without further arguments. No torch."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
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
    """Paths are relative to the checkpoint's folder."""

    recipe: str
    recipe_settings: Mapping[str, Any]
    base: Mapping[str, str]
    """``path`` and ``fingerprint``."""
    data: Mapping[str, Mapping[str, str]]
    """``train``, ``validation``, ``test`` and the domains' names → ``path`` and ``sha256``, and of a file beside it that
    holds the labels ``labels_path`` and ``labels_sha256``."""
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
    """The key of the training (``inputs.key``): the same, and nothing that decides the weights has changed. Empty in
    files from before there was one."""
    parameters: int = 0
    """Of the model as it was trained; 0 in files from before it was recorded."""
    trainable: int = 0
    """Of which training changed."""
    work: int = 0
    """Tokens that training passed, weighted (``Trained.work``); 0 in files from before it was counted."""
    own_learning_rate: bool = False
    """Whether the learning rate was this recipe's own, and not that of the whole training."""
    repair: bool = False
    """Whether tags of words that may not stand where they do were repaired."""
    ignore_case: bool = False
    """Whether labels that differ in case alone were one label."""
    header: bool = True
    """Whether CSV and TSV files had a first row that names the columns."""
    warning: str = ""
    """What is wrong with the model, as far as training could tell."""


def write(folder: Path, record: TrainingRecord) -> None:
    """Write ``training.json`` beside the weights. Raises ModelError when that fails."""
    content = {"schema": SCHEMA, **asdict(record)}
    text = json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    try:
        # Bytes of paths that are not UTF-8 become JSON escapes, which are read back as they were.
        (folder / NAME).write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise ModelError(f"cannot be written: {error.strerror}", where=str(folder / NAME)) from None


def read(folder: Path) -> TrainingRecord | None:
    """The record of a checkpoint that auditor trained; None for one from elsewhere. Raises ModelError when broken."""
    file = folder / NAME
    try:
        if not (file.exists() or file.is_symlink()):
            return None
        found = json.loads(read_file(file, ModelError, limit=DOCUMENT).decode("utf-8"))
        schema = int(found["schema"])
        if schema <= SCHEMA:
            known = {
                one.name: found[one.name]
                for one in fields(TrainingRecord)
                if one.name in found or one.default is MISSING
            }
            record = TypeAdapter(TrainingRecord).validate_python(known)
            _check_entries(record)
            return record
    except (OSError, ValidationError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise ModelError("is not auditor's training.json", where=str(file), hint="remove it and give --data") from None
    raise ModelError(f"has schema {schema}; this auditor reads {SCHEMA}", where=str(file), hint="upgrade auditor")


def _check_entries(record: TrainingRecord) -> None:
    for entry, needed in ((record.base, "fingerprint"), *((one, "sha256") for one in record.data.values())):
        if not {"path", needed} <= entry.keys():
            raise ValueError(needed)


def check_data(record: TrainingRecord, folder: Path, name: str) -> Path:
    """The file of one set, as trained. One that is gone or has changed is a DataError."""
    entry = record.data[name]
    for kind in ("", "labels_") if "labels_path" in entry else ("",):
        path = folder / entry[f"{kind}path"]
        if not os.path.exists(path):  # noqa: PTH110 - it raises nothing
            raise DataError(f"the {name} data of {NAME} is not there", where=str(path), hint="give --data")
        if sha256_of(path) != entry.get(f"{kind}sha256"):
            raise DataError(
                f"the {name} data has changed since training", where=str(path), hint="train again, or give --data"
            )
    return folder / entry["path"]


def base_of(found: TrainingRecord, folder: Path) -> Path | None:
    """The base that a checkpoint was trained from; None where it is not there. A changed one is a UsageError."""
    base = folder / found.base["path"]
    if not os.path.isfile(base / "config.json"):  # noqa: PTH113 - it raises nothing
        return None
    if checkpoint.fingerprint(base) != found.base["fingerprint"]:
        raise UsageError("the base model has changed since training", where=str(base), hint="name another with --base")
    return base
