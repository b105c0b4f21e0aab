"""Rows of a table → examples of a task: columns found, blanks and repetitions left out and counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from auditor.data import columns as choosing
from auditor.data import sentences, tables
from auditor.data.columns import FOUND, Columns
from auditor.data.in_memory import Source
from auditor.data.reports import DataReport, nothing
from auditor.data.tables import Table, sha256_of
from auditor.errors import DataError
from auditor.labels import matching, spellings
from auditor.labels.matching import Reading
from auditor.types import Example, Task


@dataclass(frozen=True, slots=True)
class Dataset:
    """A file, or rows in memory, read and checked."""

    name: str
    path: Source
    sha256: str
    examples: tuple[Example, ...]
    """In the file's order; ``id`` is ``name:row``, ``row`` as an editor counts lines (the header of a CSV file is
    row 1; rows of a Parquet file and of memory are counted from 1)."""
    report: DataReport
    columns: Mapping[str, str] = field(default_factory=dict)
    """Text fields, ``label`` and ``group`` → the column that was used."""
    reading: Reading | None = None
    """How its labels were read."""
    labels_file: Path | None = None
    """Where the labels stand, if not in a column of the file."""
    labels_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class _Opened:
    """A file's rows as text, before it is known what its labels mean."""

    table: Table
    names: Mapping[str, str]
    cells: Sequence[tuple[int, Mapping[str, str]]]
    """(row, text field, ``label`` and ``group`` → text)."""
    column: spellings.Column
    """The labels of the rows that have a text."""


def load(
    path: Source,
    *,
    name: str,
    task: Task,
    columns: Columns = FOUND,
    labels_file: Path | None = None,
) -> Dataset:
    """Read a file of labelled rows. ``labels_file``: where the labels of a file with one text a line stand, one a line.

    Rows without text or label and repeated rows are left out and counted. Raises DataError with file, row and value:
    what ``tables.read`` refuses, no such column, an unknown label, a text that is no text, no row left.
    """
    files = {} if labels_file is None else {name: labels_file}
    return load_all({name: path}, tasks={name: task}, columns=columns, labels_files=files)[name]


def load_all(
    files: Mapping[str, Source],
    *,
    tasks: Mapping[str, Task],
    columns: Columns = FOUND,
    labels_files: Mapping[str, Path] | None = None,
) -> dict[str, Dataset]:
    """The files of one audit or training, each as ``load`` reads it, and the numbers of all by one rule.

    ``tasks``: of each set. Raises DataError, also where the numbers of one file are names and those of another positions.
    """
    beside = dict(labels_files or {})
    for name in beside:
        if name not in files:
            raise DataError(f"labels are given for {name}, and no texts", where=str(beside[name]))
    of_words = [name for name in files if tasks[name].layout == "sentences"]
    columns = sentences.shared_among([files[name] for name in of_words], columns)
    opened = {
        name: _open(path, tasks[name].fields, columns, beside.get(name))
        for name, path in files.items()
        if name not in of_words
    }
    rule = _rule({name: (one, tasks[name]) for name, one in opened.items()})
    found = {}
    for name, path in files.items():
        if name in opened:
            found[name] = _dataset(opened[name], name, tasks[name], columns, rule)
        else:
            if name in beside:
                raise DataError("labels of words stand beside them, not in a file", where=str(beside[name]))
            found[name] = _of_words(path, name, tasks[name], columns)
        if name in beside:
            found[name] = replace(found[name], labels_file=beside[name], labels_sha256=sha256_of(beside[name]))
    return found


def told(read: Mapping[str, Reading | None]) -> str:
    """How labels were read, in a line: ``home, tweets by position: 0 = negative, 1 = positive; train by name``."""
    sets: dict[str, list[str]] = {}
    for name, reading in read.items():
        if reading is not None:
            sets.setdefault(reading.line, []).append(name)
    return "; ".join(f"{', '.join(names)} {line}" for line, names in sets.items())


def _rule(sets: Mapping[str, tuple[_Opened, Task]]) -> str | None:
    """How numbers are read that could be names or positions, as those of the other sets have to be."""
    decided: dict[str, _Opened] = {}
    for one, task in sets.values():
        allowed = matching.rules(one.column, task.labels, task.mapping)
        if len(allowed) == 1:
            decided.setdefault(next(iter(allowed)), one)
    if len(decided) > 1:
        places = [f"{one.table.path} column {one.column.name!r}" for _, one in sorted(decided.items())]
        raise DataError(
            f"the numbers of {places[0]} are labels of the model, and those of {places[1]} positions",
            hint="name the labels by one rule in all files",
        )
    return next(iter(decided), None)


def _open(path: Source, fields: Sequence[str], columns: Columns, labels_file: Path | None = None) -> _Opened:
    if labels_file is None:
        table = tables.read(path, header=columns.header)
        names = choosing.resolved(table, fields, columns)
    else:
        if tuple(fields) != ("text",):
            raise DataError("a task with several texts has its labels in a column", where=str(labels_file))
        table, names = tables.pair(path, labels_file), {"text": "text", "label": "label"}
        if columns.group is not None:
            raise DataError("has no columns, so none of groups", where=str(path), hint="leave group_column out")
    rows: dict[str, list[int]] = {}
    cells = []
    classes = table.classes.get(names["label"], ())
    for number, row in table.rows:
        where = f"{path}: row {number}"
        read = {role: cell(row.get(column), where, column) for role, column in names.items()}
        read["label"] = spellings.spelled(read["label"])
        if classes and read["label"] == "-1":
            read["label"] = ""  # how datasets writes that a row has none
        cells.append((number, read))
        if read["label"] and all(read[one].strip() for one in fields):
            rows.setdefault(read["label"], []).append(number)
    texts = "" if labels_file is None else str(path)
    column = spellings.Column(names["label"], rows, str(labels_file or path), classes, texts)
    return _Opened(table, names, cells, column)


def _dataset(opened: _Opened, name: str, task: Task, columns: Columns, rule: str | None) -> Dataset:
    table, names = opened.table, opened.names
    reading = matching.read(opened.column, task.labels, task.mapping, ignore_case=columns.ignore_case, rule=rule)
    texts_of = {one: names[one] for one in task.fields}
    counts = dict.fromkeys(("empty", "missing_label", "duplicates", "conflicting"), 0)
    seen: dict[tuple[str, ...], list[Any]] = {}
    examples: list[Example] = []
    for number, cells in opened.cells:
        texts = tuple(cells[one] for one in task.fields)
        if not all(map(str.strip, texts)):
            counts["empty"] += 1
            continue
        if not cells["label"]:
            counts["missing_label"] += 1
            continue
        inputs, _ = task.read({column: cells[one] for one, column in texts_of.items()}, texts_of)
        gold = reading.labels[cells["label"]]
        golds = seen.setdefault(texts, [])
        if gold in golds:
            counts["duplicates"] += 1
            continue
        counts["conflicting"] += bool(golds)
        golds.append(gold)
        examples.append(Example(f"{name}:{number}", inputs, gold, cells.get("group", "").strip() or None))
    if not examples:
        raise nothing(table, names)
    report = DataReport(rows=len(table.rows), used=len(examples), **counts)
    told = (reading.note, *_notes(opened, columns), *_left_out(opened, task.fields))
    reading = replace(reading, note="; ".join(filter(None, told)))
    return Dataset(name, table.path, sha256_of(table.path), tuple(examples), report, names, reading)


def _left_out(opened: _Opened, fields: Sequence[str]) -> Iterator[str]:
    """The rows that lack a text, and those that lack a label alone: how many, and the first of them."""
    texts = {number: all(cells[field].strip() for field in fields) for number, cells in opened.cells}
    without = {
        "text": [number for number, there in texts.items() if not there],
        "label": [number for number, cells in opened.cells if texts[number] and not cells["label"]],
    }
    for what, numbers in without.items():
        if numbers:
            rows = "1 row has" if len(numbers) == 1 else f"{len(numbers):,} rows have"
            left = "is left out" if len(numbers) == 1 else "are left out, the first is"
            yield f"{rows} no {what} and {left}{': ' if len(numbers) == 1 else ' '}row {numbers[0]}"


def _notes(opened: _Opened, columns: Columns) -> Iterator[str]:
    """What was taken for granted of a file: which columns are which, and which line breaks are part of a text."""
    table = opened.table
    for name in opened.names:
        others = choosing.candidates(name, table)[1:]
        if others and opened.names[name] not in (columns.fields.get(name), columns.label, columns.group):
            yield f"{opened.names[name]!r} is the {name}, not {' or '.join(map(repr, others))}"
    if table.path.suffix.lower() not in tables.PLAIN:
        return
    if not columns.header and (columns.label is None or not columns.fields):
        yield f"without a header, {opened.names['text']} is the text and {opened.names['label']} the label"
    joined = sum(any("\n" in cell or "\r" in cell for cell in row.values()) for _, row in table.rows)
    if joined:
        yield f"{joined} of {len(table.rows)} rows stand on several lines"


def _of_words(path: Source, name: str, task: Task, columns: Columns) -> Dataset:
    """Rows of words with tags, all of them: sentences that occur twice count twice, as everywhere in the field."""
    opened = sentences.read(path, columns, labels=task.labels, mapping=task.mapping)
    examples = []
    for number, row in opened.table.rows:
        inputs, gold = sentences.tagged(task, row, opened, number)
        group = opened.names.get("group")
        shared = cell(row.get(group), f"{path}: row {number}", group).strip() if group is not None else ""
        examples.append(Example(f"{name}:{number}", inputs, gold, shared or None))
    if not examples:
        raise nothing(opened.table, opened.names)
    report = DataReport(len(opened.table.rows), len(examples), empty=0, missing_label=0, duplicates=0, conflicting=0)
    return Dataset(name, path, sha256_of(path), tuple(examples), report, opened.names, opened.reading)


def labels_in(
    path: Source,
    columns: Columns,
    mapping: Mapping[str, str],
    fields: Sequence[str] = ("text",),
    labels_file: Path | None = None,
) -> tuple[str, ...]:
    """The labels of a training file for a new head, mapped, without repetition: whole numbers by value, then words.

    Labels that the file has names for (ClassLabel) keep its order. Only rows that ``load`` would use count. Raises DataError
    for what ``load`` refuses and for fewer than two labels.
    """
    opened = _open(path, fields, columns, labels_file)
    reading = matching.trained(opened.column, mapping, ignore_case=columns.ignore_case)
    labels = list(dict.fromkeys(reading.labels.values()))
    if not labels:
        raise nothing(opened.table, opened.names)
    if len(labels) == 1:
        raise DataError(
            f"column {opened.names['label']!r} holds one label only: {labels[0]!r}",
            where=opened.column.where,
            hint="a classifier needs two or more",
        )
    return tuple(labels if reading.by == matching.CLASS else sorted(labels, key=spellings.by_number))


def cell(value: object, where: str, column: str) -> str:
    """A cell as text; missing is "". Raises DataError for a list, a table, or bytes and characters that are no text."""
    if value is None or value != value:  # NaN: how Parquet and pandas say missing
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
        return str(value).lower()  # as JSON writes them
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(f"holds half a character: {text[error.start]!a}", where=place) from None
    return text
