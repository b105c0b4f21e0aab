"""The work of ``audit train``: training every checkpoint of a config."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from auditor import config as configs
from auditor import data, tasks
from auditor.config import Config
from auditor.errors import ConfigError, DataError, ModelError
from auditor.models import checkpoint, heads, hugging_face
from auditor.storage.files import relative
from auditor.tasks import by_columns
from auditor.training import (
    chain,
    checkpoint_writer,
    cost,
    distributed,
    grid,
    learned,
    loop,
    recipes,
    record,
    resume,
    starting,
    training_key,
)
from auditor.training.settings import TrainingRun
from auditor.types import TIME_SLICE, Example, Progress, Task

OWN = ("train", "validation", "test")
"""Sets whose labels the model must know, as those of time slices; other domains may have labels of their own."""
SETTINGS = tuple(field.name for field in fields(loop.Settings) if field.name != "steps")
"""Settings of a training that ``[training]`` gives."""
NO_ROWS: Mapping[str, data.Source] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Ready:
    """A config's training job, read and checked."""

    config: Config
    base: Path
    folder: Path
    task: Task
    sets: Mapping[str, data.Dataset]
    examples: Sequence[Example]
    validation: Sequence[Example]
    runs: Sequence[grid.Run]
    parent: chain.Parent | None = None
    earlier: Sequence[Sequence[Example]] = ()
    """Training rows of the earlier periods, where a recipe reads them."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A complete checkpoint."""

    folder: Path
    record: record.TrainingRecord
    cost: cost.Cost | None
    """None where the cost is unknown, as for a checkpoint from a version that did not record costs."""


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
    """Train every recipe, at every learning rate, with every seed.

    Yields each checkpoint when it is complete. ``labels`` are the labels of the new heads in order; by default, those
    of the training rows. ``rows`` holds sets that replace or complement the config's own. Everything is read and
    checked before the first step. Unless ``fresh``, an existing checkpoint from the same inputs is kept, and an
    interrupted training resumes. Raises AuditError; when a single training fails, only after the others have finished.
    """
    ready = _read(config, out, labels, rows)
    progress.start("labels")
    progress.finish(data.told({name: dataset.reading for name, dataset in ready.sets.items()}))
    for note in ready.task.notes:
        progress.start("task")
        progress.finish(note)
    # A config may name several devices for the audit; training uses the first.
    where = distributed.device(hugging_face.device_named((device or config.audit.device).split(",")[0]))
    distributed.begin(where)
    errors: list[ModelError] = []
    for run in ready.runs:
        try:
            yield _finished(ready, run, where, progress, fresh=fresh)
        except ModelError as error:
            if distributed.count() > 1:
                raise  # the other processes may not have failed and would wait for this one forever
            # A training that diverges says nothing about the trainings at other rates or strengths.
            errors.append(error)
            if len(ready.runs) > 1:
                progress.start(f"training {run.name}")
                progress.finish(error.line)
    if errors:
        raise errors[0]


def _finished(ready: _Ready, run: grid.Run, where: str, progress: Progress, *, fresh: bool) -> Finished:
    """Return the checkpoint of one run, trained now or unchanged from before."""
    target, recipe = ready.folder / run.name, run.recipe()
    own = (ready.base, ready.examples, ready.validation, ready.task, recipe, run.settings, run.seed, where)
    known = 0 if ready.parent is None else len(ready.parent.labels)
    language = ready.config.data.language if recipe.reads_language else None
    training_run = TrainingRun(*own, known, ready.earlier if recipe.reads_earlier else (), language)
    key = training_key.key(training_run)
    keeper = resume.keeper(key)
    if fresh and distributed.is_first():
        keeper.discard()
    distributed.wait()
    old = None if fresh else _same(target, key, ready.config.task.name)
    if old is None:
        meter = cost.Meter(progress)
        with meter.measured(where):
            trained = loop.train(training_run, progress=meter, keeper=keeper)
        current = _record(ready, run, recipe, target, trained, key)
        if distributed.is_first():
            loop.save(trained, target, current)
            cost.write(ready.folder, run.name, meter.of(trained.steps))
    else:
        progress.start(f"training {run.name}")
        current = _updated_record(ready, target, old, recipe)
        progress.finish("inputs unchanged since training; --fresh trains again")
    if distributed.is_first():
        keeper.discard()
    distributed.wait()
    return Finished(target, current, cost.read(ready.folder).get(run.name))


def _read(config: Config, out: Path | None, labels: tuple[str, ...], rows: Mapping[str, data.Source]) -> _Ready:
    training = config.training
    files = {**configs.data_files(config), **rows}
    if "train" not in files:
        raise ConfigError("no training data", where="[data]", hint='train = "train.csv"')
    heads.of(tasks.kind(config.task.name).head, task=config.task.name)
    tasks.settings_of(config.task.name, config.task.settings)
    base = starting.base(config)
    parent = None if training.continue_from is None else chain.parent(base, config.task.name)
    config = starting.with_mapping(config, parent)
    configs.check_files(path for name, path in configs.data_files(config).items() if name not in rows)
    with by_columns.hinting(config.task.name, any_head=True):
        task, sets = _sets(config, files, labels, parent, replaced=rows)
    examples = sets["train"].examples[: training.max_rows]
    _check_classes(examples, task, files["train"])
    validation = sets["validation"].examples if "validation" in sets else ()
    settings = loop.Settings(**{name: getattr(training, name) for name in SETTINGS})
    if training.patience is not None and not validation:
        raise ConfigError("patience needs validation rows", where="[training]", hint='[data] validation = "…"')
    folder = out or config.resolve(training.out)
    runs = grid.runs(config, task, settings)
    used = [run.recipe() for run in runs]
    chain.check(parent, used, task)
    sources = {base.resolve(), *(period.path.resolve() for period in (parent.periods if parent is not None else ()))}
    for run in runs:
        checkpoint_writer.check_target(folder / run.name)
        if (folder / run.name).resolve() in sources:
            problem = "the checkpoint would replace its own base"
            raise ConfigError(problem, where="[training] out", hint="name another folder")
    reads_earlier = parent is not None and any(recipe.reads_earlier for recipe in used)
    earlier = parent.rows(task) if parent is not None and reads_earlier else ()
    return _Ready(config, base, folder, task, sets, examples, validation, runs, parent, earlier)


def _sets(
    config: Config,
    files: Mapping[str, data.Source],
    labels: tuple[str, ...],
    parent: chain.Parent | None,
    replaced: Collection[str],
) -> tuple[Task, dict[str, data.Dataset]]:
    """Return the task and every set that it reads.

    The task has the labels of a new head: ``labels``, or by default those of the training rows.
    """
    section, mapping = config.data, dict(config.data.labels)
    labels_files = {name: file for name, file in configs.labels_files(config).items() if name not in replaced}
    configs.check_files(labels_files.values())
    columns = data.Columns.of(
        configs.columns(config),
        repair=section.repair,
        ignore_case=section.ignore_case,
        header=section.header is not False,
        out_of_scope=configs.out_of_scope_labels(config),
    )
    name, settings = config.task.name, config.task.settings
    if not labels and tasks.kind(name).layout == "sentences":
        labels = data.tags_in(files["train"], columns, mapping, list(files.values()))
    elif "numbers" in tasks.kind(name).offers:
        labels = tasks.kind(name).example_labels if parent is None else parent.labels
    elif not labels and tasks.kind(name).layout == "rows":
        # Without labels the task still says which columns there are and what their cells name.
        task = tasks.create(name, (), settings=settings)
        labels = data.labels_in(files["train"], columns, mapping, task, labels_files.get("train"))
    task = tasks.create(name, chain.labels_of(parent, labels), mapping, settings)
    data.check_out_of_scope(columns.out_of_scope, task.labels, mapping)
    task_of = {name: task if name in (*OWN, *section.slices) else task.other_domain() for name in files}
    return task, data.load_all(files, tasks=task_of, columns=columns, labels_files=labels_files)


def _same(target: Path, key: str, task: str) -> record.TrainingRecord | None:
    """Return the record of a complete checkpoint with this key, or None."""
    try:
        old = record.read(target)
        if old is None or old.inputs != key:
            return None
        checkpoint.describe(target, tasks.kind(task).head, task=task)
    except ModelError:
        return None
    return old


def _updated_record(
    ready: _Ready, target: Path, old: record.TrainingRecord, recipe: recipes.Recipe
) -> record.TrainingRecord:
    """Update the record of a kept checkpoint and return it.

    Files that do not affect the weights, such as the test rows, may have changed, and audits read the record.
    """
    new = replace(old, **_places(ready, target), recipe_settings=recipes.portable(recipe.settings, target))
    if new != old and distributed.is_first():
        checkpoint_writer.rewrite(target, new)
    return new


def _check_classes(examples: Sequence[Example], task: Task, where: data.Source) -> None:
    classes = {task.stratum(example.gold) for example in examples}
    if len(classes) < 2 and "one_label" in task.offers:
        problem = "the training rows have only one class"
        raise DataError(problem, where=str(where), hint="a classifier needs two or more")


def _places(ready: _Ready, target: Path) -> dict[str, Any]:
    """Return a record's entries about base and data, paths relative to ``target``."""
    return {
        "base": {"path": relative(ready.base, target), "fingerprint": training_key.fingerprint(ready.base)},
        "data": {
            name: {**_placed_set(dataset, target), **({"kind": TIME_SLICE} if name in ready.config.data.slices else {})}
            for name, dataset in ready.sets.items()
        },
        # Only the columns that the config names, not detected ones: another file may name its columns otherwise.
        "columns": configs.columns(ready.config),
        "mapping": dict(ready.config.data.labels),
        "repair": ready.config.data.repair,
        "ignore_case": ready.config.data.ignore_case,
        "header": ready.config.data.header is not False,
        "out_of_scope": configs.out_of_scope_labels(ready.config),
        "language": ready.config.data.language,
        "task": {"name": ready.config.task.name, **ready.config.task.settings},
        "chain": () if ready.parent is None else ready.parent.written(target),
    }


def _placed_set(dataset: data.Dataset, target: Path) -> dict[str, str]:
    path = dataset.path.place if isinstance(dataset.path, data.InMemory) else relative(dataset.path, target)
    entry = {"path": path, "sha256": dataset.sha256}
    if dataset.labels_file is None:
        return entry
    return {**entry, "labels_path": relative(dataset.labels_file, target), "labels_sha256": str(dataset.labels_sha256)}


def _record(
    ready: _Ready, run: grid.Run, recipe: recipes.Recipe, target: Path, trained: loop.Trained, key: str
) -> record.TrainingRecord:
    failure = learned.warning(ready.task, ready.examples, ready.validation, trained)
    return record.TrainingRecord(
        recipe=recipe.name,
        recipe_settings=recipes.portable(recipe.settings, target),
        **_places(ready, target),
        labels=ready.task.labels,
        # The maximum length in use: the model may allow less than the setting.
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
        warning="; ".join(warning for warning in (trained.warning, failure) if warning),
    )
