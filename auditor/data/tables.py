"""Files → numbered rows.

Nothing is guessed about a cell: "NA" and "null" are texts, and only an empty cell is missing.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from auditor.data import delimited, saved
from auditor.data.in_memory import InMemory, Source
from auditor.errors import DataError, first_line
from auditor.storage.reading import near_file, open_file, read_file
from auditor.types import FileReader

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
"""Endings of the files that can be read."""
NO_ROWS = "was it cut off, or written somewhere else?"
"""Hint for a file without rows."""

PLAIN = (".csv", ".tsv")
"""Kinds whose first row names the columns."""
NO_HEADER = "--no-header ([data] header = false)"
"""The flag and the key for files without a header."""

Cells = Mapping[str, Any]
NO_FILES: Mapping[str, FileReader] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Table:
    """A file's columns and rows."""

    path: Source
    header: tuple[str, ...]
    """Names of the columns, each once."""
    rows: tuple[tuple[int, Cells], ...] = field(repr=False)
    """(row, column → cell). A row's number is the line it begins in (Parquet and rows in memory: counted from 1)."""
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Column of numbers → their names, where ``datasets`` kept them."""
    lines: Mapping[int, tuple[int, ...]] = field(default_factory=dict, repr=False)
    """Row → the line of each of its words, if each word has its own line."""
    made: frozenset[str] = frozenset()
    """Columns that do not stand in the file as they are here: the task made them."""


def read(path: Source, *, header: bool = True, files: Mapping[str, FileReader] = NO_FILES) -> Table:
    """Read a file, a folder saved by ``datasets``, or rows in memory.

    The ending of a file's name tells its kind. ``header``: whether the first row of a CSV or TSV file names the
    columns. ``files``: readers of formats of the task's own. Raises DataError for a missing path, another folder,
    an unknown kind, an empty or binary file, broken encoding (row and byte), a row that does not parse, and columns
    of the same name.
    """
    where = str(path)
    suffix = path.suffix.lower()
    classes: Mapping[str, tuple[str, ...]] = {}
    names: Sequence[str]
    rows: Sequence[tuple[int, Cells]]
    if isinstance(path, InMemory):
        names, rows, classes = path.header, path.rows, path.classes
    elif saved.is_saved(path):
        return Table(path, *saved.read(path))
    elif suffix in files:
        names, rows = _formatted(path, files[suffix])
    elif suffix == ".parquet":
        names, rows, classes = _parquet(_content(path, suffix), where)
    else:
        text = decoded(_content(path, suffix), where)
        if suffix == ".jsonl":
            names, rows = _jsonl(text, where)
        else:
            names, rows = delimited.read(text, where, suffix, header=header)
    if not names:
        raise DataError("is empty", where=where, hint=NO_ROWS)
    for name, times in Counter(names).items():
        if times > 1:
            hint = "rename all but one" + ("" if suffix not in PLAIN else f", or {NO_HEADER} if it is no name")
            raise DataError(f"{times} columns are called {name!r}", where=where, hint=hint)
    return Table(path, tuple(names), tuple(rows), classes)


def _formatted(path: Path, reader: FileReader) -> tuple[list[str], list[tuple[int, Cells]]]:
    """Read a file in a format of the task's own."""
    where = str(path)
    content = decoded(read_file(path, DataError, hint=near_file(path)), where)
    try:
        rows = list(reader(content))
    except DataError as error:
        raise error.at(where) from None
    return list(dict.fromkeys(name for _, row in rows for name in row)), rows


def pair(path: Source, labels: Path) -> Table:
    """Read texts and their labels, one per line, from two files.

    The columns are ``text`` and ``label``. Raises DataError for a file that is not text, and where one file has more
    lines than the other.
    """
    if isinstance(path, InMemory) or path.suffix.lower() != ".txt":
        hint = "take the labels from one of its columns, or use a .txt with one text per line"
        raise DataError("has columns, but another file is named for its labels", where=str(path), hint=hint)
    texts, golds = (delimited.lines_of(decoded(_text(file), str(file))) for file in (path, labels))
    if not texts:
        raise DataError("is empty", where=str(path), hint=NO_ROWS)
    if len(texts) != len(golds):
        short, number = (labels, len(golds)) if len(golds) < len(texts) else (path, len(texts))
        problem = f"{path} has {len(texts)} lines and {labels} {len(golds)}"
        raise DataError(problem, hint=f"line {number + 1} is missing in {short.name}: one text and one label per line")
    rows = tuple(
        (number, {"text": text, "label": gold}) for number, (text, gold) in enumerate(zip(texts, golds, strict=True), 1)
    )
    return Table(path, ("text", "label"), rows)


def _text(path: Path) -> bytes:
    return read_file(path, DataError, hint="a file with one text or label per line")


def sha256_of(path: Source) -> str:
    """Return the SHA-256 of a source, in hexadecimal.

    It covers a file's bytes, the names and contents of all files in a folder, or rows in memory. Raises DataError for
    what cannot be read.
    """
    if isinstance(path, InMemory):
        return path.sha256
    try:
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file())
            lines = (f"{file.relative_to(path).as_posix()}\0{sha256_of(file)}\n" for file in files)
            return hashlib.sha256("".join(lines).encode()).hexdigest()
        with open_file(path, DataError) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(path)) from None


def _content(path: Path, suffix: str) -> bytes:
    try:
        content = _bytes(path, suffix)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(path)) from None
    if not content:
        raise DataError("is empty", where=str(path), hint=NO_ROWS)
    return content


def _bytes(path: Path, suffix: str) -> bytes:
    where, kinds = str(path), ", ".join(SUFFIXES)
    if path.is_dir():
        raise DataError("is a folder, not a file", where=where, hint=f"name a file: {kinds}")
    if suffix not in SUFFIXES and path.exists():
        hint = f"one of {kinds}"
        if suffix == ".txt":
            hint = "one text per line needs --labels-file; rename it to .csv or .tsv if it has columns"
        elif suffix == ".json":
            hint = "a file with one object per line ends in .jsonl"
        raise DataError(f"unknown kind of file {path.suffix!r}", where=where, hint=hint)
    return read_file(path, DataError, hint=near_file(path))


def decoded(content: bytes, where: str) -> str:
    """Return a file's bytes as text.

    Raises DataError, with row and byte, for bytes that are not text or not UTF-8.
    """
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
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The decoder counts without the byte-order mark.
        offset = error.start + len(content) - len(error.object)
        row = content.count(b"\n", 0, offset) + 1
        raise DataError(
            f"row {row}: byte 0x{content[offset]:02x} at offset {offset} is not UTF-8",
            where=where,
            hint="save it as UTF-8",
        ) from None
    # The first Macintoshes ended lines with a carriage return.
    return text if "\n" in text else text.replace("\r", "\n")


def _jsonl(text: str, where: str) -> tuple[list[str], list[tuple[int, Cells]]]:
    rows: list[tuple[int, Cells]] = []
    header: dict[str, None] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip(" \t\r"):
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
        raise DataError(f"cannot be read as JSON: {error}", where=where, hint=hint) from None
    if not isinstance(row, dict):
        raise DataError("is not an object", where=where, hint=hint)
    return row


def _parquet(content: bytes, where: str) -> tuple[list[str], list[tuple[int, Cells]], dict[str, tuple[str, ...]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Not read_table: it also reads columns from the names of folders.
        table = pq.ParquetFile(pa.BufferReader(content)).read()
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"is not Parquet: {first_line(error)}", where=where) from None
    classes = _class_names((table.schema.metadata or {}).get(b"huggingface"))
    return list(table.column_names), list(enumerate(table.to_pylist(), start=1)), classes


def _class_names(described: bytes | None) -> dict[str, tuple[str, ...]]:
    """Return column → names of its numbers from Parquet metadata.

    ``datasets`` writes them there; anything else in their place counts as none.
    """
    try:
        features = json.loads(described or b"{}").get("info", {}).get("features", {})
        inner = {name: feature.get("feature", feature) for name, feature in features.items()}
        return {name: tuple(map(str, feature["names"])) for name, feature in inner.items() if "names" in feature}
    except (ValueError, AttributeError, TypeError):
        return {}


def cell(value: object, where: str, column: str) -> str:
    """Return a cell as text, "" if it is missing.

    Raises DataError for a list, a table, and bytes or characters that are not text.
    """
    if value is None or value != value:  # NaN: Parquet and pandas write a missing cell like this
        return ""
    place = f"{where}, column {column!r}"
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            raise DataError("holds bytes that are not UTF-8 text", where=place) from None
    if isinstance(value, list | dict | tuple):
        kind = "an object" if isinstance(value, dict) else "a list"
        raise DataError(f"holds {kind}, not one value", where=place)
    if isinstance(value, bool):
        return str(value).lower()  # as in JSON
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(f"holds an unpaired surrogate: {text[error.start]!a}", where=place) from None
    return text
