"""Capability tests in files of rows.

A row is a text, and what is expected of it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from auditor.data import columns, tables
from auditor.errors import DataError
from auditor.storage.reading import is_folder
from probes import _capability_suites
from probes._capability_suites import direction_of, kind_of, meaning, named
from probes._capability_tests import DIRECTION, DIRECTIONS, FUNCTIONALITY, INVARIANCE, CapabilityTest, RowTest
from probes._sentiment_labels import Labels

COLUMNS = ("changed", "direction", "capability", "kind", "test", "template")
"""Columns that a file may have beside text and label."""
SUFFIXES = (".toml", *tables.SUFFIXES)
GUIDE = "docs/how-to/test-capabilities.md"
_NEAR = 0.85
"""Likeness (difflib) of a column's name and a known one from which it is a misspelling."""


def files(paths: Sequence[Path]) -> list[Path]:
    """Return the files of tests that paths name.

    Those of a folder are in order. Raises DataError for a folder without any, for a pickle, and for two files of one
    name: cases are named by it.
    """
    listed = [file for path in paths for file in (_inside(path) if is_folder(path, DataError) else [path])]
    by_name: dict[str, Path] = {}
    for file in listed:
        if file.suffix.lower() in (".pkl", ".pickle", ".dill"):
            problem = "is a pickle, which can run any code, and is not read"
            raise DataError(problem, where=str(file), hint=f"export its texts to .csv: {GUIDE}")
        twin = by_name.setdefault(file.name, file)
        if twin is not file:
            raise DataError(f"has the name of {twin}", where=str(file), hint="rename one, or name it once")
    return listed


def _inside(folder: Path) -> list[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(folder)) from None
    inside = [entry for entry in entries if entry.suffix.lower() in SUFFIXES]
    if not inside:
        hint = f"export its tests to .csv: {GUIDE}; a pickle is not read, and texts alone say not what is expected"
        raise DataError(f"holds no file of tests ({', '.join(SUFFIXES)})", where=str(folder), hint=hint)
    return inside


def read(path: Path, labels: Labels) -> list[CapabilityTest]:
    """Read a file of tests by its ending.

    Raises DataError in one line with file, row and column.
    """
    if path.suffix.lower() == ".toml":
        return list(_capability_suites.read(path, labels))
    table = tables.read(path)
    present = _columns(table)
    rows: dict[CapabilityTest, list[tuple[int, str, str | None, str]]] = {}
    for number, row in table.rows:
        where = f"{path}: row {number}"
        given = dict(_cells(row, present, where))
        rows.setdefault(_test(given, _labels(row, present, labels, where), path, where), []).append(
            (number, given["text"], given["changed"] or None, given["template"])
        )
    if not rows:
        raise DataError("has no rows", where=str(path), hint=tables.NO_ROWS)
    return [
        RowTest(test.capability, test.kind, test.name, test.source, test.labels, test.direction, tuple(own))
        for test, own in rows.items()
    ]


def _columns(table: tables.Table) -> dict[str, str]:
    """Return the columns that the file has, by what they hold.

    Raises DataError for a file without texts, and for a name that is nearly one of those known: the row would be read
    as another kind of test.
    """
    texts = columns.candidates("text", table)
    if not texts:
        usual = " or ".join(columns.TEXT_COLUMNS)
        raise DataError(f"no column is called {usual}", where=str(table.path), hint=columns.shown(table))
    present = dict(zip(("text", "label"), (texts[0], *columns.candidates("label", table)), strict=False))
    for name in table.header:
        word = name.strip().casefold()
        word = "kind" if word == "type" else word
        near = difflib.get_close_matches(word, COLUMNS, n=1, cutoff=_NEAR)
        if near and near[0] != word:
            hint = f"did you mean {near[0]!r}? known: text, label, {', '.join(COLUMNS)}"
            raise DataError(f"column {name!r} is unknown", where=str(table.path), hint=hint)
        if word in COLUMNS:
            if word in present:
                raise DataError(f"columns {present[word]!r} and {name!r} are both the {word}", where=str(table.path))
            present[word] = name
    return present


def _cells(row: Mapping[str, Any], present: Mapping[str, str], where: str) -> Iterator[tuple[str, str]]:
    for key in ("text", *COLUMNS):
        yield key, tables.cell(row.get(present[key]), where, present[key]).strip() if key in present else ""


def _labels(row: Mapping[str, Any], present: Mapping[str, str], labels: Labels, where: str) -> tuple[str, ...]:
    """Return the labels that a row's cell means.

    It names one, a list of them, or several with ``|`` between.
    """
    if "label" not in present:
        return ()
    value = row.get(present["label"])
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        words = value
    else:
        word = tables.cell(value, where, present["label"]).strip()
        words = [word] if labels.meant(word) else [part.strip() for part in word.split("|")]
    place = f"{where}, column {present['label']!r}"
    return tuple(dict.fromkeys(label for word in words if word for label in meaning(word, labels, place)))


def _test(given: Mapping[str, str], labels: tuple[str, ...], path: Path, where: str) -> CapabilityTest:
    """Return the test that a row belongs to.

    Raises DataError for cells that do not fit together.
    """
    changed, direction = given["changed"], given["direction"]
    if not given["text"]:
        raise DataError("has no text", where=where)
    if changed == given["text"]:
        raise DataError("text and changed are the same", where=where, hint="changed is the text that is compared")
    kind = kind_of(given["kind"], where) if given["kind"] else _kind(changed, direction, labels, where)
    wanted = {
        FUNCTIONALITY: {"label"},
        INVARIANCE: {"changed"},
        DIRECTION: {"changed", "label", "direction"},
    }[kind]
    cells = {"changed": bool(changed), "direction": bool(direction), "label": bool(labels)}
    # What an invariance says of the label does not matter: it compares two answers.
    present = {key for key, has in cells.items() if has} - ({"label"} if kind == INVARIANCE else set())
    if present != wanted:
        says, has = " and ".join(sorted(wanted)), " and ".join(sorted(present)) or "none of these"
        raise DataError(f"a row of {kind} has {says}; this one has {has}", where=where)
    capability = named(given["capability"] or path.stem, "capability", where)
    name = named(given["test"] or capability, "test", where)
    if kind == INVARIANCE:
        labels = ()
    return CapabilityTest(
        capability, kind, name, path.name, labels, direction_of(direction, where) if direction else ""
    )


def _kind(changed: str, direction: str, labels: tuple[str, ...], where: str) -> str:
    """The kind of a row that does not name it."""
    if direction:
        return DIRECTION
    if not changed:
        return FUNCTIONALITY
    if labels:
        hint = f"direction: {' or '.join(DIRECTIONS)}; or kind: {INVARIANCE}"
        raise DataError("has changed and label, but no direction", where=where, hint=hint)
    return INVARIANCE
