"""Cross-entropy against softened labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge, Lt

from auditor.settings import CheckedSettings
from auditor.training.recipes import _embeddings as embeddings
from auditor.training.recipes._base import Batch, Recipe


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """The strength of the smoothing."""

    share: Annotated[float, Ge(0), Lt(1)] = 0.1
    """Share of the probability to spread evenly over all labels; 0 is standard training."""


class LabelSmoothing(Recipe):
    """Cross-entropy against softened labels.

    Szegedy et al. (2016), "Rethinking the inception architecture for computer vision", section 7. Where a text may have
    any number of labels, the probability of each is spread over having it and not.
    """

    name = "label_smoothing"
    settings_type = Settings
    reads_labels = True

    def backward(self, model: Any, batch: Batch, step: int) -> float:
        """Add the gradients of the smoothed cross-entropy; return that loss."""
        from torch.nn import functional

        if self.settings.share == 0:
            return super().backward(model, batch, step)
        logits = embeddings.labelled(model(**batch).logits, batch).float()
        labels = embeddings.labels_of(batch)
        loss = functional.cross_entropy(logits, labels, label_smoothing=self.settings.share)
        self.training.accumulate(loss)
        return float(loss.detach())


RECIPE = LabelSmoothing
