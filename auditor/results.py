"""The results folder: ``results.json``, ``cases.parquet``, ``examples.parquet``, ``timings.json``.

Written beside its place and renamed when whole. ``results.json`` holds no seconds, no absolute path and no NaN.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from auditor.errors import ResultsError
from auditor.policy import Policy
from auditor.types import Decision, Measurement, Metric, ProbeRecord, Row, ScoredCase, Skipped, Task, WorstCase

SCHEMA = 1
RESULTS, CASES, EXAMPLES, TIMINGS, PAGE = (
    "results.json",
    "cases.parquet",
    "examples.parquet",
    "timings.json",
    "scorecard.html",
)
DIGITS = 9
"""Decimals kept of a number in results.json; verdicts are computed from examples.parquet, which keeps all."""
ROW_GROUP = 4096


def plain(value: Any) -> Any:
    """A value as JSON knows it: dataclasses as objects, tuples as lists, infinite numbers as null; no NaN.

    Raises ValueError on NaN: a number that is not one is a bug, never a result.
    """
    if isinstance(value, bool) or value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        if math.isnan(value):
            raise ValueError("NaN in the results")
        return None if math.isinf(value) else round(value, DIGITS)
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(plain(inner) for inner in value)
    if isinstance(value, Sequence):
        return [plain(inner) for inner in value]
    if isinstance(value, Path):
        return value.as_posix()
    raise TypeError(f"{type(value).__name__} cannot be written to the results")


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
        "skipped": [plain(asdict(gap)) for gap in record.skipped],
        "worst": [plain(asdict(case)) for case in record.worst],
    }


def policy_dict(policy: Policy) -> dict[str, Any]:
    rules = [{**plain(asdict(rule)), "text": rule.text} for rule in policy.rules]
    return {"name": policy.name, "sha256": policy.sha256, "rules": rules}


def decision_dict(decision: Decision) -> dict[str, Any]:
    found = plain(asdict(decision))
    return {key: found[key] for key in ("exit_code", "release", "headline", "reasons", "verdicts")}


@contextmanager
def beside(out: Path) -> Iterator[Path]:
    """A new folder beside ``out`` that takes its place when the block ends well, and is gone when it does not.

    ``out`` is replaced only if it is empty or a results folder; anything else raises ResultsError before any work.
    """
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise ResultsError("is in the way: not a folder", where=str(out), hint="choose another --out")
    if out.is_dir() and any(out.iterdir()) and not (out / RESULTS).is_file():
        raise ResultsError("is a folder with other files in it", where=str(out), hint="choose another --out")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise ResultsError(f"cannot be written: {error.strerror}", where=str(out)) from None
    try:
        yield folder
        if out.is_dir():
            shutil.rmtree(out)
        folder.chmod(0o755)
        folder.rename(out)
    except OSError as error:
        raise ResultsError(
            f"cannot be written: {error.strerror or error}", where=str(out), hint="is the disk full?"
        ) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """UTF-8, two spaces, a line break at the end; NaN refused."""
    file.write_text(json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n", encoding="utf-8")


class CaseWriter:
    """Streams scored cases to ``cases.parquet`` in row groups; with ``texts=False`` no text of the user's is kept."""

    COLUMNS = (
        "model",
        "probe",
        "slice",
        "example",
        "cluster",
        "before",
        "after",
        "answer_before",
        "answer_after",
        "gold",
        "vacuous",
        "invalid",
        "facts",
    )

    def __init__(self, file: Path, task: Task, *, texts: bool = True) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        flags = ("vacuous", "invalid")
        self._schema = pa.schema([(name, pa.bool_() if name in flags else pa.string()) for name in self.COLUMNS])
        self._writer = pq.ParquetWriter(file, self._schema)
        self._task, self._texts = task, texts
        self._rows: list[dict[str, Any]] = []

    def __call__(self, model: str, probe: str, case: ScoredCase) -> None:
        asked, gold = case.case, case.case.example.gold
        self._rows.append(
            {
                "model": model,
                "probe": probe,
                "slice": _json(asked.slice),
                "example": asked.example.id,
                "cluster": asked.cluster or asked.example.cluster,
                "before": _json(asked.example.inputs) if self._texts else None,
                "after": _json(asked.after) if self._texts else None,
                "answer_before": self._task.answer(case.before),
                "answer_after": self._task.answer(case.after),
                "gold": None if gold is None else str(gold),
                "vacuous": case.vacuous,
                "invalid": asked.invalid,
                "facts": _json(asked.facts),
            }
        )
        if len(self._rows) >= ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows = []

    def close(self) -> None:
        if self._rows:
            self._flush()
        self._writer.close()


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(plain(value), ensure_ascii=False, sort_keys=True)


def write_rows(file: Path, records: Iterable[ProbeRecord]) -> None:
    """``examples.parquet``: the sufficient statistics of every cluster, slice, metric, probe and model; no texts."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    text = pa.dictionary(pa.int32(), pa.string())
    names = ("model", "probe", "metric", "slice", "cluster", "arm")
    schema = pa.schema([*((name, text) for name in names), ("total", pa.float64()), ("count", pa.float64())])
    with pq.ParquetWriter(file, schema) as writer:
        for record in records:
            for found in record.measurements:
                if not found.rows:
                    continue
                size = len(found.rows)
                columns: dict[str, list[Any]] = {
                    "model": [record.model] * size,
                    "probe": [record.probe] * size,
                    "metric": [found.metric] * size,
                    "slice": [_json(found.slice)] * size,
                    "cluster": [row.cluster for row in found.rows],
                    "arm": [row.arm for row in found.rows],
                    "total": [row.total for row in found.rows],
                    "count": [row.count for row in found.rows],
                }
                writer.write_table(
                    pa.table(
                        {name: pa.array(columns[name], schema.field(name).type) for name in schema.names}, schema=schema
                    )
                )


def load(folder: Path) -> dict[str, Any]:
    """``results.json`` of a results folder, checked. Raises ResultsError."""
    file = folder / RESULTS if folder.is_dir() else folder
    if not file.is_file():
        raise ResultsError(f"no {RESULTS} here", where=str(folder), hint="name the folder that audit run wrote (--out)")
    try:
        results = json.loads(file.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ResultsError(f"not JSON: {error}", where=str(file)) from None
    schema = results.get("schema") if isinstance(results, dict) else None
    if not isinstance(schema, int):
        raise ResultsError("has no schema number: not results of auditor", where=str(file))
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
    rows = _rows(folder / EXAMPLES)
    return tuple(_record(found, rows) for found in results["records"])


def _record(found: Mapping[str, Any], rows: Mapping[tuple[str, str, str, str], tuple[Row, ...]]) -> ProbeRecord:
    def measured(item: Mapping[str, Any]) -> Measurement:
        key = (found["model"], found["probe"], item["metric"], _json(item["slice"]))
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


def _rows(file: Path) -> dict[tuple[str, str, str, str], tuple[Row, ...]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        columns = pq.read_table(file).to_pydict()
    except FileNotFoundError:
        raise ResultsError("is missing: the gate needs it", where=str(file)) from None
    except (OSError, pa.ArrowInvalid) as error:
        raise ResultsError(f"cannot be read: {error}", where=str(file)) from None
    found: dict[tuple[str, str, str, str], list[Row]] = {}
    keys = zip(columns["model"], columns["probe"], columns["metric"], columns["slice"], strict=True)
    values = zip(columns["cluster"], columns["arm"], columns["total"], columns["count"], strict=True)
    for key, value in zip(keys, values, strict=True):
        found.setdefault(key, []).append(Row(*value))
    return {key: tuple(rows) for key, rows in found.items()}


def relative(path: Path, start: Path) -> str:
    """A path as the results name it: relative to the folder that holds the results folder."""
    return Path(os.path.relpath(path.resolve(), start.resolve())).as_posix()


def without_texts(record: ProbeRecord) -> ProbeRecord:
    """The record without worst cases, which hold users' texts."""
    return replace(record, worst=())
