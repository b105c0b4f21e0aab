"""A tiny random checkpoint for each task, and requests of the task."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tiny import tiny_checkpoint

from auditor import tasks
from auditor.models import heads
from auditor.models.libraries import quiet
from auditor.testing import sample_rows
from auditor.types import Request, Task

LABELS = {name: tuple(tasks.kind(name).example_labels) for name in tasks.names()}


def checkpoint(folder: Path, name: str) -> Path:
    """A BERT of two layers with the head and the special tokens of a task, whose answers differ from text to text."""
    import torch
    import transformers

    tiny_checkpoint(folder, head=False)
    head = heads.of(tasks.kind(name).head)
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder))
    tokenizer.add_tokens(list(tasks.create(name, LABELS[name]).special_tokens), special_tokens=True)
    tokenizer.save_pretrained(folder)
    config = transformers.AutoConfig.from_pretrained(str(folder), **head.config)
    if LABELS[name]:
        config.id2label = dict(enumerate(LABELS[name]))
        config.label2id = {label: place for place, label in enumerate(LABELS[name])}
    config.vocab_size = len(tokenizer)
    with torch.random.fork_rng(), quiet():
        torch.manual_seed(0)
        model = getattr(transformers, f"Bert{head.architecture}")(config)
        for parameter in model.parameters():
            parameter.data = torch.randn_like(parameter) * 0.3
        model.save_pretrained(folder)
    return folder


def requests(name: str, many: int = 6) -> tuple[Task, Sequence[Request]]:
    """The task over its example labels, and what it asks of rows of its own."""
    task = tasks.create(name, LABELS[name])
    return task, [task.request(row.inputs) for row in sample_rows(task, many)]
