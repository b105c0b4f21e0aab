"""Perturbations of the word embeddings of a batch: added by a hook, so that any architecture takes them.

Their shape is (batch, tokens, dimensions); padding is never perturbed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from auditor.errors import ModelError
from auditor.models.heads.base import NO_LABEL
from auditor.models.padding import embedding_table
from auditor.training.recipes._base import Batch


@contextmanager
def perturbed(model: Any, delta: Any) -> Iterator[None]:
    """The model's word embeddings plus ``delta`` in the first look-up of a forward pass inside."""
    waiting = [delta]

    def add(_module: Any, _inputs: Any, output: Any) -> Any:
        # A decoder that shares the embeddings looks up its own tokens afterwards.
        if not waiting:
            return output
        if output.shape != delta.shape:
            raise ModelError(
                f"{type(model).__name__} looks its words up in another shape", hint="recipe standard or fgm"
            )
        return output + waiting.pop()

    handle = table(model).register_forward_hook(add)
    try:
        yield
    finally:
        handle.remove()


def mask(batch: Batch) -> Any:
    """1 for tokens and 0 for padding, of shape (batch, tokens, 1); all ones where the batch has no attention mask."""
    import torch

    found = batch.get("attention_mask")
    return (torch.ones_like(batch["input_ids"]) if found is None else found).unsqueeze(-1)


def zeros(model: Any, batch: Batch) -> Any:
    """No perturbation, whose gradient can be asked for."""
    weight = table(model).weight
    shape = (*batch["input_ids"].shape, weight.shape[1])
    return weight.new_zeros(shape).requires_grad_()


def table(model: Any) -> Any:
    """The word embeddings. Raises ModelError for a model without a table of them."""
    found = embedding_table(model)
    if not hasattr(found, "weight"):
        raise ModelError(f"{type(model).__name__} has no table of word embeddings", hint="recipe standard")
    return found


def norm(delta: Any) -> Any:
    """L2 norm of each row's perturbation, of shape (batch, 1, 1)."""
    import torch

    return torch.linalg.vector_norm(delta, dim=(1, 2), keepdim=True)


def along(gradient: Any) -> Any:
    """Each row's gradient at length 1; 0 where it has no length or none that is finite."""
    import torch

    length = norm(gradient)
    usable = torch.isfinite(length) & (length > 0)
    return torch.where(usable, gradient, 0) / torch.where(usable, length, 1)


def within(delta: Any, radius: float) -> Any:
    """Each row's perturbation, shortened to ``radius`` where it is longer."""
    import torch

    length = norm(delta)
    return torch.where(length > radius, delta * (radius / length), delta)


def answered(logits: Any, batch: Batch) -> Any:
    """The logits that have a label, of shape (answers, labels): of every text, or of each word's first piece."""
    return logits if logits.dim() == 2 else logits[batch["labels"] != NO_LABEL]


def symmetric_divergence(logits: Any, others: Any) -> Any:
    """KL(p‖q) + KL(q‖p) of two predictions of shape (batch, labels), mean over the batch, in nats."""
    from torch.nn import functional

    one, other = functional.log_softmax(logits, dim=-1), functional.log_softmax(others, dim=-1)
    return ((one.exp() - other.exp()) * (one - other)).sum(-1).mean()
