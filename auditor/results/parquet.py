"""Parquet files of a results folder.

``cases.parquet`` holds every scored case, ``examples.parquet`` the sufficient statistics of every cluster.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from auditor.data import kept_cases
from auditor.errors import ResultsError
from auditor.results.canonical_json import slice_text
from auditor.storage.reading import open_file
from auditor.text import excerpts
from auditor.types import EXPECTED, Names, ProbeRecord, Rows, ScoredCase, Task

NO_TEXTS = "the audit kept no texts"
"""Why no case of an audit with ``--no-texts`` can be asked again."""
ROW_GROUP = 4096
"""Cases kept in memory before they are written."""


NUMBERS = ("total", "count")
ROW_VALUES = ("cluster", "arm", *NUMBERS)
ROW_COLUMNS = ("model", "probe", "metric", "slice", *ROW_VALUES)
GREATEST = 2**53
"""The greatest sum accepted: beyond it, floats no longer represent every integer."""
ROWS = 100_000
"""Rows kept in memory before they are written, besides those of the last measurement."""


class CaseWriter:
    """Writer that streams scored cases to ``cases.parquet`` in row groups.

    Long texts are kept as excerpts; with ``texts=False`` no input text is kept.
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
        "right",
        "same",
        "expected",
        "not_kept",
    )
    """``expected``: the gold of the edited texts as the task dumps it, in JSON. ``not_kept``: why the case cannot be
    asked again by its row alone."""

    def __init__(self, file: Path, task: Task, *, texts: bool = True) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        flags = ("vacuous", "invalid", "right", "same")
        self._schema = pa.schema([(name, pa.bool_() if name in flags else pa.string()) for name in self.COLUMNS])
        self._writer = pq.ParquetWriter(file, self._schema)
        self._task, self._texts = task, texts
        self._rows: list[dict[str, Any]] = []

    def __call__(self, model: str, probe: str, case: ScoredCase) -> None:
        """Add one scored case."""
        asked, gold = case.case, case.case.example.gold
        shown = self._texts or not self._task.quotes
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
                "answer_before": excerpts.beginning(self._task.show(case.before)) if shown else None,
                "answer_after": excerpts.beginning(self._task.show(case.after)) if shown else None,
                "gold": excerpts.beginning(self._task.show_gold(gold)) if shown and gold is not None else None,
                "vacuous": case.vacuous,
                "invalid": case.edited.invalid,
                "facts": slice_text(case.facts),
                **self._outcome(case),
            }
        )
        if len(self._rows) >= ROW_GROUP:
            self._flush()

    def _outcome(self, case: ScoredCase) -> dict[str, Any]:
        """Return what an answer came to, and its gold."""
        gold, task = case.edited.gold, self._task
        score = None if gold is None else task.score(gold, case.after)
        kept = gold is not None and (self._texts or not task.quotes)
        return {
            "right": None if score is None else score.numerator == score.denominator,
            "same": task.same(case.before, case.after, case.edited.alignment),
            "expected": json.dumps(task.dump(gold), ensure_ascii=True, sort_keys=True) if kept else None,
            "not_kept": next(self._not_kept(case), None),
        }

    def _not_kept(self, case: ScoredCase) -> Iterator[str]:
        """Yield why a case cannot be asked again by its row alone."""
        asked, edited = case.case, case.edited
        if asked.model is not None:
            yield "asked of a model that the probe trained"
        if asked.asked is not None:
            yield "the same text asked once more, in another way"
        if edited.invalid:
            yield "its edits broke the label"
        if EXPECTED in asked.facts:
            yield "its probe expects something else than a label or the same answer"
        if edited.gold is None and not asked.edits:
            yield "it has no gold, and nothing that it is compared with"
        if edited.gold is not None and kept_cases.unknown_label(edited.gold, self._task) is not None:
            yield "its gold names a label that the model lacks"
        if not self._texts:
            yield NO_TEXTS
        both = (asked.example.inputs, edited.inputs)
        if any(len(text) > excerpts.WHOLE for inputs in both for text in inputs.values()):
            yield "its text is kept as an excerpt"

    def _flush(self) -> None:
        import pyarrow as pa

        self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows = []

    def close(self) -> None:
        """Write the remaining cases and close the file."""
        if self._rows:
            self._flush()
        self._writer.close()


class _RowWriter:
    """Writer of measurements' rows in groups.

    Each group has its own dictionaries, so that memory stays bounded.
    """

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
    """Write ``examples.parquet``: sufficient statistics, without texts.

    There is one row for every cluster, slice, metric, probe and model. The rows of a measurement are adjacent and keep
    their order.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    text = pa.dictionary(pa.int32(), pa.string())
    schema = pa.schema([(name, pa.float64() if name in NUMBERS else text) for name in ROW_COLUMNS])
    with pq.ParquetWriter(file, schema) as writer:
        groups = _RowWriter(writer)
        for record in records:
            for measurement in record.measurements:
                if measurement.rows:
                    key = (record.model, record.probe, measurement.metric, slice_text(measurement.slice))
                    groups.add(key, Rows.of(measurement.rows))
        groups.flush()


def read_rows(file: Path) -> dict[tuple[str, str, str, str], Rows]:
    """Map (model, probe, metric, slice) to rows, in the file's order.

    All rows share the list of cluster names. Raises ResultsError if the file is missing or broken.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        missing_file = "is missing: values are checked against its rows"
        with open_file(file, ResultsError, missing=missing_file) as stream, pq.ParquetFile(stream) as parquet:
            missing = [name for name in ROW_COLUMNS if name not in parquet.schema_arrow.names]
            if missing:
                raise ResultsError(f"has no column {missing[0]!r}", where=str(file), hint="was it written by auditor?")
            table = parquet.read(columns=list(ROW_COLUMNS))
        columns = {name: _column(table[name], name) for name in ROW_COLUMNS}
    except (OSError, pa.ArrowException) as error:
        raise ResultsError(f"cannot be read: {error}", where=str(file)) from None
    for name, least in zip(NUMBERS, (-GREATEST, 0), strict=True):
        _check_range(name, columns[name][0], least, file)
    return _by_key(columns)


def _check_range(name: str, values: Any, least: int, file: Path) -> None:
    """Raise ResultsError for the first number that is out of range.

    NaN counts as out of range; ``least`` and ``GREATEST`` bound what sums of an audit can be.
    """
    import numpy as np

    wrong = np.flatnonzero(~((values >= least) & (values <= GREATEST)))
    if len(wrong):
        row = int(wrong[0])
        message = f"{name} = {values[row]:g} should be a number from {least:,} to {GREATEST:,}"
        raise ResultsError(message, where=f"{file}: row {row + 1}", hint="was it written by auditor?")


def _column(column: Any, name: str) -> tuple[Any, tuple[str, ...]]:
    """Return a column as a numpy array, with its names.

    A column of numbers is an array of float64 and has no names. Any other column is an array of int32 positions in its
    names. Raises ArrowInvalid for an empty value.
    """
    import numpy as np
    import pyarrow as pa

    def cast(values: Any, kind: Any) -> Any:
        return values if values.type == kind else values.cast(kind)

    if column.null_count:
        raise pa.ArrowInvalid(f"an empty value in column {name!r}")
    # DLPack, because ``to_numpy`` imports pandas, which takes longer than everything else here.
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
