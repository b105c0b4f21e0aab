"""Which trainings a config asks for: every recipe, at every learning rate, with every seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from auditor.config import SEEDS, Config
from auditor.errors import ConfigError
from auditor.training import recipes
from auditor.training.terms import Settings


@dataclass(frozen=True, slots=True)
class Run:
    """One training."""

    name: str
    """Of its checkpoint's folder: the recipe's, with rate and seed where there are several."""
    recipe: recipes.Recipe
    """Its own: a recipe may keep something from batch to batch."""
    settings: Settings
    seed: int


def runs(config: Config, settings: Settings) -> tuple[Run, ...]:
    """All trainings, those of one seed together: a grid that is stopped has whole comparisons. Raises ConfigError."""
    training = config.training
    if config.seed + training.seeds > SEEDS:
        raise ConfigError(
            f"seeds = {training.seeds} from seed {config.seed} on go beyond {SEEDS - 1}", where="[training]"
        )
    for name, given in training.recipe.items():
        recipes.create(name, given)
    return tuple(_runs(config, settings))


def _runs(config: Config, settings: Settings) -> Iterator[Run]:
    training = config.training
    for seed in range(config.seed, config.seed + training.seeds):
        for label in training.recipes:
            for rate in training.learning_rates or (settings.learning_rate,):
                name = label
                name += f"-lr{rate:g}" if training.learning_rates else ""
                name += f"-seed{seed}" if training.seeds > 1 else ""
                recipe = recipes.create(label, training.recipe.get(label, {}))
                yield Run(name, recipe, replace(settings, learning_rate=rate), seed)
