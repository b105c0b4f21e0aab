"""From a config, flags and a checkpoint folder to a plan that the runner can carry out."""

from __future__ import annotations

import functools
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from auditor import config as configs
from auditor import data, limitations, resources, results, stats, tables, tasks
from auditor.config import Config
from auditor.errors import ConfigError, UsageError, near_match
from auditor.models import checkpoint, hugging_face
from auditor.plans import HOME, AuditedModel, Fitter, Plan, shuffled, without_leaks
from auditor.training import record as training_records
from auditor.types import Encoded, Example, Model, Probe, Task

PACKAGES = ("torch", "transformers", "textattack", "nlpaug", "scikit-learn", "scipy", "numpy", "pandas", "pyarrow")


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line adds to the config."""

    model: Path
    data: Path | None = None
    train: Path | None = None
    domains: Mapping[str, Path] | None = None
    base: Path | None = None
    candidate: str | None = None
    device: str = "auto"
    allow_pickle: bool = False
    trust_remote_code: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan, and what the results say of where it came from."""

    plan: Plan
    facts: Mapping[str, Any]
    """The parts of results.json that are known before anything is measured."""


def prepare(config: Config, options: Options, probes: Sequence[Probe], chosen: frozenset[str], root: Path) -> Prepared:
    """Read and check everything: settings first, then checkpoints, then data. Raises AuditError.

    ``root``: the folder that paths in the results are relative to.
    """
    settings = probe_settings(config, probes)
    found = checkpoint.find(options.model)
    candidate = _candidate(options.candidate or config.candidate, tuple(found), options.model)
    labels = _labels(found, candidate, config, options)
    records = {name: training_records.read(path) for name, path in found.items()}
    task = tasks.create(config.task, labels, _mapping(config, records[candidate]))
    files = _files(config, options, records[candidate], found[candidate])
    columns = _columns(config, records[candidate])
    sets = {name: data.load(path, name=name, task=task, columns=columns) for name, path in files.items()}
    models = {
        name: _load(path, name, _max_length(config, records[name]), config, options) for name, path in found.items()
    }
    examples, data_facts = _separated(sets, task, models[candidate], root)
    plan = Plan(
        task=task,
        models=tuple(
            AuditedModel(model, _fitter(options, task, records[name], found[name])) for name, model in models.items()
        ),
        candidate=candidate,
        examples={name: shuffled(rows, config.seed, name) for name, rows in examples.items()},
        probes=tuple(probes),
        settings=settings,
        selected=chosen,
        seed=config.seed,
        favourable_label=_favourable(config, labels),
        budget=config.audit.budget,
        batch_tokens=config.audit.batch_tokens,
    )
    facts = {
        "task": {"name": task.name, "metric": task.metric, "labels": list(labels)},
        "environment": environment(models[candidate], config.audit.precision),
        "data": data_facts,
        "models": [_model_facts(name, models[name], found[name], candidate, records[name], root) for name in found],
    }
    return Prepared(plan, facts)


def _labels(found: Mapping[str, Path], candidate: str, config: Config, options: Options) -> tuple[str, ...]:
    """The labels that all checkpoints have; checkpoints that are unsafe or unfit are refused here."""
    described = {
        name: checkpoint.describe(
            path, config.task, allow_pickle=options.allow_pickle, trust_remote_code=options.trust_remote_code
        )
        for name, path in found.items()
    }
    labels = described[candidate].labels
    for name, one in described.items():
        if one.labels != labels:
            raise UsageError(
                f"{name!r} and {candidate!r} have different labels", where=str(options.model), hint="audit them apart"
            )
    return labels


def _load(path: Path, name: str, max_length: int | None, config: Config, options: Options) -> Model:
    return hugging_face.load(
        path,
        name=name,
        task_name=config.task,
        device=options.device,
        precision=config.audit.precision,
        max_length=max_length,
        allow_pickle=options.allow_pickle,
        trust_remote_code=options.trust_remote_code,
    )


def _separated(
    sets: Mapping[str, data.Dataset], task: Task, model: Model, root: Path
) -> tuple[dict[str, tuple[Example, ...]], list[dict[str, Any]]]:
    """Each set's examples without what the model saw in training, and what the results say of each set.

    Raises UsageError when no audit row is left.
    """
    encoded = {
        name: model.encode([task.request(example.inputs) for example in one.examples]) for name, one in sets.items()
    }
    examples, leaked = without_leaks(
        {name: one.examples for name, one in sets.items()},
        {name: [one.key for one in rows] for name, rows in encoded.items()},
    )
    if not examples[HOME]:
        raise UsageError(
            "every audit row occurs in the training data",
            where=str(sets[HOME].path),
            hint="audit on rows that the model has not seen",
        )
    return examples, [_data_facts(one, leaked, root, encoded[name]) for name, one in sets.items()]


def probe_settings(config: Config, probes: Sequence[Probe]) -> dict[str, Any]:
    """Probe → its settings from ``[probes.<name>]``; an unknown probe or key is a ConfigError."""
    names = [probe.name for probe in probes]
    for name in config.probes:
        if name not in names:
            raise ConfigError(
                f"no probe is called {name!r}",
                where=f"[probes.{name}]",
                hint=near_match(name, names) or f"known: {', '.join(names)}",
            )
    return {
        probe.name: configs.probe_settings(probe.settings, config.probes.get(probe.name, {}), f"[probes.{probe.name}]")
        for probe in probes
    }


def _candidate(wanted: str | None, names: Sequence[str], folder: Path) -> str:
    if wanted is None:
        if len(names) == 1:
            return names[0]
        raise UsageError(
            f"holds several checkpoints: {', '.join(names)}",
            where=str(folder),
            hint="say whose verdicts count: --candidate",
        )
    if wanted not in names:
        raise UsageError(
            f"no checkpoint is called {wanted!r}",
            where=str(folder),
            hint=near_match(wanted, names) or f"found: {', '.join(names)}",
        )
    return wanted


def _mapping(config: Config, record: Any) -> Mapping[str, str]:
    return dict(config.data.labels or (record.mapping if record is not None else {}) or {})


def _columns(config: Config, record: Any) -> data.Columns:
    found = {**(record.columns if record is not None else {}), **configs.columns(config)}
    label, group = found.pop("label", None), found.pop("group", None)
    return data.Columns(fields=found, label=label, group=group)


def _files(config: Config, options: Options, record: Any, folder: Path) -> dict[str, Path]:
    """Set → file: flags win over the config, and the config over ``training.json``."""
    files: dict[str, Path] = {}
    if options.data is not None:
        files[HOME] = options.data
        given = {"train": options.train, **(options.domains or {})}
        return files | {name: path for name, path in given.items() if path is not None}
    recorded = training_records.check_data(record, folder) if record is not None else {}
    if "test" in recorded:
        files[HOME] = recorded.pop("test")
    files |= recorded
    for name, path in configs.data_files(config).items():
        files[HOME if name == "test" else name] = path
    if options.train is not None:
        files["train"] = options.train
    files |= options.domains or {}
    if HOME not in files:
        raise UsageError("no data to audit on", where=str(folder), hint="give --data test.csv")
    order = [HOME, *(name for name in files if name not in (HOME, "train", "validation")), "train", "validation"]
    return {name: files[name] for name in order if name in files}


def _max_length(config: Config, record: Any) -> int | None:
    if config.audit.max_length is not None:
        return int(config.audit.max_length)
    return int(record.settings["max_length"]) if record is not None else None


def _favourable(config: Config, labels: Sequence[str]) -> str | None:
    wanted = config.favourable_label
    if wanted is not None and wanted not in labels:
        hint = near_match(wanted, labels) or f"known: {', '.join(labels)}"
        raise ConfigError(f"favourable_label = {wanted!r} is no label of the model", hint=hint)
    return wanted


def _fitter(options: Options, task: Task, record: Any, folder: Path) -> Fitter | None:
    from auditor.training import job

    base = options.base or (job.base_of(record, folder) if record is not None else None)
    if base is None:
        return None
    recipe, given = (record.recipe, record.recipe_settings) if record is not None else ("standard", {})
    settings = dict(record.settings) if record is not None else {}
    return functools.partial(
        job.fit, base=base, task=task, recipe=recipe, recipe_settings=given, settings=settings, device=options.device
    )


def environment(model: Model | None, precision: str) -> dict[str, Any]:
    """Versions, device kind, precision and threads: what the numbers depend on beside the inputs."""
    import torch

    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    device = str(getattr(model, "device_kind", "cpu"))
    return {
        "python": platform.python_version(),
        "versions": versions,
        "device": device,
        "precision": precision,
        "threads": torch.get_num_threads(),
    }


def _data_facts(one: data.Dataset, leaked: Mapping[str, int], root: Path, encoded: Sequence[Encoded]) -> dict[str, Any]:
    gone = leaked.get(one.name, 0)
    report = asdict(one.report)
    return {
        "name": one.name,
        "path": results.relative(one.path, root),
        "sha256": one.sha256,
        **report,
        "used": report["used"] - gone,
        "leaked": gone,
        "truncated": sum(item.truncated for item in encoded),
    }


def _model_facts(name: str, model: Model, path: Path, candidate: str, record: Any, root: Path) -> dict[str, Any]:
    return {
        "name": name,
        "path": results.relative(path, root),
        "fingerprint": model.fingerprint,
        "labels": list(model.labels),
        "candidate": name == candidate,
        "training": None if record is None else tables.plain(asdict(record)),
    }


def constant_facts(config: Config, partial: bool) -> dict[str, Any]:
    """The parts of results.json that depend on no model."""
    from auditor import __version__

    return {
        "schema": results.SCHEMA,
        "auditor": __version__,
        "seed": config.seed,
        "config": tables.plain(config.model_dump(mode="json")),
        "partial": partial,
        "resources": [asdict(resource) for resource in resources.survey()],
        "methods": dict(stats.METHODS),
        "limitations": [asdict(row) for row in limitations.LIMITATIONS],
    }
