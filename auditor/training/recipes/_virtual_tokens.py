"""Base class of recipes that learn virtual tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from auditor.settings import CheckedSettings, Count
from auditor.training.recipes import _peft
from auditor.training.recipes._base import Recipe


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """The number of virtual tokens."""

    tokens: Count = 20
    """Virtual tokens. A text that no longer fits beside them loses as many tokens."""


class VirtualTokens(Recipe):
    """A recipe that trains virtual tokens, pooler and head, through peft."""

    settings_type = Settings
    learning_rate = 1e-2
    kind: ClassVar[str]
    """The method's name in peft."""

    def prepare(self, model: Any) -> Any:
        """Add the virtual tokens and freeze the layers.

        Raises ModelError where the model has no room for them, or its architecture does not support them.
        """
        return _peft.prompted(model, self.kind, self.settings.tokens, f"recipe {self.name}")
