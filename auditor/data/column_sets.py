"""Columns that usually belong together, such as premise and hypothesis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from auditor.data.columns import TEXT_COLUMNS, Columns, shown
from auditor.data.tables import PLAIN, Table
from auditor.errors import DataError
from auditor.text import column_names

SHOWN = 4
"""The most sets of names that an error lists."""


def filled(table: Table, columns: Columns, fields: Sequence[str], usual: Sequence[Sequence[str]]) -> Columns:
    """Fill in the set of usual names that the table has.

    ``usual``: sets of names, one for each field, compared without case; without any, and where all fields are
    configured, nothing changes. Raises DataError for a table without such a set, or with several.
    """
    headless = not columns.header and table.path.suffix.lower() in PLAIN
    if not usual or headless or columns.fields.keys() >= set(fields) or not columns.fields.keys() <= set(fields):
        return columns
    sets = [dict(zip(fields, names, strict=True)) for names in column_names.sets((fields, *usual), table.header)]
    fitting = [own for own in sets if all(own[field] == column for field, column in columns.fields.items())]
    if len(fitting) == 1:
        return replace(columns, fields=fitting[0])
    problem = _problem(columns, fields, usual, fitting, column_names.called(TEXT_COLUMNS, table.header))
    raise DataError(problem, where=str(table.path), hint=_hint(fields, table))


def labelled(table: Table, columns: Columns, usual: Sequence[str]) -> Columns:
    """Fill in the label column that the task looks up before others.

    ``usual``: names, compared without case; the earlier one wins. Without any of them nothing changes.
    """
    if columns.label is not None:
        return columns
    return replace(columns, label=next(iter(column_names.called(usual, table.header)), None))


def _problem(
    columns: Columns,
    fields: Sequence[str],
    usual: Sequence[Sequence[str]],
    fitting: Sequence[Mapping[str, str]],
    single: Sequence[str],
) -> str:
    if fitting:
        return f"several columns may be its texts: {_listed([tuple(own.values()) for own in fitting])}"
    if columns.fields:
        lacking = next(field for field in fields if field not in columns.fields)
        return f"no column is known for the text {lacking!r}"
    if single:
        return f"has one text, {single[0]!r}, and the task reads {len(fields)}"
    more = ", …" if len(usual) > SHOWN else ""
    return f"no columns are called {_listed(usual[:SHOWN])}{more}"


def _listed(sets: Sequence[Sequence[str]]) -> str:
    return ", or ".join(" and ".join(names) for names in sets)


def _hint(fields: Sequence[str], table: Table) -> str:
    keys = ", ".join(f'{field} = "…"' for field in fields)
    return f"name them: [data] columns = {{ {keys} }}; {shown(table)}"
