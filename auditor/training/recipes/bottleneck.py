"""Bottleneck adapters: small trained networks between the layers of a frozen encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auditor.models import adapters
from auditor.settings import CheckedSettings, Count
from auditor.training.recipes import _peft
from auditor.training.recipes._base import Recipe


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """Size and position of the adapters."""

    width: Count = 48
    """Units of an adapter's inner layer."""
    targets: tuple[str, ...] = ()
    """Linear maps followed by an adapter, by the last part of their names, such as ``dense``; if empty, the last map of
    each layer's feed-forward part."""


class Bottleneck(Recipe):
    """Training of bottleneck adapters, pooler and head.

    Houlsby et al. (2019), "Parameter-efficient transfer learning for NLP": the adapters precede the residual
    connection. As in Pfeiffer et al. (2021), "AdapterFusion: Non-destructive task composition for transfer learning",
    each layer has one adapter, and the layers' norms are frozen. The adapters are initialised as the identity.
    Pooler and head are trained in full.
    """

    name = "bottleneck"
    settings_type = Settings
    learning_rate = 1e-3

    def prepare(self, model: Any) -> Any:
        """Add adapters to the layers and freeze the rest of them.

        Raises ModelError for a model without linear maps of the wanted names.
        """
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
