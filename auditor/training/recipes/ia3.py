"""Tuning of factors only: keys, values and the inner activations of the feed-forward layers are rescaled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from auditor.training.recipes import _peft
from auditor.training.recipes._base import Recipe


@dataclass(frozen=True, slots=True)
class Settings:
    """Last parts of the names of the linear maps whose outputs (``targets``) or inputs (``feedforward``) are rescaled.

    The defaults are those of BERT and its kin; other architectures have other names.
    """

    MAY_BE_EMPTY: ClassVar = frozenset({"feedforward"})
    """Attention alone is rescaled then."""
    targets: tuple[str, ...] = ("key", "value")
    feedforward: tuple[str, ...] = ("dense",)


class IA3(Recipe):
    """Liu et al. (2022), "Few-shot parameter-efficient fine-tuning is better and cheaper than in-context learning".

    Through peft; pooler and head are trained whole. Afterwards the factors are merged into the weights.
    """

    name = "ia3"
    settings_type = Settings
    learning_rate = 3e-3

    def prepare(self, model: Any) -> Any:
        """The model with factors beside its linear maps. Raises ModelError where none has such a name."""
        import peft

        settings: Settings = self.settings
        where = f"recipe {self.name}"
        inner = _peft.linear_layers(model, settings.feedforward, where) if settings.feedforward else []
        # Of BERT's three maps called dense a layer's own output alone reads the inner activations.
        inner = [name for name in inner if not name.endswith(("attention.output.dense", "intermediate.dense"))]
        outer = _peft.linear_layers(model, settings.targets, where)
        config = peft.IA3Config(target_modules=[*outer, *inner], feedforward_modules=inner)
        return _peft.wrapped(model, config)

    def finish(self, model: Any) -> Any:
        return _peft.merged(model)


RECIPE = IA3
