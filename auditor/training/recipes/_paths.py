"""Files and folders that a recipe's settings name: every field of the type ``Path``, or of several."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from auditor.data import sha256_of
from auditor.errors import DataError
from auditor.models import checkpoint


def resolved(settings: Any, folder: Path) -> Any:
    """The settings with paths as seen from this one's working folder, where they were given as seen from ``folder``."""
    return replace(settings, **_changed(settings, lambda path: folder / path))


def portable(settings: Any, folder: Path) -> dict[str, Any]:
    """The settings by name, paths among them as seen from ``folder``."""

    def placed(path: Path) -> str:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()

    return {**asdict(settings), **_changed(settings, placed)}


def contents(settings: Any) -> dict[str, Any]:
    """The settings by name, with SHA-256 of what they name in place of paths. Raises DataError for what is not there."""

    def content(path: Path) -> str:
        if path.is_dir():
            return checkpoint.fingerprint(path)
        try:
            return sha256_of(path)
        except OSError as error:
            raise DataError(f"cannot be read: {error.strerror}", where=str(path)) from None

    return {**asdict(settings), **_changed(settings, content)}


def _changed(settings: Any, change: Callable[[Path], Any]) -> dict[str, Any]:
    found = {one.name: getattr(settings, one.name) for one in fields(settings)}
    single = {name: change(value) for name, value in found.items() if isinstance(value, Path)}
    several = {
        name: tuple(change(one) for one in value)
        for name, value in found.items()
        if isinstance(value, tuple) and value and all(isinstance(one, Path) for one in value)
    }
    return single | several
