"""Fine-tuning as usual: the cross-entropy of the batch."""

from __future__ import annotations

from auditor.training.recipes import NoSettings, Recipe


class Standard(Recipe):
    """Cross-entropy, nothing added."""

    name = "standard"
    settings_type = NoSettings


RECIPE = Standard
