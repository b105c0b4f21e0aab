"""What recipes have in common that learn virtual tokens, and the head above them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from auditor.training.recipes import _peft
from auditor.training.recipes._base import Recipe
from auditor.training.recipes._ranges import between


@dataclass(frozen=True, slots=True)
class Settings:
    """``tokens`` ≥ 1: virtual tokens; so many fewer of a text are read where it would not fit."""

    tokens: int = 20


class VirtualTokens(Recipe):
    """Through peft; what is above the layers, pooler and head, is trained whole."""

    settings_type = Settings
    learning_rate = 1e-2
    kind: ClassVar[str]
    """As peft calls it."""

    def __init__(self, settings: Settings) -> None:
        between(self.name, "tokens", settings.tokens, 1)
        super().__init__(settings)

    def prepare(self, model: Any) -> Any:
        """The model with virtual tokens. Raises ModelError where there is no room, or for an architecture that cannot."""
        return _peft.prompted(model, self.kind, self.settings.tokens, f"recipe {self.name}")
