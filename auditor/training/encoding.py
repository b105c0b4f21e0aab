"""Examples as token ids and label indices, and batches of them as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from auditor.errors import DataError
from auditor.types import Example, Task

LABELS = "labels"


def encoded(examples: Sequence[Example], task: Task, tokenizer: Any, max_length: int) -> dict[str, list[Any]]:
    """Column → a value for each example: token ids, at most ``max_length``, and the index of the label.

    Raises DataError for an example without a label of the task.
    """
    requests = [task.request(example.inputs) for example in examples]
    texts = [request if len(request) > 1 else request[0] for request in requests]
    found = dict(tokenizer(texts, truncation=True, max_length=max_length))
    found[LABELS] = [_label(example, task) for example in examples]
    return found


def _label(example: Example, task: Task) -> int:
    if example.gold not in task.labels:
        known = ", ".join(task.labels)
        raise DataError(f"label {example.gold!r} is not known", where=example.id, hint=f"known: {known}")
    return task.labels.index(example.gold)


def collated(columns: dict[str, list[Any]], indices: Sequence[int], tokenizer: Any, device: Any) -> dict[str, Any]:
    """One batch, padded to its longest member, on the device."""
    import torch

    rows = [{name: values[index] for name, values in columns.items() if name != LABELS} for index in indices]
    batch = dict(tokenizer.pad(rows, return_tensors="pt"))
    batch[LABELS] = torch.tensor([columns[LABELS][index] for index in indices])
    return {name: value.to(device) for name, value in batch.items()}
