"""Learning without forgetting: the old model's answers are kept."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Gt

from auditor.settings import CheckedSettings, NotNegative
from auditor.training.recipes import _embeddings as embeddings
from auditor.training.recipes._base import Batch, Recipe


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """The weight of the old answers, and how soft they are."""

    weight: NotNegative = 1.0
    """λ: weight of the divergence from the old answers; 0 is standard training."""
    temperature: Annotated[float, Gt(0)] = 2.0
    """T: both answers' logits are divided by it."""


class Distill(Recipe):
    """Fine-tuning that keeps the old model's answers on the new rows.

    Li & Hoiem (2016), "Learning without forgetting", for one head: the recipe minimises
    loss + λ·T²·KL(p_old(x; T) ‖ p(x; T)) over the new rows, with the answers of the continued checkpoint at temperature
    T (T² as in Hinton et al. 2015, so that λ does not depend on T). No earlier row is needed. The old model answers
    without dropout and in full precision.
    """

    name = "distill"
    settings_type = Settings
    reads_labels = True
    continues = True

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._old: Any = None

    def release(self) -> None:
        """Release the training and the old model."""
        super().release()
        self._old = None

    def prepare(self, model: Any) -> Any:
        """Return the model unchanged, and keep a copy of it."""
        if self.settings.weight:
            self._old = copy.deepcopy(model).requires_grad_(False).eval()
        return model

    def backward(self, model: Any, batch: Batch, step: int) -> float:
        """Add the gradients of the loss with the divergence; return that loss."""
        if self._old is None:
            return super().backward(model, batch, step)
        answer = model(**batch)
        divergence = self._divergence(embeddings.labelled(answer.logits, batch), batch)
        loss = answer.loss + self.settings.weight * divergence
        self.training.accumulate(loss)
        return float(loss.detach())

    def _divergence(self, logits: Any, batch: Batch) -> Any:
        """Return T² times the mean divergence from the old answers, in nats."""
        import torch
        from torch.nn import functional

        temperature = self.settings.temperature
        with torch.no_grad():
            old = embeddings.labelled(self._old(**batch).logits, batch)
        own = functional.log_softmax(logits / temperature, dim=-1)
        target = functional.log_softmax(old / temperature, dim=-1)
        return temperature**2 * functional.kl_div(own, target, log_target=True, reduction="batchmean")


RECIPE = Distill
