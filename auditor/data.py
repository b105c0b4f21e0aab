"""Data files → examples: CSV, TSV, JSONL and Parquet, every row checked."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from auditor.errors import DataError, near_match
from auditor.types import Example, Task

TEXT_COLUMNS = ("text", "sentence", "review", "content", "comment", "tweet", "document", "utterance")
LABEL_COLUMNS = ("label", "labels", "target", "class", "category", "sentiment", "intent")
SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")

Rows: TypeAlias = Iterator[tuple[int, dict[str, Any]]]
"""(row number as an editor shows it, column → value)."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns hold what; what is left out is found by the usual names."""

    fields: Mapping[str, str] = field(default_factory=dict)
    """Text field of the task → column."""
    label: str | None = None
    group: str | None = None
    """Column of what rows share (author, thread)."""


@dataclass(frozen=True, slots=True)
class DataReport:
    """What became of the rows of a file."""

    rows: int
    used: int
    empty: int
    """Rows left out because a text is missing or blank."""
    missing_label: int
    """Rows left out because the label is missing."""
    duplicates: int
    """Rows left out because text and label occurred before."""
    conflicting: int
    """Rows kept whose text occurred before with another label."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A file, read and checked."""

    name: str
    path: Path
    sha256: str
    examples: tuple[Example, ...]
    report: DataReport
    columns: Mapping[str, str] = field(default_factory=dict)
    """Text fields, ``label`` and ``group`` → the column that was used."""


def load(path: Path, *, name: str, task: Task, columns: Columns = Columns()) -> Dataset:
    """Read a file of labelled rows. Raises DataError with file, row and value.

    Rows without text or label and repeated rows are left out and counted; a label the task does not know is an error.
    """
    header, rows = _table(path)
    names = _columns(header, task.fields, columns, str(path))
    counts = dict.fromkeys(("rows", "empty", "missing_label", "duplicates", "conflicting"), 0)
    seen: dict[tuple[str, ...], Any] = {}
    examples: list[Example] = []
    for number, row in rows:
        counts["rows"] += 1
        texts = tuple(_text(row.get(names[one])) for one in task.fields)
        if not all(text.strip() for text in texts):
            counts["empty"] += 1
            continue
        if not _text(row.get(names["label"])).strip():
            counts["missing_label"] += 1
            continue
        try:
            inputs, gold = task.read(
                {**row, **dict(zip((names[one] for one in task.fields), texts, strict=True))}, names
            )
        except DataError as error:
            raise error.at(f"{path}: row {number}, column {names['label']!r}") from None
        if texts in seen:
            same = seen[texts] == gold
            counts["duplicates" if same else "conflicting"] += 1
            if same:
                continue
        seen.setdefault(texts, gold)
        group = _text(row.get(names["group"])).strip() if "group" in names else ""
        examples.append(Example(f"{name}:{number}", inputs, gold, group or None))
    if not examples:
        raise DataError("no row has both text and label", where=str(path), hint=f"columns used: {names}")
    return Dataset(name, path, sha256_of(path), tuple(examples), DataReport(used=len(examples), **counts), names)


def labels_in(
    path: Path, columns: Columns, mapping: Mapping[str, str], fields: Sequence[str] = ("text",)
) -> tuple[str, ...]:
    """The labels of a training file, sorted (numbers by value), for a new head. One class only is a DataError."""
    header, rows = _table(path)
    name = _columns(header, fields, columns, str(path))["label"]
    words = {_text(row.get(name)).strip() for _, row in rows} - {""}
    labels = {mapping.get(word, word) for word in words}
    if len(labels) < 2:
        found = ", ".join(sorted(labels)) or "none"
        raise DataError(
            f"column {name!r} holds {len(labels)} label: {found}",
            where=str(path),
            hint="a classifier needs two or more",
        )
    return tuple(sorted(labels, key=lambda label: (not label.isdigit(), int(label) if label.isdigit() else 0, label)))


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _text(value: object) -> str:
    if value is None or value != value:  # NaN of a Parquet column
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _columns(header: Sequence[str], fields: Sequence[str], columns: Columns, where: str) -> dict[str, str]:
    """Field, ``label`` and ``group`` → column, configured or found."""
    wanted: dict[str, str | None] = {name: columns.fields.get(name) for name in fields}
    wanted["label"] = columns.label
    if columns.group is not None:
        wanted["group"] = columns.group
    shown = ", ".join(header)
    found: dict[str, str] = {}
    for name, column in wanted.items():
        if column is not None and column not in header:
            raise DataError(
                f"no column {column!r}", where=where, hint=near_match(column, header) or f"columns: {shown}"
            )
        usual = LABEL_COLUMNS if name == "label" else (TEXT_COLUMNS if name == "text" else (name,))
        chosen = column or next((one for word in usual for one in header if one.strip().casefold() == word), None)
        if chosen is None:
            key = "label_column" if name == "label" else "text_column"
            raise DataError(
                f"no column for the {name}", where=where, hint=f"columns: {shown}; name one with [data] {key}"
            )
        found[name] = chosen
    return found


def _table(path: Path) -> tuple[list[str], Rows]:
    where = str(path)
    if not path.exists():
        raise DataError("no such file", where=where, hint="paths in audit.toml are relative to that file")
    if path.is_dir():
        raise DataError("is a folder, not a file", where=where, hint=f"a file with one of {', '.join(SUFFIXES)}")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(f"unknown kind of file {path.suffix!r}", where=where, hint=f"one of {', '.join(SUFFIXES)}")
    if not path.stat().st_size:
        raise DataError("is empty", where=where)
    if suffix == ".parquet":
        return _parquet(path)
    text = _decoded(path)
    header, rows = _jsonl(text, where) if suffix == ".jsonl" else _csv(text, where, "\t" if suffix == ".tsv" else ",")
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise DataError(f"two columns are called {repeated[0]!r}", where=where)
    return header, rows


def _decoded(path: Path) -> str:
    content = path.read_bytes()
    if b"\x00" in content or content.startswith(b"PAR1"):
        raise DataError(
            "is a binary file", where=str(path), hint=f"does its name end rightly? known: {', '.join(SUFFIXES)}"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        raise DataError(
            f"row {row}: byte 0x{byte:02x} at offset {error.start} is not UTF-8",
            where=str(path),
            hint="save it as UTF-8",
        ) from None


def _csv(text: str, where: str, delimiter: str) -> tuple[list[str], Rows]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header = next(reader, [])
    if not any(name.strip() for name in header):
        raise DataError("has no header row", where=where)

    def rows() -> Rows:
        # The line number, as an editor shows it: a quoted text may span lines.
        begins = reader.line_num + 1
        try:
            for cells in reader:
                number, begins = begins, reader.line_num + 1
                if not cells:
                    continue
                if len(cells) != len(header):
                    hint = "quote texts that hold the delimiter"
                    raise DataError(
                        f"row {number} has {len(cells)} fields, the header {len(header)}", where=where, hint=hint
                    )
                yield number, dict(zip(header, cells, strict=True))
        except csv.Error as error:
            raise DataError(f"row {begins}: {error}", where=where) from None

    return header, rows()


def _jsonl(text: str, where: str) -> tuple[list[str], Rows]:
    rows: list[tuple[int, dict[str, Any]]] = []
    header: dict[str, None] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(f"row {number} is not JSON: {error}", where=where) from None
        if not isinstance(row, dict):
            raise DataError(f"row {number} is not an object", where=where, hint='{"text": "...", "label": "..."}')
        header |= dict.fromkeys(row)
        rows.append((number, row))
    return list(header), iter(rows)


def _parquet(path: Path) -> tuple[list[str], Rows]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"is not Parquet: {str(error).splitlines()[0]}", where=str(path)) from None
    return list(table.column_names), enumerate(table.to_pylist(), start=1)
