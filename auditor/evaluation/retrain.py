"""Retraining and sibling checkpoints for probes that compare trainings."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from auditor.config import Config
from auditor.errors import ModelError
from auditor.evaluation.plan import AuditedModel
from auditor.models import checkpoint, in_memory
from auditor.training import record as records
from auditor.types import EarlierPeriod, Example, Model, Task, TrainedModel

Load: TypeAlias = Callable[[Path, Any], Model]
"""A checkpoint's folder and its record → the model."""


def audited(
    model: Model,
    folder: in_memory.Source,
    record: records.TrainingRecord | None,
    *,
    task: Task,
    config: Config,
    base: Path | None,
    device: str,
    fresh: bool,
    load: Load,
    earlier: Sequence[EarlierPeriod] = (),
) -> AuditedModel:
    """The model with what is known of its training.

    ``base`` wins over the recorded one; for a checkpoint without a record, the base of ``[training]`` counts where it
    is a model of the same kind. Raises AuditError.
    """
    from auditor.training import chain, refit

    beside = functools.cache(functools.partial(_beside, folder, record, task, load))
    named = base
    base, configured, no_base = _base(base, folder, record, config)
    if base is None:
        return AuditedModel(model, checkpoints=beside, no_base=no_base, earlier=earlier)
    settings = dict(record.settings) if record is not None else {}
    language = config.data.language if record is None else record.language
    again = refit.Refit(base, task, settings, device, set() if fresh else None, language=language)
    if record is not None and isinstance(folder, Path) and record.chain and named is None:
        again = replace(again, continues=chain.parent(base, task.name))
    return AuditedModel(
        model,
        earlier=earlier,
        fit=functools.partial(_fit, again, record, folder),
        train=functools.partial(_train, again, config, record),
        checkpoints=beside,
        configured_base=configured,
    )


def _base(
    named: Path | None, folder: in_memory.Source, record: records.TrainingRecord | None, config: Config
) -> tuple[Path | None, Path | None, str | None]:
    """The base to train from, and where it comes from.

    The second value is the same base where the config named it; the third says why the config's base does not count.
    """
    if named is not None:
        checkpoint.check_base(named)
        difference = _difference(named, folder)
        if difference is not None:
            hint = "--base names the model that it was fine-tuned from"
            raise ModelError(f"is not the base of {folder.name}: {difference}", where=str(named), hint=hint)
        return named, None, None
    if record is not None and isinstance(folder, Path):
        recorded = records.base_of(record, folder)
        if recorded is not None:
            checkpoint.check_base(recorded, adapter=bool(record.chain))
        return recorded, None, None
    configured, no_base = _configured(config, folder)
    return configured, configured, no_base


def _configured(config: Config, folder: in_memory.Source) -> tuple[Path | None, str | None]:
    """The base of ``[training]`` for a checkpoint without a record.

    Where that base does not count, the second value says why in words. The config may be about another checkpoint than
    this one, so a base that does not fit does not end the audit.
    """
    if config.training.base is None:
        return None, None
    written = config.training.base
    base = config.resolve(written)
    if not base.exists():
        # The reason stands in the results, which hold no absolute path.
        shown = written.name if written.is_absolute() else written.as_posix()
        return None, f"the base that [training] names is not there: {shown!r}; name it with --base"
    try:
        checkpoint.check_base(base)
    except ModelError as error:
        return None, f"the base that [training] names cannot be used: {error.message}"
    difference = _difference(base, folder)
    if difference is not None:
        return None, f"the base that [training] names is another model's ({difference}); name it with --base"
    return base, None


ARCHITECTURE = (
    *("model_type", "hidden_size", "d_model", "dim", "n_embd", "hidden_dim"),
    *("num_hidden_layers", "n_layers", "n_layer", "num_layers"),
)
"""Fields of config.json that fine-tuning never changes; architectures name them differently."""


def _difference(base: Path, model: in_memory.Source) -> str | None:
    """The first field in which two architectures differ.

    The two belong to a checkpoint and its supposed base. None where no field differs.
    """
    expected = _settings(base)
    own = _settings(model) if isinstance(model, Path) else model.settings
    for name in ARCHITECTURE:
        if name in expected and name in own and expected[name] != own[name]:
            return f"{name} is {expected[name]}, not {own[name]}"
    return None


def _settings(folder: Path) -> dict[str, Any]:
    settings: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return settings


def _fit(
    again: Any, record: records.TrainingRecord | None, folder: in_memory.Source, examples: Sequence[Example], **how: Any
) -> Model:
    """A model by the audited one's recipe.

    The model's fingerprint is the key of its training.
    """
    from auditor.training import loop, recipes

    recipe, given = (record.recipe, record.recipe_settings) if record is not None else ("standard", {})
    trained, key = again.train(
        recipes.create(recipe, given, folder if isinstance(folder, Path) else Path()), examples, **how
    )
    return loop.as_model(trained, name=f"fit on {len(examples)} rows", fingerprint=key)


def _train(
    again: Any,
    config: Config,
    record: records.TrainingRecord | None,
    recipe: str,
    examples: Sequence[Example],
    *,
    seed: int,
    **how: Any,
) -> TrainedModel:
    """A model by a recipe of the config's.

    The learning rate is the recipe's own, else that of full fine-tuning.
    """
    from auditor.training import loop, recipes

    made = recipes.create(recipe, config.training.recipe.get(recipe, {}), config.resolve(Path()))
    rate = made.learning_rate or shared_rate(record, config)
    again = replace(again, settings={**again.settings, "learning_rate": rate})
    trained, key = again.train(made, examples, seed=seed, **how)
    model = loop.as_model(trained, name=f"{recipe} on {len(examples)} rows", fingerprint=key)
    return TrainedModel(recipe, made.name == "standard", seed, lambda: model, float(trained.work))


def shared_rate(record: records.TrainingRecord | None, config: Config) -> float:
    """The learning rate of recipes without one of their own.

    This is the recorded rate, unless that was the recorded recipe's own.
    """
    if record is None or record.own_learning_rate:
        return config.training.learning_rate
    return float(record.settings.get("learning_rate", config.training.learning_rate))


def _beside(
    folder: in_memory.Source, record: records.TrainingRecord | None, task: Task, load: Load
) -> tuple[TrainedModel, ...]:
    """The checkpoints beside this one that may be compared, itself among them.

    They are of the same base, rows, labels and settings. A folder that cannot be read is not among them. Links and
    hidden folders are other names of checkpoints, or parts of them.
    """
    from auditor.training import cost

    if record is None or not isinstance(folder, Path):
        return ()
    parent, name = folder.resolve().parent, folder.resolve().name
    own = name.removesuffix(f"-seed{record.seed}"), record.seed
    by_seed: dict[tuple[str, int], TrainedModel] = {}
    costs = cost.read(parent)
    for path in _folders(parent):
        twin = _twin(path, record, task)
        if twin is None:
            continue
        took = costs.get(path.name)
        trained = TrainedModel(
            path.name.removesuffix(f"-seed{twin.seed}"),
            twin.recipe == "standard",
            twin.seed,
            functools.partial(load, path, twin),
            float(twin.work) or None,
            None if took is None else took.seconds,
            None if took is None or took.peak_bytes is None else float(took.peak_bytes),
            audited=(path.name.removesuffix(f"-seed{twin.seed}"), twin.seed) == own,
        )
        # ``fgm`` beside ``fgm-seed0``, both of seed 0: the first by name.
        by_seed.setdefault((trained.recipe, trained.seed), trained)
    return tuple(by_seed.values())


def _folders(parent: Path) -> list[Path]:
    try:
        every = sorted(parent.iterdir())
        return [path for path in every if path.is_dir() and not path.is_symlink() and not path.name.startswith(".")]
    except OSError:
        return []


def _twin(path: Path, record: records.TrainingRecord, task: Task) -> records.TrainingRecord | None:
    """Another checkpoint's record, where it may be compared.

    A comparable checkpoint differs in recipe, seed and learning rate alone.
    """
    try:
        twin = records.read(path)
        if twin is None or _same(twin) != _same(record):
            return None
        labels = checkpoint.describe(path, task.head, task=task.name).labels
    except (ModelError, OSError):
        return None
    return twin if labels == task.labels else None


def _same(record: records.TrainingRecord) -> tuple[Any, ...]:
    """What has to be equal for a difference to be the recipe's.

    A recipe may want a learning rate of its own.
    """
    data = {name: record.data.get(name, {}).get("sha256") for name in ("train", "validation")}
    settings = {name: value for name, value in record.settings.items() if name != "learning_rate"}
    columns = dict(record.columns)
    task = {name: value for name, value in record.task.items() if name != "name"}
    labelled = record.labels, dict(record.mapping), columns, task
    return record.base["fingerprint"], data, record.train_rows, *labelled, settings
