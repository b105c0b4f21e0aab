"""Assignment of a table's columns to text fields, label and group.

A column is taken as configured, by its usual name or, in a file without a header, by what its cells hold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from auditor.data.tables import NO_HEADER, PLAIN, Table, cell
from auditor.errors import DataError, NoTextColumnError, near_match
from auditor.labels import spellings
from auditor.text import column_names

TEXT_COLUMNS = ("text", "sentence", "review", "content", "comment", "tweet", "document", "utterance")
"""Usual names of the text column, compared without case; the earlier one wins."""
LABEL_COLUMNS = (
    *("label", "labels", "target", "class", "category", "sentiment", "intent"),
    *("gold_label", "entailment_judgment", "is_duplicate"),
)
"""Usual names of the label column, compared in the same way."""
SHOWN = 20
"""The most columns that an error lists."""
_NUMBER = re.compile(r"\s*-?[0-9]+(\.[0-9]+)?\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Columns:
    """Configured columns, and how files are read.

    A column left out is looked up by its usual names.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    """Text field of the task → column."""
    label: str | None = None
    group: str | None = None
    """Column of what rows share, such as an author or a thread. It has no usual name."""
    repair: bool = False
    """Whether a tag that violates the scheme begins or ends an entity instead of raising an error."""
    ignore_case: bool = False
    """Whether labels that differ only in case are the same label."""
    header: bool = True
    """Whether the first row of CSV and TSV files names the columns."""
    shared: bool = False
    """Whether the names come from other files; a CoNLL file, which has no column names, need not have them."""
    out_of_scope: Mapping[str, str] = field(default_factory=dict)
    """Kind of rows out of scope → their label in the data, which is no label of the model."""

    @classmethod
    def of(cls, columns: Mapping[str, str], **reading: Any) -> Columns:
        """Return the columns of a config or a record.

        ``columns``: text field, ``label`` and ``group`` → column. ``reading``: how files are read.
        """
        fields = {name: column for name, column in columns.items() if name not in ("label", "group")}
        return cls(fields, columns.get("label"), columns.get("group"), **reading)

    def kind_of(self, labels: Sequence[str], classes: Sequence[str]) -> str | None:
        """Return the kind of a row out of scope.

        None: it is in scope, as is a row with further labels. ``labels``: what its cell names; ``classes``: the file's
        own names of numbers, if it has some.
        """
        if len(labels) != 1 or not self.out_of_scope:
            return None
        (label,) = labels
        is_place = spellings.NUMBER.fullmatch(label) and 0 <= int(label) < len(classes)
        names = {label, classes[int(label)]} if is_place else {label}
        return next((kind for kind, wanted in self.out_of_scope.items() if spellings.spelled(wanted) in names), None)


GROUPS = "it groups rows, as the config or the training says: --group-column names another; "
"""What an error says of a column of groups, which the user may not have named."""
USUAL = Columns()
"""Every column by its usual name."""


def resolved(table: Table, fields: Sequence[str], columns: Columns, *, labelled: bool = True) -> dict[str, str]:
    """Return the column of each text field, ``label`` and ``group``.

    ``labelled``: whether there have to be labels; in a file of texts alone, a single column holds the texts. Raises
    DataError, with the table's columns, for a missing column and for one with two roles.
    """
    where = str(table.path)
    for name in columns.fields:
        if name not in fields:
            hint = near_match(name, fields) or f"its fields: {', '.join(fields)}"
            raise DataError(f"the task has no text field {name!r}", where="[data.columns]", hint=hint)
    wanted = {**{name: columns.fields.get(name) for name in fields}, "label": columns.label}
    if not labelled:
        del wanted["label"]
        wanted = dict.fromkeys(wanted, table.header[0]) if len(table.header) == len(wanted) == 1 else wanted
    elif not columns.header and table.path.suffix.lower() in PLAIN:
        wanted = _guessed(table, wanted)
    if columns.group is not None:
        wanted["group"] = columns.group
    assigned: dict[str, str] = {}
    for name, column in wanted.items():
        chosen = _usual(name, table) if column is None else given(column, table, GROUPS if name == "group" else "")
        for role, taken in assigned.items():
            if taken == chosen and "group" not in (name, role):
                raise DataError(f"column {chosen!r} is both {role} and {name}", where=where, hint=shown(table))
        assigned[name] = chosen
    return assigned


def given(column: str, table: Table, role: str = "") -> str:
    """Return a configured column, looked up by name or number.

    A number finds a column without a name. ``role``: what an error says of the column. Raises DataError for a column
    that does not exist.
    """
    if column in table.header:
        return column
    if f"column {column}" in table.header:
        return f"column {column}"
    near = near_match(column, table.header)
    hint = f"{near} {shown(table)}" if near else shown(table)
    raise DataError(f"no column {column!r}", where=str(table.path), hint=f"{role}{hint}{_headless(table)}")


def all_given(columns: Sequence[str], table: Table) -> dict[str, str]:
    """Return each configured name → its column. Raises as ``given`` does."""
    return {name: given(name, table) for name in columns}


def cells(row: Mapping[str, Any], where: str, columns: Mapping[str, str]) -> dict[str, str]:
    """Return the cells of columns, without white space around them.

    ``columns``: configured name → column. Raises DataError for a cell that holds no single value.
    """
    return {name: cell(row.get(column), where, column).strip() for name, column in columns.items()}


def shown(table: Table) -> str:
    """Return the table's columns for a hint."""
    more = ", …" if len(table.header) > SHOWN else ""
    return f"columns: {', '.join(table.header[:SHOWN])}{more}"


def candidates(name: str, table: Table) -> list[str]:
    """Return the columns with a usual name, the earliest name first.

    ``name``: a text field or ``label``.
    """
    return column_names.called(_usual_names(name), table.header)


def _usual_names(name: str) -> tuple[str, ...]:
    return {"text": TEXT_COLUMNS, "label": LABEL_COLUMNS}.get(name, (name,))


def _usual(name: str, table: Table) -> str:
    matches, usual = candidates(name, table), _usual_names(name)
    if matches:
        return matches[0]
    key = f"--{name}-column or [data] {name}_column" if name in ("text", "label") else f"[data] columns.{name}"
    problem, where = f"no column is called {' or '.join(usual)}", str(table.path)
    hint = f"name it: {key}; {shown(table)}{_headless(table)}"
    if name == "label":
        raise DataError(problem, where=where, hint=hint)
    raise NoTextColumnError(problem, where=where, hint=hint, header=table.header)


def _guessed(table: Table, wanted: Mapping[str, str | None]) -> dict[str, str | None]:
    """Fill in the columns of a file without a header.

    Of two columns, the one with the shorter cells is the label; a later step checks what the cells say. Raises
    DataError for a column that stays open.
    """
    fields = [name for name in wanted if name != "label"]
    if len(table.header) == 2 and len(fields) == 1:
        text = fields[0]
        size = {name: sum(len(str(row[name])) for _, row in table.rows) for name in table.header}
        short, long = sorted(table.header, key=lambda name: size[name])
        taken = {None if column is None else given(column, table) for column in wanted.values()}
        if wanted[text] is None and wanted["label"] is None:
            return {text: long, "label": short}
        free = next((name for name in table.header if name not in taken), None)
        return {name: free if column is None else column for name, column in wanted.items()}
    for name, column in wanted.items():
        if column is None:
            flag = (
                f"--{name}-column 1 or [data] {name}_column" if name in ("text", "label") else f"[data] columns.{name}"
            )
            raise DataError(
                f"has no header that names the {name}", where=str(table.path), hint=f"{flag}; {shown(table)}"
            )
    return dict(wanted)


def _headless(table: Table) -> str:
    """Return a hint if the first row looks like data.

    It does if it holds a number, a long text, or a cell that other rows have too.
    """
    if table.path.suffix.lower() not in PLAIN or all(name.startswith("column ") for name in table.header):
        return ""
    for name in table.header:
        repeated = any(row[name] == name for _, row in table.rows)
        if repeated or _NUMBER.fullmatch(name) or len(name.split()) > 5:
            return f"; its first row looks like data: {NO_HEADER}"
    return ""
