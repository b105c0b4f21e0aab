"""Rows of a table → examples of a task: columns found, blanks and repetitions left out and counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from auditor import spans
from auditor.data import tokens
from auditor.data.tables import NO_ROWS, Table, read, sha256_of
from auditor.errors import DataError, near_match
from auditor.types import Example, Inputs, Task

TEXT_COLUMNS = ("text", "sentence", "review", "content", "comment", "tweet", "document", "utterance")
"""Usual names of the one text column; of two the earlier one is taken, whatever their case."""
LABEL_COLUMNS = ("label", "labels", "target", "class", "category", "sentiment", "intent")
"""Usual names of the label column, likewise."""
SHOWN = 20
"""An error lists at most so many columns."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns hold what; what is left out is found by the usual names."""

    fields: Mapping[str, str] = field(default_factory=dict)
    """Text field of the task → column."""
    label: str | None = None
    group: str | None = None
    """Column of what rows share (author, thread). There is no usual name for it."""
    repair: bool = False
    """Of tags that may not stand where they do: whether they begin or end an entity."""

    @classmethod
    def of(cls, columns: Mapping[str, str], *, repair: bool = False) -> Columns:
        """From text field, ``label`` and ``group`` → column, as configs and records hold them."""
        fields = {name: column for name, column in columns.items() if name not in ("label", "group")}
        return cls(fields, columns.get("label"), columns.get("group"), repair)


FOUND = Columns()
"""Every column by its usual name."""


@dataclass(frozen=True, slots=True)
class DataReport:
    """What became of the rows of a file: rows = used + empty + missing_label + duplicates."""

    rows: int
    used: int
    empty: int
    """Rows left out because a text is missing or blank."""
    missing_label: int
    """Rows left out because the label is missing."""
    duplicates: int
    """Rows left out because the same text with the same label occurred before."""
    conflicting: int
    """Rows kept although the same text occurred before with another label."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A file, read and checked."""

    name: str
    path: Path
    sha256: str
    examples: tuple[Example, ...]
    """In the file's order; ``id`` is ``name:row``, ``row`` as an editor counts lines (the header of a CSV file is
    row 1; rows of a Parquet file are counted from 1)."""
    report: DataReport
    columns: Mapping[str, str] = field(default_factory=dict)
    """Text fields, ``label`` and ``group`` → the column that was used."""


def load(path: Path, *, name: str, task: Task, columns: Columns = FOUND) -> Dataset:
    """Read a file of labelled rows.

    Rows without text or label and repeated rows are left out and counted. Raises DataError with file, row and value:
    what ``tables.read`` refuses, no such column, an unknown label, a text that is no text, no row left.
    """
    if task.word_level:
        return _sentences(path, name, task, columns)
    table = read(path)
    names = _columns(table, task.fields, columns)
    counts = dict.fromkeys(("empty", "missing_label", "duplicates", "conflicting"), 0)
    seen: dict[tuple[str, ...], list[Any]] = {}
    examples: list[Example] = []
    for number, row in table.rows:
        where = f"{path}: row {number}"
        cells = {role: _cell(row.get(column), where, column) for role, column in names.items()}
        texts = tuple(cells[one] for one in task.fields)
        if not all(map(str.strip, texts)):
            counts["empty"] += 1
            continue
        if not cells["label"].strip():
            counts["missing_label"] += 1
            continue
        inputs, gold = _read(task, {column: cells[role] for role, column in names.items()}, names, where)
        golds = seen.setdefault(texts, [])
        if gold in golds:
            counts["duplicates"] += 1
            continue
        counts["conflicting"] += bool(golds)
        golds.append(gold)
        examples.append(Example(f"{name}:{number}", inputs, gold, cells.get("group", "").strip() or None))
    if not examples:
        raise _nothing(table, names)
    report = DataReport(rows=len(table.rows), used=len(examples), **counts)
    return Dataset(name, path, sha256_of(path), tuple(examples), report, names)


def _sentences(path: Path, name: str, task: Task, columns: Columns) -> Dataset:
    """Rows of words with tags, all of them: sentences that occur twice count twice, as everywhere in the field."""
    table, names = _words(path, columns)
    examples = []
    for number, row in table.rows:
        where = f"{path}: row {number}"
        inputs, gold = _tagged(task, row, names, table, number)
        group = _cell(row.get(names["group"]), where, names["group"]).strip() if "group" in names else ""
        examples.append(Example(f"{name}:{number}", inputs, gold, group or None))
    if not examples:
        raise _nothing(table, names)
    report = DataReport(len(table.rows), len(examples), empty=0, missing_label=0, duplicates=0, conflicting=0)
    return Dataset(name, path, sha256_of(path), tuple(examples), report, names)


def _tagged(
    task: Task, row: Mapping[str, Any], names: Mapping[str, str], table: Table, number: int
) -> tuple[Inputs, Any]:
    """A row read by the task; what it refuses is placed at the line of the word."""
    text, label = names["text"], names["label"]
    try:
        return task.read(row, names)
    except DataError:
        for index, (word, tag) in enumerate(zip(row[text], row[label], strict=True)):
            where = f"{table.path}: row {tokens.line_of(table, number, index)}"
            _read(task, {text: (word,), label: (tag,)}, names, where)
        raise


def _words(path: Path, columns: Columns) -> tuple[Table, dict[str, str]]:
    """A file of words with tags, and what its columns are."""
    for field_name in columns.fields:
        if field_name != "text":
            raise DataError(
                f"the task has no text field {field_name!r}", where="[data.columns]", hint="its field: text"
            )
    text, label = columns.fields.get("text"), columns.label
    table, found = tokens.read(path, text=text, label=label, repair=columns.repair)
    names = dict(zip(("text", "label"), found, strict=True))
    if columns.group is not None:
        names["group"] = _given(columns.group, table)
    return table, names


def tags_in(path: Path, columns: Columns, mapping: Mapping[str, str]) -> tuple[str, ...]:
    """The tags of a new head: O, and ``B-`` and ``I-`` of the training file's types, mapped, in alphabetical order.

    Raises DataError for what ``load`` refuses, and for a file without any entity.
    """
    table, names = _words(path, columns)
    kinds = {mapping.get(kind, kind) for _, row in table.rows for kind in spans.types(row[names["label"]])}
    if not kinds:
        raise DataError("names no entity: every word is O", where=str(path))
    return (spans.OUTSIDE, *(f"{prefix}-{kind}" for kind in sorted(kinds) for prefix in "BI"))


def labels_in(
    path: Path, columns: Columns, mapping: Mapping[str, str], fields: Sequence[str] = ("text",)
) -> tuple[str, ...]:
    """The labels of a training file for a new head, mapped, without repetition: whole numbers by value, then words.

    Only rows that ``load`` would use count. Raises DataError for what ``load`` refuses and for fewer than two labels.
    """
    table = read(path)
    names = _columns(table, fields, columns)
    labels: dict[str, None] = {}
    for number, row in table.rows:
        where = f"{path}: row {number}"
        cells = {role: _cell(row.get(column), where, column).strip() for role, column in names.items()}
        word = cells["label"]
        if word and all(cells[one] for one in fields):
            labels[mapping.get(word) or mapping.get(word.removesuffix(".0"), word)] = None
    if not labels:
        raise _nothing(table, names)
    if len(labels) == 1:
        raise DataError(
            f"column {names['label']!r} holds one label only: {next(iter(labels))!r}",
            where=str(path),
            hint="a classifier needs two or more",
        )
    return tuple(sorted(labels, key=_by_number))


def _by_number(label: str) -> tuple[bool, int, str]:
    # Digits of other scripts are words here; a number of thousands of digits is one too (int refuses it).
    digits = label.removeprefix("-")
    number = digits.isascii() and digits.isdigit() and len(digits) < 20
    return not number, int(label) if number else 0, label


def _read(task: Task, row: Mapping[str, Any], names: Mapping[str, str], where: str) -> tuple[Inputs, Any]:
    try:
        return task.read(row, names)
    except DataError as error:
        raise error.at(f"{where}, column {names['label']!r}") from None


def _cell(value: object, where: str, column: str) -> str:
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
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(f"holds half a character: {text[error.start]!a}", where=place) from None
    return text


def _nothing(table: Table, names: Mapping[str, str]) -> DataError:
    where = str(table.path)
    if not table.rows:
        return DataError("has a header and no rows", where=where, hint=NO_ROWS)
    used = ", ".join(f"{role} = {column}" for role, column in names.items())
    return DataError(
        f"none of its {len(table.rows)} rows has both text and label", where=where, hint=f"columns: {used}"
    )


def _columns(table: Table, fields: Sequence[str], columns: Columns) -> dict[str, str]:
    """Text fields, ``label`` and ``group`` → column, configured or found."""
    where = str(table.path)
    for name in columns.fields:
        if name not in fields:
            hint = near_match(name, fields) or f"its fields: {', '.join(fields)}"
            raise DataError(f"the task has no text field {name!r}", where="[data.columns]", hint=hint)
    wanted = {**{name: columns.fields.get(name) for name in fields}, "label": columns.label}
    if columns.group is not None:
        wanted["group"] = columns.group
    found: dict[str, str] = {}
    for name, column in wanted.items():
        chosen = _found(name, table) if column is None else _given(column, table)
        for other, taken in found.items():
            if taken == chosen and "group" not in (name, other):
                raise DataError(f"column {chosen!r} is both {other} and {name}", where=where, hint=_shown(table))
        found[name] = chosen
    return found


def _given(column: str, table: Table) -> str:
    if column not in table.header:
        near = near_match(column, table.header)
        hint = f"{near} {_shown(table)}" if near else _shown(table)
        raise DataError(f"no column {column!r}", where=str(table.path), hint=hint)
    return column


def _found(name: str, table: Table) -> str:
    usual = {"text": TEXT_COLUMNS, "label": LABEL_COLUMNS}.get(name, (name,))
    for word in usual:
        for column in table.header:
            if column.strip().casefold() == word:
                return column
    key = f"{name}_column" if name in ("text", "label") else f"columns.{name}"
    raise DataError(
        f"no column is called {' or '.join(usual)}",
        where=str(table.path),
        hint=f"name it: [data] {key}; {_shown(table)}",
    )


def _shown(table: Table) -> str:
    more = ", …" if len(table.header) > SHOWN else ""
    return f"columns: {', '.join(table.header[:SHOWN])}{more}"
