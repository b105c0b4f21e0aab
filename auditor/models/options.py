"""Options for loading a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.models import heads


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What determines, besides the folder, how a checkpoint is loaded and run."""

    head: str = heads.DEFAULT
    """The head that a folder must have if it is not described yet."""
    device: str = "auto"
    """``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``; ``backends.load`` also takes several, separated by commas."""
    backend: str = "torch"
    """The backend: ``torch`` or ``onnx``."""
    precision: str = "fp32"
    max_length: int | None = None
    """Limit on tokens; None: as many as tokenizer and model allow."""
    allow_pickle: bool = False
    trust_remote_code: bool = False


DEFAULTS = LoadOptions()
