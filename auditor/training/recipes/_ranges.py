"""Range checks for recipes' settings."""

from __future__ import annotations

import math

from auditor.errors import ConfigError


def between(recipe: str, name: str, value: float, low: float, high: float = math.inf) -> None:
    """Refuse a number that is not finite or not in [low, high].

    Raises ConfigError.
    """
    if not (math.isfinite(value) and low <= value <= high):
        wanted = f"at least {low:g}" if math.isinf(high) else f"between {low:g} and {high:g}"
        raise ConfigError(f"{name} = {value} is not {wanted}", where=f"[training.recipe.{recipe}]")
