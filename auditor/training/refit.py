"""Training once more from a base, for probes that retrain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from auditor.models import hugging_face
from auditor.training import loop, recipes, resume, training_key
from auditor.training.job import SETTINGS
from auditor.training.settings import TrainingRun
from auditor.types import Example, Task


@dataclass(frozen=True, slots=True)
class Refit:
    """Trains from a base for a fixed number of steps, without validation."""

    base: Path
    task: Task
    settings: Mapping[str, Any]
    """Those of ``Settings`` by name, as a record has them; steps and batch size come with each training."""
    device: str
    forget: set[str] | None = None
    """What was kept is not used, but for the keys in it, which are this process's own."""
    keep: bool = True
    """Whether finished weights are kept, to be loaded the next time: they answer the same bit for bit."""

    def train(
        self, made: recipes.Recipe, examples: Sequence[Example], *, seed: int, steps: int, batch_size: int
    ) -> tuple[loop.Trained, str]:
        """The trained model, or what was kept of it, and the key of its training. Raises AuditError."""
        known = {name: value for name, value in self.settings.items() if name in SETTINGS}
        if known.get("precision") == "fp16" and hugging_face.device_named(self.device) == "cpu":
            known["precision"] = "auto"  # trained on a GPU, audited without one
        chosen = replace(loop.Settings(**known), steps=steps, batch_size=batch_size, patience=None)
        made.check(self.task, chosen)
        run = TrainingRun(self.base, examples, (), self.task, made, chosen, seed, self.device)
        key = training_key.key(run)
        keeper = resume.keeper(key) if self.keep else None
        if keeper is None:
            return loop.train(run), key
        if self.forget is not None and key not in self.forget:
            self.forget.add(key)
            keeper.discard()
        trained = loop.again(run, keeper)
        if trained is None:
            trained = loop.train(run, keeper=keeper)
            keeper.finish(*resume.finished(trained))
        return trained, key
