"""A finished training: a checkpoint on disk, a model that answers."""

from __future__ import annotations

from pathlib import Path

from auditor.models import hugging_face
from auditor.training import checkpoint_writer
from auditor.training import record as records
from auditor.training.settings import Trained


def save(trained: Trained, out: Path, record: records.TrainingRecord | None = None) -> None:
    """Write the checkpoint atomically, with ``training.json`` if ``record`` is given.

    Raises ModelError when writing fails.
    """
    checkpoint_writer.save(trained.model, trained.tokenizer, out, record)


def as_model(trained: Trained, *, name: str, fingerprint: str = "") -> hugging_face.HuggingFaceModel:
    """Return the trained model as a ``Model``.

    ``fingerprint`` is the key of its training, if it has one.
    """
    return hugging_face.wrap(
        trained.model, trained.tokenizer, name=name, max_length=trained.max_length, fingerprint=fingerprint
    )
