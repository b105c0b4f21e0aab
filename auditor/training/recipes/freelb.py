"""Free large-batch adversarial training: every ascent step also trains the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auditor.settings import CheckedSettings, Count, NotNegative
from auditor.training.recipes import _embeddings as embeddings
from auditor.training.recipes._base import Batch, Recipe
from auditor.training.resume.rng_state import Generators


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """Number and size of the ascent steps.

    The paper tunes all settings by task; the defaults are within its ranges.
    """

    steps: Count = 3
    """K: number of passes; their gradients are averaged."""
    step_size: NotNegative = 0.1
    """α: L2 norm of a row's ascent step."""
    initial: NotNegative = 0.05
    """Size of the random start: uniform in ±initial/√n for a row of n embedding entries."""
    max_norm: NotNegative = 0.6
    """ε: radius of a row's L2 ball; the random start may lie outside."""
    bounded: bool = True
    """Whether perturbations stay in the ball. FreeLB++ has no ball and takes more steps."""
    same_dropout: bool = True
    """Whether all passes of a batch drop the same units, as in the paper, instead of drawing dropout for each pass."""


class FreeLB(Recipe):
    """Adversarial training on the word embeddings with averaged gradients.

    Zhu et al. (2020), "FreeLB: Enhanced adversarial training for natural language understanding". Each row's
    perturbation δ starts at random and moves K − 1 times by α along the gradient of the loss, inside the L2 ball of
    radius ε. The parameters' gradient is the mean over all K passes, so no pass serves δ alone. A row's norm and start
    depend on its own length: padding is masked. Without the ball and with more steps, the method is FreeLB++ (Li et al.
    2021, "Searching for an effective defender"). With ``initial = 0``, a single pass or a ``step_size`` of 0 is
    standard training.
    """

    name = "freelb"
    settings_type = Settings

    def backward(self, model: Any, batch: Batch, step: int) -> float:
        """Add the mean gradient of all passes; return their mean loss."""
        settings: Settings = self.settings
        if settings.initial == 0 and settings.step_size == 0:
            return super().backward(model, batch, step)
        kept = embeddings.mask(batch)
        delta = self._start(model, batch, kept)
        device, total = delta.device.type, 0.0
        drawn = Generators.now(device, self.training.rng)
        for done in range(settings.steps):
            if done:
                moved = delta.detach() + settings.step_size * embeddings.along(delta.grad * kept)
                delta = (embeddings.within(moved, settings.max_norm) if settings.bounded else moved).requires_grad_()
                if settings.same_dropout:
                    drawn.restore(device, self.training.rng)
            with embeddings.perturbed(model, delta):
                loss = model(**batch).loss
            self.training.accumulate(loss / settings.steps)
            total += float(loss.detach())
        return total / settings.steps

    def _start(self, model: Any, batch: Batch, kept: Any) -> Any:
        delta = embeddings.zeros(model, batch).detach()
        if self.settings.initial:
            entries = kept.sum((1, 2), keepdim=True) * delta.shape[2]
            delta = delta.uniform_(-1, 1) * kept * (self.settings.initial / entries.sqrt())
        return delta.requires_grad_()


RECIPE = FreeLB
