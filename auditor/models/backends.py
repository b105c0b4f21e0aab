"""Loading of a checkpoint with the backend and devices of its options."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from auditor.models import hugging_face, onnx, replicas
from auditor.models.checkpoint import Checkpoint
from auditor.models.options import LoadOptions
from auditor.types import Model


def load(source: Path | Checkpoint, options: LoadOptions, *, name: str) -> Model:
    """Load the model, or its replicas on several devices. Raises ModelError."""
    loader = onnx.load if options.backend == "onnx" else hugging_face.load
    return replicas.on_each(
        options.device.split(","), lambda device: loader(source, replace(options, device=device), name=name)
    )
