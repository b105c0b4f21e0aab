"""Perturbations of a batch's word embeddings.

A forward hook adds them, which works for any architecture. Their shape is (batch, tokens, dimensions). Padding is never
perturbed.
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
    """Add ``delta`` to the word embeddings in the first look-up inside.

    Raises ModelError, in the forward pass, if the look-up has another shape than ``delta``.
    """
    waiting = [delta]

    def add(_module: Any, _inputs: Any, output: Any) -> Any:
        # A decoder that shares the embeddings looks up its own tokens later: they stay as they are.
        if not waiting:
            return output
        if output.shape != delta.shape:
            problem = f"{type(model).__name__} looks up word embeddings in an unexpected shape"
            raise ModelError(problem, hint="use recipe standard or fgm")
        return output + waiting.pop()

    handle = table(model).register_forward_hook(add)
    try:
        yield
    finally:
        handle.remove()


def mask(batch: Batch) -> Any:
    """Return 1 for tokens and 0 for padding.

    The shape is (batch, tokens, 1). A batch without an attention mask has no padding: the mask is all ones.
    """
    import torch

    attention = batch.get("attention_mask")
    return (torch.ones_like(batch["input_ids"]) if attention is None else attention).unsqueeze(-1)


def zeros(model: Any, batch: Batch) -> Any:
    """Return a perturbation of zeros that requires a gradient."""
    weight = table(model).weight
    shape = (*batch["input_ids"].shape, weight.shape[1])
    return weight.new_zeros(shape).requires_grad_()


def table(model: Any) -> Any:
    """Return the module of the model's word embeddings.

    Raises ModelError for a model without such a table.
    """
    module = embedding_table(model)
    if not hasattr(module, "weight"):
        raise ModelError(f"{type(model).__name__} has no table of word embeddings", hint="use recipe standard")
    return module


def norm(delta: Any) -> Any:
    """Return each row's L2 norm, of shape (batch, 1, 1)."""
    import torch

    return torch.linalg.vector_norm(delta, dim=(1, 2), keepdim=True)


def along(gradient: Any) -> Any:
    """Return each row's gradient scaled to L2 norm 1.

    A row is 0 where the norm is 0 or not finite.
    """
    import torch

    length = norm(gradient)
    usable = torch.isfinite(length) & (length > 0)
    return torch.where(usable, gradient, 0) / torch.where(usable, length, 1)


def within(delta: Any, radius: float) -> Any:
    """Return each row's perturbation, scaled down to ``radius`` where longer."""
    import torch

    length = norm(delta)
    return torch.where(length > radius, delta * (radius / length), delta)


def labelled(logits: Any, batch: Batch) -> Any:
    """Return the logits that have a label, of shape (answers, labels).

    These are the logits of every text, or of each word's first piece. Where a text may have any number of labels, each
    is an answer of its own, between not having it (logit 0) and having it.
    """
    if _any_number(batch):
        import torch

        flat = logits.reshape(-1)
        return torch.stack((torch.zeros_like(flat), flat), dim=-1)
    return logits if logits.dim() == 2 else logits[batch["labels"] != NO_LABEL]


def labels_of(batch: Batch) -> Any:
    """Return the place of the right label of each answer of ``labelled``."""
    labels = batch["labels"]
    return labels.reshape(-1).long() if _any_number(batch) else labels[labels != NO_LABEL]


def _any_number(batch: Batch) -> bool:
    """Return whether texts may have any number of labels."""
    labels = batch["labels"]
    return bool(labels.is_floating_point()) and labels.dim() > 1


def symmetric_divergence(logits: Any, others: Any) -> Any:
    """Return the mean over the batch of KL(p‖q) + KL(q‖p), in nats.

    Both arguments are logits of shape (batch, labels).
    """
    from torch.nn import functional

    log_p, log_q = functional.log_softmax(logits, dim=-1), functional.log_softmax(others, dim=-1)
    return ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(-1).mean()
