"""Low-rank adaptation: each linear map learns an update of low rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auditor.training.recipes import _peft
from auditor.training.recipes._base import Recipe
from auditor.training.recipes._ranges import between


@dataclass(frozen=True, slots=True)
class Settings:
    """``rank`` ≥ 1; ``alpha`` > 0, the update is scaled by alpha ÷ rank; ``dropout`` in [0, 1) of its input.

    ``targets``: last parts of the names of the linear maps, such as ``query``; none: all of them inside the layers.
    """

    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.0
    targets: tuple[str, ...] = ()


class LoRA(Recipe):
    """Hu et al. (2022), "LoRA: Low-rank adaptation of large language models", through peft.

    The base stays as it is; pooler and head are trained whole. Afterwards the update is merged, so that the checkpoint
    is one like any other.
    """

    name = "lora"
    settings_type = Settings
    learning_rate = 5e-4

    def __init__(self, settings: Settings) -> None:
        between(self.name, "rank", settings.rank, 1)
        between(self.name, "alpha", settings.alpha, 1e-6)
        between(self.name, "dropout", settings.dropout, 0, 0.999)
        super().__init__(settings)

    def prepare(self, model: Any) -> Any:
        """The model with low-rank updates beside its linear maps. Raises ModelError without any of ``targets``."""
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
        return _peft.merged(model)


RECIPE = LoRA
