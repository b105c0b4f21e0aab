"""Training on the rows and on perturbed copies of some of them, the same copies in every epoch."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from auditor.training.recipes import _perturbed_rows
from auditor.types import Example


class Augment(_perturbed_rows.Perturbing):
    """Data augmentation with nlpaug's noise and our own (Belinkov & Bisk 2018 train on such noise).

    The copies are made once, before the first epoch, and follow from the seed and the rows: every epoch passes rows and copies.
    """

    name = "augment"

    def __init__(self, settings: _perturbed_rows.Settings) -> None:
        super().__init__(settings)
        self._seed = 0

    def prepare(self, model: Any) -> Any:
        """The model as it is. What the copies follow from is drawn here, where every process of a training begins."""
        self._seed = self.training.rng.getrandbits(64)
        return model

    def examples(self, examples: Sequence[Example], epoch: int) -> Sequence[Example]:  # noqa: ARG002 - every epoch alike
        settings: _perturbed_rows.Settings = self.settings
        if settings.share == 0:
            return examples
        # By row: neither the epoch nor the other rows decide whether it gets a copy, and which.
        names = _perturbed_rows.chosen(settings.perturbations)
        drawn = [(one, random.Random(f"{self._seed} {number}")) for number, one in enumerate(examples)]
        copies = [
            _perturbed_rows.perturbed(one, self.training.task, names, settings.words, rng)
            for one, rng in drawn
            if rng.random() < settings.share
        ]
        return [*examples, *(one for one in copies if one is not None)]


RECIPE = Augment
