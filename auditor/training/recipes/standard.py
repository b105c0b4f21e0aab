"""Standard fine-tuning: the cross-entropy of the batch."""

from __future__ import annotations

from auditor.training.recipes import NoSettings, Recipe


class Standard(Recipe):
    """Fine-tuning of the whole model with cross-entropy."""

    name = "standard"
    settings_type = NoSettings


RECIPE = Standard
