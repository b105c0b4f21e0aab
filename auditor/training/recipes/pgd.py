"""Adversarial training by projected gradient descent on the word embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auditor.training.recipes import _embeddings as embeddings
from auditor.training.recipes._base import Batch, Recipe
from auditor.training.recipes._ranges import between


@dataclass(frozen=True, slots=True)
class Settings:
    """``steps`` K ≥ 1; ``step_size`` α and ``epsilon`` ε: L2 norms of a row's perturbation. α or ε of 0: standard.

    The norm of one word's embedding is about 1 in BERT and its kin: ε = 1 kept a small encoder from learning anything in a hundred
    steps, where these defaults cost no quality.
    """

    steps: int = 3
    step_size: float = 0.06
    epsilon: float = 0.2


class ProjectedGradientDescent(Recipe):
    """Madry et al. (2018), "Towards deep learning models resistant to adversarial attacks", on word embeddings.

    After the clean pass, each row's perturbation δ goes K times by α along the gradient of the loss with respect to it,
    and back onto the L2 ball of radius ε: δ ← Π_ε(δ + α·g/‖g‖₂). The gradients of the clean pass and of the K-th
    perturbed one count; the passes between ask for the gradient of δ alone. The paper starts from a random point and
    trains on the perturbed batch only; starting from the clean one and keeping its gradient is what is usual for
    pretrained encoders. All passes run in training mode: dropout draws anew in each.
    """

    name = "pgd"
    settings_type = Settings

    def __init__(self, settings: Settings) -> None:
        between(self.name, "steps", settings.steps, 1)
        between(self.name, "step_size", settings.step_size, 0)
        between(self.name, "epsilon", settings.epsilon, 0)
        super().__init__(settings)

    def backward(self, model: Any, batch: Batch, step: int) -> float:
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
