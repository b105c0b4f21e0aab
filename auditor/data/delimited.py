"""CSV and TSV files → numbered rows.

No quote swallows lines that are rows of their own. A CSV file is read with quoting. A TSV file is read without, as most
are written, unless a csv writer wrote all of it: then every cell that holds a quote is in quotes, either because it has
to be or because all cells are.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from auditor.errors import DataError

LONGEST_CELL = 2**31 - 1
"""Characters; Python's own limit, 131,072, is shorter than some documents."""
_FIELD = re.compile(r'(?:"([^"]*(?:""[^"]*)*)"|([^"\t\r\n]*))(\t|\r?\n|\Z)')
_NUMBER = re.compile(r"[-+0-9.eE]*")
_LINE = re.compile(r"\r\n|\r|\n")
_WHOLE = re.compile(r"\s*-?[0-9]+(\.0+)?\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Record:
    """A record's cells and the lines that it spans."""

    begins: int
    ends: int
    cells: list[str]


def read(
    text: str, where: str, suffix: str, *, header: bool = True
) -> tuple[list[str], list[tuple[int, dict[str, Any]]]]:
    """Return the header and the rows of a ``.csv`` or ``.tsv``.

    Without a header, columns are named ``column 1`` and so on. Raises DataError for a row that does not parse, that has
    more or fewer cells than the header, or that a quote makes of several.
    """
    delimiter, name = ("\t", "tabs") if suffix == ".tsv" else (",", "commas")
    records = _tsv(text) if suffix == ".tsv" else list(_csv(text, where))
    if not records:
        return [], []
    names = records[0].cells
    if len(names) == 1 and any(mark in names[0] for mark in ",;\t|"):
        hint = f"a {suffix} file has {name} between its columns"
        raise DataError(f"has only one column, {names[0][:60]!r}", where=where, hint=hint)
    for record in records[1:]:
        if len(record.cells) != len(names):
            raise _wrong_width(record, len(names), where, delimiter, header=header)
    if suffix == ".csv":
        _check_swallowed(text, records, where)
    if not header:
        names = [f"column {number}" for number in range(1, len(names) + 1)]
    return names, [
        (record.begins, dict(zip(names, record.cells, strict=False))) for record in (records[1:] if header else records)
    ]


def _wrong_width(record: Record, width: int, where: str, delimiter: str, *, header: bool) -> DataError:
    few = "fewer" if len(record.cells) < width else "more"
    word = "cell" if len(record.cells) == 1 else "cells"
    hint = 'put a text that holds a delimiter or a line break in quotes ("…")'
    if delimiter == "\t":
        hint = "put each cell that holds a tab, a line break or a quote in quotes, or remove the tabs and line breaks"
    than = "the header's" if header else "the first row's"
    return DataError(
        f"row {record.begins} has {len(record.cells)} {word}, {few} than {than} {width}", where=where, hint=hint
    )


@contextmanager
def _long_cells() -> Iterator[None]:
    before = csv.field_size_limit(LONGEST_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _csv(text: str, where: str) -> Iterator[Record]:
    """Yield records read with quoting, without blank lines."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    begins = 1
    try:
        with _long_cells():
            for cells in reader:
                if len(cells) > 1 or "".join(cells).strip(" \t"):
                    yield Record(begins, reader.line_num, cells)
                begins = reader.line_num + 1
    except csv.Error as error:
        hint = 'write a quote inside a quoted text twice ("")'
        raise DataError(f"row {begins} does not parse: {error}", where=where, hint=hint) from None


def _check_swallowed(text: str, records: Sequence[Record], where: str) -> None:
    """Refuse a record of several lines that swallows a row.

    One of the lines is a row by itself, with a label that other rows have. A text with line breaks seldom looks like
    that; lines between a stray quote and the next one do.
    """
    long = [record for record in records[1:] if record.ends > record.begins]
    if not long:
        return
    lines = _LINE.split(text)
    known: list[set[str]] = [set() for _ in records[0].cells]
    for record in records[1:]:
        for column, cell in zip(known, record.cells, strict=True):
            if record.ends == record.begins:
                column.add(cell)
    for record in long:
        rows = [line.split(",") for line in lines[record.begins - 1 : record.ends] if line.strip(" \t")]
        if any(_is_row(cells, known) for cells in rows[:-1]) or all(_may_be_row(cells, len(known)) for cells in rows):
            raise DataError(
                f"row {record.begins}: a quote swallows the lines up to {record.ends}, "
                "some of which are rows of their own",
                where=where,
                hint='write a quote inside a quoted text twice ("")',
            )


def _is_row(cells: Sequence[str], known: Sequence[set[str]]) -> bool:
    return len(cells) == len(known) and any(cell in values for cell, values in zip(cells, known, strict=True))


def _may_be_row(cells: Sequence[str], width: int) -> bool:
    return len(cells) == width and any(map(_WHOLE.fullmatch, cells))


def _tsv(text: str) -> list[Record]:
    """Return records, read with quoting only if the whole file uses it."""
    plain = [
        Record(number, number, line.split("\t"))
        for number, line in enumerate(lines_of(text), start=1)
        if line.strip(" ")
    ]
    quoted, throughout = _quoted(text) if '"' in text else (None, False)
    if quoted is None or throughout:
        return plain if quoted is None else quoted
    # A quote that joins lines would swallow one that is a row by itself.
    lines = {record.begins: len(record.cells) for record in plain}
    for record in quoted:
        if any(lines.get(number) == len(record.cells) for number in range(record.begins, record.ends)):
            return plain
    return quoted


def _even(records: Sequence[Record]) -> bool:
    return len({len(record.cells) for record in records}) == 1


def _quoted(text: str) -> tuple[list[Record] | None, bool]:
    """Return the records of a file that a csv writer quoted.

    The records are None if no csv writer wrote the file. The second part of the result says whether the writer quotes
    the whole first line, as writers do that quote all cells or all cells that are not numbers.
    """
    records: list[Record] = []
    cells: list[str] = []
    everywhere = needed = first = True
    begins = 1
    for quoted, cell, line, ends in _fields(text):
        if quoted is None:
            return None, False
        everywhere = everywhere and (quoted or _NUMBER.fullmatch(cell) is not None)
        needed = needed and (not quoted or any(character in cell for character in '"\t\r\n'))
        first = first and (quoted or bool(records))
        cells.append(cell)
        if ends:
            if len(cells) > 1 or quoted or cell.strip(" "):
                records.append(Record(begins, line, cells))
            cells, begins = [], line + 1
    return (records, everywhere and first) if (everywhere or needed) and _even(records) else (None, False)


def _fields(text: str) -> Iterator[tuple[bool | None, str, int, bool]]:
    """Yield the cells of a text in quoted TSV.

    Each item is (whether the cell is in quotes, cell, the line where it ends, whether it ends its record). The first
    part is None for a cell that no csv writer writes.
    """
    at, line = 0, 1
    ended = True
    while at < len(text) or not ended:
        match = _FIELD.match(text, at)
        if match is None:
            yield None, "", line, True
            return
        inner, bare, end = match.groups()
        ended = end != "\t"
        line += 0 if inner is None else inner.count("\n")
        yield inner is not None, bare if inner is None else inner.replace('""', '"'), line, ended
        line += ended
        at = match.end()


def lines_of(text: str) -> list[str]:
    """Return the lines of a text.

    A line ends at a line feed, with or without a carriage return before it, and at nothing else.
    """
    lines = text.split("\n")
    if lines[-1] == "":
        del lines[-1]
    return [line.removesuffix("\r") for line in lines]
