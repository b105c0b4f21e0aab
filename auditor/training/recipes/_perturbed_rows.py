"""Perturbed copies of training rows, for recipes that change the data."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from annotated_types import MinLen

from auditor import text
from auditor.errors import ConfigError, near_or_known
from auditor.perturbations.catalogue import CATALOGUE, FAMILIES, perturb
from auditor.settings import CheckedSettings, Fraction, Share, check
from auditor.types import Edits, Example, Task

BY_ACCIDENT = ("typos", "spacing and punctuation", "case", "social media")
"""Families of edits that people make by accident or habit, which keep a text's label."""


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """The extent and the kinds of the perturbations."""

    MAY_REPEAT: ClassVar = frozenset({"perturbations"})
    """A perturbation named twice is drawn twice as often."""
    share: Fraction = 0.5
    """Share of the rows to perturb; 0 is standard training."""
    words: Share = 0.2
    """Share of a perturbed row's words."""
    perturbations: Annotated[tuple[str, ...], MinLen(1)] = BY_ACCIDENT
    """Names or families of perturbations. The default ones keep the meaning; ``["swapped words", "deleted word"]`` is
    half of EDA (Wei & Zou 2019)."""

    def __post_init__(self) -> None:
        check(self)
        known = (*FAMILIES, *dict.fromkeys(FAMILIES.values()))
        for name in self.perturbations:
            if name not in known:
                hint = near_or_known(name, known)
                raise ConfigError(f"no perturbation or family is called {name!r}", hint=hint)


def chosen(names: Sequence[str]) -> tuple[str, ...]:
    """Return names of perturbations, with each family replaced by its members."""
    return tuple(member for name in names for member in FAMILIES if name in (member, FAMILIES[member]))


def perturbed(example: Example, task: Task, names: Sequence[str], share: float, rng: random.Random) -> Example | None:
    """Return the row with one randomly drawn perturbation.

    The perturbation applies to ``share`` of each text field's words. The result keeps the row's id, and its gold
    follows the edits. Returns None if no perturbation changes anything.
    """
    for name in rng.sample(names, len(names)):
        edits = {}
        protected = (task.protected if CATALOGUE[name].around else task.fixed)(example)
        for field, value in example.inputs.items():
            words, kept = text.split(value), protected.get(field, frozenset())
            edits[field] = perturb(words, name, share, random.Random(rng.getrandbits(64)), kept)
        copy = edited(example, task, edits)
        if copy is not None:
            return copy
    return None


def edited(example: Example, task: Task, edits: Edits) -> Example | None:
    """Return the row after the edits.

    Returns None when the edits change nothing, or when the gold cannot follow them.
    """
    inputs, alignment = text.edited(example.inputs, edits)
    gold = None if example.gold is None else task.follow(example.gold, alignment)
    if inputs == example.inputs or (gold is None and example.gold is not None):
        return None
    return replace(example, inputs=inputs, gold=gold)
