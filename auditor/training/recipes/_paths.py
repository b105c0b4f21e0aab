"""Files and folders that a recipe's settings name.

They are the fields that hold a ``Path`` or a tuple of them.
"""

from __future__ import annotations

import functools
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from auditor.data import sha256_of
from auditor.errors import DataError
from auditor.settings import changed_paths
from auditor.storage.files import relative, stamps


def resolved(settings: Any, folder: Path) -> Any:
    """Return the settings with paths relative to the working folder.

    The given paths are relative to ``folder``.
    """
    return replace(settings, **changed_paths(settings, lambda path: folder / path))


def portable(settings: Any, folder: Path) -> dict[str, Any]:
    """Return the settings by name as JSON values.

    Paths among them are relative to ``folder``.
    """
    paths = changed_paths(settings, lambda path: relative(path, folder))
    document: dict[str, Any] = json.loads(json.dumps({**asdict(settings), **paths}))
    return document


def contents(settings: Any) -> dict[str, Any]:
    """Return the settings by name, with hashes in place of paths.

    The hash is the SHA-256 of the file or folder. Raises DataError for a file or folder that cannot be read.
    """
    return {**asdict(settings), **changed_paths(settings, _content)}


def _content(path: Path) -> str:
    """Return the SHA-256 of a file or folder, cached.

    A folder's hash covers the names and contents of all its files. Files are read again only when one of them changes.
    """
    try:
        path = path.resolve()
        files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        return _sha256(path, stamps(files))
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(path)) from None


@functools.lru_cache(maxsize=32)
def _sha256(path: Path, _state: tuple[tuple[Path, int, int], ...]) -> str:
    return sha256_of(path)
