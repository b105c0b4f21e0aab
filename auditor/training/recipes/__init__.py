"""Training recipes.

Every module of this package whose name has no leading underscore is a recipe, with a class ``RECIPE``. Other packages
add recipes by entry points.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Gt, Lt

from auditor.config import probe_settings
from auditor.errors import ConfigError, near_or_known
from auditor.settings import CheckedSettings
from auditor.training.recipes import _paths
from auditor.training.recipes._base import Recipe, Training
from auditor.training.recipes._paths import portable

_NAME = re.compile(r"[A-Za-z0-9_][\w.+-]*")
ENTRY_POINTS = "auditor.recipes"
"""Group of entry points for recipes of other packages: name → class."""

__all__ = ["NoSettings", "Recipe", "Training", "build", "create", "find", "names", "portable"]


@dataclass(frozen=True, slots=True)
class NoSettings:
    """The settings type of recipes without settings."""


@dataclass(frozen=True, slots=True)
class _Common(CheckedSettings):
    """Keys that every recipe's table may have."""

    recipe: str | None = None
    learning_rate: Annotated[float, Gt(0), Lt(1)] | None = None


COMMON = tuple(field.name for field in fields(_Common))


def names() -> tuple[str, ...]:
    """Return the sorted names of all recipes, without loading torch."""
    return tuple(sorted({*_own(), *metadata.entry_points(group=ENTRY_POINTS).names}))


def _own() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]


def find(name: str) -> type[Recipe]:
    """Return the class of the recipe ``name``.

    Raises ConfigError for an unknown name, with the closest match as a hint.
    """
    if name not in names():
        hint = near_or_known(name, names())
        raise ConfigError(f"no recipe is called {name!r}", where="[training] recipes", hint=hint)
    kind: type[Recipe] = (
        importlib.import_module(f"{__name__}.{name}").RECIPE if name in _own() else _from_entry_point(name)
    )
    return kind


def _from_entry_point(name: str) -> type[Recipe]:
    """Load another package's recipe.

    Raises ConfigError if the entry point does not import or is not a recipe of this name.
    """
    (entry, *_) = metadata.entry_points(group=ENTRY_POINTS, name=name)
    where = f"entry point {entry.name}"
    try:
        kind = entry.load()
    except Exception as error:
        raise ConfigError(f"does not import: {type(error).__name__}: {error}", where=where) from error
    if not (isinstance(kind, type) and issubclass(kind, Recipe) and getattr(kind, "name", None) == name):
        hint = "it must be a class derived from Recipe"
        raise ConfigError(f"is not a recipe called {name!r}", where=where, hint=hint)
    return kind


def create(name: str, table: Mapping[str, Any], folder: Path = Path()) -> Recipe:
    """Create the recipe ``name`` and check its settings.

    ``table`` is the recipe's table in the config. Paths among the settings are relative to ``folder``. Beside the
    recipe's own settings, ``table["recipe"]`` names the recipe of which ``name`` is a variant (``freelb++`` of
    ``freelb``), and ``table["learning_rate"]`` is the peak learning rate. Raises ConfigError.
    """
    where = f"[training.recipe.{name}]"
    if "recipe" in table and not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} cannot name a folder", where=where, hint="use letters, digits, . _ + -")
    kind_name = table.get("recipe", name)
    if not isinstance(kind_name, str) or (kind_name != name and name in names()):
        problem = "is itself a recipe" if isinstance(kind_name, str) else "should be the name of a recipe"
        raise ConfigError(
            f"recipe = {kind_name!r}: {name!r} {problem}"
            if isinstance(kind_name, str)
            else f"recipe = {kind_name!r} {problem}",
            where=where,
            hint="give the variant another name",
        )
    return build(find(kind_name), name, table, folder)


def build(kind: type[Recipe], name: str, table: Mapping[str, Any], folder: Path = Path()) -> Recipe:
    """Create a recipe of a class, called ``name``, as ``create`` does.

    Raises ConfigError.
    """
    where = f"[training.recipe.{name}]"
    common = probe_settings(_Common(), {key: table[key] for key in COMMON if key in table}, where)
    table = {key: value for key, value in table.items() if key not in COMMON}
    known = [field.name for field in fields(kind.settings_type)]
    for key in table:
        if key not in known:
            raise ConfigError(
                f"unknown key {key!r}",
                where=where,
                hint=near_or_known(key, (*known, *COMMON)),
            )
    recipe = kind(_paths.resolved(probe_settings(kind.settings_type(), table, where), folder))
    recipe.label = name
    if common.learning_rate is not None:
        recipe.learning_rate = common.learning_rate
    return recipe
