"""Examples as token ids and label indices, and batches of them as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from auditor.errors import DataError
from auditor.models.heads.token import windows
from auditor.models.padding import Filling
from auditor.text import spans
from auditor.types import Example, Request, Task

LABELS, EXAMPLES = "labels", "examples"
"""Columns beside those of the tokenizer; the second has the id of each row's example."""
READ = ("input_ids", "token_type_ids")
"""What of a tokenizer's columns is kept; masks follow from the padding."""
NONE = -100
"""The label of a token that has none: torch's losses leave it out."""


def encoded(examples: Sequence[Example], task: Task, tokenizer: Any, max_length: int) -> dict[str, list[Any]]:
    """Column → a value for each row: token ids, at most ``max_length``, and the index of the label.

    A row is an example; of a task whose gold belongs to words it is a window of one, with a label for each token: the first
    piece of a word has the word's, everything else NONE. Raises DataError for an example without a label of the task.
    """
    requests = [task.request(example.inputs) for example in examples]
    if task.word_level:
        return _by_words(examples, requests, task, tokenizer, max_length)
    texts = [request if len(request) > 1 else request[0] for request in requests]
    given = tokenizer(texts, truncation=True, max_length=max_length)
    found: dict[str, list[Any]] = {name: given[name] for name in READ if name in given}
    found[EXAMPLES] = [example.id for example in examples]
    found[LABELS] = [_label(example.gold, example, task) for example in examples]
    return found


def _by_words(
    examples: Sequence[Example], requests: Sequence[Request], task: Task, tokenizer: Any, max_length: int
) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {"input_ids": [], "token_type_ids": [], EXAMPLES: [], LABELS: []}
    texts = zip(examples, requests, windows(tokenizer, requests, max_length), strict=True)
    for example, words, parts in texts:
        labels = _tags(example, len(words), task)
        for part in parts:
            row = [NONE] * len(part.ids)
            for word, place in part.words:
                row[place] = labels[word]
            if not part.words:
                continue  # nothing to learn from
            found["input_ids"].append(list(part.ids))
            found["token_type_ids"].append(list(part.types))
            found[EXAMPLES].append(example.id)
            found[LABELS].append(row)
    return found if any(found["token_type_ids"]) else {name: found[name] for name in ("input_ids", EXAMPLES, LABELS)}


def _tags(example: Example, words: int, task: Task) -> list[int]:
    """The index of each word's tag. Raises DataError for a gold that is not a tag for each word."""
    gold = example.gold
    if not isinstance(gold, tuple) or len(gold) != words:
        problem = (
            f"{len(gold)} tags for {words} words" if isinstance(gold, tuple) else f"{gold!r} is no tag for each word"
        )
        raise DataError(problem, where=example.id)
    # A head of another scheme, or without a tag that its data never had, learns the type.
    return [_label(spans.among(tag, task.labels) or tag, example, task) for tag in gold]


def labels_in(columns: dict[str, list[Any]]) -> list[int]:
    """How many labels each row has: one, or those of its words."""
    return [sum(one != NONE for one in row) if isinstance(row, list) else 1 for row in columns[LABELS]]


def _label(label: Any, example: Example, task: Task) -> int:
    if label not in task.labels:
        known = ", ".join(task.labels)
        raise DataError(f"label {label!r} is not known", where=example.id, hint=f"known: {known}")
    return task.labels.index(label)


def collated(columns: dict[str, list[Any]], indices: Sequence[int], filling: Filling, device: Any) -> dict[str, Any]:
    """One batch, padded to its longest member, on the device."""
    import torch

    rows = [{name: values[index] for name, values in columns.items() if name != LABELS} for index in indices]
    batch = filling.padded(rows)
    labels = [columns[LABELS][index] for index in indices]
    if isinstance(labels[0], list):
        length = int(batch["input_ids"].shape[1])
        labels = [filling.filled(one, length, NONE) for one in labels]
    batch[LABELS] = torch.tensor(labels)
    return {name: value.to(device) for name, value in batch.items()}
