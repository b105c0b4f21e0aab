"""Fine-tuning with a smoothness penalty and a limit on each update's effect."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge

from auditor.settings import CheckedSettings, Count, Fraction, NotNegative
from auditor.training.recipes import _embeddings as embeddings
from auditor.training.recipes._base import Batch, Recipe


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """Weights of the penalties, and how they are computed.

    The defaults are the paper's, which tunes λ. λ = μ = 0 is standard training.
    """

    smoothness: NotNegative = 1.0
    """λ: weight of the divergence under the worst perturbation nearby."""
    proximal: NotNegative = 1.0
    """μ: weight of the divergence from an average of earlier weights."""
    epsilon: NotNegative = 1e-5
    """ε: bound on the largest entry of the perturbation."""
    sigma: NotNegative = 1e-5
    """Standard deviation of the perturbation's random start."""
    step_size: NotNegative = 1e-3
    """η of an ascent step, along the gradient divided by its largest entry."""
    steps: Count = 1
    """Number of ascent steps."""
    momentum: Fraction = 0.99
    """β of the average of weights during the first ``early`` updates."""
    late_momentum: Fraction = 0.999
    """β of the average of weights after the first ``early`` updates."""
    early: Annotated[int, Ge(0)] = 100
    """Number of updates with ``momentum``; in the paper, a tenth of all updates."""


class Smart(Recipe):
    """Fine-tuning with a smoothness penalty and a proximal term.

    Jiang et al. (2020), "SMART: Robust and efficient fine-tuning for pre-trained natural language models". The recipe
    minimises loss + λ·ℓ(f(x + δ), f(x)) + μ·ℓ(f(x), f̃(x)). Here ℓ is the symmetric Kullback–Leibler divergence, δ the
    worst perturbation of the embeddings with ‖δ‖∞ ≤ ε, found by ascent from a random start (algorithm 1), and f̃ the
    model with an exponential average of the weights so far (the proximal point with momentum, one inner step). The
    recipe updates the average after every step. f̃ is the reference for the model, so it answers without dropout and in
    full precision.
    """

    name = "smart"
    settings_type = Settings
    reads_labels = True

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._average: Any = None
        self._seen = 0

    def prepare(self, model: Any) -> Any:
        """Return the model unchanged, and copy it for the average if needed."""
        if self.settings.proximal:
            self._average = copy.deepcopy(model).requires_grad_(False).eval()
        return model

    def state(self) -> Mapping[str, Any]:
        """Return the average of the weights and its number of updates."""
        import torch

        if self._average is None:
            return {}
        return {"seen": torch.tensor(self._seen), **{f"average.{k}": v for k, v in self._average.state_dict().items()}}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore the average of the weights and its number of updates."""
        if self._average is not None:
            self._seen = int(state["seen"])
            self._average.load_state_dict({name: state[f"average.{name}"] for name in self._average.state_dict()})

    def backward(self, model: Any, batch: Batch, step: int) -> float:
        """Add the gradients of the loss with both penalties; return that loss."""
        settings: Settings = self.settings
        if settings.smoothness == 0 and settings.proximal == 0:
            return super().backward(model, batch, step)
        clean = model(**batch)
        loss, answers = clean.loss, embeddings.labelled(clean.logits, batch)
        if settings.smoothness:
            loss = loss + settings.smoothness * self._roughness(model, batch, answers)
        if settings.proximal:
            loss = loss + settings.proximal * embeddings.symmetric_divergence(answers, self._before(batch))
        self.training.accumulate(loss)
        return float(loss.detach())

    def _roughness(self, model: Any, batch: Batch, clean: Any) -> Any:
        """Return the divergence under the worst perturbation, with its graph."""
        import torch

        settings: Settings = self.settings
        kept, fixed = embeddings.mask(batch), clean.detach()
        delta = embeddings.zeros(model, batch).detach().normal_() * settings.sigma * kept
        for _ in range(settings.steps):
            delta.requires_grad_()
            with embeddings.perturbed(model, delta):
                divergence = embeddings.symmetric_divergence(embeddings.labelled(model(**batch).logits, batch), fixed)
            (gradient,) = torch.autograd.grad(self.training.scaled(divergence), delta)
            steepest = gradient.abs().amax((1, 2), keepdim=True)
            usable = torch.isfinite(steepest) & (steepest > 0)
            move = torch.where(usable, gradient, 0) / torch.where(usable, steepest, 1)
            delta = ((delta.detach() + settings.step_size * move) * kept).clamp(-settings.epsilon, settings.epsilon)
        with embeddings.perturbed(model, delta):
            return embeddings.symmetric_divergence(embeddings.labelled(model(**batch).logits, batch), clean)

    def stepped(self, model: Any) -> None:
        """Update the average of the weights."""
        import torch

        if self._average is None:
            return
        settings: Settings = self.settings
        beta = settings.momentum if self._seen < settings.early else settings.late_momentum
        with torch.no_grad():
            for mean, now in zip(self._average.parameters(), model.parameters(), strict=True):
                mean.lerp_(now.detach(), 1 - beta)
        self._seen += 1

    def _before(self, batch: Batch) -> Any:
        """Return the logits of the model with averaged weights."""
        import torch

        with torch.no_grad():
            return embeddings.labelled(self._average(**batch).logits, batch)


RECIPE = Smart
