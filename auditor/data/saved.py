"""Reader for folders that ``datasets`` saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from auditor.errors import DataError, first_line
from auditor.storage.reading import check_folder, is_folder

Content: TypeAlias = tuple[tuple[str, ...], tuple[tuple[int, Mapping[str, Any]], ...], Mapping[str, tuple[str, ...]]]
"""Columns, rows counted from 1, and column → names of its numbers."""


def is_saved(path: Path) -> bool:
    """Whether a path is a folder of ``save_to_disk``.

    The folder holds one data set or several splits.
    """
    return is_folder(path, DataError) and any((path / name).is_file() for name in ("state.json", "dataset_dict.json"))


def read(path: Path) -> Content:
    """Return columns, rows and names of numbers of a saved folder.

    Rows are counted from 1; the names are column → names of its numbers. Raises DataError, also for several splits.
    """
    where = str(path)
    if (path / "dataset_dict.json").is_file():
        splits = ", ".join(sorted(entry.name for entry in path.iterdir() if entry.is_dir()))
        raise DataError("holds several splits", where=where, hint=f"name one of them: {splits}")
    check_folder(path, DataError)
    import datasets

    try:
        return content(datasets.load_from_disk(str(path)))
    except Exception as error:
        # Any kind of error: the library reads its files without checking them first.
        raise DataError(f"does not load: {first_line(error)}", where=where) from error


def content(dataset: Any) -> Content:
    """Return columns, rows and names of numbers of a ``datasets.Dataset``."""
    rows = tuple(enumerate(dataset.to_list(), start=1))
    return tuple(dataset.column_names), rows, dict(_classes(dataset.features))


def _classes(features: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, feature in features.items():
        inner = getattr(feature, "feature", feature)
        if hasattr(inner, "names"):
            yield name, tuple(inner.names)
