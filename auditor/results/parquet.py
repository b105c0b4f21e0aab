"""The parquet files of a results folder: every case as it was scored, every cluster's sufficient statistics."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from auditor.errors import ResultsError
from auditor.results.canonical_json import slice_text
from auditor.storage.reading import open_file
from auditor.text import excerpts
from auditor.types import Names, ProbeRecord, Rows, ScoredCase, Task

ROW_GROUP = 4096
"""Cases kept in memory before they are written."""


NUMBERS = ("total", "count")
ROW_VALUES = ("cluster", "arm", *NUMBERS)
ROW_COLUMNS = ("model", "probe", "metric", "slice", *ROW_VALUES)
GREATEST = 2**53
"""The greatest sum that is read: beyond it, floating-point numbers no longer tell whole ones apart."""
ROWS = 100_000
"""Rows kept in memory before they are written, beside those of the last measurement."""


class CaseWriter:
    """Streams scored cases to ``cases.parquet`` in row groups; with ``texts=False`` no text of the user's is kept.

    Of long texts it keeps excerpts.
    """

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
        before, after = excerpts.excerpts(asked.example.inputs, case.edited.inputs) if self._texts else (None, None)
        self._rows.append(
            {
                "model": model,
                "probe": probe,
                "slice": slice_text(asked.slice),
                "example": asked.example.id,
                "cluster": asked.cluster or asked.example.cluster,
                "before": None if before is None else slice_text(before),
                "after": None if after is None else slice_text(after),
                "answer_before": excerpts.beginning(self._task.show(case.before)),
                "answer_after": excerpts.beginning(self._task.show(case.after)),
                "gold": None if gold is None else excerpts.beginning(self._task.show_gold(gold)),
                "vacuous": case.vacuous,
                "invalid": case.edited.invalid,
                "facts": slice_text(case.facts),
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


class _RowWriter:
    """Writes measurements' rows in groups; each group has its own dictionaries, so that memory stays bounded."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer
        self._begin()

    def _begin(self) -> None:
        self._names: dict[str, dict[str, int]] = {name: {} for name in ROW_COLUMNS if name not in NUMBERS}
        self._parts: dict[str, list[Any]] = {name: [] for name in ROW_COLUMNS}
        self._size = 0
        self._codes: tuple[Sequence[str], Any] = ((), None)

    def add(self, key: tuple[str, str, str, str], rows: Rows) -> None:
        import numpy as np

        for name, value in zip(ROW_COLUMNS, key, strict=False):
            self._parts[name].append(np.full(len(rows), self._places(name, (value,))[0]))
        if self._codes[0] is not rows.names:
            self._codes = rows.names, self._places("cluster", rows.names)
        self._parts["cluster"].append(self._codes[1][rows.clusters])
        self._parts["arm"].append(self._places("arm", rows.arm_names)[rows.arms])
        self._parts["total"].append(np.asarray(rows.totals))
        self._parts["count"].append(np.asarray(rows.counts))
        self._size += len(rows)
        if self._size >= ROWS:
            self.flush()

    def _places(self, column: str, names: Sequence[str]) -> Any:
        import numpy as np

        known = self._names[column]
        return np.array([known.setdefault(name, len(known)) for name in names], dtype=np.int32)

    def flush(self) -> None:
        import numpy as np
        import pyarrow as pa

        if not self._size:
            return
        columns = []
        for name in ROW_COLUMNS:
            column = np.concatenate(self._parts[name])
            names = pa.array(self._names.get(name, ()), pa.string())
            columns.append(pa.array(column) if name in NUMBERS else pa.DictionaryArray.from_arrays(column, names))
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self._writer.schema), row_group_size=ROWS)
        self._begin()


def write_rows(file: Path, records: Iterable[ProbeRecord]) -> None:
    """``examples.parquet``: the sufficient statistics of every cluster, slice, metric, probe and model; no texts.

    The rows of a measurement stand together, in their order.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    text = pa.dictionary(pa.int32(), pa.string())
    schema = pa.schema([(name, pa.float64() if name in NUMBERS else text) for name in ROW_COLUMNS])
    with pq.ParquetWriter(file, schema) as writer:
        groups = _RowWriter(writer)
        for record in records:
            for found in record.measurements:
                if found.rows:
                    key = (record.model, record.probe, found.metric, slice_text(found.slice))
                    groups.add(key, Rows.of(found.rows))
        groups.flush()


def read_rows(file: Path) -> dict[tuple[str, str, str, str], Rows]:
    """(model, probe, metric, slice) → rows, in the file's order; all share the clusters' names.

    Raises ResultsError when the file is missing or broken.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        missing_file = "is missing: values are checked against its rows"
        with open_file(file, ResultsError, missing=missing_file) as stream, pq.ParquetFile(stream) as found:
            missing = [name for name in ROW_COLUMNS if name not in found.schema_arrow.names]
            if missing:
                raise ResultsError(f"has no column {missing[0]!r}", where=str(file), hint="was it written by auditor?")
            table = found.read(columns=list(ROW_COLUMNS))
        columns = {name: _column(table[name], name) for name in ROW_COLUMNS}
    except (OSError, pa.ArrowException) as error:
        raise ResultsError(f"cannot be read: {error}", where=str(file)) from None
    for name, least in zip(NUMBERS, (-GREATEST, 0), strict=True):
        _check_range(name, columns[name][0], least, file)
    return _by_key(columns)


def _check_range(name: str, values: Any, least: int, file: Path) -> None:
    """Raise ResultsError for the first row whose number is none, or beyond what sums of an audit can be."""
    import numpy as np

    wrong = np.flatnonzero(~((values >= least) & (values <= GREATEST)))
    if len(wrong):
        row = int(wrong[0])
        message = f"{name} = {values[row]:g} should be a number from {least:,} to {GREATEST:,}"
        raise ResultsError(message, where=f"{file}: row {row + 1}", hint="was it written by auditor?")


def _column(column: Any, name: str) -> tuple[Any, tuple[str, ...]]:
    """A column as an array of numbers or of places (int32) in the names beside it. Raises ArrowInvalid for a gap."""
    import numpy as np
    import pyarrow as pa

    def cast(found: Any, kind: Any) -> Any:
        return found if found.type == kind else found.cast(kind)

    if column.null_count:
        raise pa.ArrowInvalid(f"an empty value in column {name!r}")
    # DLPack, as ``to_numpy`` imports pandas, which takes longer than all the rest.
    if name in NUMBERS:
        return np.from_dlpack(cast(column, pa.float64()).combine_chunks()), ()
    if not pa.types.is_dictionary(column.type):
        column = cast(column, pa.string()).dictionary_encode()
    whole = column.unify_dictionaries().combine_chunks()
    return np.from_dlpack(cast(whole.indices, pa.int32())), tuple(whole.dictionary.to_pylist())


def _by_key(columns: Mapping[str, tuple[Any, tuple[str, ...]]]) -> dict[tuple[str, str, str, str], Rows]:
    import numpy as np

    keys = [columns[name] for name in ROW_COLUMNS if name not in ROW_VALUES]
    values = [columns[name][0] for name in ROW_VALUES]
    changes = np.any([places[1:] != places[:-1] for places, _ in keys], axis=0)
    starts = [0, *(np.flatnonzero(changes) + 1).tolist(), len(values[0])] if len(values[0]) else []
    runs: dict[Any, list[slice]] = {}
    for start, end in itertools.pairwise(starts):
        runs.setdefault(tuple(names[places[start]] for places, names in keys), []).append(slice(start, end))
    names, arm_names = Names(columns["cluster"][1]), columns["arm"][1]
    return {
        key: Rows.packed(names, arm_names, *(b"".join(column[part].tobytes() for part in parts) for column in values))
        for key, parts in runs.items()
    }
