"""Perturbed copies of training rows, for recipes that change the data."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from auditor import text
from auditor.errors import ConfigError, near_or_known
from auditor.perturbations.catalogue import FAMILIES, perturb
from auditor.training.recipes._base import Recipe
from auditor.training.recipes._ranges import between
from auditor.types import Edits, Example, Task

BY_ACCIDENT = ("typos", "spacing and punctuation", "case", "social media")
"""Families of what people write by accident or habit, which keep a text's label."""


@dataclass(frozen=True, slots=True)
class Settings:
    """``share`` in [0, 1] of the rows that are perturbed (0: standard), ``words`` in (0, 1] of their words.

    ``perturbations``: names or families; the default ones leave the meaning to a reader, and ``["swapped words", "deleted
    word"]`` are half of EDA (Wei & Zou 2019).
    """

    share: float = 0.5
    words: float = 0.2
    perturbations: tuple[str, ...] = BY_ACCIDENT


class Perturbing(Recipe):
    """What recipes have in common that perturb a share of the rows."""

    settings_type = Settings

    def __init__(self, settings: Settings) -> None:
        between(self.name, "share", settings.share, 0, 1)
        between(self.name, "words", settings.words, 1e-6, 1)
        _check(self.name, settings.perturbations)
        super().__init__(settings)


def _check(recipe: str, names: Sequence[str]) -> None:
    """Refuse names of no perturbation or family. Raises ConfigError."""
    known = (*FAMILIES, *dict.fromkeys(FAMILIES.values()))
    where = f"[training.recipe.{recipe}] perturbations"
    if not names:
        raise ConfigError("is empty", where=where, hint=f"known: {', '.join(known)}")
    for name in names:
        if name not in known:
            hint = near_or_known(name, known)
            raise ConfigError(f"no perturbation or family is called {name!r}", where=where, hint=hint)


def chosen(names: Sequence[str]) -> tuple[str, ...]:
    """Perturbations by name, those of the families among the names in their place."""
    return tuple(one for name in names for one in FAMILIES if name in (one, FAMILIES[one]))


def perturbed(example: Example, task: Task, names: Sequence[str], share: float, rng: random.Random) -> Example | None:
    """The row with one perturbation, drawn anew, in a share of each text field's words; None where it changes nothing.

    Its id is the row's own: what shares a row shares it afterwards too. The gold follows the edits.
    """
    for name in rng.sample(names, len(names)):
        edits = {}
        for field, value in example.inputs.items():
            words = text.split(value)
            edits[field] = perturb(words, name, share, random.Random(rng.getrandbits(64)))
        made = edited(example, task, edits)
        if made is not None:
            return made
    return None


def edited(example: Example, task: Task, edits: Edits) -> Example | None:
    """The row after edits; None where they change nothing or break the gold."""
    inputs, alignment = text.edited(example.inputs, edits)
    gold = None if example.gold is None else task.follow(example.gold, alignment)
    if inputs == example.inputs or (gold is None and example.gold is not None):
        return None
    return replace(example, inputs=inputs, gold=gold)
