"""The results folder: ``results.json``, ``cases.parquet``, ``examples.parquet``, ``timings.json``.

The folder is written beside its final place and renamed when complete. ``results.json`` holds no seconds, no absolute
path and no NaN. It holds the digests of itself and of the tables beside it, so that a part that was changed or comes
from another audit is refused. Digests detect accidents and careless edits; ``verification`` checks that numbers and
decision follow from the rows.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from auditor.errors import PolicyError, ResultsError
from auditor.results.canonical_json import plain, slice_text
from auditor.results.parquet import read_rows
from auditor.storage import documents
from auditor.storage.documents import key_path, short
from auditor.storage.reading import DOCUMENT, is_folder, memory, open_file, read_file
from auditor.types import Decision, Measurement, Metric, ProbeRecord, Rows, Skipped, Span, WorstCase
from auditor.verdicts.policy import Policy, rule_of

SCHEMA = 2
"""Since 2: digests of every part, and verdicts that name probe, metric and limit."""
RESULTS, CASES, EXAMPLES, TIMINGS, PAGE = (
    "results.json",
    "cases.parquet",
    "examples.parquet",
    "timings.json",
    "scorecard.html",
)
ERRORS = "errors.log"
"""Tracebacks of crashed probes, if any."""
DIGESTS = "digests"
"""Key of the SHA-256 of every part; that of results.json covers the document without that entry."""
AGAIN = "changed since it was written? run the audit again"
FILES = frozenset({RESULTS, CASES, EXAMPLES, TIMINGS, PAGE, ERRORS})


def is_ours(folder: Path) -> bool:
    """Tell whether the folder holds an audit's results and nothing else.

    A new audit may replace such a folder.
    """
    names = {file.name for file in folder.iterdir()}
    return RESULTS in names and names <= FILES


def record_dict(record: ProbeRecord) -> dict[str, Any]:
    """Convert a record to results.json form, without functions and rows."""
    metric_keys = ("name", "title", "kind", "unit", "low", "high", "better", "ratio", "comparable")
    kept = ("model", "probe", "status", "reason", "missing", "limitation", "description", "settings", "counts")
    role = {} if record.role is None else {"role": record.role}
    return {
        **{key: plain(getattr(record, key)) for key in kept},
        **role,
        "metrics": [{key: plain(getattr(metric, key)) for key in metric_keys} for metric in record.metrics],
        "measurements": [_measurement(measurement) for measurement in record.measurements],
        "skipped": [_gap(gap) for gap in record.skipped],
        "worst": [_worst(case) for case in record.worst],
    }


def _measurement(measurement: Measurement) -> dict[str, Any]:
    kept = ("metric", "slice", "value", "low", "high", "n_cases", "n_clusters", "method", "status", "vacuous")
    shown = {key: plain(getattr(measurement, key)) for key in kept}
    if measurement.available is not None:
        shown["available"] = measurement.available
    return {**shown, "detail": measurement.detail} if measurement.detail else shown


def _gap(gap: Skipped) -> dict[str, Any]:
    entry = {"slice": plain(gap.slice), "reason": gap.reason}
    return entry if gap.applies else {**entry, "applies": False}


def policy_dict(policy: Policy) -> dict[str, Any]:
    """Convert a policy to its form in results.json.

    Limits keep all their digits, because verdicts are judged again by them.
    """
    rules = [{**plain(asdict(rule)), "max": rule.max, "min": rule.min, "text": rule.text} for rule in policy.rules]
    return {"name": policy.name, "sha256": policy.sha256, "rules": rules}


def policy_of(results: Mapping[str, Any]) -> Policy:
    """Return the recorded policy; raise ResultsError for an invalid rule."""
    recorded = results["policy"]
    rules = []
    for number, table in enumerate(recorded["rules"], start=1):
        given = {key: value for key, value in table.items() if key != "text" and value is not None}
        try:
            rules.append(rule_of(given, f"policy.rules.{number}"))
        except PolicyError as error:
            raise ResultsError(error.message, where=f"{RESULTS}: policy: rule {number}", hint=AGAIN) from None
    return Policy(recorded["name"], recorded["sha256"], tuple(rules))


def decision_dict(decision: Decision, policy: Policy) -> dict[str, Any]:
    """Convert a decision to its form in results.json.

    Each verdict names its probe, metric, slice, value, bounds and limit.
    """
    verdicts = []
    for verdict in decision.verdicts:
        rule = policy.rules[verdict.rule]
        limit = {key: value for key in ("max", "min") if (value := getattr(rule, key)) is not None}
        named = {"rule": verdict.rule, "probe": rule.probe, "metric": rule.metric, "required": rule.required}
        verdicts.append({**named, "limit": limit or None, **plain(asdict(verdict))})
    summary = {"exit_code": decision.exit_code, "release": decision.release, "headline": decision.headline}
    return {**summary, "reasons": list(decision.reasons), "verdicts": verdicts}


def write(folder: Path, content: Mapping[str, Any]) -> None:
    """Write ``results.json``, with its digest and those of the tables.

    The tables must already be in the folder.
    """
    parts = {name: _sha256(folder / name) for name in (CASES, EXAMPLES) if (folder / name).is_file()}
    write_json(folder / RESULTS, sealed({**content, DIGESTS: parts}))


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """Add the document's own digest to the digests of its parts."""
    # Through JSON once, so that the digest covers exactly what a reader parses.
    document: dict[str, Any] = json.loads(json.dumps(content, allow_nan=False))
    document[DIGESTS] = {**document[DIGESTS], RESULTS: _own_digest(document)}
    return document


def _own_digest(content: Mapping[str, Any]) -> str:
    """Return the digest of the document without this digest itself.

    It does not depend on the order of keys or on the layout.
    """
    digests_of_parts = {name: digest for name, digest in content[DIGESTS].items() if name != RESULTS}
    text = json.dumps({**content, DIGESTS: digests_of_parts}, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    missing = f"is missing: {RESULTS} is checked against it"
    with open_file(file, ResultsError, missing=missing, limit=memory()) as content:
        while block := content.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Write JSON as UTF-8, indented by two spaces, with a final newline.

    NaN raises ValueError. A lone surrogate is written as its JSON escape.
    """
    text = json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    file.write_bytes(text.encode("utf-8", "backslashreplace"))


def folder_of(path: Path) -> Path:
    """Return the results folder, named directly or by its ``results.json``."""
    return path if is_folder(path, ResultsError) else path.parent


def load(folder: Path) -> dict[str, Any]:
    """Read ``results.json`` and check it and its tables by their digests.

    Raises ResultsError.
    """
    file = folder / RESULTS if is_folder(folder, ResultsError) else folder
    hint = "name the folder that audit run wrote"
    content = read_file(file, ResultsError, missing=f"no {RESULTS} here", hint=hint, limit=DOCUMENT)
    results = documents.json_object(content, ResultsError, str(file), "the file was changed or cut off")
    _check_schema(results, str(file))
    digests = results.get(DIGESTS)
    if not isinstance(digests, dict) or digests.get(RESULTS) != _own_digest(results):
        raise ResultsError("its content does not match its digest", where=str(file), hint=AGAIN)
    problem = schema_error(results)
    if problem:
        raise ResultsError(problem, where=str(file), hint=AGAIN)
    for name in (EXAMPLES, CASES):
        _check_part(file.with_name(name), results[DIGESTS].get(name))
    return results


def _check_part(part: Path, digest: str | None) -> None:
    """Check the digest of one table.

    ``cases.parquet`` may be missing: it holds texts, and no number is read from it.
    """
    if part.name == CASES and not os.path.lexists(part):
        return
    if digest is None or _sha256(part) != digest:
        hint = "changed, or from another audit? run the audit again"
        raise ResultsError(f"is not the file that {RESULTS} was written with", where=str(part), hint=hint)


def _check_schema(results: Mapping[str, Any], where: str) -> None:
    schema = results.get("schema")
    if not isinstance(schema, int) or isinstance(schema, bool):
        raise ResultsError("has no schema number: these are not auditor's results", where=where)
    if schema < 1:
        raise ResultsError(f"schema {schema} does not exist", where=where)
    if schema < SCHEMA:
        raise ResultsError(
            f"schema {schema} is from an earlier auditor, whose results cannot be checked for changes",
            where=where,
            hint="run the audit again",
        )
    if schema > SCHEMA:
        raise ResultsError(
            f"schema {schema} is newer than this auditor supports ({SCHEMA})", where=where, hint="upgrade auditor"
        )


def schema_error(results: Mapping[str, Any]) -> str | None:
    """Describe the first schema violation in one line; None if valid."""
    error = next(iter(_validator().iter_errors(results)), None)
    return None if error is None else f"{key_path(error.absolute_path)}: {_schema_message(error)}"


@functools.cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(Path(__file__).with_name("schema.json").read_text(encoding="utf-8")))


def _schema_message(error: Any) -> str:
    """Word a schema violation without repeating a long value.

    The library's own message begins with the value.
    """
    if error.validator in ("required", "additionalProperties", "minLength"):
        return str(error.message)[:200]
    return f"{short(error.instance)} breaks {error.validator} = {short(error.validator_value)}"


def records_of(results: Mapping[str, Any], folder: Path) -> tuple[ProbeRecord, ...]:
    """Return the records with their rows, as the gate reads them.

    Raises ResultsError if ``examples.parquet`` is missing, or if rows and records do not match.
    """
    folder = folder_of(folder)
    rows = read_rows(folder / EXAMPLES)
    records = tuple(_record(recorded, rows) for recorded in results["records"])
    named = {
        (record.model, record.probe, measurement.metric, slice_text(measurement.slice))
        for record in records
        for measurement in record.measurements
    }
    for key in rows:
        if key not in named:
            where = str(folder / EXAMPLES)
            raise ResultsError(
                f"has rows that belong to no measurement: {short(' '.join(key))}", where=where, hint=AGAIN
            )
    if results["candidate"] not in {record.model for record in records}:
        raise ResultsError(f"no record of the candidate {results['candidate']!r}", where=str(folder / RESULTS))
    for record in records:
        descriptive = {metric.name for metric in record.metrics if metric.kind == "descriptive"}
        for measurement in record.measurements:
            if not measurement.rows and measurement.metric not in descriptive:
                where = f"{record.model} {record.probe} {measurement.metric} {slice_text(measurement.slice)}"
                raise ResultsError(f"has no rows for {where}", where=str(folder / EXAMPLES), hint="from another audit?")
    return records


def _record(recorded: Mapping[str, Any], rows: Mapping[tuple[str, str, str, str], Rows]) -> ProbeRecord:
    def measured(item: Mapping[str, Any]) -> Measurement:
        key = (recorded["model"], recorded["probe"], item["metric"], slice_text(item["slice"]))
        return Measurement(**{**item, "rows": rows.get(key, ())})

    metrics = tuple(
        Metric(**{**item, "low": _bound(item["low"], -math.inf), "high": _bound(item["high"], math.inf)})
        for item in recorded["metrics"]
    )
    return ProbeRecord(
        **{
            **recorded,
            "missing": tuple(recorded["missing"]),
            "metrics": metrics,
            "measurements": tuple(measured(item) for item in recorded["measurements"]),
            "skipped": tuple(Skipped(**item) for item in recorded["skipped"]),
            "worst": tuple(_shown(case) for case in recorded["worst"]),
        }
    )


def _worst(case: WorstCase) -> Any:
    """A worst case as JSON has it; marks only where words have any."""
    written = asdict(case)
    return plain(written if case.marks else {name: value for name, value in written.items() if name != "marks"})


def _shown(case: Mapping[str, Any]) -> WorstCase:
    marks = {
        name: {field: tuple(Span(*span) for span in spans) for field, spans in fields.items()}
        for name, fields in case.get("marks", {}).items()
    }
    return WorstCase(**{**case, "marks": marks})


def _bound(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def without_texts(record: ProbeRecord) -> ProbeRecord:
    """Return the record without worst cases, which hold users' texts."""
    return replace(record, worst=())
