"""The parquet files of a results folder: every case as it was scored, every cluster's sufficient statistics."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from auditor.errors import ResultsError
from auditor.types import ProbeRecord, Row, ScoredCase, Task

DIGITS = 9
"""Decimals kept of a number in results.json; verdicts are computed from examples.parquet, which keeps all."""
ROW_GROUP = 4096
"""Cases kept in memory before they are written."""


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


ROW_COLUMNS = ("model", "probe", "metric", "slice", "cluster", "arm", "total", "count")


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
                "slice": slice_text(asked.slice),
                "example": asked.example.id,
                "cluster": asked.cluster or asked.example.cluster,
                "before": slice_text(asked.example.inputs) if self._texts else None,
                "after": slice_text(asked.after) if self._texts else None,
                "answer_before": self._task.answer(case.before),
                "answer_after": self._task.answer(case.after),
                "gold": None if gold is None else str(gold),
                "vacuous": case.vacuous,
                "invalid": asked.invalid,
                "facts": slice_text(asked.facts),
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


def slice_text(value: Mapping[str, Any]) -> str:
    """A mapping as JSON with sorted keys: how the tables name a slice."""
    return json.dumps(plain(value), ensure_ascii=False, sort_keys=True)


def write_rows(file: Path, records: Iterable[ProbeRecord]) -> None:
    """``examples.parquet``: the sufficient statistics of every cluster, slice, metric, probe and model; no texts."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    text = pa.dictionary(pa.int32(), pa.string())
    numbers = ("total", "count")
    schema = pa.schema([(name, pa.float64() if name in numbers else text) for name in ROW_COLUMNS])
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
                    "slice": [slice_text(found.slice)] * size,
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


def read_rows(file: Path) -> dict[tuple[str, str, str, str], tuple[Row, ...]]:
    """(model, probe, metric, slice) → rows. Raises ResultsError when the file is missing or broken."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        columns = pq.read_table(file).to_pydict()
    except FileNotFoundError:
        raise ResultsError("is missing: the gate needs it", where=str(file)) from None
    except (OSError, pa.ArrowInvalid) as error:
        raise ResultsError(f"cannot be read: {error}", where=str(file)) from None
    missing = [name for name in ROW_COLUMNS if name not in columns]
    if missing:
        raise ResultsError(f"has no column {missing[0]!r}", where=str(file), hint="was it written by auditor?")
    found: dict[tuple[str, str, str, str], list[Row]] = {}
    keys = zip(columns["model"], columns["probe"], columns["metric"], columns["slice"], strict=True)
    values = zip(columns["cluster"], columns["arm"], columns["total"], columns["count"], strict=True)
    for key, value in zip(keys, values, strict=True):
        found.setdefault(key, []).append(Row(*value))
    return {key: tuple(rows) for key, rows in found.items()}
