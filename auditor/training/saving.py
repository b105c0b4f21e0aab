"""A trained model on disk: whole, or not there."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from auditor.errors import ModelError
from auditor.training import record as records


def check_target(out: Path) -> None:
    """A checkpoint may replace an older one or an empty folder, nothing else. Raises ModelError."""
    if not out.exists() or (out.is_dir() and ((out / "config.json").is_file() or not any(out.iterdir()))):
        return
    raise ModelError("is there already and is no checkpoint", where=str(out), hint="name another folder, or remove it")


def save(model: Any, tokenizer: Any, out: Path, record: records.TrainingRecord | None = None) -> None:
    """Write weights (safetensors), tokenizer and ``training.json`` beside ``out``, then rename.

    An interruption leaves what was there before. Raises ModelError.
    """
    from safetensors import SafetensorError

    check_target(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise ModelError(f"cannot be written: {error.strerror}", where=str(out)) from None
    try:
        model.save_pretrained(folder, safe_serialization=True)
        tokenizer.save_pretrained(folder)
        if record is not None:
            records.write(folder, record)
        folder.chmod(0o755)
        _replace(out, folder)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ModelError(f"cannot be written: {reason}", where=str(out), hint="is the disk full?") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _replace(out: Path, folder: Path) -> None:
    aside = folder.with_name(f"{folder.name}-before")
    try:
        if out.exists():
            out.rename(aside)
        folder.rename(out)
    finally:
        if aside.exists() and not out.exists():
            aside.rename(out)
        shutil.rmtree(aside, ignore_errors=True)
