"""Adversarial training by the fast gradient method on the word embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auditor.errors import ModelError
from auditor.settings import CheckedSettings, NotNegative
from auditor.training.recipes import _embeddings as embeddings
from auditor.training.recipes._base import Batch, Recipe


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """The size of the perturbation."""

    epsilon: NotNegative = 1.0
    """L2 norm of the perturbation of the whole embedding matrix; 0 is standard training."""


class FastGradientMethod(Recipe):
    """Adversarial training by the fast gradient method on the word embeddings.

    Miyato, Dai & Goodfellow (2017), "Adversarial training methods for semi-supervised text classification". After the
    clean pass, the recipe moves the word-embedding matrix E by r = ε·g/‖g‖₂ and passes the batch again; both gradients
    count. Here g is the gradient with respect to E of this batch's clean loss only, without what earlier batches
    accumulated. Afterwards E is restored bit for bit. Both passes run in training mode: dropout draws again in the
    second. The norm is that of the whole matrix, as in common implementations for pretrained encoders; the paper
    normalises by sequence. If the gradient's norm is 0 or not finite, there is no second pass.
    """

    name = "fgm"
    settings_type = Settings

    def prepare(self, model: Any) -> Any:
        """Return the model unchanged.

        Raises ModelError when its word embeddings are frozen, because they then have no gradient.
        """
        if not embeddings.table(model).weight.requires_grad:
            raise ModelError("the word embeddings are frozen", where="recipe fgm", hint="train them too")
        return model

    def backward(self, model: Any, batch: Batch, step: int) -> float:
        """Add the gradients of both passes; return the clean loss."""
        import torch

        if self.settings.epsilon == 0:
            return super().backward(model, batch, step)
        weight = embeddings.table(model).weight
        # Set aside the gradient accumulated over earlier batches: only this batch determines the direction.
        accumulated, weight.grad = weight.grad, None
        loss = super().backward(model, batch, step)
        clean = weight.grad
        norm = torch.linalg.vector_norm(clean)
        if bool(torch.isfinite(norm)) and float(norm) > 0:
            kept = weight.detach().clone()
            try:
                with torch.no_grad():
                    weight.add_(clean * (self.settings.epsilon / norm))
                super().backward(model, batch, step)
            finally:
                # A copy, because adding r and subtracting it again would not restore the same bits.
                with torch.no_grad():
                    weight.copy_(kept)
        if accumulated is not None:
            weight.grad += accumulated
        return loss


RECIPE = FastGradientMethod
