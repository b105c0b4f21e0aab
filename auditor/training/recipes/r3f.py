"""Fine-tuning for answers that stay the same under noise in the embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from auditor.settings import CheckedSettings, NotNegative
from auditor.training.recipes import _embeddings as embeddings
from auditor.training.recipes._base import Batch, Recipe


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """Weight of the divergence, and size and kind of the noise."""

    weight: NotNegative = 1.0
    """λ: weight of the divergence; 0 is standard training."""
    size: NotNegative = 1e-5
    """Size of the noise."""
    noise: Literal["uniform", "normal"] = "uniform"
    """Distribution of the noise: uniform in ±size, or normal with the standard deviation size."""


class R3F(Recipe):
    """Fine-tuning with a penalty on changes of the answer under noise.

    Aghajanyan et al. (2021), "Better fine-tuning by reducing representational collapse". The loss is the cross-entropy
    plus λ times the symmetric Kullback–Leibler divergence between the answers with and without noise z in the
    embeddings, where z is uniform in ±size or normal with that standard deviation. Dropout draws again in the noisy
    pass. In bf16 or fp16, rounding removes most of the noise of the default size, and mainly dropout remains.
    """

    name = "r3f"
    settings_type = Settings
    reads_labels = True

    def backward(self, model: Any, batch: Batch, step: int) -> float:
        """Add the gradients of cross-entropy plus divergence; return that loss."""
        settings: Settings = self.settings
        if settings.weight == 0:
            return super().backward(model, batch, step)
        clean = model(**batch)
        z = embeddings.zeros(model, batch).detach()
        z = z.uniform_(-1, 1) if settings.noise == "uniform" else z.normal_()
        with embeddings.perturbed(model, z * settings.size * embeddings.mask(batch)):
            noisy = model(**batch)
        loss = clean.loss + settings.weight * embeddings.symmetric_divergence(
            embeddings.labelled(noisy.logits, batch), embeddings.labelled(clean.logits, batch)
        )
        self.training.accumulate(loss)
        return float(loss.detach())


RECIPE = R3F
