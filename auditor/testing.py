"""What tests of probes, tasks and recipes need: of auditor's own ones and of third parties'."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, TypeVar

from auditor.models.fake import FakeModel, keyword_model
from auditor.training.recipes import Recipe, Training
from auditor.types import Model, Task

__all__ = ["FakeModel", "keyword_model", "started"]
RecipeT = TypeVar("RecipeT", bound=Recipe)


def started(
    recipe: RecipeT, task: Task, *, seed: int = 0, model: Model | None = None, **how: Callable[[Any], Any]
) -> RecipeT:
    """The recipe in a training of this task and seed, without the loop.

    ``model``: the model as it stands; None: asking for it is an error. ``how``: ``accumulate`` and ``scaled`` of
    ``Training``.
    """

    def current_model() -> Model:
        if model is None:
            raise RuntimeError("the recipe asks for the current model, and the test gives none")
        return model

    recipe.start(Training(task, random.Random(seed), current_model, **how))
    return recipe
