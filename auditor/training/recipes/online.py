"""Training on rows that are perturbed at random, anew in every epoch."""

from __future__ import annotations

import random
from collections.abc import Sequence

from auditor.training.recipes import _noise
from auditor.types import Example


class Online(_noise.Perturbing):
    """Ivgi & Berant (2021), "Achieving model robustness through discrete adversarial training", random sampling.

    Each epoch passes every row once; a share of them, drawn anew, stands there with a perturbation, drawn anew too. A
    step costs what a step of standard training costs. The paper also samples several and takes the worst; this is its
    cheapest form.
    """

    name = "online"

    def examples(self, examples: Sequence[Example], epoch: int) -> Sequence[Example]:  # noqa: ARG002 - every epoch alike
        settings: _noise.Settings = self.settings
        if settings.share == 0:
            return examples
        rng, names = random.Random(random.getrandbits(64)), _noise.chosen(settings.perturbations)
        return [
            (_noise.perturbed(one, names, settings.words, rng) or one) if rng.random() < settings.share else one
            for one in examples
        ]


RECIPE = Online
