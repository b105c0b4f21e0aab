"""What ``audit train`` does: data, base and recipes of a config → one checkpoint for each recipe."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from auditor import config as configs
from auditor import data, tasks
from auditor.config import Config
from auditor.errors import ConfigError, DataError, ModelError
from auditor.models import checkpoint, heads, hugging_face
from auditor.storage.reading import is_folder
from auditor.training import (
    checkpoint_writer,
    cost,
    distributed,
    grid,
    learned,
    loop,
    recipes,
    record,
    resume,
    training_key,
)
from auditor.training.settings import TrainingRun
from auditor.types import Example, Progress, Task

OWN = ("train", "validation", "test")
"""Sets whose labels the model has to know; those of other domains may have labels of their own."""
SETTINGS = (
    "epochs",
    "learning_rate",
    "batch_size",
    "max_length",
    "warmup",
    "weight_decay",
    "optimizer",
    "momentum",
    "schedule",
    "layer_decay",
    "dropout",
    "clip_norm",
    "accumulation",
    "patience",
    "precision",
)


NO_ROWS: Mapping[str, data.Source] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Ready:
    """What a config says to train, read and checked."""

    config: Config
    base: Path
    folder: Path
    task: Task
    sets: Mapping[str, data.Dataset]
    examples: Sequence[Example]
    validation: Sequence[Example]
    runs: Sequence[grid.Run]


@dataclass(frozen=True, slots=True)
class Finished:
    """A checkpoint that is whole."""

    folder: Path
    record: record.TrainingRecord
    cost: cost.Cost | None
    """None: not known, as of a checkpoint from before costs were kept."""


def train(
    config: Config,
    *,
    out: Path | None,
    device: str | None,
    progress: Progress,
    fresh: bool = False,
    labels: tuple[str, ...] = (),
    rows: Mapping[str, data.Source] = NO_ROWS,
) -> Iterator[Finished]:
    """Train every recipe, at every learning rate, with every seed; yields each checkpoint when it is whole.

    ``labels``: of the new heads, in their order; without them, those of the training rows. ``rows``: sets in place of the
    config's own, or beside them.
    Everything is read and checked before the first step. A checkpoint that is there already, from the same inputs, is
    kept, and an interrupted training goes on where it was, unless ``fresh``. Raises AuditError; that of a training that
    fails once the others are done.
    """
    ready = _read(config, out, labels, rows)
    progress.start("labels")
    progress.finish(data.told({name: one.reading for name, one in ready.sets.items()}))
    # Of several devices for an audit one trains.
    where = distributed.device(hugging_face.device_named((device or config.audit.device).split(",")[0]))
    distributed.begin(where)
    errors: list[ModelError] = []
    for run in ready.runs:
        try:
            yield _finished(ready, run, where, progress, fresh=fresh)
        except ModelError as error:
            if distributed.count() > 1:
                raise  # the others may not have failed, and would wait for this one for ever
            # One that diverges at its rate or strength says nothing of the others.
            errors.append(error)
            if len(ready.runs) > 1:
                progress.start(f"training {run.name}")
                progress.finish(error.line)
    if errors:
        raise errors[0]


def _finished(ready: _Ready, run: grid.Run, where: str, progress: Progress, *, fresh: bool) -> Finished:
    """One checkpoint, trained or found as it was."""
    target, recipe = ready.folder / run.name, run.recipe()
    given = TrainingRun(ready.base, ready.examples, ready.validation, ready.task, recipe, run.settings, run.seed, where)
    key = training_key.key(given)
    keeper = resume.keeper(key)
    if fresh and distributed.is_first():
        keeper.discard()
    distributed.wait()
    old = None if fresh else _same(target, key, ready.config.task)
    if old is None:
        meter = cost.Meter(progress)
        with meter.measured(where):
            trained = loop.train(given, progress=meter, keeper=keeper)
        found = _record(ready, run, recipe, target, trained, key)
        if distributed.is_first():
            loop.save(trained, target, found)
            cost.write(ready.folder, run.name, meter.of(trained.steps))
    else:
        progress.start(f"training {run.name}")
        found = _brought_up_to_date(ready, target, old, recipe)
        progress.finish("nothing has changed since; --fresh trains again")
    if distributed.is_first():
        keeper.discard()
    distributed.wait()
    return Finished(target, found, cost.read(ready.folder).get(run.name))


def _read(config: Config, out: Path | None, labels: tuple[str, ...], rows: Mapping[str, data.Source]) -> _Ready:
    training = config.training
    files = {**configs.data_files(config), **rows}
    if "train" not in files:
        raise ConfigError("no training data", where="[data]", hint='train = "train.csv"')
    heads.of(tasks.kind(config.task).head, task=config.task)
    base = _base(config)
    task, sets = _sets(config, files, labels, replaced=rows)
    examples = sets["train"].examples[: training.max_rows]
    _check_classes(examples, task, files["train"])
    validation = sets["validation"].examples if "validation" in sets else ()
    settings = loop.Settings(**{name: getattr(training, name) for name in SETTINGS})
    if training.patience is not None and not validation:
        raise ConfigError("patience needs validation rows", where="[training]", hint='[data] validation = "…"')
    folder = out or config.resolve(training.out)
    runs = grid.runs(config, task, settings)
    for run in runs:
        checkpoint_writer.check_target(folder / run.name)
        if (folder / run.name).resolve() == base.resolve():
            raise ConfigError("would replace its own base", where="[training] out", hint="name another folder")
    return _Ready(config, base, folder, task, sets, examples, validation, runs)


def _base(config: Config) -> Path:
    """The folder of the pretrained model. Raises ConfigError, and ModelError for one that is none."""
    written = config.training.base
    if written is None:
        raise ConfigError("no base model", where="[training]", hint="base = the folder of the pretrained model")
    base = config.resolve(written)
    if not is_folder(base, ModelError) and not base.exists():
        hint = f"read as {base.absolute()}; {checkpoint.instead_of(base, written)}"
        raise ConfigError(f"base = {str(written)!r} is not there", where="[training]", hint=hint)
    checkpoint.check_base(base)
    return base


def _sets(
    config: Config, files: Mapping[str, data.Source], labels: tuple[str, ...], replaced: Collection[str]
) -> tuple[Task, dict[str, data.Dataset]]:
    """The task over the labels of a new head, by default those of the training rows, and every file read by it."""
    asked, mapping = config.data, dict(config.data.labels)
    beside = {name: file for name, file in configs.labels_files(config).items() if name not in replaced}
    chosen = data.Columns.of(
        configs.columns(config), repair=asked.repair, ignore_case=asked.ignore_case, header=asked.header is not False
    )
    if not labels and tasks.kind(config.task).layout == "sentences":
        labels = data.tags_in(files["train"], chosen, mapping, list(files.values()))
    elif not labels:
        labels = data.labels_in(files["train"], chosen, mapping, labels_file=beside.get("train"))
    task = tasks.create(config.task, labels, mapping)
    every = {name: task if name in OWN else task.other_domain() for name in files}
    return task, data.load_all(files, tasks=every, columns=chosen, labels_files=beside)


def _same(target: Path, key: str, task: str) -> record.TrainingRecord | None:
    """The record of a whole checkpoint in the folder that was trained from the same; None: it has to be trained."""
    try:
        found = record.read(target)
        if found is None or found.inputs != key:
            return None
        checkpoint.describe(target, tasks.kind(task).head, task=task)
    except ModelError:
        return None
    return found


def _brought_up_to_date(
    ready: _Ready, target: Path, old: record.TrainingRecord, recipe: recipes.Recipe
) -> record.TrainingRecord:
    """Files that decide no weight, such as the test rows, may have changed: audits of the checkpoint go by its record."""
    new = replace(old, **_places(ready, target), recipe_settings=recipes.portable(recipe.settings, target))
    if new != old and distributed.is_first():
        checkpoint_writer.rewrite(target, new)
    return new


def _check_classes(examples: Sequence[Example], task: Task, where: data.Source) -> None:
    found = {task.stratum(example.gold) for example in examples}
    if len(found) < 2 and "one_label" in task.offers:
        raise DataError(
            "one class only among the training rows", where=str(where), hint="a classifier needs two or more"
        )


def _places(ready: _Ready, target: Path) -> dict[str, Any]:
    """What a record says of base and data: where they are, seen from the checkpoint, what they hold, how it is read."""

    def placed(path: Path) -> str:
        return Path(os.path.relpath(path.resolve(), target.resolve())).as_posix()

    return {
        "base": {"path": placed(ready.base), "fingerprint": training_key.fingerprint(ready.base)},
        "data": {name: _placed_set(one, placed) for name, one in ready.sets.items()},
        # Not those that were found by their usual names: another file may have others.
        "columns": configs.columns(ready.config),
        "mapping": dict(ready.config.data.labels),
        "repair": ready.config.data.repair,
        "ignore_case": ready.config.data.ignore_case,
        "header": ready.config.data.header is not False,
    }


def _placed_set(one: data.Dataset, placed: Callable[[Path], str]) -> dict[str, str]:
    path = one.path.place if isinstance(one.path, data.InMemory) else placed(one.path)
    found = {"path": path, "sha256": one.sha256}
    if one.labels_file is None:
        return found
    return {**found, "labels_path": placed(one.labels_file), "labels_sha256": str(one.labels_sha256)}


def _record(
    ready: _Ready, run: grid.Run, recipe: recipes.Recipe, target: Path, trained: loop.Trained, key: str
) -> record.TrainingRecord:
    return record.TrainingRecord(
        recipe=recipe.name,
        recipe_settings=recipes.portable(recipe.settings, target),
        **_places(ready, target),
        labels=ready.task.labels,
        # The greatest length as it was, where the model allows less than was asked for.
        settings={
            **{name: getattr(run.settings, name) for name in SETTINGS},
            "max_length": trained.max_length,
            **({"labels_of_words": "on the first piece of each"} if ready.task.layout == "sentences" else {}),
        },
        seed=run.seed,
        train_rows=len(ready.examples),
        versions=training_key.versions(),
        device=trained.device,
        steps=trained.steps,
        history=tuple(trained.history),
        inputs=key,
        parameters=trained.parameters,
        trainable=trained.trainable,
        work=trained.work,
        own_learning_rate=run.own_rate,
        warning="; ".join(
            one
            for one in (trained.warning, learned.nothing(ready.task, ready.examples, ready.validation, trained))
            if one
        ),
    )
