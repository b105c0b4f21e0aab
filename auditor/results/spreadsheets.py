"""Tables for reviewers as CSV files.

The same table gives the same bytes. A spreadsheet program must not take a text for a formula.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from auditor.results.entries import table_of
from auditor.results.folder import TABLE
from auditor.results.folder import write as write_results
from auditor.types import Cell, Table
from auditor.types.given import COMMENT, CORRECTION, ID, VERDICT

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "|", "%")
"""What a cell that spreadsheet programs may compute begins with."""
QUOTE = "'"
"""Before such a cell it says that the cell is a text."""
LABELS = ("label", "answer")
"""Columns of a table whose labels may be corrected."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")
CELL = 32_000
"""The most characters of a cell; Excel holds 32,767."""


def tables_of(results: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Table]]:
    """Yield each table of the results with its record."""
    for record in results["records"]:
        for recorded in record.get("tables", ()):
            yield record, table_of(recorded)


def file_of(table: Table) -> str:
    """Return the name of a table's file."""
    return f"{table.name}{TABLE}"


def write(folder: Path, content: Mapping[str, Any]) -> None:
    """Write the file of each table, then ``results.json``."""
    for _, table in tables_of(content):
        (folder / file_of(table)).write_bytes(written(table))
    write_results(folder, content)


def problem_of(table: Table) -> str | None:
    """Say why no file can hold a table, or None."""
    named = {
        ID,
        table.by,
        *table.texts,
        *(() if table.corrects is None else LABELS),
        *(LABELS[:1] if table.corrections else ()),
    }
    missing = sorted(named - set(table.columns))
    ids = [row[table.columns.index(ID)] for row in table.rows if len(row) == len(table.columns)] if not missing else []
    problems = {
        f"has the name {table.name!r}, which is no word in small letters": not _NAME.fullmatch(table.name),
        "has two columns of one name": len(set(table.columns)) < len(table.columns),
        "has a column that a reviewer fills in": {VERDICT, CORRECTION, COMMENT} & set(table.columns),
        f"lacks the columns {', '.join(missing)}": missing,
        "has rows that are not as wide as its columns": any(len(row) != len(table.columns) for row in table.rows),
        "has not one cluster for each row": len(table.clusters) != len(table.rows),
        "has two rows with one id": len(set(ids)) < len(ids),
        "offers fewer than two verdicts": len(set(table.verdicts)) < 2,
    }
    return next((words for words, holds in problems.items() if holds), None)


def asked(table: Table) -> tuple[str, ...]:
    """Return the columns that a reviewer fills in."""
    return (VERDICT, *((CORRECTION,) if table.corrections else ()), COMMENT)


def written(table: Table) -> bytes:
    """Return the table as CSV, in UTF-8 with a byte-order mark.

    Excel takes a file without the mark for one in another encoding. Every cell is in quotes, so that a line break or a
    semicolon in a text begins no cell.
    """
    empty = ("",) * len(asked(table))
    return csv_of([*table.columns, *asked(table)], ((*row, *empty) for row in table.rows))


def csv_of(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Return rows as ``written`` returns those of a table."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(_cells(row) for row in rows)
    return text.getvalue().encode("utf-8-sig", "backslashreplace")


def _cells(row: Sequence[Cell]) -> Iterator[str]:
    return (f"{cell:.6g}" if isinstance(cell, float) else harmless(str(cell)) for cell in row)


def harmless(cell: str) -> str:
    """Return a text that no spreadsheet program computes, of bounded length.

    Other control characters than tabs and line breaks become escapes.
    """
    shown = "".join(
        character
        if character.isprintable() or character in "\t\n\r" or ord(character) > 0x9F
        else f"\\x{ord(character):02x}"
        for character in cell
    )
    shown = shown if len(shown) <= CELL else f"{shown[:CELL]} …"
    return QUOTE + shown if shown.lstrip(" \u00a0\ufeff").startswith(FORMULA) else shown
