"""Training on rows that are perturbed at random, anew in every epoch."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from auditor.training.recipes import _noise
from auditor.training.recipes._base import Recipe
from auditor.training.recipes._checks import between
from auditor.types import Example


@dataclass(frozen=True, slots=True)
class Settings:
    """``share`` in [0, 1] of the rows perturbed in an epoch (0: standard), ``words`` in (0, 1] of their words.

    ``perturbations``: names or families; the default ones leave the meaning to a reader.
    """

    share: float = 0.5
    words: float = 0.2
    perturbations: tuple[str, ...] = _noise.KEEPS_LABELS


class Online(Recipe):
    """Ivgi & Berant (2021), "Achieving model robustness through discrete adversarial training", random sampling.

    Each epoch passes every row once; a share of them, drawn anew, stands there with a perturbation, drawn anew too. A
    step costs what a step of standard training costs. The paper also samples several and takes the worst; this is its
    cheapest form.
    """

    name = "online"
    settings_type = Settings

    def __init__(self, settings: Settings) -> None:
        between(self.name, "share", settings.share, 0, 1)
        between(self.name, "words", settings.words, 1e-6, 1)
        _noise.check(self.name, settings.perturbations)
        super().__init__(settings)

    def examples(self, examples: Sequence[Example], epoch: int) -> Sequence[Example]:  # noqa: ARG002 - every epoch alike
        settings: Settings = self.settings
        if settings.share == 0:
            return examples
        rng, names = random.Random(random.getrandbits(64)), _noise.chosen(settings.perturbations)
        return [
            (_noise.perturbed(one, names, settings.words, rng) or one) if rng.random() < settings.share else one
            for one in examples
        ]


RECIPE = Online
