"""Adversarial training by projected gradient descent on the word embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auditor.settings import CheckedSettings, Count, NotNegative
from auditor.training.recipes import _embeddings as embeddings
from auditor.training.recipes._base import Batch, Recipe


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """Number and size of the ascent steps.

    The norm of a word's embedding is about 1 in BERT and similar models. With ε = 1, a small encoder learned nothing in
    a hundred steps; the defaults cost it no quality.
    """

    steps: Count = 3
    """K: number of ascent steps."""
    step_size: NotNegative = 0.06
    """α: L2 norm of a row's ascent step; 0 is standard training."""
    epsilon: NotNegative = 0.2
    """ε: radius of a row's L2 ball; 0 is standard training."""


class ProjectedGradientDescent(Recipe):
    """Adversarial training by projected gradient descent on the word embeddings.

    Madry et al. (2018), "Towards deep learning models resistant to adversarial attacks". After the clean pass, each
    row's perturbation δ moves K times by α along the gradient of the loss with respect to δ, projected onto the L2 ball
    of radius ε: δ ← Π_ε(δ + α·g/‖g‖₂). The gradients of the clean pass and of the K-th perturbed pass count; the passes
    in between compute only the gradient of δ. The paper starts from a random point and trains on the perturbed batch
    only; for pretrained encoders it is common to start from the clean batch and keep its gradient. All passes run in
    training mode: dropout draws again in each.
    """

    name = "pgd"
    settings_type = Settings

    def backward(self, model: Any, batch: Batch, step: int) -> float:
        """Add the gradients of first and last pass; return the first's loss."""
        import torch

        settings: Settings = self.settings
        if settings.epsilon == 0 or settings.step_size == 0:
            return super().backward(model, batch, step)
        delta = embeddings.zeros(model, batch)
        with embeddings.perturbed(model, delta):
            loss = super().backward(model, batch, step)
        kept = embeddings.mask(batch)
        gradient = delta.grad
        for left in reversed(range(settings.steps)):
            moved = delta.detach() + settings.step_size * embeddings.along(gradient * kept)
            delta = embeddings.within(moved, settings.epsilon).requires_grad_(left > 0)
            with embeddings.perturbed(model, delta):
                again = model(**batch).loss
            if left:
                (gradient,) = torch.autograd.grad(self.training.scaled(again), delta)
            else:
                self.training.accumulate(again)
        return loss


RECIPE = ProjectedGradientDescent
