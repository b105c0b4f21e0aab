"""CoNLL columns, one word a line → rows of words with tags as they are written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from auditor.data import tables
from auditor.data.delimited import lines_of
from auditor.data.tables import NO_ROWS, Table
from auditor.errors import DataError
from auditor.storage.reading import read_file
from auditor.text.spans import PREFIXES

TOKENS, TAGS, DOCUMENT = "tokens", "tags", "document"
"""What the columns of a CoNLL file are called here."""
_DOCSTART = "-DOCSTART-"
_TAG = re.compile(r"O|[BIESLU]-\S+")


def read(path: Path) -> Table:
    """Two to four columns with tabs or blanks between; the first holds the word, the last its tag."""
    where = str(path)
    content = read_file(path, DataError, hint="paths in audit.toml are relative to that file")
    lines = list(enumerate(lines_of(tables.decoded(content, where)), start=1))
    width = _width(lines, where)
    rows: list[tuple[int, dict[str, Any]]] = []
    places: dict[int, tuple[int, ...]] = {}
    sentence: list[tuple[int, list[str]]] = []
    document = 0
    for number, line in (*lines, (len(lines) + 1, "")):
        cells = _cells(line)
        if cells and cells[0] == _DOCSTART:
            document += 1
        elif any(cells):
            if _is_comment(line, cells, width):
                continue
            _check_cells(cells, width, f"{where}: row {number}")
            sentence.append((number, cells))
            continue
        if sentence:
            rows.append((sentence[0][0], _sentence(sentence, width, document)))
            places[sentence[0][0]] = tuple(place for place, _ in sentence)
            sentence = []
    if not rows:
        raise DataError("is empty" if not content.strip() else "has no words", where=where, hint=NO_ROWS)
    header = (TOKENS, *(f"column {index}" for index in range(2, width)), TAGS)
    return Table(path, (*header, DOCUMENT) if document else header, tuple(rows), lines=places)


def _cells(line: str) -> list[str]:
    """Columns part at tabs, and where there is none at blanks; no other white space parts words."""
    if "\t" in line.strip(" "):
        return [cell.strip(" ") for cell in line.split("\t")]
    return [cell for cell in line.split(" ") if cell]


def _is_comment(line: str, cells: Sequence[str], width: int) -> bool:
    """``# text`` and CoNLL-2012's ``#begin``; not ``#London`` without a tag, nor a hash that has one."""
    if not line.startswith(("# ", "#begin ", "#end ")) and line.strip(" \t") != "#":
        return False
    if width not in (0, len(cells)) or len(cells) < 2:
        return True
    # A type is no part of every tag, but "# plan B" before the first word is no word with two further columns.
    return not (_TAG.fullmatch(cells[-1]) or (len(cells) in (2, width) and cells[-1] in PREFIXES))


def _width(lines: Sequence[tuple[int, str]], where: str) -> int:
    """How many columns the first line with a word has."""
    for number, line in lines:
        cells = _cells(line)
        if not any(cells) or cells[0] == _DOCSTART or _is_comment(line, cells, 0):
            continue
        if not 2 <= len(cells) <= 4:
            hint = "a word, up to two other columns, and its tag, with tabs or blanks between"
            raise DataError(f"has {len(cells)} columns: {line[:60]!r}", where=f"{where}: row {number}", hint=hint)
        return len(cells)
    return 2


def _check_cells(cells: Sequence[str], width: int, where: str) -> None:
    if len(cells) != width:
        raise DataError(f"has {len(cells)} columns, and the first word of the file {width}", where=where)
    if not cells[0]:
        raise DataError("has a tag and no word", where=where)
    if not cells[-1]:
        raise DataError(f"word {cells[0]!r} has no tag", where=where, hint="O where it is part of no entity")


def _sentence(lines: Sequence[tuple[int, list[str]]], width: int, document: int) -> dict[str, Any]:
    columns = list(zip(*(cells for _, cells in lines), strict=True))
    found: dict[str, Any] = {TOKENS: columns[0], TAGS: columns[-1]}
    found |= {f"column {index + 1}": columns[index] for index in range(1, width - 1)}
    return found | ({DOCUMENT: str(document)} if document else {})
