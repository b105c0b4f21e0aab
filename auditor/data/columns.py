"""Which columns of a table hold what: as configured, by their usual names, or, without a header, by what they hold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from auditor.data.tables import NO_HEADER, PLAIN, Table
from auditor.errors import DataError, near_match

TEXT_COLUMNS = ("text", "sentence", "review", "content", "comment", "tweet", "document", "utterance")
"""Usual names of the one text column; of two the earlier one is taken, whatever their case."""
LABEL_COLUMNS = ("label", "labels", "target", "class", "category", "sentiment", "intent")
"""Usual names of the label column, likewise."""
SHOWN = 20
"""An error lists at most so many columns."""
_NUMBER = re.compile(r"\s*-?[0-9]+(\.[0-9]+)?\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns hold what; what is left out is found by the usual names. And how files are read."""

    fields: Mapping[str, str] = field(default_factory=dict)
    """Text field of the task → column."""
    label: str | None = None
    group: str | None = None
    """Column of what rows share (author, thread). There is no usual name for it."""
    repair: bool = False
    """Of tags that may not stand where they do: whether they begin or end an entity."""
    ignore_case: bool = False
    """Whether labels that differ in case alone are one label."""
    header: bool = True
    """Whether the first row of CSV and TSV files names the columns."""
    shared: bool = False
    """Whether the names are those of other files, so that a CoNLL file, which has no names, need not have them."""

    @classmethod
    def of(cls, columns: Mapping[str, str], **reading: bool) -> Columns:
        """From text field, ``label`` and ``group`` → column, as configs and records hold them; and how files are read."""
        fields = {name: column for name, column in columns.items() if name not in ("label", "group")}
        return cls(fields, columns.get("label"), columns.get("group"), **reading)


FOUND = Columns()
"""Every column by its usual name."""


def resolved(table: Table, fields: Sequence[str], columns: Columns) -> dict[str, str]:
    """Text fields, ``label`` and ``group`` → column. Raises DataError with the columns that there are."""
    where = str(table.path)
    for name in columns.fields:
        if name not in fields:
            hint = near_match(name, fields) or f"its fields: {', '.join(fields)}"
            raise DataError(f"the task has no text field {name!r}", where="[data.columns]", hint=hint)
    wanted = {**{name: columns.fields.get(name) for name in fields}, "label": columns.label}
    if not columns.header and table.path.suffix.lower() in PLAIN:
        wanted = _guessed(table, wanted)
    if columns.group is not None:
        wanted["group"] = columns.group
    found: dict[str, str] = {}
    for name, column in wanted.items():
        chosen = _usual(name, table) if column is None else given(column, table)
        for other, taken in found.items():
            if taken == chosen and "group" not in (name, other):
                raise DataError(f"column {chosen!r} is both {other} and {name}", where=where, hint=shown(table))
        found[name] = chosen
    return found


def given(column: str, table: Table) -> str:
    """A configured column, by its name, or by its number where columns have none. Raises DataError."""
    if column in table.header:
        return column
    if f"column {column}" in table.header:
        return f"column {column}"
    near = near_match(column, table.header)
    hint = f"{near} {shown(table)}" if near else shown(table)
    raise DataError(f"no column {column!r}", where=str(table.path), hint=f"{hint}{_headless(table)}")


def shown(table: Table) -> str:
    """The columns, for a hint."""
    more = ", …" if len(table.header) > SHOWN else ""
    return f"columns: {', '.join(table.header[:SHOWN])}{more}"


def candidates(name: str, table: Table) -> list[str]:
    """The columns that the usual names of a text field or the label fit, the earliest name first."""
    usual = _usual_names(name)
    return [column for word in usual for column in table.header if column.strip().casefold() == word]


def _usual_names(name: str) -> tuple[str, ...]:
    return {"text": TEXT_COLUMNS, "label": LABEL_COLUMNS}.get(name, (name,))


def _usual(name: str, table: Table) -> str:
    found, usual = candidates(name, table), _usual_names(name)
    if found:
        return found[0]
    key = f"--{name}-column or [data] {name}_column" if name in ("text", "label") else f"[data] columns.{name}"
    raise DataError(
        f"no column is called {' or '.join(usual)}",
        where=str(table.path),
        hint=f"name it: {key}; {shown(table)}{_headless(table)}",
    )


def _guessed(table: Table, wanted: Mapping[str, str | None]) -> dict[str, str | None]:
    """Without a header, of two columns the one with the shorter cells is the label; what the cells say is checked later."""
    if len(table.header) == 2 and set(wanted) == {"text", "label"}:
        size = {name: sum(len(str(row[name])) for _, row in table.rows) for name in table.header}
        short, long = sorted(table.header, key=lambda name: size[name])
        taken = {None if column is None else given(column, table) for column in wanted.values()}
        if wanted["text"] is None and wanted["label"] is None:
            return {"text": long, "label": short}
        other = next((name for name in table.header if name not in taken), None)
        return {name: other if column is None else column for name, column in wanted.items()}
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
    """A hint where the first row looks like data: a number, a long text, or a cell that other rows have too."""
    if table.path.suffix.lower() not in PLAIN or all(name.startswith("column ") for name in table.header):
        return ""
    for name in table.header:
        repeated = any(row[name] == name for _, row in table.rows)
        if repeated or _NUMBER.fullmatch(name) or len(name.split()) > 5:
            return f"; its first row looks like data: {NO_HEADER}"
    return ""
