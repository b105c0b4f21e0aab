"""Atomic writes of trained checkpoints."""

from __future__ import annotations

import tempfile
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from auditor.errors import ModelError
from auditor.models import adapters
from auditor.models.adapter_files import ADAPTER_CONFIG, ADAPTER_WEIGHTS
from auditor.models.weight_files import ADAPTER
from auditor.storage import atomic_folder
from auditor.training import record as records

WRITTEN = (
    records.NAME,
    ADAPTER,
    "config.json",
    "generation_config.json",
    "model*.safetensors",
    "model.safetensors.index.json",
    "*token*.json",
    "*.jinja",
    "vocab.*",
    "merges.txt",
    "*.model",
)
"""Patterns of the files that transformers and auditor write to a checkpoint."""


def is_ours(folder: Path) -> bool:
    """Return whether the folder holds only a checkpoint that auditor wrote."""
    names = {file.name for file in folder.iterdir()}
    adapter = folder / ADAPTER
    inner = {file.name for file in adapter.iterdir()} if adapter.is_dir() else set()
    return (
        records.NAME in names
        and all(any(fnmatch(name, pattern) for pattern in WRITTEN) for name in names)
        and inner <= {ADAPTER_CONFIG, ADAPTER_WEIGHTS}
    )


def check_target(out: Path) -> None:
    """Refuse a target folder that holds anything but an auditor checkpoint.

    A new checkpoint may replace an empty folder or an older checkpoint that auditor wrote. Raises ModelError otherwise.
    """
    atomic_folder.check_target(out, is_ours, ModelError)


def save(model: Any, tokenizer: Any, out: Path, record: records.TrainingRecord | None = None) -> None:
    """Write weights (safetensors), tokenizer and ``training.json`` atomically.

    An interruption leaves the folder as it was. Raises ModelError when writing fails.
    """
    from safetensors import SafetensorError

    with atomic_folder.whole(out, is_ours, ModelError) as folder:
        try:
            adapters.save(model, folder)
        except SafetensorError as error:
            raise ModelError(f"cannot be written: {error}", where=str(out), hint="is the disk full?") from None
        tokenizer.save_pretrained(folder)
        if record is not None:
            records.write(folder, record)


def rewrite(out: Path, record: records.TrainingRecord) -> None:
    """Replace a checkpoint's ``training.json`` atomically, and nothing else.

    Raises ModelError when writing fails.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as folder:
            records.write(Path(folder), record)
            (Path(folder) / records.NAME).replace(out / records.NAME)
    except OSError as error:
        raise ModelError(f"cannot be written: {error.strerror}", where=str(out / records.NAME)) from None
