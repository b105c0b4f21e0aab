"""The rows that are out of scope, a set of each kind.

They are rows of the test file, or of a file of their own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from auditor import config as configs
from auditor.config import EVERY_KIND, Config
from auditor.data import Columns, DataReport, Dataset, out_of_scope
from auditor.errors import ConfigError, DataError
from auditor.text import copies
from auditor.types import HOME, OUTSIDE, Example, Task

SHOWN = 5
"""Rows that a message names."""


@dataclass(frozen=True, slots=True)
class Twin:
    """A row out of scope, and the row that has its text."""

    row: Example
    first: Example


def check(config: Config, columns: Columns, task: Task) -> None:
    """Refuse rows out of scope that are none.

    Their label is a class of the model, or the task gives a text no single label. Raises ConfigError.
    """
    if not config.data.out_of_scope and not columns.out_of_scope:
        return
    if "one_label" not in task.offers:
        problem = f"the task {task.name} does not give a text one label"
        raise ConfigError(problem, where=out_of_scope.KEY, hint="leave it out")
    out_of_scope.check_labels(columns.out_of_scope, task.labels, task.mapping)


def sets(config: Config, columns: Columns, task: Task, given: Mapping[str, Dataset]) -> dict[str, Dataset]:
    """Return a set for each kind, files after labels.

    ``given``: the sets that are read already. Raises DataError for a label that no test row has, and for a file that
    cannot be read.
    """
    home = given[HOME]
    # A label that the training recorded need not occur in other test rows.
    own = configs.out_of_scope_labels(config)
    spelled: Collection[str] = () if home.reading is None else home.reading.labels.keys()
    out_of_scope.check_rows(own, home.outside.keys(), spelled, home.path)
    files = configs.out_of_scope_files(config)
    configs.check_files(files.values())
    made = {kind: _part(home, kind) for kind in columns.out_of_scope if kind in home.outside}
    for kind, path in files.items():
        made[kind] = out_of_scope.read(path, name=name_of(kind), task=task, columns=columns)
    for kind in made:
        if name_of(kind) in given:
            raise ConfigError(f"{name_of(kind)!r} is the name of another set too", where=out_of_scope.KEY)
    return {name_of(kind): replace(dataset, name=name_of(kind)) for kind, dataset in made.items()}


def name_of(kind: str) -> str:
    """The name of a kind's set, in results and ids of rows."""
    return OUTSIDE if kind == EVERY_KIND else f"{OUTSIDE} ({kind})"


def kinds(config: Config, columns: Columns, names: Collection[str]) -> dict[str, str]:
    """Return kind → the name of its set, of those among ``names``."""
    every = dict.fromkeys((*columns.out_of_scope, *configs.out_of_scope_files(config)))
    return {kind: name_of(kind) for kind in every if name_of(kind) in names}


def without_twins(
    examples: Mapping[str, Sequence[Example]], keys: Mapping[str, str], names: Collection[str]
) -> tuple[dict[str, tuple[Example, ...]], dict[str, list[Twin]]]:
    """Return sets without twins of an earlier set, and the twins.

    A text cannot be in scope and out of it, or of two kinds. The rows of the home set stay, and of kinds the first.
    ``keys``: row → what the model sees; ``names``: the sets out of scope, in order. The same words but for case,
    blanks and punctuation are the same text.
    """
    kept = {name: tuple(rows) for name, rows in examples.items()}
    twins: dict[str, list[Twin]] = {}
    seen: dict[object, Example] = {}
    for name in (HOME, *names):
        marks = {row.id: (keys[row.id], copies.same_words(row.inputs) or None) for row in examples[name]}
        pairs = ((row, next((seen[mark] for mark in marks[row.id] if mark in seen), None)) for row in examples[name])
        own = [Twin(row, first) for row, first in pairs if first is not None]
        gone = {twin.row.id for twin in own}
        kept[name] = tuple(row for row in kept[name] if row.id not in gone)
        twins |= {name: own} if own else {}
        for row in kept[name]:
            seen |= {mark: row for mark in marks[row.id] if mark is not None and mark not in seen}
    return kept, twins


def told_twins(twins: Mapping[str, Sequence[Twin]], sets: Mapping[str, Dataset]) -> Iterator[str]:
    """Say which rows out of scope are left out, by their numbers."""
    for name, every in twins.items():
        file = Path(str(sets[name].path)).name
        rows, are = ("row", "has") if len(every) == 1 else ("rows", "have")
        what = f"{len(every):,} {rows} of {file}, out of scope, {are} the text of a row in scope or of another kind"
        yield f"{what}: left out: {_listed(every, sets)}"


def _listed(every: Sequence[Twin], sets: Mapping[str, Dataset]) -> str:
    pairs = ", ".join(f"row {_number(twin.row)} ({_place(twin.first, sets)})" for twin in every[:SHOWN])
    return pairs + (f" and {len(every) - SHOWN:,} more" if len(every) > SHOWN else "")


def check_any_left(
    examples: Mapping[str, Sequence[Example]],
    twins: Mapping[str, Sequence[Twin]],
    sets: Mapping[str, Dataset],
    names: Collection[str],
) -> None:
    """Raise DataError where a set out of scope has no row left.

    Without rows the probe would wait for a file that was given. ``examples``: what is left, without rows of training.
    """
    for name in names:
        if examples[name]:
            continue
        every, same = twins.get(name, ()), "has the text of a row in scope or of another kind"
        if len(every) == len(sets[name].examples):
            problem, hint = f"every row out of scope {same}: {_listed(every, sets)}", "keep each text in one of the two"
        else:
            problem = "every row out of scope occurs in the training data" + (f", or {same}" if every else "")
            hint = "name texts out of scope that the model has not seen"
        raise DataError(problem, where=str(sets[name].path), hint=hint)


def _number(row: Example) -> str:
    return row.id.rpartition(":")[2]


def _place(row: Example, sets: Mapping[str, Dataset]) -> str:
    """Where a row stands: ``test.csv row 5``."""
    name = row.id.rpartition(":")[0]
    return f"{Path(str(sets[name].path)).name} row {_number(row)}"


def _part(home: Dataset, kind: str) -> Dataset:
    rows = home.outside[kind]
    report = DataReport(len(rows), len(rows), empty=0, missing_label=0, duplicates=0, conflicting=0)
    return replace(home, examples=rows, report=report, reading=None, outside={})
