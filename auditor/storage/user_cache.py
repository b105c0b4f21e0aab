"""Cache of finished work between runs.

It keeps model outputs and trained weights, never a text.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from pathlib import Path

VARIABLE = "AUDIT_CACHE"
"""The environment variable that names another folder."""
ANSWERS = "answers.sqlite"
FITS = "fits"
LIMIT_BYTES = 4 * 2**30
"""Beyond it trained weights are dropped, the least recently used first; answers may take a quarter of it."""


def folder() -> Path:
    """Return the cache's folder, which may not exist yet.

    It is ``$AUDIT_CACHE``, else the user's cache folder on this system.
    """
    import platformdirs

    named = os.environ.get(VARIABLE)
    return Path(named) if named else Path(platformdirs.user_cache_dir("auditor", appauthor=False))


def touch(path: Path) -> None:
    """Mark a path as used just now.

    Nothing happens if it is absent or may not be marked.
    """
    with contextlib.suppress(OSError):
        os.utime(path)


def fits(parent: Path) -> list[Path]:
    """Return the trainings kept in ``parent``.

    They are the folders named by a key; whatever else is there is ignored. Raises OSError.
    """
    return sorted(entry for entry in parent.iterdir() if re.fullmatch(r"[0-9a-f]{64}", entry.name) and entry.is_dir())


def prune(parent: Path, limit_bytes: int, in_use: str | None = None) -> None:
    """Remove the least recently used trainings in ``parent``.

    What is left takes at most ``limit_bytes``. The training called ``in_use`` counts and stays. What cannot be read or
    removed stays too; nothing is raised.
    """
    try:
        trainings = sorted((training.stat().st_mtime_ns, training.name, training) for training in fits(parent))
    except OSError:
        return
    sizes = {name: size(training) for _, name, training in trainings}
    total = sum(sizes.values())
    for _, name, training in trainings:
        if total <= limit_bytes:
            return
        if name != in_use:
            shutil.rmtree(training, ignore_errors=True)
            total -= sizes[name]


def size(path: Path) -> int:
    """Return the bytes of the files in a folder.

    A folder that another process removes meanwhile has none.
    """
    total = 0
    with contextlib.suppress(OSError):
        for file in path.iterdir():
            total += file.stat().st_size
    return total
