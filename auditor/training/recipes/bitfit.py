"""Fine-tuning of the biases and the head."""

from __future__ import annotations

from typing import Any

from auditor.training.layers import depths
from auditor.training.recipes import NoSettings
from auditor.training.recipes._base import Recipe


class BitFit(Recipe):
    """Fine-tuning of every bias, and of pooler and head.

    Ben Zaken, Goldberg & Ravfogel (2022), "BitFit: Simple parameter-efficient fine-tuning for transformer-based masked
    language-models".
    """

    name = "bitfit"
    settings_type = NoSettings
    learning_rate = 1e-3

    def prepare(self, model: Any) -> Any:
        """Freeze everything but the biases, the pooler and the head."""
        depth = depths(model)
        top = max(depth.values())
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.endswith("bias") or depth[name] == top)
        return model


RECIPE = BitFit
