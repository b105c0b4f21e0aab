"""Base class of training recipes, and its interface to the training loop."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from auditor.errors import ConfigError
from auditor.training.recipes import _paths
from auditor.training.settings import Settings
from auditor.types import Example, Model, Task

Batch = dict[str, Any]
"""Tensors: input_ids, attention_mask, … of shape (batch, tokens), and labels of shape (batch,), int64."""


def _backward(loss: Any) -> None:
    loss.backward()


def _unscaled(loss: Any) -> Any:
    return loss


def _no_batch(_examples: Sequence[Example]) -> Batch:
    raise RuntimeError("no training is running that makes batches")


@dataclass(frozen=True, slots=True)
class Training:
    """A running training as its recipe sees it.

    The recipe gets it when the training starts and loses it when the training ends.
    """

    task: Task
    rng: random.Random
    """The recipe's own generator, seeded by the training: a recipe's Python code draws from no other generator."""
    current_model: Callable[[], Model]
    """Returns the model in its current state, to predict without dropout."""
    accumulate: Callable[[Any], None] = _backward
    """Adds the gradients of a loss to the parameters' gradients."""
    scaled: Callable[[Any], Any] = _unscaled
    """Scales a loss for the training's precision, where a recipe computes gradients itself."""
    earlier: Sequence[Sequence[Example]] = ()
    """The training rows of each earlier period, the oldest first; empty unless the recipe ``reads_earlier``."""
    known_labels: int = 0
    """How many of the task's labels, the first ones, the continued checkpoint knows; 0 for a new head."""
    batch: Callable[[Sequence[Example]], Batch] = _no_batch
    """Returns rows as one batch with labels, on the training's device."""
    language: str | None = None
    """ISO 639-1 code of the rows' language, where it is given and the recipe ``reads_language``; None: detect it."""


class Recipe:
    """Computation of gradients from a batch.

    The training loop does the rest: batches, optimiser, schedule, clipping and stopping. All methods have defaults. An
    interrupted training resumes in another process, so a recipe's behaviour must depend only on its settings, its
    arguments, the generator of ``training``, torch's generators and ``state``.
    """

    name: ClassVar[str]
    settings_type: ClassVar[Any]
    continues: ClassVar[bool] = False
    """Whether the recipe only works when training continues from a checkpoint (``--continue-from``)."""
    reads_earlier: ClassVar[bool] = False
    """Whether it reads the training rows of earlier periods."""
    reads_language: ClassVar[bool] = False
    """Whether what it does depends on the language of the rows."""
    takes_new_labels: ClassVar[bool] = False
    """Whether it can continue from a checkpoint that does not know all labels."""
    reads_labels: ClassVar[bool] = False
    """Whether it compares probabilities of labels, which tasks of numbers and of answers do not have."""
    takes_adapters: ClassVar[bool] = False
    """Whether it can continue from a checkpoint with adapters beside its weights."""
    learning_rate: float | None = None
    """Peak learning rate of a method that needs another one than full fine-tuning; None uses the training's."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.label = self.name
        """The recipe's name in messages, and the name of its checkpoint's folder."""
        self._training: Training | None = None

    def start(self, training: Training) -> None:
        """Begin a training; called before ``prepare``."""
        self._training = training

    def release(self) -> None:
        """Release the training and its model."""
        self._training = None

    @property
    def training(self) -> Training:
        """The running training; raises RuntimeError if there is none."""
        if self._training is None:
            raise RuntimeError(f"recipe {self.label}: no training is running")
        return self._training

    def reads(self) -> Mapping[str, Any]:
        """Return everything that determines what the recipe does.

        The mapping holds the settings, the hashes of files and folders that they name, and what else the recipe reads,
        in a form that is comparable between machines. Raises DataError for a file or folder that does not exist.
        """
        return _paths.contents(self.settings)

    def check(self, task: Task, settings: Settings) -> None:
        """Refuse a task or training that this recipe does not support.

        Called before anything is trained. Raises ConfigError.
        """
        del settings
        if self.reads_labels and {"numbers", "answers_in_context"} & task.offers:
            problem = f"recipe {self.label} compares probabilities of labels, and {task.name} has none"
            raise ConfigError(problem, where="[training]", hint="leave it out")

    def prepare(self, model: Any) -> Any:
        """Return the model to train, by default unchanged.

        A recipe may add or freeze parameters.
        """
        return model

    def examples(self, examples: Sequence[Example], epoch: int) -> Sequence[Example]:  # noqa: ARG002 - for recipes that use it
        """Return an epoch's examples: unchanged by default, or augmented."""
        return examples

    def stepped(self, model: Any) -> None:
        """React to a step of the optimiser; called after each one."""

    def state(self) -> Mapping[str, Any]:
        """Return the tensors, by name, that the recipe keeps between batches.

        They are stored with an interrupted training.
        """
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what ``state`` returned; called after ``prepare``.

        Raises KeyError, RuntimeError or ValueError for a state of another recipe or model.
        """

    def finish(self, model: Any) -> Any:
        """Return the model to keep after training, by default unchanged.

        A recipe may merge the parameters that it added.
        """
        return model

    def backward(self, model: Any, batch: Batch, step: int) -> float:  # noqa: ARG002 - for recipes that use it
        """Add this batch's gradients to the parameters' and return its loss."""
        loss = model(**batch).loss
        self.training.accumulate(loss)
        return float(loss.detach())
