"""Base class for recipes that generate examples with the current model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from auditor.training.recipes._base import Recipe
from auditor.types import Example


class GeneratingRecipe(Recipe):
    """A recipe that generates examples and keeps them in its state.

    An interrupted training could not generate them again when it resumes: the weights have changed.
    """

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self._made: list[tuple[int, dict[str, str], Any]] = []
        """Row index, text fields that replace or complement the row's own, and their gold."""
        self._epoch = -1
        """Epoch in which the texts were generated."""

    def prepare(self, model: Any) -> Any:
        """Discard the texts of an earlier training, and return the model unchanged."""
        self._made, self._epoch = [], -1
        return model

    def beside(self, examples: Sequence[Example]) -> Sequence[Example]:
        """Return the rows followed by the generated examples."""
        return [*examples, *(replace(examples[row], inputs=inputs, gold=gold) for row, inputs, gold in self._made)]

    def state(self) -> Mapping[str, Any]:
        """Return the generated texts and their epoch as one tensor of bytes."""
        import torch

        dump = self.training.task.dump
        made = [(row, inputs, None if gold is None else dump(gold)) for row, inputs, gold in self._made]
        content = json.dumps([self._epoch, made]).encode()
        return {"made": torch.tensor(list(content), dtype=torch.uint8)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore the generated texts and their epoch."""
        load = self.training.task.load
        self._epoch, made = json.loads(bytes(state["made"].tolist()))
        self._made = [(int(row), dict(inputs), None if gold is None else load(gold)) for row, inputs, gold in made]
