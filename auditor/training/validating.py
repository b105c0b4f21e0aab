"""The task's metric on validation rows during a training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from auditor.errors import DataError, NoAnswerError
from auditor.types import Encoded, Example, Model, Response, Task

BATCH = 64
"""Rows scored at once: without gradients, more rows fit than in training."""


def entry(task: Task) -> str:
    """Return the metric's name in an epoch's entry of the training history."""
    return f"validation_{task.metric}"


def metric(model: Model, validation: Sequence[Example], task: Task) -> float:
    """Return the task's metric on the rows.

    The metric is Σ numerator ÷ Σ denominator of the rows' scores, or 0 where the denominator is 0.
    """
    scores = [
        task.score(example.gold, response)
        for example, response in zip(validation, answers(model, validation, task), strict=True)
    ]
    total = sum(score.denominator for score in scores)
    return sum(score.numerator for score in scores) / total if total else 0.0


def answers(model: Model, rows: Sequence[Example], task: Task) -> list[Response]:
    """Return the answers to the rows.

    They are asked in batches of texts alike in length. Raises DataError, naming the row, if the model fails on a row.
    """
    encoded = model.encode([task.request(example.inputs) for example in rows])
    order = sorted(range(len(encoded)), key=lambda index: encoded[index].length)
    responses: list[Response] = [None] * len(rows)
    for start in range(0, len(order), BATCH):
        part = order[start : start + BATCH]
        given = _answers(model, [encoded[index] for index in part], [rows[index].id for index in part])
        for index, response in zip(part, given, strict=True):
            responses[index] = response
    return responses


def _answers(model: Model, batch: Sequence[Encoded], ids: Sequence[str]) -> list[Response]:
    """Return the answers to a batch.

    Raises DataError, naming the row, if the model fails on a row.
    """
    try:
        return model.run(batch)
    except NoAnswerError as error:
        if len(batch) == 1:
            hint = "leave the row out of the validation file"
            raise DataError(f"the model {error.message}", where=ids[0], hint=hint) from error
    return [answer for row, name in zip(batch, ids, strict=True) for answer in _answers(model, [row], [name])]


def constant(golds: Sequence[Any], rows: Sequence[Example], task: Task) -> float | None:
    """Return the metric on the rows of the best constant answer.

    The answer ignores the input and is chosen by ``golds``. Returns None for a task without a constant answer, and
    where the denominator of the scores is 0.
    """
    answer = task.constant(golds)
    if answer is None:
        return None
    scores = [task.score(example.gold, answer) for example in rows]
    total = sum(score.denominator for score in scores)
    return sum(score.numerator for score in scores) / total if total else None
