"""Rows that a caller holds in memory, in place of a file.

They come from a pandas DataFrame, a ``datasets.Dataset`` or a list of dicts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from auditor.data import saved
from auditor.environment.loaded import is_instance
from auditor.errors import DataError

KINDS = "a path, a pandas DataFrame, a datasets.Dataset or a list of dicts"
"""The forms in which a caller can pass rows."""


@dataclass(frozen=True, slots=True, eq=False)
class InMemory:
    """Rows in memory, and how messages and results name them."""

    name: str
    """The caller's argument: ``data``, ``train``, ``domains['tweets']``."""
    kind: str
    """``pandas DataFrame``."""
    header: tuple[str, ...]
    rows: tuple[tuple[int, Mapping[str, Any]], ...] = field(repr=False)
    """(row, column → cell), counted from 1."""
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Column of numbers → their names (ClassLabel)."""

    suffix = ""
    """Empty: rows in memory have no file name."""

    def __str__(self) -> str:
        return self.name

    @property
    def place(self) -> str:
        """The text that results give instead of a path."""
        return f"{self.kind} in memory"

    @property
    def sha256(self) -> str:
        """SHA-256 of columns, rows and names of numbers, in hexadecimal."""
        digest = hashlib.sha256(json.dumps([self.header, dict(self.classes)]).encode())
        for _, row in self.rows:
            digest.update(json.dumps(row, default=str).encode())
            digest.update(b"\n")
        return digest.hexdigest()


Source: TypeAlias = Path | InMemory
"""Where rows come from."""


def source(value: object, name: str) -> Source:
    """Return the source of the rows that a caller passes.

    ``name``: the argument's name. Raises DataError for a value that holds no rows.
    """
    if isinstance(value, str | Path):
        if not str(value):
            raise DataError("the path is empty", where=name)
        return Path(value)
    if isinstance(value, InMemory):
        return value
    if is_instance(value, "pandas", "DataFrame"):
        return _of_frame(value, name)
    if is_instance(value, "datasets", "Dataset"):
        columns, rows, classes = saved.content(value)
        return InMemory(name, "datasets.Dataset", columns, rows, classes)
    if is_splits(value):
        raise DataError(
            "holds several splits", where=name, hint=f"give one of them: {', '.join(map(str, splits(value)))}"
        )
    if isinstance(value, list | tuple):
        return _of_dicts(value, name)
    hint = KINDS
    if is_instance(value, "datasets", "IterableDataset"):
        hint = "pass datasets.Dataset.from_list(list(…)) instead"
    raise DataError(f"a {type(value).__name__} holds no rows", where=name, hint=hint)


def is_splits(value: object) -> bool:
    """Whether a value is a ``datasets.DatasetDict``."""
    return is_instance(value, "datasets", "DatasetDict")


def splits(value: Any) -> Mapping[str, object]:
    """Return the name → data set of a ``datasets.DatasetDict``."""
    return {str(name): value[name] for name in value}


def _of_frame(frame: Any, name: str) -> InMemory:
    header = tuple(map(str, frame.columns))
    columns = [[_plain(value) for value in frame.iloc[:, place].tolist()] for place in range(len(header))]
    rows = enumerate((dict(zip(header, cells, strict=True)) for cells in zip(*columns, strict=True)), start=1)
    return InMemory(name, "pandas DataFrame", header, tuple(rows))


def _of_dicts(values: Sequence[Any], name: str) -> InMemory:
    rows = tuple(enumerate(_dicts(values, name), start=1))
    header = dict.fromkeys(key for _, row in rows for key in row)
    return InMemory(name, "list of dicts", tuple(header), rows)


def _dicts(values: Sequence[Any], name: str) -> Iterator[Mapping[str, Any]]:
    for number, value in enumerate(values, start=1):
        if not isinstance(value, Mapping):
            problem = f"row {number}: a {type(value).__name__} is not a dict"
            raise DataError(problem, where=name, hint='{"text": "…", "label": "…"}')
        yield {str(key): _plain(cell) for key, cell in value.items()}


def _plain(value: Any) -> Any:
    """Return a cell without numpy's and pandas's own types.

    Their missing values become None.
    """
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    if type(value).__module__ == "numpy":
        value = value.tolist()
    return [_plain(cell) for cell in value] if isinstance(value, list | tuple) else value
