"""Texts that a recipe made by weights that are gone when its training is taken up: kept with the training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def packed(epoch: int, made: Any) -> dict[str, Any]:
    """As a recipe's state. ``made``: what JSON can hold."""
    import torch

    content = json.dumps([epoch, made]).encode()
    return {"made": torch.tensor(list(content), dtype=torch.uint8)}


def unpacked(state: Mapping[str, Any]) -> tuple[int, Any]:
    """The epoch and what was made in it. Raises KeyError or ValueError for another state."""
    epoch, made = json.loads(bytes(state["made"].tolist()))
    return int(epoch), made
