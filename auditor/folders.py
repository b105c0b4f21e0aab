"""Folders that are whole or not there: written beside their place, then renamed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from auditor.errors import AuditError

Ours = Callable[[Path], bool]
"""Whether a folder is one that auditor wrote and may replace."""
ANOTHER = "name another folder with --out"


def check_target(out: Path, ours: Ours, error: type[AuditError]) -> None:
    """A folder may take the place of an empty one or of one of ours, nothing else. Raises ``error``.

    Found out before any work is done: also what lies in the way of the path, and folders that cannot be renamed.
    """
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise error("is in the way: not a folder", where=str(out), hint=ANOTHER)
    if out.is_dir() and (out.resolve() == Path.cwd() or os.path.ismount(out)):
        raise error("is the current folder or a mounted one: it cannot be replaced", where=str(out), hint=ANOTHER)
    try:
        taken = out.is_dir() and any(out.iterdir()) and not ours(out)
    except OSError as cause:
        raise error(f"cannot be read: {cause.strerror}", where=str(out)) from None
    if taken:
        raise error("is a folder with other files in it", where=str(out), hint=ANOTHER)
    there = next(parent for parent in out.absolute().parents if parent.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        reason = "may not be written to" if there.is_dir() else "is not a folder"
        raise error(f"cannot be written: {there} {reason}", where=str(out), hint=ANOTHER)


@contextmanager
def whole(out: Path, ours: Ours, error: type[AuditError]) -> Iterator[Path]:
    """A new folder beside ``out`` that takes its place when the block ends well, and is gone when it does not.

    What was there before stays until the new one is whole. Raises ``error`` for an ``out`` that ``check_target``
    refuses, before any work, and for whatever cannot be written.
    """
    check_target(out, ours, error)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as cause:
        raise error(f"cannot be written: {cause.strerror}", where=str(out)) from None
    try:
        yield folder
        folder.chmod(0o755)
        _replace(out, folder)
    except OSError as cause:
        raise error(f"cannot be written: {cause.strerror or cause}", where=str(out), hint="is the disk full?") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _replace(out: Path, folder: Path) -> None:
    aside = folder.with_name(f"{folder.name}-before")
    try:
        if out.exists():
            out.rename(aside)
        folder.rename(out)
    finally:
        if aside.exists() and not out.exists():
            aside.rename(out)
        shutil.rmtree(aside, ignore_errors=True)
