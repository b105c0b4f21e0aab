"""Decisions of a task that are fitted on answers to validation rows."""

from __future__ import annotations

from collections.abc import Mapping

from auditor.data import Dataset
from auditor.errors import ConfigError
from auditor.training import validating
from auditor.types import Model, Task

SHOWN = 20
"""Thresholds that a note names, at most: the results have them all."""


def fitted(task: Task, models: Mapping[str, Model], sets: Mapping[str, Dataset]) -> tuple[Task, tuple[str, ...]]:
    """The task with what its settings fit, and notes.

    It is as it was where they fit nothing. Raises ConfigError without rows to fit on, and for several models, each of
    which would decide otherwise.
    """
    name = task.fitted_on
    if name is None:
        return task, ()
    if len(models) > 1:
        hint = "audit each checkpoint alone, or give the thresholds as numbers"
        problem = f"thresholds are fitted for one model, not for {', '.join(models)}"
        raise ConfigError(problem, where="[task]", hint=hint)
    if name not in sets:
        hint = f'[data] {name} = "…" or --{name}, or give the thresholds as numbers'
        raise ConfigError(f"no {name} rows to fit thresholds on", where="[task]", hint=hint)
    rows, (model,) = sets[name].examples, models.values()
    own = task.fitted([row.gold for row in rows], validating.answers(model, rows, task))
    thresholds = [f"{label} {threshold:g}" for label, threshold in own.fitted_values.items()]
    file, told = sets[name].path.name, ", ".join(thresholds[:SHOWN]) + (", …" if len(thresholds) > SHOWN else "")
    return own, (f"thresholds with the best F1 on the {len(rows):,} rows of {file}: {told}",)
