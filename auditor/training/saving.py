"""A trained model on disk: whole, or not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from auditor import folders
from auditor.errors import ModelError
from auditor.training import record as records

MARKER = "config.json"
"""What a checkpoint that may be replaced holds."""


def check_target(out: Path) -> None:
    """A checkpoint may replace an older one or an empty folder, nothing else. Raises ModelError."""
    folders.check_target(out, MARKER, ModelError)


def save(model: Any, tokenizer: Any, out: Path, record: records.TrainingRecord | None = None) -> None:
    """Write weights (safetensors), tokenizer and ``training.json``, whole or not at all. Raises ModelError.

    An interruption leaves what was there before.
    """
    from safetensors import SafetensorError

    with folders.whole(out, MARKER, ModelError) as folder:
        try:
            model.save_pretrained(folder, safe_serialization=True)
        except SafetensorError as error:
            raise ModelError(f"cannot be written: {error}", where=str(out), hint="is the disk full?") from None
        tokenizer.save_pretrained(folder)
        if record is not None:
            records.write(folder, record)
