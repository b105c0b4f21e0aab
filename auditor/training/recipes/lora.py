"""Low-rank adaptation: each linear map learns a low-rank update."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge, Gt, Lt

from auditor.settings import CheckedSettings, Count
from auditor.training.recipes import _peft
from auditor.training.recipes._base import Recipe


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """Size and position of the low-rank updates."""

    rank: Count = 8
    """Rank of the updates."""
    alpha: Annotated[float, Gt(0)] = 16.0
    """Scale: the update is multiplied by alpha ÷ rank."""
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0
    """Dropout on the update's input."""
    targets: tuple[str, ...] = ()
    """Linear maps with an update, by the last part of their names, such as ``query``; if empty, all in the layers."""


class LoRA(Recipe):
    """Training of low-rank updates, pooler and head.

    Hu et al. (2022), "LoRA: Low-rank adaptation of large language models", through peft. The base's weights are frozen;
    pooler and head are trained in full. After training, the updates are merged into the weights, so the checkpoint is
    an ordinary one.
    """

    name = "lora"
    settings_type = Settings
    learning_rate = 5e-4

    def prepare(self, model: Any) -> Any:
        """Add low-rank updates to the linear maps and freeze the layers.

        Raises ModelError for a model without any of ``targets``.
        """
        import peft

        settings: Settings = self.settings
        config = peft.LoraConfig(
            r=settings.rank,
            lora_alpha=settings.alpha,  # type: ignore[arg-type]
            lora_dropout=settings.dropout,
            target_modules=_peft.linear_layers(model, settings.targets, f"recipe {self.name}"),
        )
        return _peft.wrapped(model, config)

    def finish(self, model: Any) -> Any:
        """Merge the updates into the weights."""
        return _peft.merged(model)


RECIPE = LoRA
