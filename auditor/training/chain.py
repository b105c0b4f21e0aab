"""The chain of checkpoints that trainings continued, and their rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor import data, tasks
from auditor.errors import ConfigError, DataError
from auditor.models import checkpoint
from auditor.storage.files import relative
from auditor.training import record as records
from auditor.training import training_key
from auditor.training.recipes import Recipe
from auditor.types import Example, Task

READING = ("columns", "mapping", "repair", "ignore_case", "header", "out_of_scope", "task")
"""Entries of a record that say how its files are read."""
ROWS = ("train", "test")
"""Sets of a period that later trainings and audits read."""


@dataclass(frozen=True, slots=True)
class Period:
    """A checkpoint, and what its training read."""

    folder: Path
    """Folder that the paths of ``entry`` are relative to."""
    entry: Mapping[str, Any]
    """As in ``chain`` of ``training.json``."""

    @property
    def path(self) -> Path:
        """Folder of the checkpoint."""
        return self.folder / str(self.entry["path"])

    def file(self, name: str) -> Path | None:
        """Path of a set's file; None without such a set."""
        place = self.entry["data"].get(name)
        return None if place is None else self.folder / place["path"]

    def from_folder(self, folder: Path) -> dict[str, Any]:
        """Return the entry with paths relative to another folder."""
        sets = {
            name: {
                key: relative(self.folder / value, folder) if key.endswith("path") else value
                for key, value in place.items()
            }
            for name, place in self.entry["data"].items()
        }
        return {**self.entry, "path": relative(self.path, folder), "data": sets}

    def rows(self, name: str, task: Task) -> tuple[Example, ...]:
        """Read a set as the period's training did.

        ``task`` has the labels. Ids of rows begin with the checkpoint's folder and the set. Raises DataError for a
        file that is absent or has changed since.
        """
        place = self.entry["data"].get(name)
        if place is None:
            raise DataError(f"its training.json names no {name} rows", where=str(self.path))
        for kind in ("", "labels_") if "labels_path" in place else ("",):
            path = self.folder / place[f"{kind}path"]
            if not path.is_file():
                raise DataError(f"the {name} rows of {self.path.name} are not there", where=str(path))
            if data.sha256_of(path) != place.get(f"{kind}sha256"):
                raise DataError(f"the {name} rows of {self.path.name} have changed since then", where=str(path))
        settings = {key: value for key, value in self.entry.get("task", {}).items() if key != "name"}
        own = tasks.create(task.name, task.labels, dict(self.entry.get("mapping", {})), settings)
        columns = data.Columns.of(
            dict(self.entry.get("columns", {})),
            repair=self.entry.get("repair", False),
            ignore_case=self.entry.get("ignore_case", False),
            header=self.entry.get("header", True),
            out_of_scope=self.entry.get("out_of_scope", {}),
        )
        called = f"{self.path.resolve().parent.name}/{self.path.resolve().name} {name}"
        labels = {called: self.folder / place["labels_path"]} if "labels_path" in place else {}
        files = {called: self.folder / place["path"]}
        rows = data.load_all(files, tasks={called: own}, columns=columns, labels_files=labels)[called].examples
        return rows[: self.entry["train_rows"]] if name == "train" and self.entry.get("train_rows") else rows


def periods(folder: Path, record: records.TrainingRecord | None) -> tuple[Period, ...]:
    """Return the checkpoints that training continued from, the oldest first."""
    return () if record is None else tuple(Period(folder, entry) for entry in record.chain)


@dataclass(frozen=True, slots=True)
class Parent:
    """The checkpoint that a training continues from."""

    path: Path
    labels: tuple[str, ...]
    record: records.TrainingRecord | None

    @property
    def periods(self) -> tuple[Period, ...]:
        """Its own chain, and itself last."""
        record = self.record
        entry: dict[str, Any] = {"path": ".", "fingerprint": training_key.fingerprint(self.path), "data": {}}
        if record is not None:
            sets = {name: place for name, place in record.data.items() if name in ROWS}
            entry |= {"recipe": record.recipe, "seed": record.seed, "train_rows": record.train_rows, "data": sets}
            entry |= {name: getattr(record, name) for name in READING}
        return (*periods(self.path, record), Period(self.path, {**entry, "labels": list(self.labels)}))

    def written(self, target: Path) -> tuple[dict[str, Any], ...]:
        """Return the chain of a checkpoint that continues this one."""
        return tuple(period.from_folder(target) for period in self.periods)

    def rows(self, task: Task) -> tuple[tuple[Example, ...], ...]:
        """Return the training rows of each earlier period. Raises DataError."""
        return tuple(period.rows("train", task) for period in self.periods)


def parent(path: Path, task: str) -> Parent:
    """Describe the checkpoint that a training continues from. Raises ModelError."""
    return Parent(path, checkpoint.describe(path, tasks.kind(task).head, task=task).labels, records.read(path))


def labels_of(known: Parent | None, labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return a head's labels: the checkpoint's own, then new ones."""
    return labels if known is None else (*known.labels, *(label for label in labels if label not in known.labels))


def check(known: Parent | None, recipes: Sequence[Recipe], task: Task) -> None:
    """Refuse recipes that cannot continue from the checkpoint, or need one.

    Raises ConfigError.
    """
    for recipe in recipes:
        if known is None and recipe.continues:
            problem, hint = f"recipe {recipe.label} continues from a checkpoint", "name it with --continue-from"
            raise ConfigError(problem, where="[training]", hint=hint)
        new = task.labels[len(known.labels) :] if known is not None else ()
        if known is not None and new and not recipe.takes_new_labels:
            shown = ", ".join(map(repr, new[:3])) + (", …" if len(new) > 3 else "")
            problem = f"the new rows have labels that {known.path.name} does not know: {shown}"
            hint = f"recipe {recipe.label} keeps the head as it is: use replay or grow"
            raise ConfigError(problem, where="[training]", hint=hint)
