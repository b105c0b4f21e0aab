"""What was read of a file, and what was left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from auditor.data import columns as choosing
from auditor.data.columns import Columns
from auditor.data.in_memory import Source
from auditor.data.tables import NO_ROWS, PLAIN, Table
from auditor.errors import DataError
from auditor.labels.matching import Reading
from auditor.text import column_names
from auditor.types import Example

FIRST_ROWS, FEWEST_WORDS = 100, 3
"""A column holds texts where most cells of so many rows have so many words or more."""


@dataclass(frozen=True, slots=True)
class DataReport:
    """Counts of a file's rows, used and left out.

    rows = used + empty + missing_label + duplicates + out_of_scope.
    """

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
    out_of_scope: int = 0
    """Rows with a label that is out of scope; none of them counts as one of the model's labels."""


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
    """The file of the labels, if they are not in a column."""
    labels_sha256: str | None = None
    outside: Mapping[str, tuple[Example, ...]] = field(default_factory=dict)
    """Kind → the rows with its label, which are out of scope; they have no gold, and are none of ``examples``."""


def no_usable_rows(table: Table, names: Mapping[str, str]) -> DataError:
    """Return the error for a file without a usable row."""
    where = str(table.path)
    if not table.rows:
        return DataError("has a header but no rows", where=where, hint=NO_ROWS)
    used = ", ".join(f"{role} = {column}" for role, column in names.items())
    return DataError(
        f"none of its {len(table.rows)} rows has both text and label", where=where, hint=f"columns: {used}"
    )


def left_out(without: Mapping[str, Sequence[int]]) -> Iterator[str]:
    """Describe the rows left out: how many, and the first.

    ``without``: ``text`` or ``label`` → the numbers of the rows that lack it.
    """
    for what, numbers in without.items():
        if numbers:
            rows = "1 row has" if len(numbers) == 1 else f"{len(numbers):,} rows have"
            left = "is left out" if len(numbers) == 1 else "are left out, the first is"
            yield f"{rows} no {what} and {left}{': ' if len(numbers) == 1 else ' '}row {numbers[0]}"


def told(read: Mapping[str, Reading | None]) -> str:
    """Return one line that says how labels were read.

    ``home, tweets by position: 0 = negative, 1 = positive; train by name``
    """
    sets: dict[str, list[str]] = {}
    for name, reading in read.items():
        if reading is not None:
            sets.setdefault(reading.line, []).append(name)
    return "; ".join(f"{', '.join(names)} {line}" for line, names in sets.items())


def how_labels_were_read(sets: Sequence[Mapping[str, Any]]) -> str:
    """Say how the labels of the recorded data sets were read."""
    read = {f"{rows['name']} ({Path(rows['path']).name})": rows["reading"] for rows in sets}
    return f"labels are matched to the model's: {told({name: each and Reading(**each) for name, each in read.items()})}"


def assumptions(table: Table, names: Mapping[str, str], columns: Columns, usual: Sequence[str] = ()) -> Iterator[str]:
    """Describe what was assumed about a file.

    The notes say which column is which (``names``: role → column), and how many rows have line breaks in a text.
    ``usual``: names of label columns that the task looks up before others.
    """
    own = column_names.called(usual, table.header)
    for name in names:
        called = [*(own if name == "label" else ()), *choosing.candidates(name, table)]
        others = [column for column in dict.fromkeys(called) if column != names[name]]
        if others and names[name] not in (columns.fields.get(name), columns.label, columns.group):
            yield f"{names[name]!r} is the {name}, not {' or '.join(map(repr, others))}"
    yield from _unread_texts(table, names, columns)
    if table.path.suffix.lower() not in PLAIN:
        return
    if not columns.header and (columns.label is None or not columns.fields):
        text = next(iter(names))
        yield f"without a header, {names[text]} is the {text} and {names['label']} the label"
    read = set(table.header) - table.made
    joined = sum(
        any(isinstance(cell, str) and ("\n" in cell or "\r" in cell) for name, cell in row.items() if name in read)
        for _, row in table.rows
    )
    if joined:
        yield f"{joined} of {len(table.rows)} rows span several lines"


def _unread_texts(table: Table, names: Mapping[str, str], columns: Columns) -> Iterator[str]:
    """Name columns of texts beside the ones that are read.

    A model of pairs, or of a title and what follows, would be asked for the half alone. Nothing is said where all
    texts are configured, or made of several columns.
    """
    fields = [name for name in names if name not in ("label", "group")]
    if columns.fields.keys() >= set(fields) or table.made & set(names.values()):
        return
    known = {*names.values(), *(column for name in names for column in choosing.candidates(name, table))}
    texts = [repr(column) for column in table.header if column not in known and _holds_texts(table, column)]
    if texts:
        read = " and ".join(repr(names[field]) for field in fields)
        holds = "holds texts too and is" if len(texts) == 1 else "hold texts too and are"
        yield f"{read} {'is' if len(fields) == 1 else 'are'} read; {' and '.join(texts)} {holds} not"


def _holds_texts(table: Table, column: str) -> bool:
    """Whether most cells of the first rows have several words."""
    cells = [row.get(column) for _, row in table.rows[:FIRST_ROWS]]
    filled = [cell for cell in cells if cell not in (None, "")]
    many = sum(isinstance(cell, str) and len(cell.split()) >= FEWEST_WORDS for cell in filled)
    return 2 * many > len(filled)


def out_of_scope(counts: Mapping[str, int], labels: Mapping[str, str]) -> Iterator[str]:
    """Describe the rows out of scope.

    ``counts``: kind → how many rows; ``labels``: kind → their label.
    """
    for kind, count in counts.items():
        rows = "1 row" if count == 1 else f"{count:,} rows"
        yield f"{rows} with the label {labels[kind]!r} {'is' if count == 1 else 'are'} out of scope"
