"""How strong the attacks of the probe adversarial are: its settings, and what they come to for a task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from auditor.environment import resources
from auditor.types import NEEDS, Audit, Slice, Task
from probes._entity_swap import SWAP

Recipe = Literal["deepwordbug", "pruthi", "textbugger", "pwws", "entity swap"]
SPANS = "labelled_spans"


@dataclass(frozen=True)
class Settings:
    """``[probes.adversarial]``. What is None depends on whether the task labels spans of words, as ``ner`` does."""

    examples: int = 100
    """Of the home domain; at least 1."""
    recipes: tuple[Recipe, ...] | None = None
    """None: deepwordbug, textbugger and pwws, and pruthi for whole texts or entity swap for spans."""
    max_words_changed: float | None = None
    """Share in (0, 1] of the words that the model reads which may change; one word always may. None: 0.1, or 0.2 for
    spans, whose own words stay."""
    query_budget: int | None = None
    """Queries of one attack on one example; at least 3. None: 300, or 100 for spans, whose texts are sentences."""
    freedom: bool = False
    """Also run each recipe without the limit on words: slice ``freedom = unlimited``."""

    def __post_init__(self) -> None:
        if self.examples < 1:
            raise ValueError("examples must be at least 1")
        if self.recipes is not None and not self.recipes:
            raise ValueError("recipes is empty")
        if self.max_words_changed is not None and not 0 < self.max_words_changed <= 1:
            raise ValueError("max_words_changed must be above 0 and at most 1")
        if self.query_budget is not None and self.query_budget < 3:
            raise ValueError("query_budget must be at least 3")


@dataclass(frozen=True)
class Strength:
    """The settings for one task, nothing left open."""

    recipes: tuple[Recipe, ...]
    max_words_changed: float
    query_budget: int
    freedom: bool

    def slices(self, recipe: Recipe) -> Iterator[tuple[Slice, float | None]]:
        """Slices and the share of words that may change in each; None: as many as the recipe allows."""
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
        tuple(dict.fromkeys(recipes if settings.recipes is None else settings.recipes)),
        settings.max_words_changed or share,
        settings.query_budget or budget,
        settings.freedom,
    )


def of_audit(audit: Audit) -> Strength:
    """The audit's settings as they hold for its task."""
    return strength(audit.settings, audit.task)


def not_run(recipe: Recipe, limit: float | None) -> str | None:
    """Why a recipe has no run of its own without the limit on words; None where it has one."""
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
