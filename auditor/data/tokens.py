"""Files of words and their tags → numbered rows: CoNLL columns, JSONL, Parquet, folders saved by ``datasets``.

Tags come out as IOB2, whatever the scheme of the file; the scheme is that of the whole file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from auditor import spans
from auditor.data import tables
from auditor.data.tables import NO_ROWS, Table
from auditor.errors import DataError
from auditor.reading import check_folder, is_folder, read_file

COLUMNS = (".conll", ".txt", ".bio", ".iob", ".iob2", ".tsv")
"""Kinds of files with one word and its tag a line, told by their names."""
SUFFIXES = (*COLUMNS, ".jsonl", ".parquet")
TOKENS, TAGS, DOCUMENT = "tokens", "tags", "document"
"""What the columns of a CoNLL file are called here."""
TOKEN_NAMES = ("tokens", "words")
TAG_NAMES = ("ner_tags", "tags", "labels", "ner")
"""Usual names of the columns in other files, the earlier ones first."""
_DOCSTART = "-DOCSTART-"
_NUMBERED = re.compile(r"col\w*[ _-]?\d+", re.IGNORECASE)
_TAG = re.compile(r"O|[BIESLU]-\S+")


def read(
    path: Path, *, text: str | None = None, label: str | None = None, repair: bool = False
) -> tuple[Table, tuple[str, str]]:
    """The rows of a file or folder, and the columns of words and tags; a row's number is the line it begins in.

    ``text`` and ``label``: their names where they are not the usual ones; those of a CoNLL file are ``tokens``, ``column 2``,
    ``column 3`` and ``tags``. ``repair``: a tag that may not stand where it does begins or ends an entity; otherwise it is a
    DataError, like whatever else is no sentence of words with one tag each.
    """
    table, columns = _read(path, text, label)
    tokens, tags = columns
    rows = [(number, _row(cells, tokens, tags, f"{path}: row {number}")) for number, cells in table.rows]
    written = _scheme(table, rows, tags)
    for number, cells in rows:
        found = None if repair else spans.illegal(cells[tags], written)
        if found is not None:
            index, problem = found
            line = line_of(table, number, index)
            hint = "[data] repair = true lets it begin or end one"
            raise DataError(f"{problem}; word {cells[tokens][index]!r}", where=f"{path}: row {line}", hint=hint)
        cells[tags] = spans.converted(cells[tags])
    return replace(table, rows=tuple(rows)), columns


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


def _read(path: Path, text: str | None, label: str | None) -> tuple[Table, tuple[str, str]]:
    where, suffix = str(path), path.suffix.lower()
    if is_folder(path, DataError):
        table = _saved(path)
    elif suffix in COLUMNS:
        table = _conll(path)
        return table, (_of_conll(table, text, TOKENS), _of_conll(table, label, TAGS))
    elif suffix in (".jsonl", ".parquet"):
        table = tables.read(path)
    else:
        if not path.exists():
            raise DataError("no such file", where=where, hint="paths in audit.toml are relative to that file")
        hint = f"one of {', '.join(SUFFIXES)}, or a folder saved by datasets"
        raise DataError(f"unknown kind of file {path.suffix!r} for words with tags", where=where, hint=hint)
    columns = _named(table, text, TOKEN_NAMES, "text_column"), _named(table, label, TAG_NAMES, "label_column")
    return _with_names(table, columns[1]), columns


def _of_conll(table: Table, given: str | None, usual: str) -> str:
    """A column of a CoNLL file by its name or its number, the usual one without any.

    Other names are of other files: a config, or a training's record, has one for all of them. So has a file of two columns
    but one of tags, whichever that is in files of more. Raises DataError for a number beyond the columns, or one misspelt.
    """
    columns = [name for name in table.header if name != DOCUMENT]
    numbered = {f"column {number}": name for number, name in enumerate(columns, start=1)}
    if given is None or given in table.header:
        return given or usual
    if given in numbered or len(columns) == len((TOKENS, TAGS)) or not _NUMBERED.fullmatch(given):
        return numbered.get(given, usual)
    hint = f"of its {len(columns)} columns, one of: {', '.join(numbered)}"
    raise DataError(f"no column is called {given}", where=str(table.path), hint=hint)


def _conll(path: Path) -> Table:
    """Two to four columns with tabs or blanks between; the first holds the word, the last its tag."""
    where = str(path)
    content = read_file(path, DataError, hint="paths in audit.toml are relative to that file")
    lines = list(enumerate(tables.decoded(content, where).splitlines(), start=1))
    width = _width(lines, where)
    rows: list[tuple[int, dict[str, Any]]] = []
    places: dict[int, tuple[int, ...]] = {}
    sentence: list[tuple[int, list[str]]] = []
    document = 0
    for number, line in (*lines, (len(lines) + 1, "")):
        cells = line.split("\t") if "\t" in line.strip() else line.split()
        cells = [cell.strip() for cell in cells]
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


def _is_comment(line: str, cells: Sequence[str], width: int) -> bool:
    """``# text`` and CoNLL-2012's ``#begin``; not ``#London`` without a tag, nor a hash that has one."""
    if not line.startswith(("# ", "#begin ", "#end ")) and line.strip() != "#":
        return False
    return not ((width in (0, len(cells))) and len(cells) > 1 and _TAG.fullmatch(cells[-1].strip()))


def _width(lines: Sequence[tuple[int, str]], where: str) -> int:
    """How many columns the first line with a word has."""
    for number, line in lines:
        cells = line.split("\t") if "\t" in line.strip() else line.split()
        if not cells or cells[0] == _DOCSTART or _is_comment(line, cells, 0):
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


def _sentence(lines: Sequence[tuple[int, list[str]]], width: int, document: int) -> dict[str, Any]:
    columns = list(zip(*(cells for _, cells in lines), strict=True))
    found: dict[str, Any] = {TOKENS: columns[0], TAGS: columns[-1]}
    found |= {f"column {index + 1}": columns[index] for index in range(1, width - 1)}
    return found | ({DOCUMENT: str(document)} if document else {})


def _row(cells: Mapping[str, Any], tokens: str, tags: str, where: str) -> dict[str, Any]:
    """The row with words and tags as tuples, one tag a word."""
    words, marks = (_list(cells.get(name), name, where) for name in (tokens, tags))
    if not words:
        raise DataError("has no words", where=where, hint="remove it")
    if len(words) != len(marks):
        raise DataError(f"has {len(words)} words and {len(marks)} tags", where=where)
    for word in words:
        if len(word.split()) != 1 or word.split()[0] != word:
            hint = "words are told apart by white space" if word.strip() else "remove it, and its tag"
            raise DataError(f"word {word!r} is blank or holds white space", where=where, hint=hint)
    return {**cells, tokens: words, tags: marks}


def _list(value: Any, name: str, where: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        kind = "a list with something else than words" if isinstance(value, list | tuple) else "not a list of words"
        raise DataError(f"column {name!r} holds {kind}: {str(value)[:40]!r}", where=where)
    return tuple(value)


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


def _with_names(table: Table, tags: str) -> Table:
    """Tags that are numbers by the names that ``datasets`` keeps beside them."""
    known = table.classes.get(tags)
    if known is None:
        return table

    def named(value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return [known[one] if isinstance(one, int) and 0 <= one < len(known) else one for one in value]

    return replace(table, rows=tuple((number, {**cells, tags: named(cells.get(tags))}) for number, cells in table.rows))


def _saved(path: Path) -> Table:
    """A folder of ``Dataset.save_to_disk``. Raises DataError, also for one of several splits."""
    where = str(path)
    if (path / "dataset_dict.json").is_file():
        splits = ", ".join(sorted(one.name for one in path.iterdir() if one.is_dir()))
        raise DataError("holds several splits", where=where, hint=f"name one of them: {splits}")
    if not (path / "state.json").is_file():
        raise DataError("is a folder that datasets did not save", where=where, hint=f"or a file: {', '.join(SUFFIXES)}")
    check_folder(path, DataError)
    import datasets

    try:
        found = datasets.load_from_disk(str(path))
        rows = tuple(enumerate(found.to_list(), start=1))
    except Exception as error:
        # Of every kind: the library reads its own files without looking at them first.
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"does not load: {said}", where=where) from error
    return Table(path, tuple(found.column_names), rows, classes=dict(_classes(found.features)))


def _classes(features: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, feature in features.items():
        inner = getattr(feature, "feature", feature)
        if hasattr(inner, "names"):
            yield name, tuple(inner.names)
