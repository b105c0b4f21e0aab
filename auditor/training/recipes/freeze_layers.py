"""Fine-tuning of the upper layers only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge

from auditor.errors import ModelError
from auditor.settings import CheckedSettings
from auditor.training.layers import depths
from auditor.training.recipes._base import Recipe


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """The number of frozen layers."""

    layers: Annotated[int, Ge(0)] = 2
    """Lower layers to freeze together with the embeddings; 0 is standard training."""


class FreezeLayers(Recipe):
    """Fine-tuning of the upper layers only.

    Lee, Tang & Lin (2019), "What would Elsa do? Freezing layers during transformer fine-tuning".
    """

    name = "freeze_layers"
    settings_type = Settings

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
