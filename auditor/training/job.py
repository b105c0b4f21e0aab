"""What ``audit train`` does: data, base and recipes of a config → one checkpoint for each recipe."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from auditor import config as configs
from auditor import data, tasks
from auditor.config import Config, TrainingSection
from auditor.errors import ConfigError, DataError, UsageError
from auditor.models import checkpoint, hugging_face
from auditor.training import loop, recipes, record, saving
from auditor.types import Example, Model, Progress, Task

SETTINGS = (
    "epochs",
    "learning_rate",
    "batch_size",
    "max_length",
    "warmup",
    "weight_decay",
    "clip_norm",
    "accumulation",
    "patience",
    "precision",
)
PACKAGES = ("torch", "transformers", "accelerate", "numpy")


def train(config: Config, *, out: Path | None, device: str | None, progress: Progress) -> Iterator[Path]:
    """Train once for each recipe; yields each checkpoint's folder when it is whole.

    Everything is read and checked before the first step. Raises AuditError.
    """
    training = config.training
    files = configs.data_files(config)
    if "train" not in files:
        raise ConfigError("no training data", where="[data]", hint='train = "train.csv"')
    if training.base is None:
        raise ConfigError("no base model", where="[training]", hint="base = the folder of the pretrained model")
    base = config.resolve(training.base)
    checkpoint.check_base(base)
    chosen = data.Columns.of(configs.columns(config))
    mapping = dict(config.data.labels)
    task = tasks.create(config.task, data.labels_in(files["train"], chosen, mapping), mapping)
    sets = {name: data.load(path, name=name, task=task, columns=chosen) for name, path in files.items()}
    examples = sets["train"].examples[: training.max_rows]
    _check_classes(examples, task, files["train"])
    validation = sets["validation"].examples if "validation" in sets else ()
    settings = loop.Settings(**{name: getattr(training, name) for name in SETTINGS})
    if training.patience is not None and not validation:
        raise ConfigError("patience needs validation rows", where="[training]", hint='[data] validation = "…"')
    folder = out or config.resolve(training.out)
    made = _made(training, folder, base)
    for recipe in made:
        trained = loop.train(
            base,
            examples,
            validation,
            task,
            recipe,
            settings,
            seed=config.seed,
            device=device or config.audit.device,
            progress=progress,
        )
        target = folder / recipe.name
        loop.save(trained, target, _record(config, recipe, base, target, sets, len(examples), task, trained))
        yield target


def _made(training: TrainingSection, folder: Path, base: Path) -> list[recipes.Recipe]:
    """The recipes asked for, their settings and the places of their checkpoints checked."""
    for name in training.recipe:
        recipes.find(name)
    made = [recipes.create(name, training.recipe.get(name, {})) for name in training.recipes]
    for recipe in made:
        saving.check_target(folder / recipe.name)
        if (folder / recipe.name).resolve() == base.resolve():
            raise ConfigError("would replace its own base", where="[training] out", hint="name another folder")
    return made


def _check_classes(examples: Sequence[Example], task: Task, where: Path) -> None:
    found = {task.stratum(example.gold) for example in examples}
    if len(found) < 2:
        raise DataError(
            "one class only among the training rows", where=str(where), hint="a classifier needs two or more"
        )


def _record(
    config: Config,
    recipe: Any,
    base: Path,
    target: Path,
    sets: Mapping[str, data.Dataset],
    rows: int,
    task: Task,
    trained: Any,
) -> record.TrainingRecord:
    from dataclasses import asdict

    def placed(path: Path) -> str:
        return Path(os.path.relpath(path.resolve(), target.resolve())).as_posix()

    return record.TrainingRecord(
        recipe=recipe.name,
        recipe_settings=asdict(recipe.settings),
        base={"path": placed(base), "fingerprint": checkpoint.fingerprint(base)},
        data={name: {"path": placed(one.path), "sha256": one.sha256} for name, one in sets.items()},
        columns=dict(sets["train"].columns),
        mapping=dict(config.data.labels),
        labels=task.labels,
        # The greatest length as it was, where the model allows less than was asked for.
        settings={**{name: getattr(config.training, name) for name in SETTINGS}, "max_length": trained.max_length},
        seed=config.seed,
        train_rows=rows,
        versions={"python": platform.python_version(), **{name: metadata.version(name) for name in PACKAGES}},
        device=trained.device,
        steps=trained.steps,
        history=tuple(trained.history),
    )


def base_of(found: record.TrainingRecord, folder: Path) -> Path | None:
    """The base that a checkpoint was trained from; None where it is not there. A changed one is a UsageError."""
    base = folder / found.base["path"]
    if not (base / "config.json").is_file():
        return None
    if checkpoint.fingerprint(base) != found.base["fingerprint"]:
        raise UsageError("the base model has changed since training", where=str(base), hint="name another with --base")
    return base


def fit(
    examples: Sequence[Example],
    *,
    seed: int,
    steps: int,
    batch_size: int,
    base: Path,
    task: Task,
    recipe: str,
    recipe_settings: Mapping[str, Any],
    settings: Mapping[str, Any],
    device: str,
) -> Model:
    """A model trained from the base for a fixed number of steps, without validation: for probes that retrain."""
    from dataclasses import replace

    known = {name: value for name, value in settings.items() if name in SETTINGS}
    if known.get("precision") == "fp16" and hugging_face.device_named(device) == "cpu":
        known["precision"] = "auto"  # trained on a GPU, audited without one
    chosen = replace(loop.Settings(**known), steps=steps, batch_size=batch_size, patience=None)
    made = recipes.create(recipe, recipe_settings)
    trained = loop.train(base, examples, (), task, made, chosen, seed=seed, device=device, progress=None)
    return loop.as_model(trained, name=f"fit on {len(examples)} rows")
