"""Folders that are whole or not there: written beside their place, then renamed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from auditor.errors import AuditError

Ours = Callable[[Path], bool]
"""Whether a folder is one that auditor wrote and may replace."""
ANOTHER = "name another folder with --out"
LOCK = ".lock"
"""Held while a folder is being written: what has one that nobody holds was left behind by a killed process."""
WRITING, REPLACED = ".writing", ".replaced"
"""Ends of the names beside a folder: of the new one until it is whole, of the old one until that has taken its place."""


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

    What was there before stays until the new one is whole; what killed processes left beside it is removed. Raises
    ``error`` for an ``out`` that ``check_target`` refuses, before any work, and for whatever cannot be written.
    """
    _sweep(out, ours)
    check_target(out, ours, error)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(WRITING, f".{out.name}-", out.parent))
        lock = _locked(folder)
    except OSError as cause:
        raise error(f"cannot be written: {cause.strerror}", where=str(out)) from None
    try:
        yield folder
        folder.chmod(0o755)
        _replace(out, folder)
    except OSError as cause:
        raise error(f"cannot be written: {cause.strerror or cause}", where=str(out), hint="is the disk full?") from None
    finally:
        lock.close()
        shutil.rmtree(folder, ignore_errors=True)


def _locked(folder: Path) -> IO[bytes]:
    """A lock that the system lets go of when the process ends, however it ends."""
    unnamed = folder / f"{LOCK}-unnamed"
    file = unnamed.open("wb")
    _hold(file)
    # Named only once it is held, so that nobody takes it for one left behind.
    unnamed.rename(folder / LOCK)
    return file


def _hold(file: IO[bytes]) -> bool:
    """Lock an open file; False where another process holds it, or where there are no such locks."""
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True


def _sweep(out: Path, ours: Ours) -> None:
    """Undo what a killed process left half done; what a living one is writing stays."""
    with contextlib.suppress(OSError):
        if _is_left(out):
            (out / LOCK).unlink()
        for left in filter(_is_left, _beside(out, WRITING)):
            shutil.rmtree(left, ignore_errors=True)
        for old in _beside(out, REPLACED):
            _settle(out, old, ours)


def _beside(out: Path, end: str) -> list[Path]:
    """What ``whole`` called so, for ``out`` and no other folder."""
    name = re.compile(rf"\.{re.escape(out.name)}-[a-z0-9_]{{8}}{re.escape(end)}")
    return [one for one in sorted(out.parent.iterdir()) if name.fullmatch(one.name)]


def _is_left(folder: Path) -> bool:
    """Whether a folder has a lock that nobody holds."""
    try:
        with (folder / LOCK).open("rb+") as file:
            return _hold(file)
    except OSError:
        return False


def _settle(out: Path, old: Path, ours: Ours) -> None:
    """An older folder set aside by a process that was killed: back in its place if that is free, else gone."""
    new = old.with_name(old.name.removesuffix(REPLACED) + WRITING)
    if new.exists() or (out / LOCK).exists():
        return  # a process is between the two renamings
    if not out.exists():
        old.rename(out)
    elif ours(old):
        shutil.rmtree(old, ignore_errors=True)


def _replace(out: Path, folder: Path) -> None:
    aside = folder.with_name(folder.name.removesuffix(WRITING) + REPLACED)
    try:
        if out.exists():
            out.rename(aside)
        folder.rename(out)
        # Only now: a folder that is still to be renamed must not look like one that nobody is writing.
        (out / LOCK).unlink()
    finally:
        if aside.exists() and not out.exists():
            aside.rename(out)
        shutil.rmtree(aside, ignore_errors=True)
