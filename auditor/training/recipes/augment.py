"""Training on the rows and on perturbed copies of some rows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from auditor.training.recipes import _perturbed_rows
from auditor.training.recipes._base import Recipe
from auditor.types import Example


class Augment(Recipe):
    """Data augmentation with nlpaug's noise and auditor's own.

    Belinkov & Bisk (2018) train on such noise. It is that of the rows' language, given or told by their words. Seed
    and rows determine the copies, which are the same in every epoch. Every epoch passes rows and copies.
    """

    name = "augment"
    reads_language = True
    settings_type = _perturbed_rows.Settings

    def __init__(self, settings: _perturbed_rows.Settings) -> None:
        super().__init__(settings)
        self._seed = 0

    def prepare(self, model: Any) -> Any:
        """Draw the seed of the copies, and return the model unchanged.

        Every process of a training calls this method at the same point, so all of them draw the same seed.
        """
        self._seed = self.training.rng.getrandbits(64)
        return model

    def examples(self, examples: Sequence[Example], epoch: int) -> Sequence[Example]:  # noqa: ARG002 - every epoch alike
        """Return the rows followed by the perturbed copies."""
        settings: _perturbed_rows.Settings = self.settings
        if settings.share == 0:
            return examples
        # One generator per row: a row's copy depends neither on the epoch nor on other rows.
        language = _perturbed_rows.language_of(examples, self.training.language)
        names = _perturbed_rows.suited(_perturbed_rows.chosen(settings.perturbations), language, self.training.task)
        drawn = [(row, random.Random(f"{self._seed} {number}")) for number, row in enumerate(examples)]
        copies = [
            _perturbed_rows.perturbed(row, self.training.task, names, settings.words, rng, language)
            for row, rng in drawn
            if rng.random() < settings.share
        ]
        return [*examples, *(copy for copy in copies if copy is not None)]


RECIPE = Augment
