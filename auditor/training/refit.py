"""Repeated training from a base, for probes that retrain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from auditor.models import hugging_face
from auditor.training import chain, loop, recipes, resume, training_key
from auditor.training.job import SETTINGS
from auditor.training.settings import TrainingRun
from auditor.types import Example, Task


@dataclass(frozen=True, slots=True)
class Refit:
    """Training from a base for a fixed number of steps, without validation."""

    base: Path
    task: Task
    settings: Mapping[str, Any]
    """Fields of ``Settings`` by name, as in a record; ``train`` takes steps and batch size instead."""
    device: str
    forget: set[str] | None = None
    """If given, kept trainings are discarded, except those of the keys in this set, which this process trained."""
    keep: bool = True
    """Whether to keep finished weights and load them the next time: they answer the same bit for bit."""
    continues: chain.Parent | None = None
    """The checkpoint that trainings continue from; None: the base gets a new head."""
    language: str | None = None
    """ISO 639-1 code of the rows' language, for recipes that read it; None: they detect it."""

    def train(
        self, recipe: recipes.Recipe, examples: Sequence[Example], *, seed: int, steps: int, batch_size: int
    ) -> tuple[loop.Trained, str]:
        """Return the model, trained now or loaded, and its training's key.

        Raises AuditError when training fails.
        """
        known = {name: value for name, value in self.settings.items() if name in SETTINGS}
        if known.get("precision") == "fp16" and hugging_face.device_named(self.device) == "cpu":
            known["precision"] = "auto"  # the checkpoint was trained on a GPU, this audit has none
        settings = replace(loop.Settings(**known), steps=steps, batch_size=batch_size, patience=None)
        recipe.check(self.task, settings)
        chain.check(self.continues, [recipe], self.task)
        parent = self.continues
        labels = 0 if parent is None else len(parent.labels)
        earlier = parent.rows(self.task) if parent is not None and recipe.reads_earlier else ()
        language = self.language if recipe.reads_language else None
        own = (self.base, examples, (), self.task, recipe, settings, seed, self.device)
        run = TrainingRun(*own, labels, earlier, language)
        key = training_key.key(run)
        keeper = resume.keeper(key) if self.keep else None
        if keeper is None:
            return loop.train(run), key
        if self.forget is not None and key not in self.forget:
            self.forget.add(key)
            keeper.discard()
        trained = loop.load_finished(run, keeper)
        if trained is None:
            trained = loop.train(run, keeper=keeper)
            keeper.finish(*resume.finished(trained))
        return trained, key
