"""``examples.parquet`` is read as it was written.

The bytes are the same every time. It is written in groups, and the order of the file's rows does not matter.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from auditor.errors import ResultsError
from auditor.results import canonical_json, parquet
from auditor.types import Measurement, ProbeRecord, Row, Rows, Slice


def measured(slice_: Slice, rows: tuple[Row, ...] | Rows) -> Measurement:
    return Measurement("m", slice_, 0.5, 0.0, 1.0, 2, 2, "words", rows=rows)


def records() -> list[ProbeRecord]:
    found = []
    for model in ("one", "two"):
        plain = tuple(Row(f"c{index * 7 % 10}", "", index / 3, 1.0) for index in range(10))
        pairs = Rows.of(Row(f"d{9 - index // 2}", ("first", "second")[index % 2], 0.1, 0.0) for index in range(20))
        own = (
            measured({"s": "x"}, plain),
            measured({"s": "é"}, pairs),
            measured({}, ()),
            measured({"s": "z"}, pairs[:3]),
        )
        found.append(ProbeRecord(model, "p", "measured", measurements=own))
    return found


def expected() -> dict[tuple[str, str, str, str], list[Row]]:
    return {
        (record.model, "p", "m", canonical_json.slice_text(found.slice)): list(found.rows)
        for record in records()
        for found in record.measurements
        if found.rows
    }


def read(file: Path) -> dict[tuple[str, str, str, str], list[Row]]:
    return {key: list(rows) for key, rows in parquet.read_rows(file).items()}


@pytest.mark.parametrize("size", [parquet.ROWS, 15, 1])
def test_rows_are_read_as_they_were_written_in_groups_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(parquet, "ROWS", size)
    for name in ("one", "other"):
        parquet.write_rows(tmp_path / name, records())
    assert read(tmp_path / "one") == expected()
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    with pq.ParquetFile(tmp_path / "one") as found:
        groups = [found.metadata.row_group(index).num_rows for index in range(found.metadata.num_row_groups)]
        assert max(groups) <= size
        text = pa.dictionary(pa.int32(), pa.string())
        assert found.schema_arrow.types == [text] * 6 + [pa.float64()] * 2
        assert tuple(found.schema_arrow.names) == parquet.ROW_COLUMNS
    one, *others = parquet.read_rows(tmp_path / "one").values()
    assert all(rows.names is one.names for rows in others)


def test_keys_that_do_not_stand_together_and_plain_columns_are_read(tmp_path: Path) -> None:
    parquet.write_rows(tmp_path / "rows", records())
    frame = pd.read_parquet(tmp_path / "rows")
    texts = dict.fromkeys(set(parquet.ROW_COLUMNS) - set(parquet.NUMBERS), str)
    mixed = frame.astype(texts).astype({"count": int}).sort_values(["cluster", "slice", "arm"], kind="stable")
    mixed.to_parquet(tmp_path / "mixed")
    found = read(tmp_path / "mixed")
    assert {key: sorted(rows, key=repr) for key, rows in found.items()} == {
        key: sorted(rows, key=repr) for key, rows in expected().items()
    }


def test_no_records_make_a_file_without_rows(tmp_path: Path) -> None:
    parquet.write_rows(tmp_path / "rows", [])
    assert read(tmp_path / "rows") == {}


@pytest.mark.parametrize(
    ("column", "value", "limits"),
    [
        ("total", 1e308, "from -9,007,199,254,740,992 to 9,007,199,254,740,992"),
        ("total", -1e308, "from -9,007,199,254,740,992 to 9,007,199,254,740,992"),
        ("total", 2.0**53 + 2, "from -9,007,199,254,740,992 to 9,007,199,254,740,992"),
        ("total", float("nan"), "from -9,007,199,254,740,992 to 9,007,199,254,740,992"),
        ("total", float("-inf"), "from -9,007,199,254,740,992 to 9,007,199,254,740,992"),
        ("count", 1e308, "from 0 to 9,007,199,254,740,992"),
        ("count", -1.0, "from 0 to 9,007,199,254,740,992"),
        ("count", -5e-324, "from 0 to 9,007,199,254,740,992"),
        ("count", float("nan"), "from 0 to 9,007,199,254,740,992"),
        ("count", float("inf"), "from 0 to 9,007,199,254,740,992"),
    ],
)
def test_a_number_that_no_sum_of_an_audit_is_stands_with_its_row(
    tmp_path: Path, column: str, value: float, limits: str
) -> None:
    columns: dict[str, list[object]] = {name: ["a", "b", "c"] for name in parquet.ROW_COLUMNS}
    columns |= {"total": [-(2.0**53), 1.0, 2.0**53], "count": [0.0, 1.0, 2.0**53]}
    pq.write_table(pa.table(columns), tmp_path / "rows")
    assert len(parquet.read_rows(tmp_path / "rows")) == 3
    columns[column] = [1.0, value, value]
    pq.write_table(pa.table(columns), tmp_path / "rows")
    with pytest.raises(ResultsError) as raised:
        parquet.read_rows(tmp_path / "rows")
    said = f"{tmp_path / 'rows'}: row 2: {column} = {value:g} should be a number {limits}"
    assert raised.value.line == f"{said} (was it written by auditor?)"


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("cluster", ["a", None], "empty value in column 'cluster'"),
        ("total", [1.0, None], "empty value in column 'total'"),
        ("count", ["a", "b"], "cannot be read"),
        ("arm", None, "has no column 'arm'"),
    ],
)
def test_what_auditor_did_not_write_is_said_in_words(
    tmp_path: Path, column: str, values: list[object] | None, message: str
) -> None:
    columns: dict[str, list[object]] = {name: ["a", "b"] for name in parquet.ROW_COLUMNS}
    columns |= {"total": [1.0, 2.0], "count": [1.0, 1.0]}
    if values is None:
        del columns[column]
    else:
        columns[column] = values
    pq.write_table(pa.table(columns), tmp_path / "rows")
    with pytest.raises(ResultsError, match=message):
        parquet.read_rows(tmp_path / "rows")
