"""Which trainings a config asks for: every recipe, at every learning rate, with every seed."""

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
    """Of its checkpoint's folder: the recipe's, with rate and seed where there are several."""
    label: str
    given: Mapping[str, Any]
    """The recipe, and its settings."""
    settings: Settings
    seed: int
    own_rate: bool
    """Whether the learning rate is the recipe's own, and not the training's."""

    folder: Path
    """That paths among the recipe's settings are seen from."""

    def recipe(self) -> recipes.Recipe:
        """A new one: a recipe may keep something from batch to batch. Raises ConfigError."""
        made = recipes.create(self.label, self.given, self.folder)
        made.label = self.name
        return made


def runs(config: Config, task: Task, settings: Settings) -> tuple[Run, ...]:
    """All trainings, those of one seed together: a grid that is stopped has whole comparisons. Raises ConfigError."""
    training = config.training
    if config.seed + training.seeds > SEEDS:
        raise ConfigError(
            f"seeds = {training.seeds} from seed {config.seed} on go beyond {SEEDS - 1}", where="[training]"
        )
    for name, given in training.recipe.items():
        recipes.create(name, given)
    found: dict[str, Run] = {}
    for run in _runs(config, settings):
        run.recipe().check(task, run.settings)
        # Some disks take two cases of a letter for one.
        other = found.setdefault(run.name.casefold(), run)
        if other is not run:
            raise ConfigError(
                f"two checkpoints would be called {run.name}", where="[training]", hint=f"the other is {other.name}"
            )
    return tuple(found.values())


def _runs(config: Config, settings: Settings) -> Iterator[Run]:
    training = config.training
    for seed in range(config.seed, config.seed + training.seeds):
        for label in training.recipes:
            given = training.recipe.get(label, {})
            swept = () if "learning_rate" in given else training.learning_rates
            own = None if swept else recipes.create(label, given).learning_rate
            for rate in swept or (own or settings.learning_rate,):
                name = label
                name += f"-lr{rate:g}" if swept else ""
                name += f"-seed{seed}" if training.seeds > 1 else ""
                rated = replace(settings, learning_rate=rate)
                yield Run(name, label, given, rated, seed, own is not None, config.resolve(Path()))
