"""Adversarial training by the fast gradient method on the word embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auditor.errors import ModelError
from auditor.training.recipes import _embeddings as embeddings
from auditor.training.recipes._base import Batch, Recipe
from auditor.training.recipes._ranges import between


@dataclass(frozen=True, slots=True)
class Settings:
    """``epsilon`` ≥ 0: L2 norm of the perturbation of the whole embedding matrix; 0: standard training."""

    epsilon: float = 1.0


class FastGradientMethod(Recipe):
    """Miyato, Dai & Goodfellow (2017), "Adversarial training methods for semi-supervised text classification".

    After the clean pass, the word-embedding matrix E is moved by r = ε·g/‖g‖₂, where g is the gradient of this batch's
    clean loss with respect to E (not what earlier batches accumulated), the batch is passed again, and both gradients
    count. E is restored bit for bit. Both passes run in training mode: dropout draws anew in the second. The norm is
    that of the whole matrix, as common implementations for pretrained encoders have it; the paper's is by sequence.
    A gradient whose norm is 0 or not finite moves nothing, and the second pass is left out.
    """

    name = "fgm"
    settings_type = Settings

    def __init__(self, settings: Settings) -> None:
        between(self.name, "epsilon", settings.epsilon, 0)
        super().__init__(settings)

    def prepare(self, model: Any) -> Any:
        """The model as it is. Raises ModelError when its word embeddings are frozen: they have no gradient to follow."""
        if not embeddings.table(model).weight.requires_grad:
            raise ModelError("the word embeddings are frozen", where="recipe fgm", hint="train them too")
        return model

    def backward(self, model: Any, batch: Batch, step: int) -> float:
        import torch

        if self.settings.epsilon == 0:
            return super().backward(model, batch, step)
        weight = embeddings.table(model).weight
        # Set aside what earlier batches accumulated, so that the direction is this batch's own.
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
                # A copy, not a subtraction: adding r and taking it away again would not give the same bits.
                with torch.no_grad():
                    weight.copy_(kept)
        if accumulated is not None:
            weight.grad += accumulated
        return loss


RECIPE = FastGradientMethod
