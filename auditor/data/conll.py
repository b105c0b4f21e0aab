"""Reader for CoNLL files: one word and its tag per line.

Rows hold words with tags as the file writes them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from auditor.data import tables
from auditor.data.delimited import lines_of
from auditor.data.tables import NO_ROWS, Table
from auditor.errors import DataError
from auditor.storage.reading import near_file, read_file
from auditor.text.spans import PREFIXES

TOKENS, TAGS, DOCUMENT = "tokens", "tags", "document"
"""Names given to the columns of a CoNLL file."""
_DOCSTART = "-DOCSTART-"
_TAG = re.compile(r"O|[BIESLU]-\S+")


def read(path: Path) -> Table:
    """Read a CoNLL file of two to four columns.

    Tabs or blanks separate the columns; the first holds the word, the last its tag.
    """
    where = str(path)
    content = read_file(path, DataError, hint=near_file(path))
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
    """Split a line at tabs, or at blanks if it has none.

    No other white space separates words.
    """
    if "\t" in line.strip(" "):
        return [cell.strip(" ") for cell in line.split("\t")]
    return [cell for cell in line.split(" ") if cell]


def _is_comment(line: str, cells: Sequence[str], width: int) -> bool:
    """Tell whether a line is a comment.

    ``# text`` and CoNLL-2012's ``#begin`` are; ``#London`` without a tag and a hash that has a tag are not.
    """
    if not line.startswith(("# ", "#begin ", "#end ")) and line.strip(" \t") != "#":
        return False
    if width not in (0, len(cells)) or len(cells) < 2:
        return True
    # A bare prefix is a tag only in a line as wide as the others: "# plan B" above the first word is a comment.
    return not (_TAG.fullmatch(cells[-1]) or (len(cells) in (2, width) and cells[-1] in PREFIXES))


def _width(lines: Sequence[tuple[int, str]], where: str) -> int:
    """Return the number of columns of the first line with a word."""
    for number, line in lines:
        cells = _cells(line)
        if not any(cells) or cells[0] == _DOCSTART or _is_comment(line, cells, 0):
            continue
        if not 2 <= len(cells) <= 4:
            hint = "a line holds a word, up to two other columns and the tag, with tabs or blanks between"
            problem = f"has {len(cells)} column{'' if len(cells) == 1 else 's'}: {line[:60]!r}"
            raise DataError(problem, where=f"{where}: row {number}", hint=hint)
        return len(cells)
    return 2


def _check_cells(cells: Sequence[str], width: int, where: str) -> None:
    if len(cells) != width:
        raise DataError(f"has {len(cells)} columns, but the first word of the file has {width}", where=where)
    if not cells[0]:
        raise DataError("has a tag but no word", where=where)
    if not cells[-1]:
        raise DataError(f"word {cells[0]!r} has no tag", where=where, hint="write O for a word outside every entity")


def _sentence(lines: Sequence[tuple[int, list[str]]], width: int, document: int) -> dict[str, Any]:
    columns = list(zip(*(cells for _, cells in lines), strict=True))
    row: dict[str, Any] = {TOKENS: columns[0], TAGS: columns[-1]}
    row |= {f"column {index + 1}": columns[index] for index in range(1, width - 1)}
    return row | ({DOCUMENT: str(document)} if document else {})
