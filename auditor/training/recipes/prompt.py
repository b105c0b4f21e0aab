"""Prompt tuning: virtual tokens before the text are all that is learned below the head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auditor.models.checkpoint import PROMPT
from auditor.training.recipes import _peft
from auditor.training.recipes._base import Recipe
from auditor.training.recipes._checks import between


@dataclass(frozen=True, slots=True)
class Settings:
    """``tokens`` ≥ 1: virtual tokens; so many fewer of a text are read where it would not fit."""

    tokens: int = 20


class Prompt(Recipe):
    """Lester, Al-Rfou & Constant (2021), "The power of scale for parameter-efficient prompt tuning", through peft.

    The virtual tokens begin as embeddings of pieces drawn from the vocabulary. An encoder that answers from its first
    position (BERT's [CLS]) answers from the first virtual token. Pooler and head are trained whole. Decoders, which would
    answer from the last position of the batch, are refused.
    """

    name = "prompt"
    settings_type = Settings
    learning_rate = 1e-2

    def __init__(self, settings: Settings) -> None:
        between(self.name, "tokens", settings.tokens, 1)
        super().__init__(settings)

    def prepare(self, model: Any) -> Any:
        """The model with virtual tokens. Raises ModelError where there is no room, or for an architecture that cannot."""
        return _peft.prompted(model, PROMPT, self.settings.tokens, f"recipe {self.name}")


RECIPE = Prompt
