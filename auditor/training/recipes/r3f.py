"""Fine-tuning that asks for the same answer under noise in the embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from auditor.training.recipes import _embeddings as embeddings
from auditor.training.recipes._base import Batch, Recipe
from auditor.training.recipes._ranges import between


@dataclass(frozen=True, slots=True)
class Settings:
    """``weight`` λ ≥ 0 of the divergence (0: standard); ``size`` ≥ 0 of the noise; its ``noise``."""

    weight: float = 1.0
    size: float = 1e-5
    noise: Literal["uniform", "normal"] = "uniform"


class R3F(Recipe):
    """Aghajanyan et al. (2021), "Better fine-tuning by reducing representational collapse".

    Beside the cross-entropy the loss holds λ times the symmetric Kullback–Leibler divergence between the answers with
    and without noise z in the embeddings, z uniform in ±size or normal with that standard deviation. Dropout draws
    anew in the noisy pass; in bf16 or fp16 noise of the default size is mostly lost, and dropout is what remains.
    """

    name = "r3f"
    settings_type = Settings

    def __init__(self, settings: Settings) -> None:
        between(self.name, "weight", settings.weight, 0)
        between(self.name, "size", settings.size, 0)
        super().__init__(settings)

    def backward(self, model: Any, batch: Batch, step: int) -> float:
        settings: Settings = self.settings
        if settings.weight == 0:
            return super().backward(model, batch, step)
        clean = model(**batch)
        z = embeddings.zeros(model, batch).detach()
        z = z.uniform_(-1, 1) if settings.noise == "uniform" else z.normal_()
        with embeddings.perturbed(model, z * settings.size * embeddings.mask(batch)):
            noisy = model(**batch)
        loss = clean.loss + settings.weight * embeddings.symmetric_divergence(
            embeddings.answered(noisy.logits, batch), embeddings.answered(clean.logits, batch)
        )
        self.training.accumulate(loss)
        return float(loss.detach())


RECIPE = R3F
