"""The results folder: ``results.json``, ``cases.parquet``, ``examples.parquet``, ``timings.json``.

Written beside its place and renamed when whole. ``results.json`` holds no seconds, no absolute path and no NaN.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from auditor.errors import ResultsError
from auditor.policy import Policy
from auditor.reading import DOCUMENT, is_folder, read_file
from auditor.tables import plain, read_rows, slice_text
from auditor.types import Decision, Measurement, Metric, ProbeRecord, Rows, Skipped, WorstCase

SCHEMA = 1
RESULTS, CASES, EXAMPLES, TIMINGS, PAGE = (
    "results.json",
    "cases.parquet",
    "examples.parquet",
    "timings.json",
    "scorecard.html",
)
ERRORS = "errors.log"
"""Tracebacks of crashed probes, where there are any."""
FILES = frozenset({RESULTS, CASES, EXAMPLES, TIMINGS, PAGE, ERRORS})


def is_ours(folder: Path) -> bool:
    """Whether the folder holds an audit's results and nothing else, so that a new audit may take its place."""
    names = {file.name for file in folder.iterdir()}
    return RESULTS in names and names <= FILES


def record_dict(record: ProbeRecord) -> dict[str, Any]:
    """A record as results.json holds it: metrics without functions, measurements without rows."""
    metric_keys = ("name", "title", "kind", "unit", "low", "high", "better", "ratio", "comparable")
    measurement_keys = (
        "metric",
        "slice",
        "value",
        "low",
        "high",
        "n_cases",
        "n_clusters",
        "method",
        "status",
        "vacuous",
    )
    kept = ("model", "probe", "status", "reason", "missing", "limitation", "description", "settings", "counts")
    return {
        **{key: plain(getattr(record, key)) for key in kept},
        "metrics": [{key: plain(getattr(metric, key)) for key in metric_keys} for metric in record.metrics],
        "measurements": [
            {key: plain(getattr(found, key)) for key in measurement_keys} for found in record.measurements
        ],
        "skipped": [_gap(gap) for gap in record.skipped],
        "worst": [plain(asdict(case)) for case in record.worst],
    }


def _gap(gap: Skipped) -> dict[str, Any]:
    found = {"slice": plain(gap.slice), "reason": gap.reason}
    return found if gap.applies else {**found, "applies": False}


def policy_dict(policy: Policy) -> dict[str, Any]:
    rules = [{**plain(asdict(rule)), "text": rule.text} for rule in policy.rules]
    return {"name": policy.name, "sha256": policy.sha256, "rules": rules}


def decision_dict(decision: Decision) -> dict[str, Any]:
    found = plain(asdict(decision))
    return {key: found[key] for key in ("exit_code", "release", "headline", "reasons", "verdicts")}


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """UTF-8, two spaces, a line break at the end; NaN refused. Bytes of paths that are not UTF-8 become JSON escapes."""
    text = json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    file.write_text(text, encoding="utf-8", errors="backslashreplace")


def folder_of(path: Path) -> Path:
    """The results folder that is named by itself or by its ``results.json``."""
    return path if is_folder(path, ResultsError) else path.parent


def load(folder: Path) -> dict[str, Any]:
    """``results.json`` of a results folder, checked. Raises ResultsError."""
    file = folder / RESULTS if is_folder(folder, ResultsError) else folder
    hint = "name the folder that audit run wrote"
    content = read_file(file, ResultsError, missing=f"no {RESULTS} here", hint=hint, limit=DOCUMENT)
    try:
        results = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ResultsError(f"not JSON: {error}", where=str(file), hint="the file was changed or cut off") from None
    schema = results.get("schema") if isinstance(results, dict) else None
    if not isinstance(schema, int):
        raise ResultsError("has no schema number: not results of auditor", where=str(file))
    if schema < 1:
        raise ResultsError(f"schema {schema} is none of auditor's", where=str(file))
    if schema > SCHEMA:
        raise ResultsError(
            f"schema {schema} is newer than this auditor knows ({SCHEMA})", where=str(file), hint="upgrade auditor"
        )
    problem = schema_error(results)
    if problem:
        raise ResultsError(problem, where=str(file), hint="the file was changed or cut off")
    return dict(results)


def schema_error(results: Mapping[str, Any]) -> str | None:
    """The first place where results break the shipped JSON Schema, in one line; None if they keep it."""
    from jsonschema import Draft202012Validator

    schema = json.loads(Path(__file__).with_name("results_schema.json").read_text(encoding="utf-8"))
    found = next(iter(Draft202012Validator(schema).iter_errors(results)), None)
    return (
        None
        if found is None
        else f"{'.'.join(str(part) for part in found.absolute_path) or 'top'}: {found.message[:200]}"
    )


def records_of(results: Mapping[str, Any], folder: Path) -> tuple[ProbeRecord, ...]:
    """The records with their rows, as the gate reads them. Raises ResultsError when ``examples.parquet`` is missing."""
    folder = folder_of(folder)
    rows = read_rows(folder / EXAMPLES)
    records = tuple(_record(found, rows) for found in results["records"])
    if results["candidate"] not in {record.model for record in records}:
        raise ResultsError(f"no record of the candidate {results['candidate']!r}", where=str(folder / RESULTS))
    for record in records:
        descriptive = {metric.name for metric in record.metrics if metric.kind == "descriptive"}
        for found in record.measurements:
            if not found.rows and found.metric not in descriptive:
                where = f"{record.model} {record.probe} {found.metric} {slice_text(found.slice)}"
                raise ResultsError(f"has no rows of {where}", where=str(folder / EXAMPLES), hint="from another audit?")
    return records


def _record(found: Mapping[str, Any], rows: Mapping[tuple[str, str, str, str], Rows]) -> ProbeRecord:
    def measured(item: Mapping[str, Any]) -> Measurement:
        key = (found["model"], found["probe"], item["metric"], slice_text(item["slice"]))
        return Measurement(**{**item, "rows": rows.get(key, ())})

    metrics = tuple(
        Metric(**{**item, "low": _bound(item["low"], -math.inf), "high": _bound(item["high"], math.inf)})
        for item in found["metrics"]
    )
    return ProbeRecord(
        **{
            **found,
            "missing": tuple(found["missing"]),
            "metrics": metrics,
            "measurements": tuple(measured(item) for item in found["measurements"]),
            "skipped": tuple(Skipped(**item) for item in found["skipped"]),
            "worst": tuple(WorstCase(**item) for item in found["worst"]),
        }
    )


def _bound(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def relative(path: Path, start: Path) -> str:
    """A path as the results name it: relative to the folder that holds the results folder."""
    return Path(os.path.relpath(path.resolve(), start.resolve())).as_posix()


def without_texts(record: ProbeRecord) -> ProbeRecord:
    """The record without worst cases, which hold users' texts."""
    return replace(record, worst=())
