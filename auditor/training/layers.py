"""Which layer of a model a parameter belongs to."""

from __future__ import annotations

import re
from typing import Any

from auditor.errors import ModelError

_LAYER = re.compile(r"\.(?:layers?|h|blocks?)\.(\d+)\.")


def depths(model: Any) -> dict[str, int]:
    """Parameter's name → its depth: 0 for the embeddings, 1 … n for the n layers, n + 1 for pooler and head.

    The embeddings are whatever precedes the first layer; what else the encoder has beside its layers counts as the last
    of them. Raises ModelError for an architecture whose layers are not told apart by their names (ALBERT shares one).
    """
    names = [name for name, _ in model.named_parameters()]
    found = {name: int(match[1]) + 1 for name in names if (match := _LAYER.search(name))}
    if not found:
        raise ModelError(f"no layers are found in {type(model).__name__}", hint="train it by a recipe for whole models")
    last, prefix = max(found.values()), getattr(model, "base_model_prefix", "")
    depth, seen = {}, False
    for name in names:
        seen = seen or name in found
        above = ".pooler." in name or not (prefix and name.startswith(f"{prefix}."))
        depth[name] = found.get(name, (last + 1 if above else last) if seen else 0)
    return depth
