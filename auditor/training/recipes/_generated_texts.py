"""What recipes have in common that make texts by the model as it stands."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from auditor.training.recipes._base import Recipe
from auditor.types import Example


class Making(Recipe):
    """Keeps what it made: the weights that it was made by are gone when the training is taken up."""

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self._made: list[tuple[int, dict[str, str], Any]] = []
        """Row, text fields that stand in place of its own or beside them, and their gold."""
        self._epoch = -1
        """When they were made."""

    def prepare(self, model: Any) -> Any:
        """The model as it is; what an earlier training made is forgotten."""
        self._made, self._epoch = [], -1
        return model

    def beside(self, examples: Sequence[Example]) -> Sequence[Example]:
        """The rows and, after them, what was made of some of them."""
        return [*examples, *(replace(examples[row], inputs=inputs, gold=gold) for row, inputs, gold in self._made)]

    def state(self) -> Mapping[str, Any]:
        """The texts, as one tensor of bytes."""
        import torch

        content = json.dumps([self._epoch, self._made]).encode()
        return {"made": torch.tensor(list(content), dtype=torch.uint8)}

    def take_up(self, state: Mapping[str, Any]) -> None:
        self._epoch, made = json.loads(bytes(state["made"].tolist()))
        # JSON has no tuples, which labels of words are.
        self._made = [
            (int(row), dict(inputs), tuple(gold) if isinstance(gold, list) else gold) for row, inputs, gold in made
        ]
