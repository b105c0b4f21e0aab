"""Recipes, found by listing this package: one module each, with a class ``RECIPE``."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from pydantic import TypeAdapter, ValidationError

from auditor.errors import ConfigError, near_match
from auditor.training.recipes._base import Recipe

__all__ = ["NoSettings", "Recipe", "create", "find", "names"]


@dataclass(frozen=True, slots=True)
class NoSettings:
    """For recipes without any."""


def names() -> tuple[str, ...]:
    """Every recipe there is, sorted; loads no torch."""
    return tuple(sorted(one.name for one in pkgutil.iter_modules(__path__) if not one.name.startswith("_")))


def find(name: str) -> type[Recipe]:
    """The class of the recipe of that name. Raises ConfigError with the near match."""
    if name not in names():
        hint = near_match(name, names()) or f"known: {', '.join(names())}"
        raise ConfigError(f"no recipe is called {name!r}", where="[training] recipes", hint=hint)
    found: type[Recipe] = importlib.import_module(f"{__name__}.{name}").RECIPE
    return found


def create(name: str, given: Mapping[str, Any]) -> Recipe:
    """The recipe of that name with its settings checked. Raises ConfigError."""
    kind = find(name)
    known = [one.name for one in fields(kind.settings_type)]
    where = f"[training.recipe.{name}]"
    for key in given:
        if key not in known:
            raise ConfigError(
                f"unknown key {key!r}",
                where=where,
                hint=near_match(key, known) or f"known: {', '.join(known) or 'none'}",
            )
    try:
        return kind(TypeAdapter(kind.settings_type).validate_python(dict(given)))
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}", where=where) from None
