"""The rows that are out of scope, a set of each kind.

They are rows of the test file, or of a file of their own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from auditor import config as configs
from auditor.config import EVERY_KIND, Config
from auditor.data import Columns, DataReport, Dataset, out_of_scope
from auditor.errors import ConfigError
from auditor.types import HOME, OUTSIDE, Task


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


def _part(home: Dataset, kind: str) -> Dataset:
    rows = home.outside[kind]
    report = DataReport(len(rows), len(rows), empty=0, missing_label=0, duplicates=0, conflicting=0)
    return replace(home, examples=rows, report=report, reading=None, outside={})
