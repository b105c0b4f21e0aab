"""A checkpoint's own head and adapters, where training continues from it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from auditor.errors import ModelError
from auditor.models import adapters
from auditor.models.weight_files import weight_files


def restored(model: Any, path: Path, grown: Sequence[str]) -> Any:
    """Return the model with the checkpoint's adapters and head rows.

    ``grown`` names the parameters that have more rows than in the checkpoint, because the task has labels that it does
    not know. Their first rows become those of the checkpoint. Raises ModelError where the shapes do not allow that.
    """
    import torch

    old = _tensors(path, grown)
    own = dict(model.named_parameters())
    for name in grown:
        kept, parameter = old.get(name), own[name]
        if kept is None or kept.shape[1:] != parameter.shape[1:] or len(kept) > len(parameter):
            raise ModelError(f"its weights {name} do not fit the labels", where=str(path), hint="copy it again")
        with torch.no_grad():
            parameter[: len(kept)] = kept.to(parameter.dtype)
    return adapters.attach(model, path)


def _tensors(path: Path, names: Sequence[str]) -> dict[str, Any]:
    """Return some of the checkpoint's tensors by name."""
    from safetensors import safe_open

    tensors: dict[str, Any] = {}
    for file in weight_files(path) if names else ():
        with safe_open(file, framework="pt") as weights:
            tensors |= {name: weights.get_tensor(name) for name in names if name in weights.keys()}  # noqa: SIM118
    return tensors
