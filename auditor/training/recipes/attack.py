"""Training on adversarial examples that are generated every few epochs."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge

from auditor import languages, text
from auditor.environment import resources
from auditor.errors import ConfigError, DataError
from auditor.settings import CheckedSettings, Count, Fraction, Share
from auditor.text import shares
from auditor.training import settings as training
from auditor.training.recipes import _generated_texts, _perturbed_rows
from auditor.types import Encoded, Example, Model, Task, TextAttackRecipe


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """The attack, its schedule and its limits."""

    method: TextAttackRecipe = "deepwordbug"
    """Name of the attack, as in the probe adversarial."""
    share: Fraction = 0.2
    """Share of the rows to draw for attacks; 0 is standard training."""
    first: Annotated[int, Ge(0)] = 1
    """Epoch, from 0, of the first attacks; attacks on an untrained model are pointless."""
    every: Count = 1
    """Number of epochs between two generations of attacks."""
    max_words_changed: Share = 0.2
    """Share of a text's words that an attack may change, of those that the model reads; at least one word."""
    query_budget: Annotated[int, Ge(3)] = 100
    """Maximum number of queries per attack."""


class AttackTraining(_generated_texts.GeneratingRecipe):
    """Training on adversarial examples against the current model.

    Yoo & Qi (2021), "Towards improving adversarial training of NLP models" (A2T), with TextAttack's own attacks. Every
    few epochs the recipe draws a random share of the rows and attacks those that the model answers correctly, with the
    model in evaluation mode. Until the next generation, the model trains on all rows and on the texts that fooled it.
    (A2T instead attacks until a given number of attacks succeed, and ranks words by their gradient.) Where words have
    labels, an attack changes the words around the entities until the model misses an entity that it found before, as in
    the probe adversarial. Of a row with several texts, it attacks one, drawn at random.
    """

    name = "attack"
    reads_language = True
    settings_type = Settings

    def check(self, task: Task, settings: training.Settings) -> None:
        """Refuse tasks without attacks, missing resources, settings that never attack."""
        own: Settings = self.settings
        if own.share and "attack_goal" not in task.offers:
            raise ConfigError("the task does not support attacks", where=f"[training.recipe.{self.label}]")
        if own.share and (reason := resources.lacking(own.method)) is not None:
            raise ConfigError(reason, where=f"[training.recipe.{self.label}]", hint="or choose another method")
        if own.share and not settings.steps and own.first >= settings.epochs:
            hint = f"epochs = {own.first + 1} or more, or first = 0"
            message = f"first = {own.first}, with epochs = {settings.epochs}, never attacks: epochs count from 0"
            raise ConfigError(message, where=f"[training.recipe.{self.label}]", hint=hint)

    def examples(self, examples: Sequence[Example], epoch: int) -> Sequence[Example]:
        """Return the rows followed by the current adversarial examples."""
        settings: Settings = self.settings
        if settings.share == 0 or epoch < settings.first:
            return examples
        self._check_language(examples)
        # Drawn even if unused: a training that resumes in this epoch must leave the generator in the same state.
        rng = random.Random(self.training.rng.getrandbits(64))
        if (epoch - settings.first) % settings.every == 0 and self._epoch != epoch:
            self._made, self._epoch = self._attacked(examples, rng), epoch
        return self.beside(examples)

    def _check_language(self, examples: Sequence[Example]) -> None:
        """Refuse rows in a language that the attack does not serve.

        Raises DataError.
        """
        language = languages.of(_perturbed_rows.language_of(examples, self.training.language))
        synonyms = self.settings.method == "pwws"
        if not language.is_english and (synonyms or language.script != "Latin"):
            what = "has English synonyms alone" if synonyms else "edits Latin letters alone"
            hint = "choose another method" if language.script == "Latin" else "the recipe augment serves other scripts"
            raise DataError(f"{self.settings.method} {what}; the training rows are in {language.name}", hint=hint)

    def _attacked(self, examples: Sequence[Example], rng: random.Random) -> list[tuple[int, dict[str, str], Any]]:
        settings: Settings = self.settings
        model, made = self.training.current_model(), []
        for number in sorted(rng.sample(range(len(examples)), shares.nearest(settings.share, len(examples)))):
            row = self._attacked_row(model, examples[number], rng)
            made += [(number, dict(row.inputs), row.gold)] if row is not None else []
        return made

    def _attacked_row(self, model: Model, row: Example, rng: random.Random) -> Example | None:
        """Return the row changed until the model fails on it.

        Protected words stay unchanged. Returns None if the model already fails or the attack does not succeed.
        """
        task, settings = self.training.task, self.settings
        # Drawn only where there is a choice: trainings on single texts stay as they were.
        filled = [name for name in task.fields if row.inputs[name].strip()] or task.fields
        field = rng.choice(filled) if len(filled) > 1 else filled[0]
        value = row.inputs[field]

        def answers(texts: Sequence[str]) -> Sequence[Any]:
            return model.run(model.encode([task.request({**row.inputs, field: text_}) for text_ in texts]))

        goal = task.goal(row, answers([value])[0])
        if goal is None:
            return None

        def ask(texts: Sequence[str]) -> Sequence[Sequence[float]]:
            every = [{**row.inputs, field: text_} for text_ in texts]
            return [goal(inputs, answer) for inputs, answer in zip(every, answers(texts), strict=True)]

        from auditor.attacks.attacker import Attacker

        start, end = _part_read(model, task, row, field)
        part, protected = text.part(value, start, end), task.protected(row).get(field, frozenset())
        limit = shares.at_most(settings.max_words_changed, len(part.words.words))
        attacker, own = Attacker(settings.method, ask, settings.query_budget), random.Random(rng.getrandbits(64))
        kept = part.places(protected)
        outcome = attacker.attack(value, 0, limit=limit, rng=own, kept=kept, part=(start, end))
        edits = text.edits_between(value, outcome.text)
        if not outcome.success or not text.untouched(text.split(value), edits, protected):
            return None
        return _perturbed_rows.edited(row, task, {field: edits})


def _part_read(model: Model, task: Task, row: Example, field: str) -> tuple[int, int]:
    """Return start and end of what is read of a text."""
    value = row.inputs[field]

    def encoded(part: str) -> Encoded:
        return model.encode([task.request({**row.inputs, field: part})])[0]

    whole = encoded(value)
    if not whole.truncated:
        return 0, len(value)
    return text.part_read(value, lambda part: encoded(part).key == whole.key)


RECIPE = AttackTraining
