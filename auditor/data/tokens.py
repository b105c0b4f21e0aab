"""Files of words and their tags → numbered rows.

CoNLL columns, JSONL, Parquet and folders saved by ``datasets`` are read. Tags come out as IOB2, whatever the scheme of
the file; the scheme is that of the whole file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from auditor import text as texts
from auditor.data import conll, saved, tables, tag_numbers
from auditor.data.conll import DOCUMENT, TAGS, TOKENS
from auditor.data.in_memory import InMemory, Source
from auditor.data.tables import Table
from auditor.errors import DataError
from auditor.labels.matching import POSITION, Reading
from auditor.storage.reading import is_folder, near_file
from auditor.text import spans

COLUMNS = (".conll", ".txt", ".bio", ".iob", ".iob2", ".tsv")
"""Endings of files with one word and its tag per line."""
SUFFIXES = (*COLUMNS, ".jsonl", ".parquet")
TOKEN_NAMES = ("tokens", "words")
TAG_NAMES = ("ner_tags", "tags", "labels", "ner")
"""Usual names of the columns in other files, the earlier ones first."""
_NUMBERED = re.compile(r"col\w*[ _-]?\d+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tagged:
    """A table whose tags are IOB2."""

    table: Table
    columns: tuple[str, str]
    """The columns of words and of tags."""
    reading: Reading
    assumed: tuple[str, ...] = ()
    """Configured names that the file lacks; its usual columns stand for them."""


def read(
    path: Source,
    *,
    text: str | None = None,
    label: str | None = None,
    repair: bool = False,
    shared: bool = False,
    numbers: tag_numbers.Numbers | None = None,
) -> Tagged:
    """Read rows of words with tags from a file, folder or memory.

    A row's number is the line where it begins. ``text`` and ``label``: names of the columns if they are not the usual
    ones; those of a CoNLL file are ``tokens``, ``column 2``, ``column 3`` and ``tags``. ``shared``: the names are those
    of other files, and a CoNLL file need not have them. ``repair``: a tag that violates the scheme begins or ends an
    entity; otherwise it raises DataError, as does anything that is not a sentence of words with one tag each.
    """
    table, columns = _read(path, text, label, shared)
    tokens, tags = columns
    table, reading = tag_numbers.in_words(table, tags, numbers or tag_numbers.Numbers())
    rows = [(number, _row(cells, tokens, tags, f"{path}: row {number}")) for number, cells in table.rows]
    scheme = _scheme(table, rows, tags)
    for number, cells in rows:
        violation = None if repair else spans.illegal(cells[tags], scheme)
        if violation is not None:
            index, problem = violation
            line = line_of(table, number, index)
            hint = "[data] repair = true lets it begin or end an entity"
            if reading.by == POSITION:
                hint = f"are its numbers the model's tags in their order, {reading.line.removeprefix('by position: ')}?"
            raise DataError(f"{problem}; word {cells[tokens][index]!r}", where=f"{path}: row {line}", hint=hint)
        cells[tags] = spans.converted(cells[tags])
    by_place = isinstance(path, Path) and path.suffix.lower() in COLUMNS and not path.is_dir()
    assumed = [name for name in (text, label) if by_place and name is not None and _numbered(table, name) is None]
    return Tagged(replace(table, rows=tuple(rows)), columns, reading, tuple(assumed))


def has(path: Source, text: str | None, label: str | None) -> bool:
    """Whether a file has columns with these names.

    A file that cannot be read has none.
    """
    try:
        _read(path, text, label, shared=False)
    except DataError:
        return False
    return True


def line_of(table: Table, number: int, index: int) -> int:
    """Return the line of a row's word.

    The row's own number stands for a line that is not known.
    """
    return table.lines[number][index] if number in table.lines else number


def _named(table: Table, given: str | None, usual: Sequence[str], key: str) -> str:
    wanted = usual if given is None else (given,)
    column = next((name for name in wanted if name in table.header), None)
    if column is None:
        shown = ", ".join(table.header[:20])
        problem = f"no column is called {' or '.join(wanted)}"
        raise DataError(problem, where=str(table.path), hint=f"name it: [data] {key}; columns: {shown}")
    return column


def _read(path: Source, text: str | None, label: str | None, shared: bool) -> tuple[Table, tuple[str, str]]:
    where, suffix = str(path), path.suffix.lower()
    if isinstance(path, InMemory):
        table = tables.read(path)
    elif is_folder(path, DataError):
        if not saved.is_saved(path):
            hint = f"or a file: {', '.join(SUFFIXES)}"
            raise DataError("is a folder that datasets did not save", where=where, hint=hint)
        table = tables.read(path)
    elif suffix in COLUMNS:
        table = conll.read(path)
        return table, (_of_conll(table, text, TOKENS, shared), _of_conll(table, label, TAGS, shared))
    elif suffix in (".jsonl", ".parquet"):
        table = tables.read(path)
    else:
        if not path.exists():
            raise DataError("no such file", where=where, hint=near_file(path))
        hint = f"one of {', '.join(SUFFIXES)}, or a folder saved by datasets"
        raise DataError(f"unknown kind of file {path.suffix!r} for words with tags", where=where, hint=hint)
    return table, (_named(table, text, TOKEN_NAMES, "text_column"), _named(table, label, TAG_NAMES, "label_column"))


def _of_conll(table: Table, given: str | None, usual: str, shared: bool) -> str:
    """Return a column of a CoNLL file by its name or number.

    Without either, it is the usual one. ``shared``: other names belong to other files, and a file of two columns has
    only one column of tags, whatever its number in wider files. Raises DataError for a column that does not exist.
    """
    if given is None:
        return usual
    column = _numbered(table, given)
    if column is not None:
        return column
    columns = [name for name in table.header if name != DOCUMENT]
    if shared and (len(columns) == len((TOKENS, TAGS)) or not _NUMBERED.fullmatch(given)):
        return usual
    numbers = ", ".join(f"column {number}" for number in range(1, len(columns) + 1))
    hint = f"of its {len(columns)} columns, one of: {numbers}"
    raise DataError(f"no column is called {given!r}", where=str(table.path), hint=hint)


def _numbered(table: Table, given: str) -> str | None:
    """Return the column of a CoNLL file with this name or number.

    The word "column" before a number is optional. The result is None where there is no such column.
    """
    columns = [name for name in table.header if name != DOCUMENT]
    numbered = {f"column {number}": name for number, name in enumerate(columns, start=1)}
    return given if given in table.header else numbered.get(given, numbered.get(f"column {given}"))


def _row(cells: Mapping[str, Any], tokens: str, tags: str, where: str) -> dict[str, Any]:
    """Return the row with words and tags as tuples, equally many."""
    words = _list(cells.get(tokens), tokens, where, hint="put words in quotes")
    marks = _list(cells.get(tags), tags, where, hint="tags are all words, such as B-PER, or all whole numbers")
    if not words:
        raise DataError("has no words", where=where, hint="remove it")
    if len(words) != len(marks):
        raise DataError(f"has {len(words)} words and {len(marks)} tags", where=where)
    for word in words:
        if texts.words_of(word) != (word,):
            hint = "blanks, tabs and line ends separate words" if word.strip() else "remove it, and its tag"
            raise DataError(f"word {word!r} is blank or holds white space", where=where, hint=hint)
    return {**cells, tokens: words, tags: tuple(map(spans.typed, marks))}


def _list(value: Any, name: str, where: str, *, hint: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        kind = "a list with values other than words" if isinstance(value, list | tuple) else "not a list of words"
        raise DataError(
            f"column {name!r} holds {kind}: {str(value)[:40]!r}",
            where=where,
            hint=_odd(tag_numbers.listed(value), hint),
        )
    return tuple(value)


def _odd(values: Sequence[Any], hint: str) -> str | None:
    """Return a hint with the first odd value and its place.

    That is the first value that is neither word nor whole number, else the first number.
    """
    strange = [index for index, value in enumerate(values) if not isinstance(value, str)]
    odd = next((index for index in strange if not tag_numbers.numeric(values[index])), next(iter(strange), None))
    return None if odd is None else f"value {odd + 1} is {str(values[odd])[:40]}: {hint}"


def _scheme(table: Table, rows: Sequence[tuple[int, Any]], tags: str) -> str:
    try:
        return spans.scheme([cells[tags] for _, cells in rows])
    except DataError:
        for number, cells in rows:
            for index, tag in enumerate(cells[tags]):
                try:
                    spans.parts(tag)
                except DataError as error:
                    raise error.at(f"{table.path}: row {line_of(table, number, index)}") from None
        raise
