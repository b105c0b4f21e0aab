"""Training on rows that are perturbed at random, anew in every epoch."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from auditor.training.recipes import _generated_texts, _perturbed_rows
from auditor.training.recipes._ranges import between
from auditor.types import Example

TOGETHER = 32
"""Texts that the model is asked about at once."""


@dataclass(frozen=True, slots=True)
class Settings(_perturbed_rows.Settings):
    """Those of ``augment``, and ``candidates`` ≥ 1: perturbations drawn for a row, of which it gets the one that the
    model, as it stands when the epoch begins, gives its label the least probability.
    """

    candidates: int = 1


class Online(_generated_texts.GeneratingRecipe, _perturbed_rows.Perturbing):
    """Ivgi & Berant (2021), "Achieving model robustness through discrete adversarial training", random sampling.

    Each epoch passes every row once; a share of them, drawn anew, stands there with a perturbation, drawn anew too: a step
    costs what a step of standard training costs. With several ``candidates`` the worst of them is taken, as the paper has
    it (there by batch, here by epoch); that costs a forward pass for each.
    """

    name = "online"
    settings_type = Settings

    def __init__(self, settings: Settings) -> None:
        between(self.name, "candidates", settings.candidates, 1)
        super().__init__(settings)

    def examples(self, examples: Sequence[Example], epoch: int) -> Sequence[Example]:
        settings: Settings = self.settings
        if settings.share == 0:
            return examples
        rng = random.Random(self.training.rng.getrandbits(64))
        if self._epoch != epoch:
            self._made, self._epoch = self._drawn(examples, rng), epoch
        found = list(examples)
        for row, inputs, gold in self._made:
            found[row] = replace(examples[row], inputs=inputs, gold=gold)
        return found

    def _drawn(self, examples: Sequence[Example], rng: random.Random) -> list[tuple[int, dict[str, str], Any]]:
        settings: Settings = self.settings
        names, drawn = _perturbed_rows.chosen(settings.perturbations), list[tuple[int, Example]]()
        for row, one in enumerate(examples):
            if rng.random() < settings.share:
                several = [
                    _perturbed_rows.perturbed(one, self.training.task, names, settings.words, rng)
                    for _ in range(settings.candidates)
                ]
                drawn += [(row, made) for made in several if made is not None]
        if settings.candidates > 1:
            drawn = self._worst(drawn)
        return [(row, dict(one.inputs), one.gold) for row, one in drawn]

    def _worst(self, drawn: Sequence[tuple[int, Example]]) -> list[tuple[int, Example]]:
        """Of each row the text whose label the model finds least likely; of equals the first."""
        model, found = self.training.current_model(), dict[int, tuple[float, Example]]()
        # By length, so that a batch has little padding.
        order = sorted(range(len(drawn)), key=lambda index: (sum(map(len, drawn[index][1].inputs.values())), index))
        chances = dict[int, float]()
        for start in range(0, len(order), TOGETHER):
            some = order[start : start + TOGETHER]
            answers = model.run(model.encode([self.training.task.request(drawn[index][1].inputs) for index in some]))
            for index, answer in zip(some, answers, strict=True):
                chances[index] = self.training.task.likelihood(drawn[index][1].gold, answer)
        for index, (row, one) in enumerate(drawn):
            if row not in found or chances[index] < found[row][0]:
                found[row] = chances[index], one
        return [(row, one) for row, (_, one) in found.items()]


RECIPE = Online
