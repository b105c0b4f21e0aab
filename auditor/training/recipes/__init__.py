"""Recipes, found by listing this package: one module each, with a class ``RECIPE``."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from auditor.config import refuse_empty
from auditor.errors import ConfigError, near_or_known
from auditor.training.recipes import _paths
from auditor.training.recipes._base import Recipe, Training
from auditor.training.recipes._paths import portable

_NAME = re.compile(r"[A-Za-z0-9_][\w.+-]*")
ENTRY_POINTS = "auditor.recipes"
"""Group of entry points for recipes of other packages: a name → a class."""

COMMON = ("recipe", "learning_rate")
"""Keys of any recipe's table."""

__all__ = ["NoSettings", "Recipe", "Training", "build", "create", "find", "names", "portable"]


@dataclass(frozen=True, slots=True)
class NoSettings:
    """For recipes without any."""


def names() -> tuple[str, ...]:
    """Every recipe there is, sorted; loads no torch."""
    return tuple(sorted({*_own(), *metadata.entry_points(group=ENTRY_POINTS).names}))


def _own() -> list[str]:
    return [one.name for one in pkgutil.iter_modules(__path__) if not one.name.startswith("_")]


def find(name: str) -> type[Recipe]:
    """The class of the recipe of that name. Raises ConfigError with the near match."""
    if name not in names():
        hint = near_or_known(name, names())
        raise ConfigError(f"no recipe is called {name!r}", where="[training] recipes", hint=hint)
    kind: type[Recipe] = importlib.import_module(f"{__name__}.{name}").RECIPE if name in _own() else _elsewhere(name)
    return kind


def _elsewhere(name: str) -> type[Recipe]:
    """A recipe of another package. Raises ConfigError for what is none."""
    (entry, *_) = metadata.entry_points(group=ENTRY_POINTS, name=name)
    where = f"entry point {entry.name}"
    try:
        found = entry.load()
    except Exception as error:
        raise ConfigError(f"does not import: {type(error).__name__}: {error}", where=where) from error
    if not (isinstance(found, type) and issubclass(found, Recipe) and getattr(found, "name", None) == name):
        raise ConfigError("is no recipe of that name", where=where, hint="a class derived from Recipe")
    return found


def create(name: str, given: Mapping[str, Any], folder: Path = Path()) -> Recipe:
    """The recipe of that name with its settings checked; paths among them are seen from ``folder``. Raises ConfigError.

    Beside its own settings, ``given["recipe"]`` names another recipe, for settings under a name of their own
    (``freelb++`` of ``freelb``), and ``given["learning_rate"]`` is the peak of its learning rate.
    """
    where = f"[training.recipe.{name}]"
    if "recipe" in given and not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} cannot be a folder's name", where=where, hint="letters, digits, . _ + -")
    kind_name = given.get("recipe", name)
    if not isinstance(kind_name, str) or (kind_name != name and name in names()):
        problem = "is a recipe of its own" if isinstance(kind_name, str) else "should be the name of a recipe"
        raise ConfigError(
            f"recipe = {kind_name!r}: {name!r} {problem}"
            if isinstance(kind_name, str)
            else f"recipe = {kind_name!r} {problem}",
            where=where,
            hint="give the variant another name",
        )
    return build(find(kind_name), name, given, folder)


def build(kind: type[Recipe], name: str, given: Mapping[str, Any], folder: Path = Path()) -> Recipe:
    """A recipe of a class, called by a name, with its settings checked as ``create`` checks them. Raises ConfigError."""
    where, rate = f"[training.recipe.{name}]", _rate(given, f"[training.recipe.{name}]")
    given = {key: value for key, value in given.items() if key not in COMMON}
    known = [one.name for one in fields(kind.settings_type)]
    for key in given:
        if key not in known:
            raise ConfigError(
                f"unknown key {key!r}",
                where=where,
                hint=near_or_known(key, (*known, *COMMON)),
            )
    try:
        made = kind(_paths.resolved(TypeAdapter(kind.settings_type).validate_python(given), folder))
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}", where=where) from None
    for key, value in given.items():
        refuse_empty(key, value, kind.settings_type(), where)
    made.label = name
    if rate is not None:
        made.learning_rate = rate
    return made


def _rate(given: Mapping[str, Any], where: str) -> float | None:
    rate = given.get("learning_rate")
    if rate is not None and (isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < 1):
        raise ConfigError(f"learning_rate: {rate!r} should be a number between 0 and 1", where=where)
    return rate
