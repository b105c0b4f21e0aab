"""Whether a training has learned anything."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.training import loop, validating
from auditor.types import Example, Task

CHECKED = 500
"""Training rows on which a model without validation rows is compared with a constant answer."""


def nothing(task: Task, examples: Sequence[Example], validation: Sequence[Example], trained: loop.Trained) -> str:
    """In words, that the model is no better than the answer it would give without reading; empty where it is.

    A recipe can keep a model from learning with a loss that stays finite: too strong a perturbation does.
    """
    rows, named = validation, "validation"
    if trained.best_epoch is not None:
        found = trained.history[trained.best_epoch][validating.entry(task)]
    else:
        rows, named = examples[:CHECKED], "training"
        found = validating.metric(loop.as_model(trained, name="trained"), rows, task)
    baseline = validating.constant([one.gold for one in examples], rows, task)
    if baseline is None or found > baseline:
        return ""
    return (
        f"WARNING: {task.metric} {found:.3f} on the {named} rows is no better than {task.constant_answer} ({baseline:.3f}): "
        "nothing was learned; train longer, or weaken the recipe"
    )
