"""Settings of the probe adversarial, and what they mean for a task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, MinLen

from auditor import languages
from auditor.environment import resources
from auditor.settings import CheckedSettings, Count, Share
from auditor.types import NEEDS, AttackRecipe, Audit, Slice, Task
from probes._entity_swap import SWAP


@dataclass(frozen=True)
class Settings(CheckedSettings):
    """Which attacks run, on how many examples and how strong.

    What is None is as the task has it.
    """

    examples: Count = 100
    """Of the home domain."""
    recipes: Annotated[tuple[AttackRecipe, ...], MinLen(1)] | None = None
    """None: deepwordbug, textbugger and pwws, and pruthi for whole texts or entity swap for spans."""
    max_words_changed: Share | None = None
    """Share of the words that the model reads which may change; one word always may. None: 0.1, or 0.2 for spans, whose
    own words stay."""
    query_budget: Annotated[int, Ge(3)] | None = None
    """Queries of one attack on one example. None: 300, or 100 for spans, whose texts are sentences."""
    freedom: bool = False
    """Also run each recipe without the limit on words: slice ``freedom = unlimited``."""


@dataclass(frozen=True)
class Strength:
    """The settings for one task, nothing left open."""

    recipes: tuple[AttackRecipe, ...]
    max_words_changed: float
    query_budget: int
    freedom: bool
    fields: tuple[str, ...]
    """The task's texts, each of which is attacked by itself."""

    def slices(self, recipe: AttackRecipe) -> Iterator[tuple[Slice, float | None]]:
        """Slices, and the share of words that may change; None: no limit.

        Of several texts each has slices of its own, before those of an attacker who may change any of them.
        """
        fields = [{"field": field} for field in self.fields] if len(self.fields) > 1 else []
        for of_field in (*fields, {}):
            yield {"recipe": recipe, **of_field}, self.max_words_changed
            if self.freedom:
                yield {"recipe": recipe, **of_field, "freedom": "unlimited"}, None


def strength(settings: Settings, task: Task) -> Strength:
    """The settings as they hold for the task."""
    return Strength(
        settings.recipes or task.attacks.recipes,
        settings.max_words_changed or task.attacks.max_words_changed,
        settings.query_budget or task.attacks.query_budget,
        settings.freedom,
        task.fields,
    )


def of_audit(audit: Audit) -> Strength:
    """The audit's settings as they hold for its task."""
    return strength(audit.settings, audit.task)


def not_run(recipe: AttackRecipe, limit: float | None) -> str | None:
    """Why a recipe does not run at this limit, or None."""
    if limit is None and recipe in ("pruthi", SWAP):
        return f"the recipe itself changes one {'entity' if recipe == SWAP else 'word'}: no other strength"
    return None


def suits(task: Task, recipe: AttackRecipe) -> bool:
    """Whether the task has what the recipe changes."""
    return recipe != SWAP or "labelled_spans" in task.offers


def unsuited(audit: Audit, recipe: AttackRecipe) -> str | None:
    """Why a recipe does not suit the texts' language, or None."""
    language = languages.of(audit.language)
    if language.is_english or recipe == SWAP:
        return None
    if recipe == "pwws":
        return f"its synonyms are of the English WordNet; the data are in {language.name}"
    if language.script != "Latin":
        return f"it edits Latin letters; the data are in {language.name}"
    return None


def unavailable(audit: Audit, recipe: AttackRecipe) -> str | None:
    """Why a recipe cannot run here; None where it can."""
    if (reason := unsuited(audit, recipe)) is not None:
        return reason
    if recipe != SWAP:
        return resources.lacking(recipe)
    if not suits(audit.task, recipe):
        return "the task labels no spans of words"
    return None if audit.has("train") else NEEDS["train"]
