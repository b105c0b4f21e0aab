"""Fine-tuning of the upper layers only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auditor.errors import ModelError
from auditor.training.layers import depths
from auditor.training.recipes._base import Recipe
from auditor.training.recipes._ranges import between


@dataclass(frozen=True, slots=True)
class Settings:
    """``layers`` ≥ 0: as many lower layers stay as they are, and with any the embeddings; 0: standard."""

    layers: int = 2


class FreezeLayers(Recipe):
    """Lee, Tang & Lin (2019), "What would Elsa do? Freezing layers during transformer fine-tuning"."""

    name = "freeze_layers"
    settings_type = Settings

    def __init__(self, settings: Settings) -> None:
        between(self.name, "layers", settings.layers, 0)
        super().__init__(settings)

    def prepare(self, model: Any) -> Any:
        """The model with its lower layers frozen. Raises ModelError when it does not have so many."""
        if self.settings.layers == 0:
            return model
        depth = depths(model)
        there = max(depth.values()) - 1
        if self.settings.layers > there:
            raise ModelError(
                f"the base has {there} layers, not {self.settings.layers}",
                where=f"recipe {self.name}",
                hint=f"layers = 1 … {there}",
            )
        for name, parameter in model.named_parameters():
            if depth[name] <= self.settings.layers:
                parameter.requires_grad_(False)
        return model


RECIPE = FreezeLayers
