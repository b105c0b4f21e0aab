"""Base class for recipes that generate examples with the current model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from auditor.training.recipes._base import Recipe
from auditor.types import Example


class GeneratingRecipe(Recipe):
    """Keeps what it generated: the weights that made it are gone when an interrupted training resumes."""

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

        dump = self.training.task.dump
        made = [(row, inputs, None if gold is None else dump(gold)) for row, inputs, gold in self._made]
        content = json.dumps([self._epoch, made]).encode()
        return {"made": torch.tensor(list(content), dtype=torch.uint8)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The texts and the epoch that they were made in."""
        load = self.training.task.load
        self._epoch, made = json.loads(bytes(state["made"].tolist()))
        self._made = [(int(row), dict(inputs), None if gold is None else load(gold)) for row, inputs, gold in made]
