"""Comparison of a trained model with a constant answer."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.training import loop, validating
from auditor.types import Example, Task

CHECKED = 500
"""Training rows for the comparison where there are no validation rows."""


def warning(task: Task, examples: Sequence[Example], validation: Sequence[Example], trained: loop.Trained) -> str:
    """Return a warning if the model is no better than a constant.

    The constant is the best answer that ignores the input. Returns an empty string if the model is better. A recipe can
    prevent learning although the loss stays finite, for example with too strong a perturbation.
    """
    rows, named = validation, "validation"
    if trained.best_epoch is not None:
        metric = trained.history[trained.best_epoch][validating.entry(task)]
    else:
        rows, named = examples[:CHECKED], "training"
        metric = validating.metric(loop.as_model(trained, name="trained"), rows, task)
    baseline = validating.constant([example.gold for example in examples], rows, task)
    if baseline is None or metric > baseline:
        return ""
    return (
        f"WARNING: {task.metric} {metric:.3f} on the {named} rows is no better than {task.constant_answer} "
        f"({baseline:.3f}): the model learned nothing; train longer, or weaken the recipe"
    )
