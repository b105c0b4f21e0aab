"""The check of training recipes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import is_dataclass
from typing import Any

from auditor.errors import AuditError, ConfigError
from auditor.testing import settings
from auditor.testing.generators import scrambled
from auditor.testing.rules import Rules
from auditor.testing.samples import sample_rows
from auditor.testing.settings import check_settings
from auditor.testing.trainings import Ground, Passed, alike, finite, ground, passed
from auditor.training import recipes
from auditor.training.recipes import Recipe
from auditor.training.recipes.standard import Standard
from auditor.training.settings import Settings
from auditor.types import Example, Task

MEND = {
    **settings.MEND,
    "members": "derive the class from auditor.training.recipes.Recipe, with name and settings_type",
    "docstring": "describe the method and its source in the class's docstring",
    "name of its own": "give the recipe a unique name",
    "refused": "raise ConfigError for a bad value, in __init__ or check",
    "serves the task": "serve the task, or raise ConfigError in check(task, settings)",
    "no crash": "fix the exception, or raise ConfigError in check(task, settings) for what cannot be served",
    "losses": "return the loss of the batch from backward, as a finite float",
    "rows stay": "return new examples from examples(), and leave the given ones as they are",
    "own generator": "draw in Python from self.training.rng alone, and leave the global generators as they are",
    "no strength": "return what Recipe returns where the settings ask for nothing, and draw no random number",
    "state": "return every tensor that outlives a batch from state(), and restore it in load_state",
    "release": "drop everything of a training in release()",
}
"""Rule → how to mend what breaks it."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def check_recipe(
    recipe_class: Any,
    task: Task,
    *,
    examples: Sequence[Example] | None = None,
    given: Mapping[str, Any] | None = None,
    refused: Sequence[Mapping[str, Any]] = (),
    no_strength: Mapping[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    """Check a recipe by short trainings of a tiny model.

    Args:
        recipe_class: The class: what its module calls ``RECIPE``.
        task: A task that it serves, unless ``reason`` is given.
        examples: Training rows; None: by ``sample_rows``.
        given: Settings that it does nothing without, or that make it do more in two epochs.
        refused: Settings that it refuses, each on its own.
        no_strength: Settings that make it standard training, bit for bit; None: there are none.
        reason: Part of the line by which it refuses the task; None: it serves the task.

    Raises:
        AssertionError: For the first rule that is broken: which, by which recipe and task, and how to mend it.
    """
    name = getattr(recipe_class, "name", getattr(recipe_class, "__name__", repr(recipe_class)))
    rules = Rules(f"recipe {name} with task {task.name}", MEND)
    _check_members(rules, recipe_class)
    default = recipe_class.settings_type()
    check_settings(rules, default, lambda table: recipes.build(recipe_class, name, table).settings)
    with rules.calm("settings validated", f"the settings {dict(given or {})}"):
        recipes.build(recipe_class, name, given or {})
    for table in refused:
        _check_refused(rules, recipe_class, table)
    if _refuses(rules, recipes.build(recipe_class, name, given or {}), task, reason):
        return
    rows = tuple(examples or sample_rows(task, 12, "train"))
    place = ground(task, rows)
    _check_trainings(rules, place, recipe_class, given or {})
    if no_strength is not None:
        _check_no_strength(rules, place, recipe_class, no_strength)


def _check_members(rules: Rules, kind: Any) -> None:
    rules.hold(
        "members", isinstance(kind, type) and issubclass(kind, Recipe), "the recipe must be a class derived from Recipe"
    )
    lacking = [member for member in ("name", "settings_type") if not hasattr(kind, member)]
    rules.hold("members", not lacking, f"the class lacks {', '.join(lacking)}")
    rules.hold(
        "members",
        isinstance(kind.name, str) and _NAME.fullmatch(kind.name),
        f"name must be snake_case, not {kind.name!r}",
    )
    rules.hold("docstring", (vars(kind).get("__doc__") or "").strip(), "the class has no docstring")
    rules.hold("settings frozen", is_dataclass(kind.settings_type), "settings_type is not a dataclass")
    if kind.name in recipes.names():
        known = recipes.find(kind.name)
        same = (known.__module__, known.__qualname__) == (kind.__module__, kind.__qualname__)
        rules.hold("name of its own", same, f"{known.__module__}.{known.__qualname__} has the name {kind.name!r} too")


def _check_refused(rules: Rules, kind: Any, table: Mapping[str, Any]) -> None:
    with rules.calm("refused", f"{dict(table)}"):
        try:
            recipes.build(kind, kind.name, table)
        except ConfigError as error:
            rules.hold("refused", "\n" not in error.line, f"{dict(table)}: {error.line!r} is not one line")
        else:
            rules.hold("refused", False, f"the recipe accepts {dict(table)}")


def _refuses(rules: Rules, recipe: Recipe, task: Task, reason: str | None) -> bool:
    """Whether it refuses the task, as it should."""
    line = None
    with rules.calm("serves the task", "check(task, settings)"):
        try:
            recipe.check(task, Settings(epochs=2))
        except AuditError as error:
            line = error.line
    expected = line is None if reason is None else line is not None and reason in line
    rules.hold("serves the task", expected, f"check(task, settings) raises {line!r}, and the test expects {reason!r}")
    return line is not None


def _check_trainings(rules: Rules, place: Ground, kind: Any, given: Mapping[str, Any]) -> None:
    before = deepcopy(list(place.examples))
    with rules.calm("no crash", "a training"):
        first = _trained(place, kind, given)
        with scrambled() as untouched:
            second = _trained(place, kind, given)
            drawn = not untouched()
        rules.hold("own generator", not drawn, "the recipe draws from a global generator")
    rules.hold("losses", finite(first.losses), f"the losses are {first.losses}")
    rules.hold("rows stay", before == list(place.examples), "examples() changes the rows that it is given")
    same = first.rows == second.rows and alike(first.weights, second.weights)
    rules.hold("own generator", same, "the rows or weights depend on a global generator")
    assert first.snapshot is not None
    recipe = recipes.build(kind, kind.name, given)
    with rules.calm("state", "resuming after the first epoch"):
        rest = passed(place, recipe, after=first.snapshot)
    went_on = rest.rows == first.rows[1:] and alike(rest.weights, first.weights)
    rules.hold("state", went_on, "a training resumed after its first epoch ends with other weights")
    try:
        kept = recipe.training
    except RuntimeError:
        kept = None
    rules.hold("release", kept is None, "recipe.training still returns the training")


def _check_no_strength(rules: Rules, place: Ground, kind: Any, given: Mapping[str, Any]) -> None:
    with rules.calm("no strength", "a training without strength"):
        weak = _trained(place, kind, given)
    plain = passed(place, recipes.build(Standard, "standard", {}))
    rules.hold("no strength", weak.rows == plain.rows, f"with {dict(given)} the recipe trains on other rows")
    same = alike(weak.weights, plain.weights)
    rules.hold("no strength", same, f"with {dict(given)} the weights differ from those of standard training")


def _trained(place: Ground, kind: Any, given: Mapping[str, Any]) -> Passed:
    return passed(place, recipes.build(kind, kind.name, given))
