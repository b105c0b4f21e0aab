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
    """The number of frozen layers."""

    layers: int = 2
    """Lower layers to freeze together with the embeddings, at least 0; 0 is standard training."""


class FreezeLayers(Recipe):
    """Fine-tuning of the upper layers only.

    Lee, Tang & Lin (2019), "What would Elsa do? Freezing layers during transformer fine-tuning".
    """

    name = "freeze_layers"
    settings_type = Settings

    def __init__(self, settings: Settings) -> None:
        between(self.name, "layers", settings.layers, 0)
        super().__init__(settings)

    def prepare(self, model: Any) -> Any:
        """Freeze the embeddings and the lower layers.

        Raises ModelError when the model has fewer layers than the setting.
        """
        if self.settings.layers == 0:
            return model
        depth = depths(model)
        count = max(depth.values()) - 1
        if self.settings.layers > count:
            raise ModelError(
                f"the base has {count} layers, not {self.settings.layers}",
                where=f"recipe {self.name}",
                hint=f"layers = 1 … {count}",
            )
        for name, parameter in model.named_parameters():
            if depth[name] <= self.settings.layers:
                parameter.requires_grad_(False)
        return model


RECIPE = FreezeLayers
