"""Rows that no label of the model is right for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from auditor.data import column_sets, tables, task_rows
from auditor.data import columns as choosing
from auditor.data.columns import Columns
from auditor.data.in_memory import Source
from auditor.data.reports import DataReport, Dataset
from auditor.data.tables import NO_ROWS, sha256_of
from auditor.errors import ConfigError, DataError, near_or_known
from auditor.labels import spellings
from auditor.types import Example, Task

KEY = "[data] out_of_scope"


def check_labels(kinds: Mapping[str, str], labels: Sequence[str], mapping: Mapping[str, str]) -> None:
    """Refuse a label that is one of the model's.

    ``kinds``: kind → label; ``mapping``: label in the data → the model's label. Raises ConfigError.
    """
    own = {spellings.alike(label) for label in labels}
    for label in kinds.values():
        if spellings.alike(label) in own:
            hint = "leave it out: rows of a class are scored as those of any other"
            raise ConfigError(f"{label!r} is a class of the model", where=KEY, hint=hint)
        if label in mapping:
            problem = f"{label!r} is mapped to the model's {mapping[label]!r}"
            raise ConfigError(problem, where=KEY, hint="take it out of [data.labels] (--labels), or leave it out here")


def check_rows(kinds: Mapping[str, str], outside: Collection[str], spelled: Collection[str], path: Source) -> None:
    """Refuse a label that no row has.

    ``outside``: kinds that have a row; ``spelled``: the labels of the other rows. Raises DataError.
    """
    for kind, label in kinds.items():
        if kind not in outside:
            hint = f"{near_or_known(label, sorted(spelled))}; or a file of texts, such as oos.csv"
            raise DataError(f"no row has the label {label!r} that {KEY} names", where=str(path), hint=hint)


def read(path: Path, *, name: str, task: Task, columns: Columns, further: Sequence[str] = ()) -> Dataset:
    """Read a file of texts; labels in it are not read.

    ``further``: columns that ``Example.meta`` keeps. Rows without text and repeated rows are left out and counted.
    Raises DataError with file, row and value.
    """
    table, columns = task_rows.read(path, task, columns)
    columns = column_sets.filled(table, columns, task.fields, task.usual_columns)
    names = choosing.resolved(table, task.fields, columns, labelled=False)
    kept_columns = choosing.all_given(further, table)
    counts = {"empty": 0, "duplicates": 0}
    seen: set[tuple[str, ...]] = set()
    examples = []
    for number, row in table.rows:
        where = f"{path}: row {number}"
        cells = {role: tables.cell(row.get(column), where, column) for role, column in names.items()}
        texts = tuple(cells[field] for field in task.fields)
        if not all(cells[field].strip() for field in task.fields if field not in task.may_be_blank):
            counts["empty"] += 1
        elif texts in seen:
            counts["duplicates"] += 1
        else:
            seen.add(texts)
            own = {field: names[field] for field in task.fields}
            inputs = task_rows.inputs(task, {names[field]: cells[field] for field in own}, own, where)
            meta = choosing.cells(row, where, kept_columns)
            examples.append(Example(f"{name}:{number}", inputs, None, cells.get("group", "").strip() or None, meta))
    if not examples:
        raise DataError("has no row with a text", where=str(path), hint=NO_ROWS)
    if "group" not in names:
        examples = task_rows.grouped(examples, task)
    report = DataReport(len(table.rows), len(examples), **counts, missing_label=0, conflicting=0)
    return Dataset(name, path, sha256_of(path), tuple(examples), report, names)
