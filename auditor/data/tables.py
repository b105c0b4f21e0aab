"""Files → numbered rows. Nothing is guessed of a cell: "NA" and "null" are texts, only an empty cell is missing."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from auditor.errors import DataError
from auditor.reading import open_file, read_file

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
"""Kinds of files, told by their names."""
NO_ROWS = "was it cut off, or written somewhere else?"
"""What may have become of a file without rows."""
LONGEST_CELL = 2**31 - 1
"""Characters; Python's own limit, 131,072, is shorter than some documents."""

Cells = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """A file's columns and rows."""

    path: Path
    header: tuple[str, ...]
    """Names of the columns, each once."""
    rows: tuple[tuple[int, Cells], ...] = field(repr=False)
    """(row, column → cell). A row's number is the line it begins in (Parquet: counted from 1)."""
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Column of numbers → their names, where ``datasets`` kept them."""
    lines: Mapping[int, tuple[int, ...]] = field(default_factory=dict, repr=False)
    """Row → the line of each of its words, where they stand in lines of their own."""


def read(path: Path) -> Table:
    """Read a file by the ending of its name.

    Raises DataError: no such path, a folder, an unknown kind, an empty or binary file, broken encoding (row and byte),
    a row that does not parse, columns of the same name.
    """
    where = str(path)
    suffix = path.suffix.lower()
    try:
        content = _content(path, suffix)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=where) from None
    if not content:
        raise DataError("is empty", where=where, hint=NO_ROWS)
    classes: Mapping[str, tuple[str, ...]] = {}
    if suffix == ".parquet":
        header, rows, classes = _parquet(content, where)
    else:
        text = decoded(content, where)
        header, rows = _jsonl(text, where) if suffix == ".jsonl" else _csv(text, where, suffix)
    if not header:
        raise DataError("is empty", where=where, hint=NO_ROWS)
    for name, times in Counter(header).items():
        if times > 1:
            raise DataError(f"{times} columns are called {name!r}", where=where, hint="rename all but one")
    return Table(path, tuple(header), tuple(rows), classes)


def sha256_of(path: Path) -> str:
    """SHA-256 in hexadecimal: of a file's bytes, or of the names and contents of all files in a folder.

    Raises DataError for what cannot be read.
    """
    try:
        if path.is_dir():
            files = sorted(one for one in path.rglob("*") if one.is_file())
            lines = (f"{file.relative_to(path).as_posix()}\0{sha256_of(file)}\n" for file in files)
            return hashlib.sha256("".join(lines).encode()).hexdigest()
        with open_file(path, DataError) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(path)) from None


def _content(path: Path, suffix: str) -> bytes:
    where, kinds = str(path), ", ".join(SUFFIXES)
    if path.is_dir():
        raise DataError("is a folder, not a file", where=where, hint=f"name a file: {kinds}")
    if suffix not in SUFFIXES and path.exists():
        hint = f"one of {kinds}"
        if suffix == ".txt":
            hint = "rename it to .csv or .tsv if it has a header and columns"
        elif suffix == ".json":
            hint = "one object a line, in a file that ends in .jsonl"
        raise DataError(f"unknown kind of file {path.suffix!r}", where=where, hint=hint)
    return read_file(path, DataError, hint="paths in audit.toml are relative to that file")


def decoded(content: bytes, where: str) -> str:
    """A file's bytes as text. Raises DataError for what is none, or not UTF-8, with row and byte."""
    for start, kind in (
        (b"PAR1", "Parquet"),
        (b"PK\x03\x04", "a zip archive or an Excel sheet"),
        (b"\x1f\x8b", "gzip"),
    ):
        if content.startswith(start):
            raise DataError(f"is not text but {kind}", where=where, hint=f"known: {', '.join(SUFFIXES)}")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError("is UTF-16: byte 0xff or 0xfe at offset 0, row 1", where=where, hint="save it as UTF-8")
    zero = content.find(b"\x00")
    if zero >= 0:
        row = content.count(b"\n", 0, zero) + 1
        raise DataError(f"is a binary file: byte 0x00 at offset {zero}, row {row}", where=where)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The decoder counts without the byte-order mark.
        offset = error.start + len(content) - len(error.object)
        row = content.count(b"\n", 0, offset) + 1
        raise DataError(
            f"row {row}: byte 0x{content[offset]:02x} at offset {offset} is not UTF-8",
            where=where,
            hint="save it as UTF-8",
        ) from None


@contextmanager
def _long_cells() -> Iterator[None]:
    before = csv.field_size_limit(LONGEST_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _csv(text: str, where: str, suffix: str) -> tuple[list[str], list[tuple[int, Cells]]]:
    delimiter, name = ("\t", "tabs") if suffix == ".tsv" else (",", "commas")
    with _long_cells():
        records = list(_records(text, delimiter, where))
    header = records[0][1] if records else []
    if len(header) == 1 and any(other in header[0] for other in ",;\t|"):
        hint = f"a {suffix} file has {name} between its columns"
        raise DataError(f"has one column only, {header[0][:60]!r}", where=where, hint=hint)
    rows: list[tuple[int, Cells]] = []
    for number, cells in records[1:]:
        if len(cells) != len(header):
            few = "fewer" if len(cells) < len(header) else "more"
            word = "cell" if len(cells) == 1 else "cells"
            raise DataError(
                f"row {number} has {len(cells)} {word}, {few} than the header's {len(header)}",
                where=where,
                hint='put a text that holds a delimiter or a line break in quotes ("…")',
            )
        rows.append((number, dict(zip(header, cells, strict=True))))
    return header, rows


def _records(text: str, delimiter: str, where: str) -> Iterator[tuple[int, list[str]]]:
    """(line that the record begins in, cells), blank lines left out."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = 1
    try:
        for cells in reader:
            number, begins = begins, reader.line_num + 1
            if len(cells) > 1 or "".join(cells).strip():
                yield number, cells
    except csv.Error as error:
        hint = 'a quote inside a quoted text is written twice ("")'
        raise DataError(f"row {begins} does not parse: {error}", where=where, hint=hint) from None


def _jsonl(text: str, where: str) -> tuple[list[str], list[tuple[int, Cells]]]:
    rows: list[tuple[int, Cells]] = []
    header: dict[str, None] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        row = _object(line, f"{where}: row {number}")
        header |= dict.fromkeys(row)
        rows.append((number, row))
    return list(header), rows


def _object(line: str, where: str) -> Cells:
    hint = '{"text": "…", "label": "…"} on a line of its own'

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for name, times in Counter(name for name, _ in pairs).items():
            if times > 1:
                raise DataError(f"{times} values are called {name!r}", where=where)
        return dict(pairs)

    try:
        row = json.loads(line, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise DataError(f"is not JSON: {error.msg} at character {error.pos + 1}", where=where, hint=hint) from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"is not JSON that can be read: {error}", where=where, hint=hint) from None
    if not isinstance(row, dict):
        raise DataError("is not an object", where=where, hint=hint)
    return row


def _parquet(content: bytes, where: str) -> tuple[list[str], list[tuple[int, Cells]], dict[str, tuple[str, ...]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Not read_table: it would read columns out of the folder names too.
        table = pq.ParquetFile(pa.BufferReader(content)).read()
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"is not Parquet: {str(error).splitlines()[0]}", where=where) from None
    classes = _class_names((table.schema.metadata or {}).get(b"huggingface"))
    return list(table.column_names), list(enumerate(table.to_pylist(), start=1)), classes


def _class_names(described: bytes | None) -> dict[str, tuple[str, ...]]:
    """Column → names of its numbers, from what ``datasets`` writes into a Parquet file; whatever else is there is none."""
    try:
        features = json.loads(described or b"{}").get("info", {}).get("features", {})
        inner = {name: one.get("feature", one) for name, one in features.items()}
        return {name: tuple(map(str, one["names"])) for name, one in inner.items() if "names" in one}
    except (ValueError, AttributeError, TypeError):
        return {}
