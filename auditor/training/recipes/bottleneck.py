"""Bottleneck adapters: small networks between the layers are all that is learned below the head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auditor.models import adapters
from auditor.training.recipes import _peft
from auditor.training.recipes._base import Recipe
from auditor.training.recipes._ranges import between


@dataclass(frozen=True, slots=True)
class Settings:
    """``width`` ≥ 1, in units: of the layer between. ``targets``: last parts of the names of the linear maps that adapters
    stand behind, such as ``dense``; none: those that end the layers' feed-forward parts.
    """

    width: int = 48
    targets: tuple[str, ...] = ()


class Bottleneck(Recipe):
    """Houlsby et al. (2019), "Parameter-efficient transfer learning for NLP": before the residual connection. One a layer,
    with the layers' norms frozen, as in Pfeiffer et al. (2021), "AdapterFusion: Non-destructive task composition for transfer
    learning". Pooler and head are trained whole. The adapters begin as the identity.
    """

    name = "bottleneck"
    settings_type = Settings
    learning_rate = 1e-3

    def __init__(self, settings: Settings) -> None:
        between(self.name, "width", settings.width, 1)
        super().__init__(settings)

    def prepare(self, model: Any) -> Any:
        """The model with adapters in its layers. Raises ModelError where there is no map to put one behind."""
        settings: Settings = self.settings
        head = _peft.above_layers(model)
        names = _peft.linear_layers(model, settings.targets, f"recipe {self.name}", narrowing=not settings.targets)
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        for parameter in head:
            parameter.requires_grad_(True)
        adapters.add_bottlenecks(model, names, settings.width)
        return model


RECIPE = Bottleneck
