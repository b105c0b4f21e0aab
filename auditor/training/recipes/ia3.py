"""Training of factors that rescale activations inside the layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from annotated_types import MinLen

from auditor.settings import CheckedSettings
from auditor.training.recipes import _peft
from auditor.training.recipes._base import Recipe


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """The linear maps to rescale, by the last part of their names.

    The defaults are the names in BERT and similar architectures; other architectures use other names.
    """

    MAY_BE_EMPTY: ClassVar = frozenset({"feedforward"})
    """If ``feedforward`` is empty, only attention is rescaled."""
    targets: Annotated[tuple[str, ...], MinLen(1)] = ("key", "value")
    """Linear maps whose outputs are rescaled."""
    feedforward: tuple[str, ...] = ("dense",)
    """Linear maps whose inputs are rescaled."""


class IA3(Recipe):
    """Training of factors for keys, values and feed-forward activations.

    Liu et al. (2022), "Few-shot parameter-efficient fine-tuning is better and cheaper than in-context learning",
    through peft. Pooler and head are trained in full. After training, the factors are merged into the weights.
    """

    name = "ia3"
    settings_type = Settings
    learning_rate = 3e-3

    def prepare(self, model: Any) -> Any:
        """Add factors to the linear maps and freeze the layers.

        Raises ModelError for a model without linear maps of the wanted names.
        """
        import peft

        settings: Settings = self.settings
        where = f"recipe {self.name}"
        inner = _peft.linear_layers(model, settings.feedforward, where) if settings.feedforward else []
        # BERT has three maps per layer called dense; only the layer's output map reads the inner activations.
        inner = [name for name in inner if not name.endswith(("attention.output.dense", "intermediate.dense"))]
        outer = _peft.linear_layers(model, settings.targets, where)
        config = peft.IA3Config(target_modules=[*outer, *inner], feedforward_modules=inner)
        return _peft.wrapped(model, config)

    def finish(self, model: Any) -> Any:
        """Merge the factors into the weights."""
        return _peft.merged(model)


RECIPE = IA3
