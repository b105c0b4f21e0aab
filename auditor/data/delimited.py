"""CSV and TSV → numbered rows. No quote swallows lines that are rows of their own.

A CSV file is read with quoting. A TSV file is read without, as most are written, unless all of it is written by a csv writer:
every cell that holds a quote stands in quotes, either because it has to or because all cells do.
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
    """Cells, and the lines that they stand in."""

    begins: int
    ends: int
    cells: list[str]


def read(
    text: str, where: str, suffix: str, *, header: bool = True
) -> tuple[list[str], list[tuple[int, dict[str, Any]]]]:
    """The header and the rows of a ``.csv`` or ``.tsv``; without a header columns are called ``column 1`` and so on.

    Raises DataError: a row that does not parse, or with other cells than the header, or that a quote makes of several.
    """
    delimiter, name = ("\t", "tabs") if suffix == ".tsv" else (",", "commas")
    records = _tsv(text) if suffix == ".tsv" else list(_csv(text, where))
    if not records:
        return [], []
    names = records[0].cells
    if len(names) == 1 and any(other in names[0] for other in ",;\t|"):
        hint = f"a {suffix} file has {name} between its columns"
        raise DataError(f"has one column only, {names[0][:60]!r}", where=where, hint=hint)
    for record in records[1:]:
        if len(record.cells) != len(names):
            raise _wrong_width(record, len(names), where, delimiter, header=header)
    if suffix == ".csv":
        _check_swallowed(text, records, where)
    if not header:
        names = [f"column {number}" for number in range(1, len(names) + 1)]
    return names, [
        (one.begins, dict(zip(names, one.cells, strict=False))) for one in (records[1:] if header else records)
    ]


def _wrong_width(record: Record, width: int, where: str, delimiter: str, *, header: bool) -> DataError:
    few = "fewer" if len(record.cells) < width else "more"
    word = "cell" if len(record.cells) == 1 else "cells"
    hint = 'put a text that holds a delimiter or a line break in quotes ("…")'
    if delimiter == "\t":
        hint = "no cell holds a tab or a line break, unless each that does or holds a quote is in quotes"
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
    """Records with quoting, blank lines left out."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    begins = 1
    try:
        with _long_cells():
            for cells in reader:
                if len(cells) > 1 or "".join(cells).strip(" \t"):
                    yield Record(begins, reader.line_num, cells)
                begins = reader.line_num + 1
    except csv.Error as error:
        hint = 'a quote inside a quoted text is written twice ("")'
        raise DataError(f"row {begins} does not parse: {error}", where=where, hint=hint) from None


def _check_swallowed(text: str, records: Sequence[Record], where: str) -> None:
    """Refuse a record of several lines of which one is a row by itself, with a label that other rows have.

    A text with line breaks in it seldom looks so; lines between a stray quote and the next one do.
    """
    long = [one for one in records[1:] if one.ends > one.begins]
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
                f"row {record.begins}: a quote swallows the lines up to {record.ends}, of which some are rows of their own",
                where=where,
                hint='a quote that is part of a text is written twice (""), in a text that stands in quotes',
            )


def _is_row(cells: Sequence[str], known: Sequence[set[str]]) -> bool:
    return len(cells) == len(known) and any(cell in values for cell, values in zip(cells, known, strict=True))


def _may_be_row(cells: Sequence[str], width: int) -> bool:
    return len(cells) == width and any(map(_WHOLE.fullmatch, cells))


def _tsv(text: str) -> list[Record]:
    """Records, read without quoting unless all of the file is written with it."""
    plain = [
        Record(number, number, line.split("\t"))
        for number, line in enumerate(lines_of(text), start=1)
        if line.strip(" ")
    ]
    quoted, throughout = _quoted(text) if '"' in text else (None, False)
    if quoted is None or throughout:
        return plain if quoted is None else quoted
    # A quote that joins lines of which one is a row as it stands would swallow it.
    lines = {record.begins: len(record.cells) for record in plain}
    for record in quoted:
        if any(lines.get(number) == len(record.cells) for number in range(record.begins, record.ends)):
            return plain
    return quoted


def _even(records: Sequence[Record]) -> bool:
    return len({len(one.cells) for one in records}) == 1


def _quoted(text: str) -> tuple[list[Record] | None, bool]:
    """Records of a file that a csv writer has quoted, None where it has not; and whether it has quoted the first line whole,
    as those do that quote all cells or all that are no numbers.
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
    """(whether in quotes, cell, the line it ends in, whether its record does); None for one that no csv writer writes."""
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
    """Lines, which end at a line feed, perhaps with a carriage return before it, and at nothing else."""
    lines = text.split("\n")
    if lines[-1] == "":
        del lines[-1]
    return [line.removesuffix("\r") for line in lines]
