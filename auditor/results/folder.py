"""The results folder: ``results.json``, ``cases.parquet``, ``examples.parquet``, ``timings.json``, tables as CSV.

The folder is written beside its final place and renamed when complete. ``results.json`` holds no seconds, no absolute
path and no NaN. It holds the digests of itself and of the tables beside it, so that a part that was changed or comes
from another audit is refused. Digests detect accidents and careless edits; ``verification`` checks that numbers and
decision follow from the rows.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

from auditor.errors import ResultsError
from auditor.results import outputs
from auditor.results.canonical_json import slice_text
from auditor.results.entries import AGAIN, RESULTS, record_of
from auditor.results.parquet import read_rows
from auditor.storage import documents
from auditor.storage.documents import key_path, short
from auditor.storage.reading import DOCUMENT, is_folder, memory, open_file, read_file
from auditor.types import ProbeRecord

SCHEMA = 2
"""Since 2: digests of every part, and verdicts that name probe, metric and limit."""
CASES, EXAMPLES, TIMINGS, PAGE = "cases.parquet", "examples.parquet", "timings.json", "scorecard.html"
LABEL_REVIEW = "label_review.json"
"""What hand labels of changed texts say (``audit review``); it is the reviewer's, as filled-in tables are."""
TABLE = ".csv"
"""How the names of tables for reviewers end."""
ERRORS = "errors.log"
"""Tracebacks of crashed probes, if any."""
DIGESTS = "digests"
"""Key of the SHA-256 of every part; that of results.json covers the document without that entry."""
FILES = frozenset({RESULTS, CASES, EXAMPLES, TIMINGS, PAGE, ERRORS})


def is_ours(folder: Path) -> bool:
    """Tell whether the folder holds an audit's results and nothing else.

    A new audit may replace such a folder. A table that a reviewer filled in is the reviewer's: it stays, and so does
    an output for CI that was changed.
    """
    names = {file.name for file in folder.iterdir()}
    further = names - FILES
    return RESULTS in names and further <= _unchanged_tables(folder, further) | outputs.unchanged(folder, further)


def _unchanged_tables(folder: Path, names: Set[str]) -> set[str]:
    """Return the files that are tables as the audit wrote them."""
    if not names:
        return set()
    try:
        digests = json.loads((folder / RESULTS).read_bytes())[DIGESTS]
        return {name for name in names if name.endswith(TABLE) and digests.get(name) == _sha256(folder / name)}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ResultsError):
        return set()


def write(folder: Path, content: Mapping[str, Any]) -> None:
    """Write ``results.json``, with its digest and those of the other parts.

    These must already be in the folder.
    """
    tables = [f"{table['name']}{TABLE}" for record in content["records"] for table in record.get("tables", ())]
    names = [CASES, EXAMPLES, *tables]
    parts = {name: _sha256(folder / name) for name in names if (folder / name).is_file()}
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
    records = tuple(record_of(recorded, rows) for recorded in results["records"])
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
