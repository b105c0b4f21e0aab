"""The task's metric on validation rows, in the middle of a training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from auditor.errors import DataError, NoAnswerError
from auditor.types import Encoded, Example, Model, Response, Task

BATCH = 64
"""Rows scored at once: no gradients, so more fit than in training."""


def entry(task: Task) -> str:
    """What an epoch's entry in a training's history calls the metric."""
    return f"validation_{task.metric}"


def metric(model: Model, validation: Sequence[Example], task: Task) -> float:
    """Σ numerator ÷ Σ denominator of the rows' scores; 0 where the denominator is."""
    encoded = model.encode([task.request(one.inputs) for one in validation])
    order = sorted(range(len(encoded)), key=lambda index: encoded[index].length)
    right = total = 0.0
    for start in range(0, len(order), BATCH):
        part = order[start : start + BATCH]
        answers = _answers(model, [encoded[index] for index in part], [validation[index].id for index in part])
        for index, response in zip(part, answers, strict=True):
            score = task.score(validation[index].gold, response)
            right, total = right + score.numerator, total + score.denominator
    return right / total if total else 0.0


def _answers(model: Model, batch: Sequence[Encoded], ids: Sequence[str]) -> list[Response]:
    """The answers to a batch. Raises DataError that names the row which the model fails on."""
    try:
        return model.run(batch)
    except NoAnswerError as error:
        if len(batch) == 1:
            hint = "leave the row out of the validation file"
            raise DataError(f"the model {error.message}", where=ids[0], hint=hint) from error
    return [answer for one, name in zip(batch, ids, strict=True) for answer in _answers(model, [one], [name])]


def constant(golds: Sequence[Any], rows: Sequence[Example], task: Task) -> float | None:
    """The metric on the rows of the best answer that ignores the input, by the golds; None where the task has none."""
    answer = task.constant(golds)
    if answer is None:
        return None
    scores = [task.score(one.gold, answer) for one in rows]
    total = sum(one.denominator for one in scores)
    return sum(one.numerator for one in scores) / total if total else None
