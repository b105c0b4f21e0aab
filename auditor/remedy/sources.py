"""What a remedy is trained from.

A source is the checkpoint, its base and its rows, or says in words what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditor import config as configs
from auditor import data
from auditor.config import Config
from auditor.errors import AuditError
from auditor.evaluation import audit_data
from auditor.models import checkpoint
from auditor.training import record as records
from auditor.types import OUTSIDE, TIME_SLICE

if TYPE_CHECKING:
    from auditor.training.record import TrainingRecord

SPLITS = ("train", "validation")


@dataclass(frozen=True, slots=True)
class Sources:
    """Everything that a training and the audit after it read."""

    before: Path
    """The audited checkpoint."""
    record: TrainingRecord | None
    """How it was trained; None for a checkpoint from elsewhere."""
    base: Path
    files: Mapping[str, Path]
    """``train``, perhaps ``validation``, and the audited sets by name, ``home`` first."""
    labels_files: Mapping[str, Path]
    """Set, as the config calls it → the file of its labels, of those whose texts have one beside them."""
    other_rows: bool
    """Whether the training rows are others than those that the checkpoint was trained on."""
    time_slices: frozenset[str] = frozenset()
    """Names of the audited sets that are test rows of later times."""


def find(
    results: Mapping[str, Any], config: Config, root: Path, *, base: Path | None = None, train_data: Path | None = None
) -> tuple[Sources | None, list[str]]:
    """What there is, or None and in words what is missing.

    ``root``: the folder that the results' paths start from. ``base`` and ``train_data``: in place of those that the
    checkpoint was trained from.
    """
    before = root / next(model["path"] for model in results["models"] if model["candidate"])
    if not (before / "config.json").is_file():
        return None, [f"the audited checkpoint: nothing is at {before}"]
    record = records.read(before)
    missing: list[str] = []
    base = _base(base, record, before, config, root, missing)
    files = dict(_files(train_data, record, before, results, root, missing))
    if base is None or missing:
        return None, missing
    beside = {
        "test" if entry["name"] == "home" else entry["name"]: root / entry["labels_path"]
        for entry in results["data"]
        if "labels_path" in entry and not (entry["name"] == "train" and train_data is not None)
    }
    slices = frozenset(entry["name"] for entry in results["data"] if entry.get("kind") == TIME_SLICE)
    return Sources(before, record, base, files, beside, train_data is not None, slices), []


def _base(
    given: Path | None, record: TrainingRecord | None, before: Path, config: Config, root: Path, missing: list[str]
) -> Path | None:
    """The base of ``--base``, of ``training.json``, or of the audit's config."""
    try:
        if given is not None:
            checkpoint.check_base(given)
            return given
        base = None if record is None else records.base_of(record, before)
        if record is None and config.training.base is not None:
            base = root / config.training.base
            checkpoint.check_base(base)
    except AuditError as error:
        missing.append(f"a base model: {error.where}: {error.message} (--base DIR)")
        return None
    if base is None:
        place = "" if record is None else f", which is not at {before / record.base['path']}"
        missing.append(f"the base model that {before.name} was fine-tuned from{place} (--base DIR)")
    return base


def _files(
    given: Path | None,
    record: TrainingRecord | None,
    before: Path,
    content: Mapping[str, Any],
    root: Path,
    missing: list[str],
) -> Iterator[tuple[str, Path]]:
    """The rows that were audited, and those to train on.

    The audited rows are unchanged; the others come from ``--train-data``, the training or the audit.
    """
    audited = {entry["name"]: entry for entry in content["data"]}
    if given is not None:
        if given.exists():
            yield "train", given
        else:
            missing.append(f"training rows: {given} is not there (--train-data FILE)")
    for name, entry in audited.items():
        if name not in SPLITS and entry.get("kind") != OUTSIDE:
            for part in ("", "labels_") if "labels_path" in entry else ("",):
                path = root / entry[f"{part}path"]
                problem = _changed(path, entry[f"{part}sha256"])
                if problem:
                    missing.append(f"the rows of {name} as they were audited: {path} {problem}")
            yield name, root / entry["path"]
    for name in SPLITS:
        if name == "train" and given is not None:
            continue
        path, problem = _split(name, record, before, audited.get(name), root)
        if path is not None and not problem:
            yield name, path
        elif name == "train":
            missing.append(f"its training rows{f': {problem}' if problem else ''} (--train-data FILE)")
        elif problem and record is not None:
            missing.append(f"its validation rows: {problem}")


def _split(
    name: str, record: TrainingRecord | None, before: Path, entry: Mapping[str, Any] | None, root: Path
) -> tuple[Path | None, str]:
    """The file of a set, and what is wrong with it.

    This is the file of the training, else the file that the audit was given.
    """
    if record is not None and name in record.data:
        try:
            return records.check_data(record, before, name), ""
        except AuditError as error:
            return None, f"{error.where}: {error.message}"
    if entry is None:
        return None, ""
    path = root / entry["path"]
    problem = _changed(path, entry["sha256"])
    return path, f"{path} {problem}" if problem else ""


def _changed(path: Path, sha256: str) -> str:
    if not path.exists():
        return "is not there"
    return "" if data.sha256_of(path) == sha256 else "has changed since the audit"


def config_of(sources: Sources, config: Config, probes: Mapping[str, Any]) -> dict[str, Any]:
    """The audit's own config with the files by their places.

    ``probes``: those whose settings are kept, by name.
    """
    settings = {name: probe.settings for name, probe in probes.items()}
    tables = configs.probe_tables(config, settings, Path.resolve)
    record, columns = sources.record, configs.columns(config)
    files = {name: path.resolve() for name, path in sources.files.items()}
    splits = {name: files.pop(name, None) for name in SPLITS}
    mapping: Mapping[str, str] = {}
    task: Any = {"name": config.task.name, **audit_data.task_settings(config, record)}
    if record is not None:
        columns, mapping = {**record.columns, **columns}, record.mapping
    return {
        **config.model_dump(),
        "seed": config.seed if record is None else record.seed,
        "task": task,
        "data": {
            **config.data.model_dump(),
            **splits,
            "test": files.pop("home"),
            "domains": {name: path for name, path in files.items() if name not in sources.time_slices},
            "slices": {name: path for name, path in files.items() if name in sources.time_slices},
            "out_of_scope": configs.out_of_scope_labels(config)
            | {kind: path.resolve() for kind, path in configs.out_of_scope_files(config).items()},
            "language": audit_data.language(config, record),
            "text_column": None,
            "label_column": columns.pop("label", None),
            "group_column": columns.pop("group", None),
            "columns": columns,
            "labels": dict(config.data.labels or mapping),
            "repair": config.data.repair or (record is not None and record.repair),
            "ignore_case": config.data.ignore_case or (record is not None and record.ignore_case),
            "header": config.data.header if record is None or config.data.header is not None else record.header,
            "labels_files": {name: path.resolve() for name, path in sources.labels_files.items()},
        },
        "candidate": None,
        "probes": {name: table for name, table in tables.items() if name in probes},
        "policy": None,
    }


def training_of(sources: Sources, config: Config) -> dict[str, Any]:
    """``[training]`` as the audited checkpoint's was.

    For a checkpoint from elsewhere, ``[training]`` of the audit's config counts.
    """
    from auditor.evaluation import retrain
    from auditor.training import job

    record = sources.record
    settings = (
        {} if record is None else {name: record.settings[name] for name in job.SETTINGS if name in record.settings}
    )
    rows = config.training.max_rows if record is None else record.train_rows
    return {
        **config.training.model_dump(),
        **settings,
        "learning_rate": retrain.shared_rate(record, config),
        "base": sources.base.resolve(),
        "max_rows": None if sources.other_rows else rows,
        "learning_rates": [],
        "seeds": 1,
    }
