"""The depth of a model's parameters: the layers to which they belong."""

from __future__ import annotations

import re
from typing import Any

from auditor.errors import ModelError

_LAYER = re.compile(r"\.(?:layers?|h|blocks?)\.(\d+)\.")


def depths(model: Any) -> dict[str, int]:
    """Return the depth of every parameter by name.

    The depth is 0 for the embeddings, 1 … n for the n layers, and n + 1 for pooler and head. Everything before the
    first layer counts as embeddings; the encoder's other parameters outside its layers count as the last layer. Raises
    ModelError for an architecture whose parameter names do not tell its layers apart (ALBERT shares one layer).
    """
    names = [name for name, _ in model.named_parameters()]
    layer = {name: int(match[1]) + 1 for name in names if (match := _LAYER.search(name))}
    if not layer:
        hint = "choose a recipe that trains the whole model"
        raise ModelError(f"no layers found in {type(model).__name__}", hint=hint)
    last, prefix = max(layer.values()), getattr(model, "base_model_prefix", "")
    depth, seen = {}, False
    for name in names:
        seen = seen or name in layer
        above = ".pooler." in name or not (prefix and name.startswith(f"{prefix}."))
        depth[name] = layer.get(name, (last + 1 if above else last) if seen else 0)
    return depth
