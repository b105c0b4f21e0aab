"""Which layer of a model a parameter belongs to."""

from __future__ import annotations

import re
from typing import Any

_LAYER = re.compile(r"\.(?:layers?|h|blocks?)\.(\d+)\.")


def depths(model: Any) -> dict[str, int]:
    """Parameter's name → its depth: 0 for the embeddings, 1 … n for the n layers, n + 1 for what stands above them.

    The embeddings are whatever precedes the first layer.
    """
    names = [name for name, _ in model.named_parameters()]
    found = {name: int(match[1]) + 1 for name in names if (match := _LAYER.search(name))}
    top = max(found.values(), default=0) + 1
    seen = False
    depth = {}
    for name in names:
        seen = seen or name in found
        depth[name] = found.get(name, top if seen else 0)
    return depth
