"""Integrated gradients of a model's answer, by text field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from auditor.types import Attributes, Inputs, Model, Task, TokenWeight

NO_GRADIENTS = "the model gives no gradients (it does not run in torch)"
UNTOLD = "the model gives no gradients of words: its tokenizer is slow, it looks up no embeddings, or it tags words"
OTHER_TEXTS = "the model is asked about other texts than those of the row"


def integrated_gradients(
    model: Model, task: Task, inputs: Inputs, label: str, steps: int
) -> Mapping[str, Sequence[TokenWeight]] | str:
    """Return field → weights of its tokens, or why there are none."""
    request = task.request(inputs)
    if not isinstance(model, Attributes):
        return NO_GRADIENTS
    if request.texts != tuple(inputs[field] for field in task.fields):
        return OTHER_TEXTS
    weights = model.integrated_gradients(request, task.labels.index(label), steps)
    return UNTOLD if weights is None else dict(zip(task.fields, weights, strict=True))
