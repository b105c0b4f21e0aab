"""What a recipe is: three methods, all with defaults."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from auditor.training.recipes import _paths
from auditor.training.settings import Settings
from auditor.types import Example, Model, Task

Batch = dict[str, Any]
"""Tensors: input_ids, attention_mask, … of shape (batch, tokens), and labels of shape (batch,), int64."""


def _backward(loss: Any) -> None:
    loss.backward()


def _unscaled(loss: Any) -> Any:
    return loss


@dataclass(frozen=True, slots=True)
class Training:
    """A training under way, as its recipe sees it: given once when it starts, gone when it ends."""

    task: Task
    rng: random.Random
    """A generator of the recipe's own, seeded by the training: all that a recipe draws in Python comes from it."""
    current_model: Callable[[], Model]
    """The model as it stands, to be asked without dropout."""
    accumulate: Callable[[Any], None] = _backward
    """Adds the gradients of a loss."""
    scaled: Callable[[Any], Any] = _unscaled
    """A loss large enough for gradients in the training's precision, for those that a recipe takes itself."""


class Recipe:
    """How a batch becomes gradients. The loop does the rest: batches, optimiser, schedule, clipping, stopping.

    An interrupted training resumes in another process: what a recipe does follows from its settings, its arguments, the
    generator of ``training``, torch's generators and ``state``.
    """

    name: ClassVar[str]
    settings_type: ClassVar[Any]
    learning_rate: float | None = None
    """At its peak, where the method wants another one than whole fine-tuning; None: the training's."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.label = self.name
        """What it is called among others: in messages, and in the name of its checkpoint's folder."""
        self._training: Training | None = None

    def start(self, training: Training) -> None:
        """A training begins: called before ``prepare``."""
        self._training = training

    def release(self) -> None:
        """Let go of the training, and of its model."""
        self._training = None

    @property
    def training(self) -> Training:
        """The training under way. Raises RuntimeError where none is."""
        if self._training is None:
            raise RuntimeError(f"recipe {self.label}: no training is running")
        return self._training

    def reads(self) -> Mapping[str, Any]:
        """All that it goes by, comparable from machine to machine: its settings, what the paths among them hold, and what
        else it reads. Raises DataError for what is not there.
        """
        return _paths.contents(self.settings)

    def check(self, task: Task, settings: Settings) -> None:
        """Refuse a task or a training that this recipe cannot serve. Raises ConfigError, before anything is trained."""

    def prepare(self, model: Any) -> Any:
        """The model to train: as it is, or with parameters added or frozen."""
        return model

    def examples(self, examples: Sequence[Example], epoch: int) -> Sequence[Example]:  # noqa: ARG002 - for recipes that use it
        """The examples of an epoch: as they are, or augmented."""
        return examples

    def stepped(self, model: Any) -> None:
        """The optimiser has changed the weights."""

    def state(self) -> Mapping[str, Any]:
        """Tensors, by name, that it keeps from batch to batch: they are kept with an interrupted training."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what ``state`` returned; called after ``prepare``. Raises KeyError, RuntimeError or ValueError for another state."""

    def finish(self, model: Any) -> Any:
        """What of the prepared model is kept after training: as it is, or with added parameters merged."""
        return model

    def backward(self, model: Any, batch: Batch, step: int) -> float:  # noqa: ARG002 - for recipes that use it
        """Add this batch's gradients; returns its loss."""
        loss = model(**batch).loss
        self.training.accumulate(loss)
        return float(loss.detach())
