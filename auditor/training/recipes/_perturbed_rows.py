"""Perturbed copies of training rows, for recipes that change the data."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from annotated_types import MinLen

from auditor import languages, text
from auditor.errors import ConfigError, DataError, near_or_known
from auditor.perturbations import by_language
from auditor.perturbations.catalogue import FAMILIES
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


def language_of(examples: Sequence[Example], given: str | None = None) -> str:
    """Return the language of rows: as given, as detected, or English."""
    return given or languages.likeliest(languages.detect("\n".join(row.inputs.values()) for row in examples))


def suited(names: Sequence[str], language: str, task: Task) -> tuple[str, ...]:
    """Return the perturbations that apply to rows in a language.

    Raises DataError where none of them does.
    """
    divided = "labelled_spans" in task.offers
    own = by_language.names_in(language, tuple(names), divided=divided)
    if not own:
        reason = by_language.in_language(names[0], language, divided=divided)
        raise DataError(f"no perturbation changes the training rows: {names[0]}: {reason}")
    return own


def perturbed(
    example: Example, task: Task, names: Sequence[str], share: float, rng: random.Random, language: str = "en"
) -> Example | None:
    """Return the row with one randomly drawn perturbation.

    The perturbation applies to ``share`` of each text field's words. The result keeps the row's id, and its gold
    follows the edits. Returns None if no perturbation changes anything.
    """
    for name in rng.sample(names, len(names)):
        edits = {}
        perturbation = by_language.in_language(name, language, divided="labelled_spans" in task.offers)
        if isinstance(perturbation, str):
            continue
        protected = (task.protected if perturbation.around else task.fixed)(example)
        for field, value in example.inputs.items():
            words, kept = text.split(value), protected.get(field, frozenset())
            edits[field] = perturbation.edits(words, share, random.Random(rng.getrandbits(64)), kept)
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
