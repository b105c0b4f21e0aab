"""What a training starts from: a pretrained model or a checkpoint."""

from __future__ import annotations

from pathlib import Path

from auditor import tasks
from auditor.config import Config
from auditor.errors import ConfigError, ModelError
from auditor.models import checkpoint
from auditor.storage.reading import is_folder
from auditor.training import chain, recipes


def with_mapping(config: Config, parent: chain.Parent | None) -> Config:
    """Return the config, with the continued training's labels by default."""
    if parent is None or parent.record is None or config.data.labels:
        return config
    return config.model_copy(update={"data": config.data.model_copy(update={"labels": dict(parent.record.mapping)})})


def base(config: Config) -> Path:
    """Return the folder of the model that the training starts from.

    Raises ConfigError without a base or a folder, and ModelError for a folder that holds no pretrained model.
    """
    continued = config.training.continue_from
    if continued is not None:
        path = config.resolve(continued)
        checkpoint.describe(path, tasks.kind(config.task.name).head, task=config.task.name)
        kinds = [recipes.create(name, config.training.recipe.get(name, {})) for name in config.training.recipes]
        checkpoint.check_base(path, adapter=all(kind.takes_adapters for kind in kinds))
        return path
    written = config.training.base
    if written is None:
        raise ConfigError("no base model", where="[training]", hint="base = the folder of the pretrained model")
    path = config.resolve(written)
    if not is_folder(path, ModelError) and not path.exists():
        hint = f"looked for {path.absolute()}; {checkpoint.instead_of(path, written)}"
        raise ConfigError(f"base = {str(written)!r} does not exist", where="[training]", hint=hint)
    checkpoint.check_base(path)
    return path
