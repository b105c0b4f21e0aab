"""Rows of a table → examples of a task.

Blank and repeated rows are left out and counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from auditor.data import answers, column_sets, indicators, label_cells, reports, sentences, tables, task_rows
from auditor.data import columns as choosing
from auditor.data.columns import USUAL, Columns
from auditor.data.in_memory import Source
from auditor.data.reports import DataReport, Dataset, no_usable_rows
from auditor.data.tables import Table, sha256_of
from auditor.errors import DataError
from auditor.labels import matching, spellings
from auditor.types import Example, Task

LABELS_OF_WORDS = "labels of words belong beside the words"


@dataclass(frozen=True, slots=True)
class _Row:
    """A row as text."""

    number: int
    cells: Mapping[str, str]
    """Text field and ``group`` → text."""
    labels: tuple[str, ...] | None
    """What the label column names, as it is spelled there; None: the row has no gold."""
    has_texts: bool
    """Whether every text field holds something."""
    meta: Mapping[str, str]
    """Further column → its cell."""
    kind: str | None = None
    """Of a row out of scope; None for others."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """A file's rows as text, before its labels are interpreted."""

    table: Table
    names: Mapping[str, str]
    rows: Sequence[_Row]
    column: spellings.Column
    """The labels of the rows that have a text."""
    note: str = ""
    """What was assumed about how cells name labels."""


def load(
    path: Source,
    *,
    name: str,
    task: Task,
    columns: Columns = USUAL,
    labels_file: Path | None = None,
) -> Dataset:
    """Read a file of labelled rows.

    ``labels_file``: the file with the labels, one per line, of a file with one text per line. Rows without text or
    label and repeated rows are left out and counted. Raises DataError with file, row and value: what ``tables.read``
    refuses, a missing column, an unknown label, a text that is not text, no row left.
    """
    files = {} if labels_file is None else {name: labels_file}
    return load_all({name: path}, tasks={name: task}, columns=columns, labels_files=files)[name]


def load_all(
    files: Mapping[str, Source],
    *,
    tasks: Mapping[str, Task],
    columns: Columns = USUAL,
    labels_files: Mapping[str, Path] | None = None,
    further: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Dataset]:
    """Read the files of one audit or training, each as ``load`` does.

    One rule interprets the numbers of all files. ``tasks``: set → its task. ``further``: set → columns that
    ``Example.meta`` keeps. Raises DataError, also where the numbers of one file are names and those of another are
    positions.
    """
    beside, further = dict(labels_files or {}), further or {}
    for name in beside:
        if name not in files:
            raise DataError(f"labels are given for {name}, but no texts", where=str(beside[name]))
    of_words, of_answers = (
        [name for name in files if tasks[name].layout == layout] for layout in ("sentences", "answers")
    )
    columns = sentences.shared_among([files[name] for name in of_words], columns)
    opened = {
        name: _open(path, tasks[name], columns, beside.get(name), further.get(name, ()))
        for name, path in files.items()
        if tasks[name].layout == "rows"
    }
    rule = _rule({name: (rows, tasks[name]) for name, rows in opened.items()})
    datasets = {}
    for name, path in files.items():
        if name in opened:
            datasets[name] = _dataset(opened[name], name, tasks[name], columns, rule)
        else:
            if name in beside:
                words = "answers belong beside the questions" if name in of_answers else LABELS_OF_WORDS
                raise DataError(f"{words}, not in a separate file", where=str(beside[name]))
            read = answers.dataset if name in of_answers else _of_words
            datasets[name] = read(path, name, tasks[name], columns, further.get(name, ()))
        if name in beside:
            datasets[name] = replace(datasets[name], labels_file=beside[name], labels_sha256=sha256_of(beside[name]))
    return datasets


def _rule(sets: Mapping[str, tuple[_Opened, Task]]) -> str | None:
    """Return the rule for numbers that could be names or positions.

    The sets whose numbers can only be one of the two decide it. Raises DataError where they disagree.
    """
    decided: dict[str, _Opened] = {}
    for opened, task in sets.values():
        if "numbers" in task.offers:
            continue
        allowed = matching.rules(opened.column, task.labels, task.mapping)
        if len(allowed) == 1:
            decided.setdefault(next(iter(allowed)), opened)
    if len(decided) > 1:
        places = [f"{opened.table.path} column {opened.column.name!r}" for _, opened in sorted(decided.items())]
        raise DataError(
            f"the numbers of {places[0]} are labels of the model, but those of {places[1]} are positions",
            hint="use label names in all files, or positions in all",
        )
    return next(iter(decided), None)


def _open(
    path: Source, task: Task, columns: Columns, labels_file: Path | None = None, further: Sequence[str] = ()
) -> _Opened:
    fields = task.fields
    if labels_file is None:
        table, columns = task_rows.read(path, task, columns)
        table, columns = indicators.joined(table, task, columns)
        columns = column_sets.labelled(table, columns, task.usual_labels)
        names = choosing.resolved(table, fields, column_sets.filled(table, columns, fields, task.usual_columns))
    else:
        if len(fields) > 1:
            raise DataError("a task with several texts reads its labels from a column", where=str(labels_file))
        table, names = tables.pair(path, labels_file), {fields[0]: "text", "label": "label"}
        if columns.group is not None:
            raise DataError("has no columns, so no group column", where=str(path), hint="leave group_column out")
    numbers: dict[str, list[int]] = {}
    rows = []
    kept_columns = choosing.all_given(further, table)
    labels_of, note = label_cells.reader(task, table, names["label"], str(labels_file or path))
    for number, row in table.rows:
        where = f"{path}: row {number}"
        read = {role: tables.cell(row.get(column), where, column) for role, column in names.items() if role != "label"}
        labels = labels_of(row.get(names["label"]), where)
        meta = choosing.cells(row, where, kept_columns)
        has_texts = all(read[field].strip() for field in fields if field not in task.may_be_blank)
        kind = columns.kind_of(labels or (), table.classes.get(names["label"], ()))
        rows.append(_Row(number, read, labels, has_texts, meta, kind))
        for label in labels or () if rows[-1].has_texts and kind is None else ():
            numbers.setdefault(label, []).append(number)
    texts, classes = "" if labels_file is None else str(path), table.classes.get(names["label"], ())
    column = spellings.Column(names["label"], numbers, str(labels_file or path), classes, texts)
    return _Opened(table, names, rows, column, note)


def _dataset(opened: _Opened, name: str, task: Task, columns: Columns, rule: str | None) -> Dataset:
    table, names = opened.table, opened.names
    reading = label_cells.reading(opened.column, task, ignore_case=columns.ignore_case, rule=rule)
    texts_of = {field: names[field] for field in task.fields}
    counts = dict.fromkeys(("empty", "missing_label", "duplicates", "conflicting"), 0)
    seen: dict[tuple[str | None, tuple[str, ...]], list[Any]] = {}
    examples: list[Example] = []
    outside: dict[str, list[Example]] = {}
    for row in opened.rows:
        texts = tuple(row.cells[field] for field in task.fields)
        if not row.has_texts:
            counts["empty"] += 1
            continue
        if row.labels is None:
            counts["missing_label"] += 1
            continue
        cells = {column: row.cells[field] for field, column in texts_of.items()}
        place = f"{table.path}: row {row.number}"
        inputs = task_rows.inputs(task, cells, texts_of, place)
        gold = label_cells.gold(task, row.labels, reading, place) if row.kind is None else None
        golds = seen.setdefault((row.kind, texts), [])
        if gold in golds:
            counts["duplicates"] += 1
            continue
        counts["conflicting"] += bool(golds)
        golds.append(gold)
        group = row.cells.get("group", "").strip() or None
        own = examples if row.kind is None else outside.setdefault(row.kind, [])
        own.append(Example(f"{name}:{row.number}", inputs, gold, group, row.meta))
    if not examples:
        raise no_usable_rows(table, names)
    if "group" not in names:
        grouped = iter(task_rows.grouped([*examples, *(row for rows in outside.values() for row in rows)], task))
        examples = [next(grouped) for _ in examples]
        outside = {kind: [next(grouped) for _ in rows] for kind, rows in outside.items()}
    of_kind = {kind: len(rows) for kind, rows in sorted(outside.items())}
    report = DataReport(len(table.rows), len(examples), **counts, out_of_scope=sum(of_kind.values()))
    without = {
        "text": [row.number for row in opened.rows if not row.has_texts],
        "label": [row.number for row in opened.rows if row.has_texts and row.labels is None],
    }
    notes = (
        opened.note,
        reading.note,
        *reports.assumptions(table, names, columns, task.usual_labels),
        *reports.left_out(without),
        *reports.out_of_scope(of_kind, columns.out_of_scope),
    )
    reading = replace(reading, note="; ".join(filter(None, notes)))
    kinds = {kind: tuple(rows) for kind, rows in outside.items()}
    return Dataset(name, table.path, sha256_of(table.path), tuple(examples), report, names, reading, outside=kinds)


def _of_words(path: Source, name: str, task: Task, columns: Columns, further: Sequence[str]) -> Dataset:
    """Read all rows of words with tags.

    Sentences that occur twice count twice, as everywhere in the field.
    """
    opened = sentences.read(path, columns, labels=task.labels, mapping=task.mapping)
    kept_columns = choosing.all_given(further, opened.table)
    examples = []
    for number, row in opened.table.rows:
        where = f"{path}: row {number}"
        inputs, gold = sentences.tagged(task, row, opened, number)
        group = opened.names.get("group")
        shared = tables.cell(row.get(group), where, group).strip() if group is not None else ""
        meta = choosing.cells(row, where, kept_columns)
        examples.append(Example(f"{name}:{number}", inputs, gold, shared or None, meta))
    if not examples:
        raise no_usable_rows(opened.table, opened.names)
    report = DataReport(len(opened.table.rows), len(examples), empty=0, missing_label=0, duplicates=0, conflicting=0)
    return Dataset(name, path, sha256_of(path), tuple(examples), report, opened.names, opened.reading)


def labels_in(
    path: Source,
    columns: Columns,
    mapping: Mapping[str, str],
    task: Task,
    labels_file: Path | None = None,
) -> tuple[str, ...]:
    """Return the labels of a training file for a new head.

    ``task`` has no labels yet. The labels are mapped and without repetition: whole numbers by value, then words. Labels
    that the file has names for (ClassLabel) keep its order. Only rows that ``load`` would use count. Raises DataError
    for what ``load`` refuses and for fewer than two labels.
    """
    opened = _open(path, task, columns, labels_file)
    reading = matching.trained(opened.column, mapping, ignore_case=columns.ignore_case)
    labels = list(dict.fromkeys(reading.labels.values()))
    if not labels:
        raise no_usable_rows(opened.table, opened.names)
    if len(labels) == 1:
        raise DataError(
            f"column {opened.names['label']!r} holds only one label: {labels[0]!r}",
            where=opened.column.where,
            hint="a classifier needs two or more",
        )
    return tuple(labels if reading.by == matching.CLASS else sorted(labels, key=spellings.by_number))
