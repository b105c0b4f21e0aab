"""What ``audit train`` does: data, base and recipes of a config → a checkpoint for each recipe."""

from __future__ import annotations
