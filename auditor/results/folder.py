"""The results folder: ``results.json``, ``cases.parquet``, ``examples.parquet``, ``timings.json``.

Written beside its place and renamed when whole. ``results.json`` holds no seconds, no absolute path and no NaN, and the
digests of itself and of the tables beside it: a part that was changed or comes from another audit is refused. Digests
find accidents and careless edits; whether numbers and decision follow from the rows is what ``verifying`` looks into.
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
"""2: digests of every part, and verdicts that name what they are about."""
RESULTS, CASES, EXAMPLES, TIMINGS, PAGE = (
    "results.json",
    "cases.parquet",
    "examples.parquet",
    "timings.json",
    "scorecard.html",
)
ERRORS = "errors.log"
"""Tracebacks of crashed probes, where there are any."""
DIGESTS = "digests"
"""Part → its SHA-256; of results.json itself: of the document without that one entry."""
AGAIN = "changed since it was written? run the audit again"
FILES = frozenset({RESULTS, CASES, EXAMPLES, TIMINGS, PAGE, ERRORS})


def is_ours(folder: Path) -> bool:
    """Whether the folder holds an audit's results and nothing else, so that a new audit may take its place."""
    names = {file.name for file in folder.iterdir()}
    return RESULTS in names and names <= FILES


def record_dict(record: ProbeRecord) -> dict[str, Any]:
    """A record as results.json holds it: metrics without functions, measurements without rows."""
    metric_keys = ("name", "title", "kind", "unit", "low", "high", "better", "ratio", "comparable")
    kept = ("model", "probe", "status", "reason", "missing", "limitation", "description", "settings", "counts")
    return {
        **{key: plain(getattr(record, key)) for key in kept},
        "metrics": [{key: plain(getattr(metric, key)) for key in metric_keys} for metric in record.metrics],
        "measurements": [_measurement(found) for found in record.measurements],
        "skipped": [_gap(gap) for gap in record.skipped],
        "worst": [_worst(case) for case in record.worst],
    }


def _measurement(found: Measurement) -> dict[str, Any]:
    kept = ("metric", "slice", "value", "low", "high", "n_cases", "n_clusters", "method", "status", "vacuous")
    shown = {key: plain(getattr(found, key)) for key in kept}
    if found.available is not None:
        shown["available"] = found.available
    return {**shown, "detail": found.detail} if found.detail else shown


def _gap(gap: Skipped) -> dict[str, Any]:
    found = {"slice": plain(gap.slice), "reason": gap.reason}
    return found if gap.applies else {**found, "applies": False}


def policy_dict(policy: Policy) -> dict[str, Any]:
    # Limits with all their digits: verdicts are judged again by them.
    rules = [{**plain(asdict(rule)), "max": rule.max, "min": rule.min, "text": rule.text} for rule in policy.rules]
    return {"name": policy.name, "sha256": policy.sha256, "rules": rules}


def policy_of(results: Mapping[str, Any]) -> Policy:
    """The policy that the results were judged by. Raises ResultsError for rules that no policy could hold."""
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
    """A decision for programs: each verdict names its probe, metric, slice, value, bounds and limit."""
    verdicts = []
    for verdict in decision.verdicts:
        rule = policy.rules[verdict.rule]
        limit = {key: value for key in ("max", "min") if (value := getattr(rule, key)) is not None}
        named = {"rule": verdict.rule, "probe": rule.probe, "metric": rule.metric, "required": rule.required}
        verdicts.append({**named, "limit": limit or None, **plain(asdict(verdict))})
    found = {"exit_code": decision.exit_code, "release": decision.release, "headline": decision.headline}
    return {**found, "reasons": list(decision.reasons), "verdicts": verdicts}


def write(folder: Path, content: Mapping[str, Any]) -> None:
    """``results.json`` with the digests of itself and of the tables that stand in the folder already."""
    parts = {name: _sha256(folder / name) for name in (CASES, EXAMPLES) if (folder / name).is_file()}
    write_json(folder / RESULTS, sealed({**content, DIGESTS: parts}))


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """The document with its own digest among those of its parts."""
    # Through JSON once, so that what is hashed is what a reader will find.
    found: dict[str, Any] = json.loads(json.dumps(content, allow_nan=False))
    found[DIGESTS] = {**found[DIGESTS], RESULTS: _own_digest(found)}
    return found


def _own_digest(content: Mapping[str, Any]) -> str:
    """Of the document without this digest: the same in any order of keys and any layout."""
    others = {name: digest for name, digest in content[DIGESTS].items() if name != RESULTS}
    text = json.dumps({**content, DIGESTS: others}, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    missing = f"is missing: {RESULTS} is checked against it"
    with open_file(file, ResultsError, missing=missing, limit=memory()) as content:
        while block := content.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """UTF-8, two spaces, a line break at the end; NaN refused; half of a surrogate pair as JSON escapes it."""
    text = json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    file.write_bytes(text.encode("utf-8", "backslashreplace"))


def folder_of(path: Path) -> Path:
    """The results folder that is named by itself or by its ``results.json``."""
    return path if is_folder(path, ResultsError) else path.parent


def load(folder: Path) -> dict[str, Any]:
    """``results.json`` of a results folder, with the tables beside it checked by their digests. Raises ResultsError."""
    file = folder / RESULTS if is_folder(folder, ResultsError) else folder
    hint = "name the folder that audit run wrote"
    content = read_file(file, ResultsError, missing=f"no {RESULTS} here", hint=hint, limit=DOCUMENT)
    results = documents.json_object(content, ResultsError, str(file), "the file was changed or cut off")
    _check_schema(results, str(file))
    digests = results.get(DIGESTS)
    if not isinstance(digests, dict) or digests.get(RESULTS) != _own_digest(results):
        raise ResultsError("its content is not what its digest says", where=str(file), hint=AGAIN)
    problem = schema_error(results)
    if problem:
        raise ResultsError(problem, where=str(file), hint=AGAIN)
    for name in (EXAMPLES, CASES):
        _check_part(file.with_name(name), results[DIGESTS].get(name))
    return results


def _check_part(part: Path, digest: str | None) -> None:
    """``cases.parquet`` may be gone, as it holds texts: no number is read from it."""
    if part.name == CASES and not os.path.lexists(part):
        return
    if digest is None or _sha256(part) != digest:
        hint = "changed, or from another audit? run the audit again"
        raise ResultsError(f"is not the file that {RESULTS} was written with", where=str(part), hint=hint)


def _check_schema(results: Mapping[str, Any], where: str) -> None:
    schema = results.get("schema")
    if not isinstance(schema, int) or isinstance(schema, bool):
        raise ResultsError("has no schema number: not results of auditor", where=where)
    if schema < 1:
        raise ResultsError(f"schema {schema} is none of auditor's", where=where)
    if schema < SCHEMA:
        raise ResultsError(
            f"schema {schema} was made by an earlier auditor: nothing in it says that it was not changed",
            where=where,
            hint="run the audit again",
        )
    if schema > SCHEMA:
        raise ResultsError(
            f"schema {schema} is newer than this auditor knows ({SCHEMA})", where=where, hint="upgrade auditor"
        )


def schema_error(results: Mapping[str, Any]) -> str | None:
    """The first place where results break the shipped JSON Schema, in one line; None if they keep it."""
    found = next(iter(_validator().iter_errors(results)), None)
    return None if found is None else f"{key_path(found.absolute_path)}: {_told(found)}"


@functools.cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(Path(__file__).with_name("schema.json").read_text(encoding="utf-8")))


def _told(error: Any) -> str:
    """What JSON Schema says; its message repeats the value, which may be long, at its start."""
    if error.validator in ("required", "additionalProperties", "minLength"):
        return str(error.message)[:200]
    return f"{short(error.instance)} breaks {error.validator} = {short(error.validator_value)}"


def records_of(results: Mapping[str, Any], folder: Path) -> tuple[ProbeRecord, ...]:
    """The records with their rows, as the gate reads them. Raises ResultsError when ``examples.parquet`` is missing."""
    folder = folder_of(folder)
    rows = read_rows(folder / EXAMPLES)
    records = tuple(_record(found, rows) for found in results["records"])
    named = {
        (record.model, record.probe, found.metric, slice_text(found.slice))
        for record in records
        for found in record.measurements
    }
    for key in rows:
        if key not in named:
            where = str(folder / EXAMPLES)
            raise ResultsError(f"holds rows of no measurement: {short(' '.join(key))}", where=where, hint=AGAIN)
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
            "worst": tuple(_shown(case) for case in found["worst"]),
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
    """The record without worst cases, which hold users' texts."""
    return replace(record, worst=())
