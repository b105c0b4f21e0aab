"""What a recipe is: three methods, all with defaults."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from auditor.types import Example

Batch = dict[str, Any]
"""Tensors: input_ids, attention_mask, … of shape (batch, tokens), and labels of shape (batch,), int64."""


class Recipe:
    """How a batch becomes gradients. The loop does the rest: batches, optimiser, schedule, clipping, stopping.

    An interrupted training goes on in another process: what a recipe does follows from its settings, from its arguments
    and from the global random generators, and ``examples`` from nothing that training changes.
    """

    name: ClassVar[str]
    settings_type: ClassVar[Any]

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.accumulate: Callable[[Any], None] = lambda loss: loss.backward()
        """Adds the gradients of a loss; the loop puts accelerate's in its place."""

    def prepare(self, model: Any) -> Any:
        """The model to train: as it is, or with parameters added or frozen."""
        return model

    def examples(self, examples: Sequence[Example], epoch: int) -> Sequence[Example]:  # noqa: ARG002 - for recipes that use it
        """The examples of an epoch: as they are, or augmented."""
        return examples

    def backward(self, model: Any, batch: Batch, step: int) -> float:  # noqa: ARG002 - for recipes that use it
        """Add this batch's gradients; returns its loss."""
        loss = model(**batch).loss
        self.accumulate(loss)
        return float(loss.detach())
