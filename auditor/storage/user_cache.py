"""Where finished work is kept between runs: answers of models and trained weights, never a text."""

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
"""Trained weights beyond it are dropped, the least recently used first; answers may take a quarter of it."""


def folder() -> Path:
    """The cache's folder: ``$AUDIT_CACHE``, else the user's cache folder of this system. It may not exist yet."""
    import platformdirs

    named = os.environ.get(VARIABLE)
    return Path(named) if named else Path(platformdirs.user_cache_dir("auditor", appauthor=False))


def touch(path: Path) -> None:
    """Mark as used just now, where it is there and may be marked."""
    with contextlib.suppress(OSError):
        os.utime(path)


def fits(parent: Path) -> list[Path]:
    """The trainings kept in ``parent``: folders named by a key, whatever else lies there. Raises OSError."""
    return sorted(one for one in parent.iterdir() if re.fullmatch(r"[0-9a-f]{64}", one.name) and one.is_dir())


def prune(parent: Path, limit_bytes: int, in_use: str | None = None) -> None:
    """Remove the least recently used folders in ``parent`` until what is left takes at most ``limit_bytes``.

    The one called ``in_use`` counts and stays. What cannot be read or removed stays too; nothing is raised.
    """
    try:
        found = sorted((one.stat().st_mtime_ns, one.name, one) for one in fits(parent))
    except OSError:
        return
    sizes = {name: size(one) for _, name, one in found}
    total = sum(sizes.values())
    for _, name, one in found:
        if total <= limit_bytes:
            return
        if name != in_use:
            shutil.rmtree(one, ignore_errors=True)
            total -= sizes[name]


def size(path: Path) -> int:
    """Bytes of the files in a folder; one that another process removes meanwhile has none."""
    total = 0
    with contextlib.suppress(OSError):
        for file in path.iterdir():
            total += file.stat().st_size
    return total
