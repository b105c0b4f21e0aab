"""How a checkpoint is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.models import heads


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """All that decides how a checkpoint is loaded and computes, beside the folder itself."""

    head: str = heads.DEFAULT
    """Of a folder that is not described yet: the head that it has to have."""
    device: str = "auto"
    """``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``; of ``backends.load`` also several with commas between."""
    backend: str = "torch"
    """What computes: ``torch`` or ``onnx``."""
    precision: str = "fp32"
    max_length: int | None = None
    """Tokens, at most; None: as many as tokenizer and model allow."""
    allow_pickle: bool = False
    trust_remote_code: bool = False


DEFAULTS = LoadOptions()
