"""From a config, flags and a checkpoint folder to a plan that the runner can carry out."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from auditor import config as configs
from auditor import data, tasks
from auditor.config import Config
from auditor.engine import Cache, NoCache
from auditor.errors import ConfigError, DataError, UsageError, near_match
from auditor.evaluation import retrain
from auditor.evaluation.plan import Plan
from auditor.evaluation.sampling import shuffled, without_leaks
from auditor.models import checkpoint, hugging_face, onnx, replicas
from auditor.results import provenance
from auditor.training import record as training_records
from auditor.types import HOME, Encoded, Example, Model, Probe


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line adds to the config."""

    model: Path
    data: Path | None = None
    train: Path | None = None
    labels_file: Path | None = None
    """Of the labels that stand beside the texts to audit on."""
    domains: Mapping[str, Path] | None = None
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


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan, and what the results say of where it came from."""

    plan: Plan
    facts: Mapping[str, Any]
    """The parts of results.json that are known before anything is measured."""
    notes: tuple[str, ...] = ()
    """What the user ought to know of the data."""


def prepare(config: Config, options: Options, probes: Sequence[Probe], chosen: frozenset[str], root: Path) -> Prepared:
    """Read and check everything: settings first, then checkpoints, then data. Raises AuditError.

    ``root``: the folder that paths in the results are relative to.
    """
    settings = probe_settings(config, probes)
    if config.audit.backend == "onnx":
        onnx.check(config.audit.precision)
    found = checkpoint.find(options.model)
    candidate = _candidate(options.candidate or config.candidate, tuple(found), options.model)
    labels = _labels(found, candidate, config, options)
    records = {name: training_records.read(path) for name, path in found.items()}
    task = tasks.create(config.task, labels, _mapping(config, records[candidate]), lenient=config.data.lenient)
    files = _files(config, options, records[candidate], found[candidate])
    columns = _columns(config, records[candidate])
    own = (HOME, "train", "validation")
    sets = data.load_all(
        files,
        tasks={name: task if name in own else task.elsewhere() for name in files},
        columns=columns,
        labels_files=_labels_files(config, options, records[candidate], found[candidate], files),
    )
    models = {
        name: _load(path, name, _max_length(config, records[name]), config, options) for name, path in found.items()
    }
    encoded = {
        name: models[candidate].encode([task.request(example.inputs) for example in one.examples])
        for name, one in sets.items()
    }
    examples, data_facts = _separated(sets, encoded, root)
    plan = Plan(
        task=task,
        models=tuple(
            retrain.audited(
                model,
                found[name],
                records[name],
                task=task,
                config=config,
                base=options.base,
                device=options.device.split(",")[0],
                fresh=options.fresh,
                load=functools.partial(_loaded, config=config, options=options),
            )
            for name, model in models.items()
        ),
        candidate=candidate,
        examples={name: shuffled(rows, config.seed, name) for name, rows in examples.items()},
        probes=tuple(probes),
        settings=settings,
        selected=chosen,
        seed=config.seed,
        favourable_label=_favourable(config, labels),
        budget=config.audit.budget,
        batch_tokens=config.audit.batch_tokens or provenance.batch_tokens(models[candidate]),
        lockstep=config.audit.lockstep,
        cache=options.cache,
        files={name: str(one.path) for name, one in sets.items()},
    )
    facts = {
        "task": {"name": task.name, "metric": task.metric, "labels": list(labels)},
        "environment": provenance.environment(models[candidate], config.audit),
        "data": data_facts,
        "models": [
            provenance.model_facts(name, models[name], found[name], candidate, records[name], root) for name in found
        ],
    }
    return Prepared(plan, facts, tuple(_all_cut(sets, encoded)))


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
    loader: Callable[..., Model] = onnx.load if config.audit.backend == "onnx" else hugging_face.load
    return replicas.on_each(
        options.device.split(","),
        lambda device: loader(
            path,
            name=name,
            task_name=config.task,
            device=device,
            precision=config.audit.precision,
            max_length=max_length,
            allow_pickle=options.allow_pickle,
            trust_remote_code=options.trust_remote_code,
        ),
    )


def _loaded(path: Path, record: Any, *, config: Config, options: Options) -> Model:
    """A checkpoint that is not audited itself, loaded as those that are."""
    return _load(path, path.name, _max_length(config, record), config, options)


def _all_cut(sets: Mapping[str, data.Dataset], encoded: Mapping[str, Sequence[Encoded]]) -> Iterator[str]:
    """The sets of which the model reads no text to its end."""
    for name, rows in encoded.items():
        if all(row.truncated for row in rows):
            read = f"longer than the {max(row.length for row in rows):,} tokens that the model reads"
            what = "the only row" if len(rows) == 1 else f"all {len(rows):,} rows"
            yield f"{what} of {sets[name].path.name} {'is' if len(rows) == 1 else 'are'} {read}"


def _separated(
    sets: Mapping[str, data.Dataset], encoded: Mapping[str, Sequence[Encoded]], root: Path
) -> tuple[dict[str, tuple[Example, ...]], list[dict[str, Any]]]:
    """Each set's examples without what the model saw in training, and what the results say of each set.

    Raises UsageError when no audit row is left.
    """
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
    return examples, [provenance.data_facts(one, leaked, root, encoded[name]) for name, one in sets.items()]


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
    """The columns of the config, else those of the training, whose files may have named them otherwise than these."""
    own, asked = configs.columns(config), config.data
    recorded = record.columns if record is not None else {}
    return data.Columns.of(
        {**recorded, **own},
        repair=asked.repair or (record is not None and record.repair),
        ignore_case=asked.ignore_case or (record is not None and record.ignore_case),
        header=asked.header if asked.header is not None else record is None or record.header,
        shared=bool({"text", "label"} & (recorded.keys() - own.keys())),
    )


def _files(config: Config, options: Options, record: Any, folder: Path) -> dict[str, Path]:
    """Set → file: flags win over the config, and the config over ``training.json``."""
    given = {HOME if name == "test" else name: path for name, path in configs.data_files(config).items()}
    flags = {HOME: options.data, "train": options.train, **(options.domains or {})}
    given |= {name: path for name, path in flags.items() if path is not None}
    files = {**_recorded(record, folder, given, strict=options.data is None), **given}
    if HOME not in files:
        raise UsageError("no data to audit on", where=str(folder), hint="give --data test.csv")
    order = [HOME, *(name for name in files if name not in (HOME, "train", "validation")), "train", "validation"]
    return {name: files[name] for name in order if name in files}


def _labels_files(
    config: Config, options: Options, record: Any, folder: Path, files: Mapping[str, Path]
) -> dict[str, Path]:
    """Set → the file of its labels, where they stand beside its texts: of the file that is used, not of one it replaces."""
    given = configs.labels_files(config)
    found = {HOME if name == "test" else name: path for name, path in given.items()}
    if options.labels_file is not None:
        found[HOME] = options.labels_file
    for name in () if record is None else record.data:
        known, entry = HOME if name == "test" else name, record.data[name]
        if "labels_path" in entry and known not in found and files.get(known) == folder / entry["path"]:
            found[known] = folder / entry["labels_path"]
    replaced = {"train": options.train, **(options.domains or {})}
    return {name: path for name, path in found.items() if replaced.get(name) is None}


def _recorded(record: Any, folder: Path, given: Mapping[str, Path], *, strict: bool) -> dict[str, Path]:
    """The files of ``training.json`` that nothing replaces. With ``--data`` those that are gone or changed since are
    left out, so that a checkpoint can be audited far from where it was trained; without, they are errors.
    """
    found: dict[str, Path] = {}
    for name in () if record is None else record.data:
        known = HOME if name == "test" else name
        if known in given:
            continue
        try:
            found[known] = training_records.check_data(record, folder, name)
        except DataError:
            if strict:
                raise
    return found


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
