"""Results of another tool as a results folder, for gate and page."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auditor import metrics, stats
from auditor.data import sha256_of
from auditor.data.graded import Graded
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
WHY = "Shown without a limit: what is enough depends on the use."
SHOWN = Policy("shown without a limit", "", (Rule(PROBE, METRIC.name, {"task": "*"}, WHY, required="never"),))
"""Judges imported results until ``audit gate --policy`` names limits."""


def record_of(files: Mapping[Path, Graded], model: str) -> ProbeRecord:
    """Return the record: accuracy by task, each with its interval.

    The unit is the example; one asked several times counts once, by its mean.
    """
    return ProbeRecord(
        model=model,
        probe=PROBE,
        status="measured",
        description="Answers that another tool asked for and graded: the mean score by task.",
        settings={graded.task: graded.metric for graded in files.values()},
        metrics=(METRIC,),
        measurements=tuple(_measured(graded) for graded in files.values()),
        counts={"cases": sum(len(graded.scores) for graded in files.values())},
    )


def _measured(graded: Graded) -> Measurement:
    rows = metrics.summed((f"{graded.task}:{name}", Score(score, 1.0)) for name, score in graded.scores)
    return metrics.measurement(METRIC, {"task": graded.task}, rows, n_cases=len(graded.scores))


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
        return model
    if len(named) != 1:
        path = next(iter(files))
        told = f"the files name the models {', '.join(map(str, named))}" if named else "the files name no model"
        raise DataError(told, where=str(path), hint="name it with --model-name")
    return str(next(iter(named)))


def _content(files: Mapping[Path, Graded], record: ProbeRecord, root: Path) -> dict[str, Any]:
    from auditor import __version__

    none = dict.fromkeys(("empty", "missing_label", "duplicates", "conflicting", "leaked", "truncated"), 0)
    graded = next(iter(files.values()))
    decision = gate.decide(SHOWN, (record,), record.model)
    method = {measured.method: stats.METHODS[measured.method] for measured in record.measurements}
    digests = (f"{path.name}: SHA-256 {sha256_of(path)}" for path in files)
    notes = [f"asked and graded by {graded.tool}", *digests]
    rows = {path: len({name for name, _ in own.scores}) for path, own in files.items()}
    return {
        "schema": SCHEMA,
        "auditor": __version__,
        "imported": graded.tool,
        "task": {"name": TASK, "metric": METRIC.name, "labels": []},
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
        "policy": policy_dict(SHOWN),
        "decision": decision_dict(decision, SHOWN),
    }
