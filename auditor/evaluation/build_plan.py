"""From config, flags and checkpoints to a plan."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor import config as configs
from auditor import data, tasks
from auditor.config import Config
from auditor.errors import ConfigError, UsageError, near_match, near_or_known
from auditor.evaluation import audit_data, checkpoints, data_notes, fitted, needs, outside, retrain, spoken
from auditor.evaluation.audit_data import Options
from auditor.evaluation.earlier import Earlier
from auditor.evaluation.plan import AuditedModel, Plan
from auditor.evaluation.sampling import SPLITS, Leaked, shuffled, without_leaks
from auditor.models import in_memory, onnx
from auditor.models.options import LoadOptions
from auditor.plugins import registry
from auditor.results import canonical_json, provenance
from auditor.storage.files import relative
from auditor.training import record as training_records
from auditor.types import HOME, OUTSIDE, TIME_SLICE, Encoded, Example, Model, Probe, Task

__all__ = ["Options", "Prepared", "prepare", "probe_settings"]

OWN = (HOME, *SPLITS)
"""Sets whose labels the model knows, as it does those of time slices; other domains may have labels of their own."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan, and what the results say of where it came from."""

    plan: Plan
    facts: Mapping[str, Any]
    """The parts of results.json that are known before anything is measured."""
    notes: tuple[str, ...] = ()
    """What the user ought to know of the data."""


def prepare(
    config: Config, options: Options, probes: Sequence[Probe], left_out: Mapping[str, str], root: Path
) -> Prepared:
    """Read and check everything: settings first, then checkpoints, then data. Raises AuditError.

    ``left_out``: probe that the user leaves out → why. ``root``: the folder that paths in the results are relative to.
    """
    settings = probe_settings(config, probes)
    chosen = frozenset(settings) - left_out.keys()
    if config.audit.backend == "onnx":
        onnx.check(config.audit.precision)
    sources = in_memory.find(options.model)
    candidate = _candidate(options.candidate or config.candidate, tuple(sources), options.model)
    loading = checkpoints.load_options(
        config, options.device, allow_pickle=options.allow_pickle, trust_remote_code=options.trust_remote_code
    )
    described = checkpoints.described(sources, loading, config.task.name)
    labels = checkpoints.shared_labels(described, candidate, str(options.model))
    records = {name: _record(model) for name, model in sources.items()}
    task = _task(config, labels, records[candidate])
    _check_settings([probe for probe in probes if probe.name in chosen], settings, task)
    files = audit_data.files(config, options, records[candidate], sources[candidate])
    time_slices = audit_data.time_slices(config, options, records[candidate], files)
    columns = audit_data.columns(config, records[candidate])
    outside.check(config, columns, task)
    sets = data.load_all(
        files,
        tasks={name: task if name in (*OWN, *time_slices) else task.other_domain() for name in files},
        columns=columns,
        labels_files=audit_data.labels_files(config, options, records[candidate], sources[candidate], files),
        further={HOME: [column for name in sorted(chosen) for column in configs.data_columns(settings[name])]},
    )
    beside = outside.sets(config, columns, task, sets)
    sets |= beside
    models = {name: checkpoints.load(source, records[name], loading, name=name) for name, source in described.items()}
    task, fitting = fitted.fitted(task, models, sets)
    requests = {name: [task.request(example.inputs) for example in dataset.examples] for name, dataset in sets.items()}
    checkpoints.check_accepted(task, requests[HOME], models)
    encoded = {name: models[candidate].encode(asked) for name, asked in requests.items()}
    kinds = {**dict.fromkeys(time_slices, TIME_SLICE), **dict.fromkeys(beside, OUTSIDE)}
    examples, data_facts, twins = _separated(sets, encoded, root, kinds)
    language = audit_data.language(config, records[candidate])
    read = {name: spoken.facts(dataset.examples, language) for name, dataset in sets.items()}
    data_facts = [{**facts, "language": read[facts["name"]]} for facts in data_facts]
    ordered = {name: shuffled(rows, config.seed, name) for name, rows in examples.items()}
    unseen = functools.partial(_unseen, sets, encoded, models[candidate], task)
    earlier = Earlier(task, config, settings, loading, root, unseen)
    plan = Plan(
        task=task,
        models=_audited(models, sources, records, earlier, config, options, loading),
        candidate=candidate,
        examples={name: rows for name, rows in ordered.items() if name not in beside},
        probes=tuple(probes),
        settings=settings,
        selected=chosen,
        reasons=left_out,
        baseline=None if config.audit.baseline_probes is None else frozenset(config.audit.baseline_probes),
        seed=config.seed,
        favourable_label=configs.favourable(config, labels),
        language=read[HOME]["code"],
        budget=config.audit.budget,
        batch_tokens=config.audit.batch_tokens or provenance.batch_tokens(models[candidate]),
        lockstep=config.audit.lockstep,
        cache=options.cache,
        left_out=_left_out(sets, examples),
        keys=_keys(sets, encoded),
        files={name: str(dataset.path) for name, dataset in sets.items()},
        root=root,
        time_slices=time_slices,
        out_of_scope={kind: ordered[name] for kind, name in outside.kinds(config, columns, beside).items()},
    )
    facts = {
        "task": _task_facts(task, labels),
        "environment": provenance.environment(models[candidate], config.audit),
        "data": data_facts,
        "models": _model_facts(models, sources, records, candidate, root),
    }
    told = (*task.notes, *fitting, *twins, *data_notes.of_rows(sets, encoded, data_facts), *spoken.notes(data_facts))
    return Prepared(plan, facts, told)


def _task(config: Config, labels: Sequence[str], record: training_records.TrainingRecord | None) -> Task:
    """The task over the labels, as config and training say."""
    mapping, settings = audit_data.mapping(config, record), audit_data.task_settings(config, record)
    return tasks.create(config.task.name, labels, mapping, settings)


def _task_facts(task: Task, labels: Sequence[str]) -> dict[str, Any]:
    """The task as results name it, with what its settings fitted."""
    settings = canonical_json.plain(registry.settings_of(task.settings))
    return {"name": task.name, "metric": task.metric, "labels": list(labels), "settings": settings}


def _audited(
    models: Mapping[str, Model],
    sources: Mapping[str, in_memory.Source],
    records: Mapping[str, training_records.TrainingRecord | None],
    earlier: Earlier,
    config: Config,
    options: Options,
    loading: LoadOptions,
) -> tuple[AuditedModel, ...]:
    """The models, each with what is known of its training."""
    return tuple(
        retrain.audited(
            model,
            sources[name],
            records[name],
            task=earlier.task,
            config=config,
            base=options.base,
            device=options.device.split(",")[0],
            fresh=options.fresh,
            load=lambda path, record: checkpoints.load(path, record, loading, name=path.name),
            earlier=earlier.of(sources[name], records[name]),
        )
        for name, model in models.items()
    )


def _model_facts(
    models: Mapping[str, Model],
    sources: Mapping[str, in_memory.Source],
    records: Mapping[str, training_records.TrainingRecord | None],
    candidate: str,
    root: Path,
) -> list[dict[str, Any]]:
    places = {name: _place(source, root) for name, source in sources.items()}
    return [provenance.model_facts(name, models[name], places[name], candidate, records[name]) for name in sources]


def _record(model: in_memory.Source) -> training_records.TrainingRecord | None:
    return training_records.read(model) if isinstance(model, Path) else None


def _place(model: in_memory.Source, root: Path) -> str:
    return relative(model, root) if isinstance(model, Path) else model.place


def _separated(
    sets: Mapping[str, data.Dataset],
    encoded: Mapping[str, Sequence[Encoded]],
    root: Path,
    kinds: Mapping[str, str],
) -> tuple[dict[str, tuple[Example, ...]], list[dict[str, Any]], tuple[str, ...]]:
    """Each set without rows of training, its facts, and notes.

    A text that is in scope is left out of those out of scope. ``kinds``: set → what it is, where its name does not say
    it. Raises UsageError when no audit row is left, DataError when none is left out of scope.
    """
    examples, leaked = without_leaks(
        {name: dataset.examples for name, dataset in sets.items()},
        {name: [row.key for row in rows] for name, rows in encoded.items()},
    )
    if not examples[HOME]:
        raise UsageError(
            "every audit row occurs in the training data",
            where=str(sets[HOME].path),
            hint="audit on rows that the model has not seen",
        )
    apart = [name for name, kind in kinds.items() if kind == OUTSIDE]
    examples, twins = outside.without_twins(examples, _keys(sets, encoded), apart)
    outside.check_any_left(examples, twins, sets, apart)
    facts = []
    for name, dataset in sets.items():
        rows = leaked.get(name, Leaked())
        counts = {"nearly_leaked": rows.near, "in_scope": len(twins.get(name, ()))}
        facts.append(provenance.data_facts(dataset, rows.same, root, encoded[name], **counts, kind=kinds.get(name)))
    return examples, facts, tuple(outside.told_twins(twins, sets))


def _keys(sets: Mapping[str, data.Dataset], encoded: Mapping[str, Sequence[Encoded]]) -> dict[str, str]:
    """Example → what the candidate sees of it."""
    return {
        row.id: item.key
        for name, dataset in sets.items()
        for row, item in zip(dataset.examples, encoded[name], strict=True)
    }


def _unseen(
    sets: Mapping[str, data.Dataset],
    encoded: Mapping[str, Sequence[Encoded]],
    model: Model,
    task: Task,
    rows: Sequence[Example],
) -> Sequence[Example]:
    """The rows of a further set that training does not have."""
    read = model.encode([task.request(row.inputs) for row in rows])
    splits = [name for name in SPLITS if name in sets]
    keys = {name: [row.key for row in encoded[name]] for name in splits}
    examples = {name: sets[name].examples for name in splits}
    kept, _ = without_leaks({**examples, "further": rows}, {**keys, "further": [row.key for row in read]})
    return kept["further"]


def _left_out(
    sets: Mapping[str, data.Dataset], kept: Mapping[str, Sequence[Example]]
) -> dict[str, tuple[Example, ...]]:
    """The rows of each set that are not kept, in order."""
    ids = {row.id for rows in kept.values() for row in rows}
    return {name: tuple(row for row in dataset.examples if row.id not in ids) for name, dataset in sets.items()}


def probe_settings(config: Config, probes: Sequence[Probe]) -> dict[str, Any]:
    """Probe → its settings from ``[probes.<name>]``.

    Paths among them are seen from the config's folder. Raises ConfigError for an unknown probe or key.
    """
    names = [probe.name for probe in probes]
    for name in config.probes:
        if name not in names:
            raise ConfigError(
                f"no probe is called {name!r}",
                where=f"[probes.{name}]",
                hint=near_or_known(name, names),
            )
    tables = configs.probe_tables(config, {probe.name: probe.settings for probe in probes}, str)
    settings = {
        probe.name: configs.probe_settings(probe.settings, tables.get(probe.name, {}), f"[probes.{probe.name}]")
        for probe in probes
    }
    file = configs.cases_file(config)
    return settings if file is None else {name: configs.with_cases(own, file) for name, own in settings.items()}


def _check_settings(probes: Sequence[Probe], settings: Mapping[str, Any], task: Task) -> None:
    """Have the probes that serve the task check their settings.

    Raises AuditError.
    """
    for probe in probes:
        if needs.unserved(probe, task) is None:
            registry.check_settings(probe, settings[probe.name], task)


def _candidate(wanted: str | None, names: Sequence[str], folder: in_memory.Source) -> str:
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
