"""Files and folders that a recipe's settings name: every field of the type ``Path``, or of several."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from auditor.data import sha256_of
from auditor.errors import DataError


def resolved(settings: Any, folder: Path) -> Any:
    """The settings with paths as seen from this one's working folder, where they were given as seen from ``folder``."""
    return replace(settings, **_changed(settings, lambda path: folder / path))


def portable(settings: Any, folder: Path) -> dict[str, Any]:
    """The settings by name as JSON has them, paths among them as seen from ``folder``."""

    def placed(path: Path) -> str:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()

    found: dict[str, Any] = json.loads(json.dumps({**asdict(settings), **_changed(settings, placed)}))
    return found


def contents(settings: Any) -> dict[str, Any]:
    """The settings by name, with SHA-256 of what they name in place of paths. Raises DataError for what is not there."""
    return {**asdict(settings), **_changed(settings, _content)}


def _content(path: Path) -> str:
    """Of a file, or of the names and contents of all files in a folder; read once as long as none of them changes."""
    try:
        path = path.resolve()
        files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
        states = [(one, one.stat()) for one in files]
        return _sha256(path, tuple((one, state.st_size, state.st_mtime_ns) for one, state in states))
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(path)) from None


@functools.lru_cache(maxsize=32)
def _sha256(path: Path, _state: tuple[tuple[Path, int, int], ...]) -> str:
    return sha256_of(path)


def _changed(settings: Any, change: Callable[[Path], Any]) -> dict[str, Any]:
    found = {one.name: getattr(settings, one.name) for one in fields(settings)}
    single = {name: change(value) for name, value in found.items() if isinstance(value, Path)}
    several = {
        name: tuple(change(one) for one in value)
        for name, value in found.items()
        if isinstance(value, tuple) and value and all(isinstance(one, Path) for one in value)
    }
    return single | several
