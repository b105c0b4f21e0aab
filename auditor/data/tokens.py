"""Files of words and their tags → numbered rows: CoNLL columns, JSONL, Parquet, folders saved by ``datasets``.

Tags come out as IOB2, whatever the scheme of the file; the scheme is that of the whole file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from auditor import text as texts
from auditor.data import conll, saved, tables
from auditor.data.conll import DOCUMENT, TAGS, TOKENS
from auditor.data.in_memory import InMemory, Source
from auditor.data.tables import Table
from auditor.errors import DataError
from auditor.labels import spellings
from auditor.labels.matching import CLASS, MAPPING, NAME, POSITION, Reading
from auditor.labels.spellings import UNFILLED
from auditor.storage.reading import is_folder
from auditor.text import spans
from auditor.text.spans import OUTSIDE

COLUMNS = (".conll", ".txt", ".bio", ".iob", ".iob2", ".tsv")
"""Kinds of files with one word and its tag a line, told by their names."""
SUFFIXES = (*COLUMNS, ".jsonl", ".parquet")
TOKEN_NAMES = ("tokens", "words")
TAG_NAMES = ("ner_tags", "tags", "labels", "ner")
"""Usual names of the columns in other files, the earlier ones first."""
_NUMBERED = re.compile(r"col\w*[ _-]?\d+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Numbers:
    """What tags that are numbers may mean: the model's tags by their positions, or tags that they are mapped to."""

    known: tuple[str, ...] = ()
    mapping: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tagged:
    """A table whose tags are IOB2."""

    table: Table
    columns: tuple[str, str]
    """Of words and of tags."""
    reading: Reading
    assumed: tuple[str, ...] = ()
    """Names of columns that the file does not have, and that its usual ones were taken for."""


def read(
    path: Source,
    *,
    text: str | None = None,
    label: str | None = None,
    repair: bool = False,
    shared: bool = False,
    numbers: Numbers | None = None,
) -> Tagged:
    """The rows of a file, a folder or memory, and the columns of words and tags; a row's number is the line it begins in.

    ``text`` and ``label``: their names where they are not the usual ones; those of a CoNLL file are ``tokens``, ``column 2``,
    ``column 3`` and ``tags``. ``shared``: the names are those of other files, which a CoNLL file need not have. ``repair``: a
    tag that may not stand where it does begins or ends an entity; otherwise it is a DataError, like whatever else is no
    sentence of words with one tag each.
    """
    table, columns = _read(path, text, label, shared)
    tokens, tags = columns
    table, reading = _in_words(table, tags, numbers or Numbers())
    rows = [(number, _row(cells, tokens, tags, f"{path}: row {number}")) for number, cells in table.rows]
    written = _scheme(table, rows, tags)
    for number, cells in rows:
        found = None if repair else spans.illegal(cells[tags], written)
        if found is not None:
            index, problem = found
            line = line_of(table, number, index)
            hint = "[data] repair = true lets it begin or end one"
            if reading.by == POSITION:
                hint = f"are its numbers the model's tags in their order, {reading.line.removeprefix('by position: ')}?"
            raise DataError(f"{problem}; word {cells[tokens][index]!r}", where=f"{path}: row {line}", hint=hint)
        cells[tags] = spans.converted(cells[tags])
    by_place = isinstance(path, Path) and path.suffix.lower() in COLUMNS and not path.is_dir()
    assumed = [name for name in (text, label) if by_place and name is not None and _numbered(table, name) is None]
    return Tagged(replace(table, rows=tuple(rows)), columns, reading, tuple(assumed))


def has(path: Source, text: str | None, label: str | None) -> bool:
    """Whether a file has these columns by their names; one that cannot be read has none."""
    try:
        _read(path, text, label, shared=False)
    except DataError:
        return False
    return True


def is_number(word: str) -> bool:
    """Whether a label is a whole number, also with ``.0``."""
    return spellings.NUMBER.fullmatch(spellings.spelled(word)) is not None


def line_of(table: Table, number: int, index: int) -> int:
    """The line of a row's word, where that is known, else the row's own number."""
    return table.lines[number][index] if number in table.lines else number


def _named(table: Table, given: str | None, usual: Sequence[str], key: str) -> str:
    wanted = usual if given is None else (given,)
    found = next((name for name in wanted if name in table.header), None)
    if found is None:
        shown = ", ".join(table.header[:20])
        problem = f"no column is called {' or '.join(wanted)}"
        raise DataError(problem, where=str(table.path), hint=f"name it: [data] {key}; columns: {shown}")
    return found


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
            raise DataError("no such file", where=where, hint="paths in audit.toml are relative to that file")
        hint = f"one of {', '.join(SUFFIXES)}, or a folder saved by datasets"
        raise DataError(f"unknown kind of file {path.suffix!r} for words with tags", where=where, hint=hint)
    return table, (_named(table, text, TOKEN_NAMES, "text_column"), _named(table, label, TAG_NAMES, "label_column"))


def _of_conll(table: Table, given: str | None, usual: str, shared: bool) -> str:
    """A column of a CoNLL file by its name or its number, the usual one without any.

    ``shared``: other names are of other files, and a file of two columns has but one of tags, whichever that is in files of
    more. Raises DataError for a column that is not there.
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
    """The column of a CoNLL file that has this name, or this number with or without the word "column"."""
    columns = [name for name in table.header if name != DOCUMENT]
    numbered = {f"column {number}": name for number, name in enumerate(columns, start=1)}
    return given if given in table.header else numbered.get(given, numbered.get(f"column {given}"))


def _in_words(table: Table, tags: str, numbers: Numbers) -> tuple[Table, Reading]:
    """Tags as words, decided once for all of them: numbers by the file's names, by the mapping, or by position."""
    every = Counter(spellings.spelled(one) for _, cells in table.rows for one in _listed(cells.get(tags)))
    if not every or not all(_numeric(one) for _, cells in table.rows for one in _listed(cells.get(tags))):
        return table, Reading(tags, NAME)
    names, by = _meanings(table, tags, sorted(every, key=spellings.by_number), numbers)

    def named(value: Any) -> Any:
        return tuple(names[spellings.spelled(one)] for one in value) if isinstance(value, list | tuple) else value

    rows = tuple((number, {**cells, tags: named(cells.get(tags))}) for number, cells in table.rows)
    outside = [f"{number} ({every[number]:,} words)" for number, tag in names.items() if tag == OUTSIDE]
    note = f"several numbers are O: {', '.join(outside)}" if len(outside) > 1 else ""
    return replace(table, rows=rows), Reading(tags, by, names, note)


def _meanings(table: Table, tags: str, every: Sequence[str], numbers: Numbers) -> tuple[dict[str, str], str]:
    """Number → tag, and how that was decided. Raises DataError with the mapping to write."""
    classes = {str(number): name for number, name in enumerate(table.classes.get(tags, ()))}
    known = {str(number): tag for number, tag in enumerate(numbers.known)}
    mapping = {spellings.spelled(number): tag for number, tag in numbers.mapping.items()}
    ways = ((mapping, MAPPING), (classes, CLASS), (known, POSITION))
    means, by = next(((means, by) for means, by in ways if means), ({}, ""))
    lacking = [one for one in every if one not in means]
    if not lacking:
        return {one: means[one] for one in every}, by
    where = f"{table.path}: column {tags!r}"
    if by == CLASS:
        raise DataError(
            f"the file has no name for {lacking[0]}", where=where, hint=f"its names: {', '.join(classes.values())}"
        )
    problem = f"tags are numbers ({spellings.shown(every)}), and the file does not say what they mean"
    if by == MAPPING:
        problem = f"the tag {lacking[0]} is not mapped"
    elif by == POSITION:
        problem = f"the tag {lacking[0]} is no position in the model (0 to {len(known) - 1})"
    rows = [tuple(map(spellings.spelled, _listed(cells.get(tags)))) for _, cells in table.rows]
    raise DataError(problem, where=where, hint=_hint(every, rows, numbers.known, mapping))


PADDING = "-100"
"""How inputs of a training say that a piece of a word has no tag."""


def _hint(every: Sequence[str], rows: Sequence[Sequence[str]], known: Sequence[str], mapping: Mapping[str, str]) -> str:
    """The mapping to write: whole where one is sure to be consistent, else with the model's tags to choose from."""
    if PADDING in every and PADDING not in mapping:
        return f"{PADDING} stands for pieces of words in inputs of a training: give the words and their tags"
    given = {one: mapping[one] for one in every if one in mapping}
    if not known:
        return f"say what each means: [data] {spellings.template({**_guessed(every), **given})}"
    filled = {**dict.fromkeys(every, UNFILLED), **(given or _in_order(every, rows, known))}
    said = f"say what each means: [data] {spellings.template(filled)}"
    if UNFILLED not in filled.values():
        return said
    tags = spellings.shown([f"{number} = {tag}" for number, tag in enumerate(known)])
    return f"{said}; for each {UNFILLED} one of the model's tags ({tags}), or O for a type that it lacks"


def _in_order(every: Sequence[str], rows: Sequence[Sequence[str]], known: Sequence[str]) -> dict[str, str]:
    """The model's tags in order, where there are as many of both and every sentence makes sense; else nothing."""
    names = dict(zip(every, known, strict=False))
    tags = [tuple(names.get(one, "") for one in row) for row in rows]
    if len(every) != len(known):
        return {}
    written = spans.scheme(tags)
    return {} if any(spans.illegal(one, written) for one in tags) else names


def _guessed(every: Sequence[str]) -> dict[str, str]:
    """Of a new model: O, then the two tags of each type, whose names are to be filled in."""
    return {
        one: f"{'BI'[(place - 1) % 2]}-TYPE{(place + 1) // 2}" if place else OUTSIDE for place, one in enumerate(every)
    }


def _numeric(tag: Any) -> bool:
    """Whether a tag is a whole number, also as pandas writes a column with a gap: 3.0."""
    return not isinstance(tag, bool) and isinstance(tag, int | float | str) and is_number(str(tag))


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _row(cells: Mapping[str, Any], tokens: str, tags: str, where: str) -> dict[str, Any]:
    """The row with words and tags as tuples, one tag a word."""
    words = _list(cells.get(tokens), tokens, where, hint="words are in quotes")
    marks = _list(cells.get(tags), tags, where, hint="tags are all words, such as B-PER, or all whole numbers")
    if not words:
        raise DataError("has no words", where=where, hint="remove it")
    if len(words) != len(marks):
        raise DataError(f"has {len(words)} words and {len(marks)} tags", where=where)
    for word in words:
        if texts.words_of(word) != (word,):
            hint = "blanks, tabs and line ends part words" if word.strip() else "remove it, and its tag"
            raise DataError(f"word {word!r} is blank or holds white space", where=where, hint=hint)
    return {**cells, tokens: words, tags: tuple(map(spans.typed, marks))}


def _list(value: Any, name: str, where: str, *, hint: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        kind = "a list with something else than words" if isinstance(value, list | tuple) else "not a list of words"
        raise DataError(
            f"column {name!r} holds {kind}: {str(value)[:40]!r}", where=where, hint=_odd(_listed(value), hint)
        )
    return tuple(value)


def _odd(values: Sequence[Any], hint: str) -> str | None:
    """A hint with the first value that is neither word nor whole number, else the first number, and its place."""
    strange = [index for index, one in enumerate(values) if not isinstance(one, str)]
    odd = next((index for index in strange if not _numeric(values[index])), next(iter(strange), None))
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
