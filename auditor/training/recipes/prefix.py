"""Prefix tuning: every layer attends to learned keys and values besides the text's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auditor.models.checkpoint import PREFIX
from auditor.training.recipes import _peft
from auditor.training.recipes._base import Recipe
from auditor.training.recipes._checks import between


@dataclass(frozen=True, slots=True)
class Settings:
    """``tokens`` ≥ 1: virtual tokens; so many fewer of a text are read where it would not fit."""

    tokens: int = 20


class Prefix(Recipe):
    """Li & Liang (2021), "Prefix-tuning: Optimizing continuous prompts for generation", as for understanding by
    Liu et al. (2022), "P-Tuning: Prompt tuning can be comparable to fine-tuning across scales and tasks" (P-Tuning v2):
    without the network that the first paper makes prefixes by. Through peft; pooler and head are trained whole. For BERT and
    decoders: other classifiers take no past keys and values, and are refused.
    """

    name = "prefix"
    settings_type = Settings
    learning_rate = 1e-2

    def __init__(self, settings: Settings) -> None:
        between(self.name, "tokens", settings.tokens, 1)
        super().__init__(settings)

    def prepare(self, model: Any) -> Any:
        """The model with virtual tokens. Raises ModelError where there is no room, or for an architecture that cannot."""
        return _peft.prompted(model, PREFIX, self.settings.tokens, f"recipe {self.name}")


RECIPE = Prefix
