"""What an audit is given, and which rows it reads.

Rows are given, configured, or recorded by the training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

from auditor import config as configs
from auditor import data, tasks
from auditor.config import Config
from auditor.data import Source
from auditor.engine import Cache, NoCache
from auditor.errors import DataError, ModelError, UsageError
from auditor.models import in_memory
from auditor.training import record as training_records
from auditor.types import HOME, TIME_SLICE


@dataclass(frozen=True, slots=True)
class Options:
    """What an audit is given beside its config."""

    model: in_memory.Source
    data: Source | None = None
    train: Source | None = None
    validation: Source | None = None
    labels_file: Path | None = None
    """Of the labels that stand beside the texts to audit on."""
    domains: Mapping[str, Source] | None = None
    slices: Mapping[str, Source] | None = None
    """Test rows of later times, in the order of time."""
    base: Path | None = None
    candidate: str | None = None
    device: str = "auto"
    """One, or several GPUs with commas between."""
    cache: Cache = field(default_factory=NoCache)
    """Where answers are kept between runs."""
    fresh: bool = False
    """Whether to forget the trainings that were kept."""
    allow_pickle: bool = False
    trust_remote_code: bool = False


def recorded_task(model: in_memory.Source) -> Mapping[str, Any] | None:
    """Name and settings of the task that a checkpoint was trained for.

    In a folder of checkpoints the first counts. None: not known. A checkpoint that cannot be read is refused later.
    """
    try:
        sources = in_memory.find(model).values()
        record = next((training_records.read(path) for path in sources if isinstance(path, Path)), None)
    except ModelError:
        return None
    return record.task if record is not None and record.task else None


def task_settings(config: Config, record: Any) -> Mapping[str, Any]:
    """Settings of the task: those of ``[task]`` over the recorded ones.

    The training's record counts where it is of the same task. Raises ConfigError for an unknown task.
    """
    recorded = {} if record is None or record.task.get("name") != config.task.name else record.task
    settings = {key: value for key, value in recorded.items() if key != "name"}
    return _overlaid(settings, config.task.settings, tasks.kind(config.task.name).settings)


def _overlaid(recorded: Mapping[str, Any], own: Mapping[str, Any], default: object) -> dict[str, Any]:
    """The recorded settings with a config's own in their place.

    Where the default is settings too, their keys are merged; any other table is one value.
    """
    merged = {**recorded, **own}
    for key in recorded.keys() & own.keys():
        inner = getattr(default, key, None)
        if is_dataclass(inner) and isinstance(recorded[key], Mapping) and isinstance(own[key], Mapping):
            merged[key] = _overlaid(recorded[key], own[key], inner)
    return merged


def mapping(config: Config, record: Any) -> Mapping[str, str]:
    """Label in the data → the model's label.

    The config's mapping wins over that of the training.
    """
    return dict(config.data.labels or (record.mapping if record is not None else {}) or {})


def columns(config: Config, record: Any) -> data.Columns:
    """The columns of the config, else those of the training.

    The training's files may have named their columns differently.
    """
    own, asked = configs.columns(config), config.data
    recorded = record.columns if record is not None else {}
    return data.Columns.of(
        {**recorded, **own},
        repair=asked.repair or (record is not None and record.repair),
        ignore_case=asked.ignore_case or (record is not None and record.ignore_case),
        header=asked.header if asked.header is not None else record is None or record.header,
        out_of_scope=configs.out_of_scope_labels(config) or (record.out_of_scope if record is not None else {}),
        shared=bool({"text", "label"} & (recorded.keys() - own.keys())),
    )


def language(config: Config, record: Any) -> str | None:
    """The language that the config gives, else the training's; None: neither does."""
    given: str | None = config.data.language
    return given or (record.language if record is not None else None)


def files(config: Config, options: Options, record: Any, folder: in_memory.Source) -> dict[str, Source]:
    """Set → file.

    Flags win over the config, and the config over ``training.json``.
    """
    given: dict[str, Source] = {
        HOME if name == "test" else name: path for name, path in configs.data_files(config).items()
    }
    flags = {name: rows for name, rows in _flags(options).items() if rows is not None}
    configs.check_files(path for name, path in given.items() if name not in flags and isinstance(path, Path))
    given |= flags
    files = {**_recorded(record, folder, given, strict=options.data is None), **given}
    if HOME not in files:
        raise UsageError("no data to audit on", where=str(folder), hint="give --data test.csv")
    order = [HOME, *(name for name in files if name not in (HOME, "train", "validation")), "train", "validation"]
    return {name: files[name] for name in order if name in files}


def _flags(options: Options) -> dict[str, Source | None]:
    """Set → what is given in place of the config's file."""
    own = {HOME: options.data, "train": options.train, "validation": options.validation}
    return {**own, **(options.domains or {}), **(options.slices or {})}


def time_slices(config: Config, options: Options, record: Any, files: Mapping[str, Source]) -> tuple[str, ...]:
    """Name the sets that are test rows of later times, in order.

    Raises UsageError for a name that is a domain's too.
    """
    own = {*config.data.slices, *(options.slices or {})}
    domains = {*config.data.domains, *(options.domains or {})}
    for name in files:
        if name in own & domains:
            raise UsageError(f"{name!r} names a domain and a slice", hint="give one of them another name")
    trained = {} if record is None else record.data
    recorded = {name for name, entry in trained.items() if entry.get("kind") == TIME_SLICE} - domains
    return tuple(name for name in files if name in own | recorded)


def labels_files(
    config: Config, options: Options, record: Any, folder: in_memory.Source, files: Mapping[str, Source]
) -> dict[str, Path]:
    """Set → the file of its labels, where it has one.

    A file of labels belongs to the data file in use, not to one that this replaces.
    """
    given = configs.labels_files(config)
    files_of_labels = {HOME if name == "test" else name: path for name, path in given.items()}
    if options.labels_file is not None:
        files_of_labels[HOME] = options.labels_file
    for name in () if record is None else record.data:
        known, entry = HOME if name == "test" else name, record.data[name]
        if not isinstance(folder, Path) or "labels_path" not in entry or known in files_of_labels:
            continue
        if files.get(known) == folder / entry["path"]:
            files_of_labels[known] = folder / entry["labels_path"]
    replaced = {**_flags(options), HOME: None}
    used = {name: path for name, path in files_of_labels.items() if replaced.get(name) is None}
    configs.check_files(path for path in used.values() if path in given.values())
    return used


def _recorded(record: Any, folder: in_memory.Source, given: Mapping[str, Source], *, strict: bool) -> dict[str, Path]:
    """The files of ``training.json`` that nothing replaces.

    With ``--data`` those that are gone or changed since are left out, so that a checkpoint can be audited far from
    where it was trained; without, they are errors.
    """
    recorded: dict[str, Path] = {}
    for name in () if record is None else record.data:
        known = HOME if name == "test" else name
        if known in given or not isinstance(folder, Path):
            continue
        try:
            recorded[known] = training_records.check_data(record, folder, name)
        except DataError:
            if strict:
                raise
    return recorded
