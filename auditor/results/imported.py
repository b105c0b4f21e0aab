"""Results of another tool as a results folder, for gate and page."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auditor import metrics, stats
from auditor.data import sha256_of
from auditor.data.graded import Graded
from auditor.data.tables import cell
from auditor.errors import DataError, ResultsError
from auditor.results.entries import decision_dict, policy_dict, record_dict
from auditor.results.folder import EXAMPLES, SCHEMA, is_ours, write
from auditor.results.parquet import write_rows
from auditor.storage import atomic_folder
from auditor.storage.files import relative
from auditor.types import Measurement, Metric, ProbeRecord, Rule, Score
from auditor.verdicts import gate
from auditor.verdicts.policy import Policy

PROBE, TASK = "imported", "imported"
METRIC = Metric("accuracy", "accuracy", "mean", "share", 0.0, 1.0, "higher")
ERROR = Metric("error", "error", "mean", "share", 0.0, 1.0, "lower")
METRICS = {"higher": METRIC, "lower": ERROR}
"""Which scores are better → the metric of an import."""
WHY = "Shown without a limit: what is enough depends on the use."


def shown(metric: Metric) -> Policy:
    """Return what judges imported results until ``audit gate --policy`` names limits."""
    return Policy("shown without a limit", "", (Rule(PROBE, metric.name, {"task": "*"}, WHY, required="never"),))


def record_of(files: Mapping[Path, Graded], model: str) -> ProbeRecord:
    """Return the record: accuracy or error by task, each with its interval.

    The unit is the example; one asked several times counts once, by its mean.
    """
    metric = METRICS[next(iter(files.values())).better]
    return ProbeRecord(
        model=model,
        probe=PROBE,
        status="measured",
        description="Answers that another tool asked for and graded: the mean score by task.",
        settings={graded.task: _read_as(graded) for graded in files.values()},
        metrics=(metric,),
        measurements=tuple(_measured(graded, metric) for graded in files.values()),
        counts={"cases": sum(len(graded.scores) for graded in files.values())},
    )


def _read_as(graded: Graded) -> dict[str, str]:
    """Return what decides which scores of a file are read, and how."""
    read = {"metric": graded.metric, "better": graded.better}
    return read if graded.filter is None else {**read, "filter": graded.filter}


def _measured(graded: Graded, metric: Metric) -> Measurement:
    rows = metrics.summed((f"{graded.task}:{name}", Score(score, 1.0)) for name, score in graded.scores)
    return metrics.measurement(metric, {"task": graded.task}, rows, n_cases=len(graded.scores))


def write_folder(files: Mapping[Path, Graded], out: Path, model: str | None) -> ProbeRecord:
    """Write a results folder of graded files, or nothing.

    ``model``: its name; None: the one that the files tell. Raises DataError where they tell none, or several.
    """
    name = _model(files, model)
    record = record_of(files, name)
    with atomic_folder.whole(out, is_ours, ResultsError) as folder:
        write_rows(folder / EXAMPLES, [record])
        write(folder, _content(files, record, out.resolve().parent))
    return record


def _model(files: Mapping[Path, Graded], model: str | None) -> str:
    named = {graded.model: path for path, graded in files.items() if graded.model is not None}
    if model is not None:
        return cell(model, "--model-name", "model")
    if len(named) != 1:
        path = next(iter(files))
        told = f"the files name the models {', '.join(map(str, named))}" if named else "the files name no model"
        raise DataError(told, where=str(path), hint="name it with --model-name")
    return str(next(iter(named)))


def _content(files: Mapping[Path, Graded], record: ProbeRecord, root: Path) -> dict[str, Any]:
    from auditor import __version__

    none = dict.fromkeys(("empty", "missing_label", "duplicates", "conflicting", "leaked", "truncated"), 0)
    graded = next(iter(files.values()))
    policy = shown(record.metrics[0])
    decision = gate.decide(policy, (record,), record.model)
    method = {measured.method: stats.METHODS[measured.method] for measured in record.measurements}
    digests = (f"{path.name}: SHA-256 {sha256_of(path)}" for path in files)
    notes = [f"asked and graded by {graded.tool}", *digests]
    rows = {path: len({name for name, _ in own.scores}) for path, own in files.items()}
    return {
        "schema": SCHEMA,
        "auditor": __version__,
        "imported": graded.tool,
        "task": {"name": TASK, "metric": record.metrics[0].name, "labels": []},
        "seed": 0,
        "config": {},
        "partial": False,
        "environment": {
            **{"python": platform.python_version(), "versions": {}, "device": "not recorded"},
            **{"precision": "not recorded", "threads": 0},
        },
        "resources": [],
        "data": [
            {
                **{"name": own.task, "path": relative(path, root), "sha256": own.sha256},
                **{"rows": rows[path], "used": rows[path], **none},
            }
            for path, own in files.items()
        ],
        "until_decided": None,
        "doubts": [],
        "candidate": record.model,
        "models": [
            {
                **{"name": record.model, "path": record.model, "fingerprint": "", "labels": []},
                **{"candidate": True, "training": None, "notes": notes},
            }
        ],
        "methods": method,
        "limitations": [],
        "records": [record_dict(record)],
        "comparisons": [],
        "unanswered": [],
        "policy": policy_dict(policy),
        "decision": decision_dict(decision, policy),
    }
