"""Training on rows that are perturbed at random in every epoch."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from auditor.settings import Count
from auditor.training.recipes import _generated_texts, _perturbed_rows
from auditor.types import Example

TOGETHER = 32
"""Texts per batch when the model rates the candidates."""


@dataclass(frozen=True, slots=True)
class Settings(_perturbed_rows.Settings):
    """The settings of ``augment``, and the number of candidates."""

    candidates: Count = 1
    """Perturbations to draw per row. The row gets the one for which the model, at the beginning of the
    epoch, gives its label the least probability."""


class Online(_generated_texts.GeneratingRecipe):
    """Training on rows that are perturbed at random in every epoch.

    Ivgi & Berant (2021), "Achieving model robustness through discrete adversarial training", with random sampling. Each
    epoch passes every row once. Every epoch draws a share of the rows and a perturbation for each of them, so a step
    costs as much as in standard training. With several ``candidates``, the recipe takes the worst of them, as in the
    paper (there by batch, here by epoch), which costs a forward pass per candidate.
    """

    name = "online"
    settings_type = Settings

    def examples(self, examples: Sequence[Example], epoch: int) -> Sequence[Example]:
        """Return the rows, some of them replaced by a perturbed version."""
        settings: Settings = self.settings
        if settings.share == 0:
            return examples
        rng = random.Random(self.training.rng.getrandbits(64))
        if self._epoch != epoch:
            self._made, self._epoch = self._drawn(examples, rng), epoch
        rows = list(examples)
        for number, inputs, gold in self._made:
            rows[number] = replace(examples[number], inputs=inputs, gold=gold)
        return rows

    def _drawn(self, examples: Sequence[Example], rng: random.Random) -> list[tuple[int, dict[str, str], Any]]:
        settings: Settings = self.settings
        names, drawn = _perturbed_rows.chosen(settings.perturbations), list[tuple[int, Example]]()
        for number, row in enumerate(examples):
            if rng.random() < settings.share:
                candidates = [
                    _perturbed_rows.perturbed(row, self.training.task, names, settings.words, rng)
                    for _ in range(settings.candidates)
                ]
                drawn += [(number, candidate) for candidate in candidates if candidate is not None]
        if settings.candidates > 1:
            drawn = self._worst(drawn)
        return [(number, dict(candidate.inputs), candidate.gold) for number, candidate in drawn]

    def _worst(self, drawn: Sequence[tuple[int, Example]]) -> list[tuple[int, Example]]:
        """Return each row's candidate whose label the model finds least likely.

        Of equally likely candidates, it takes the first.
        """
        model, worst = self.training.current_model(), dict[int, tuple[float, Example]]()
        # Sorted by length, so that a batch has little padding.
        order = sorted(range(len(drawn)), key=lambda index: (sum(map(len, drawn[index][1].inputs.values())), index))
        chances = dict[int, float]()
        for start in range(0, len(order), TOGETHER):
            batch = order[start : start + TOGETHER]
            answers = model.run(model.encode([self.training.task.request(drawn[index][1].inputs) for index in batch]))
            for index, answer in zip(batch, answers, strict=True):
                chances[index] = self.training.task.likelihood(drawn[index][1].gold, answer)
        for index, (number, candidate) in enumerate(drawn):
            if number not in worst or chances[index] < worst[number][0]:
                worst[number] = chances[index], candidate
        return [(number, candidate) for number, (_, candidate) in worst.items()]


RECIPE = Online
