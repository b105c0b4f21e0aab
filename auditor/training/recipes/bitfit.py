"""Fine-tuning of the biases only."""

from __future__ import annotations

from typing import Any

from auditor.training.layers import depths
from auditor.training.recipes import NoSettings
from auditor.training.recipes._base import Recipe


class BitFit(Recipe):
    """Ben Zaken, Goldberg & Ravfogel (2022), "BitFit: Simple parameter-efficient fine-tuning for transformer-based
    masked language-models": every bias, and whatever stands above the layers (pooler and head) whole.
    """

    name = "bitfit"
    settings_type = NoSettings
    learning_rate = 1e-3

    def prepare(self, model: Any) -> Any:
        """The model with all but its biases and its head frozen."""
        depth = depths(model)
        top = max(depth.values())
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.endswith("bias") or depth[name] == top)
        return model


RECIPE = BitFit
