"""Settings of the probe adversarial, and what they mean for a task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, MinLen

from auditor.environment import resources
from auditor.settings import CheckedSettings, Count, Share
from auditor.types import NEEDS, Audit, Slice, Task
from probes._entity_swap import SWAP

Recipe = Literal["deepwordbug", "pruthi", "textbugger", "pwws", "entity swap"]
SPANS = "labelled_spans"


@dataclass(frozen=True)
class Settings(CheckedSettings):
    """Which attacks run, on how many examples and how strong.

    What is None depends on whether the task labels spans of words, as ``ner`` does.
    """

    examples: Count = 100
    """Of the home domain."""
    recipes: Annotated[tuple[Recipe, ...], MinLen(1)] | None = None
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

    recipes: tuple[Recipe, ...]
    max_words_changed: float
    query_budget: int
    freedom: bool

    def slices(self, recipe: Recipe) -> Iterator[tuple[Slice, float | None]]:
        """Slices, and the share of words that may change; None: no limit."""
        yield {"recipe": recipe}, self.max_words_changed
        if self.freedom:
            yield {"recipe": recipe, "freedom": "unlimited"}, None


def strength(settings: Settings, task: Task) -> Strength:
    """The settings as they hold for the task."""
    recipes: tuple[Recipe, ...] = ("deepwordbug", "pruthi", "textbugger", "pwws")
    share, budget = 0.1, 300
    if SPANS in task.offers:
        recipes = ("deepwordbug", "textbugger", "pwws", "entity swap")
        share, budget = 0.2, 100
    return Strength(
        recipes if settings.recipes is None else settings.recipes,
        settings.max_words_changed or share,
        settings.query_budget or budget,
        settings.freedom,
    )


def of_audit(audit: Audit) -> Strength:
    """The audit's settings as they hold for its task."""
    return strength(audit.settings, audit.task)


def not_run(recipe: Recipe, limit: float | None) -> str | None:
    """Why a recipe does not run at this limit, or None."""
    if limit is None and recipe in ("pruthi", SWAP):
        return f"the recipe itself changes one {'entity' if recipe == SWAP else 'word'}: no other strength"
    return None


def unavailable(audit: Audit, recipe: Recipe) -> str | None:
    """Why a recipe cannot run here; None where it can."""
    if recipe != SWAP:
        return resources.lacking(recipe)
    if SPANS not in audit.task.offers:
        return "the task labels no spans of words"
    return None if audit.has("train") else NEEDS["train"]
