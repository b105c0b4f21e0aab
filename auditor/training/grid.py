"""The grid of a config's trainings: recipes × learning rates × seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from auditor.config import SEEDS, Config
from auditor.errors import ConfigError
from auditor.training import recipes
from auditor.training.settings import Settings
from auditor.types import Task


@dataclass(frozen=True, slots=True)
class Run:
    """One training."""

    name: str
    """Name of the checkpoint's folder: the recipe's, followed by rate and seed where the grid has several."""
    label: str
    table: Mapping[str, Any]
    """The recipe's table in the config: its settings and, for a variant, the recipe's name."""
    settings: Settings
    seed: int
    own_rate: bool
    """Whether the learning rate is the recipe's own instead of the training's."""

    folder: Path
    """Folder to which paths among the recipe's settings are relative."""

    def recipe(self) -> recipes.Recipe:
        """Return a new recipe with the settings of this run.

        Each call creates a new object, because a recipe may keep state from batch to batch. Raises ConfigError.
        """
        recipe = recipes.create(self.label, self.table, self.folder)
        recipe.label = self.name
        return recipe


def runs(config: Config, task: Task, settings: Settings) -> tuple[Run, ...]:
    """Return all trainings of the grid, seed by seed.

    This order gives complete comparisons even if the grid is stopped early. Raises ConfigError.
    """
    training = config.training
    if config.seed + training.seeds > SEEDS:
        problem = f"seeds = {training.seeds}, starting from seed {config.seed}, exceed the largest seed {SEEDS - 1}"
        raise ConfigError(problem, where="[training]")
    for name, table in training.recipe.items():
        recipes.create(name, table)
    by_folder: dict[str, Run] = {}
    for run in _runs(config, settings):
        run.recipe().check(task, run.settings)
        # Some file systems do not distinguish upper and lower case.
        earlier = by_folder.setdefault(run.name.casefold(), run)
        if earlier is not run:
            problem, hint = f"two checkpoints would be called {run.name}", f"the other is {earlier.name}"
            raise ConfigError(problem, where="[training]", hint=hint)
    return tuple(by_folder.values())


def _runs(config: Config, settings: Settings) -> Iterator[Run]:
    training = config.training
    for seed in range(config.seed, config.seed + training.seeds):
        for label in training.recipes:
            table = training.recipe.get(label, {})
            swept = () if "learning_rate" in table else training.learning_rates
            own = None if swept else recipes.create(label, table).learning_rate
            for rate in swept or (own or settings.learning_rate,):
                name = label
                name += f"-lr{rate:g}" if swept else ""
                name += f"-seed{seed}" if training.seeds > 1 else ""
                rated = replace(settings, learning_rate=rate)
                yield Run(name, label, table, rated, seed, own is not None, config.resolve(Path()))
