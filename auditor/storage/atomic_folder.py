"""Folders that are whole or absent: written beside their place, then renamed."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from auditor.errors import NOT_UTF_8, AuditError, is_text

Ours = Callable[[Path], bool]
"""Whether a folder is one that auditor wrote and may replace."""
ANOTHER = "name another folder with --out"
LOCK = ".lock"
"""Held while a folder is being written; a lock that nobody holds was left behind by a killed process."""
WRITING, REPLACED = ".writing", ".replaced"
"""Name endings beside a folder: of the new one until it is whole, of the old one until the new one is in its place."""

LONGER = len(".-12345678") + max(len(WRITING), len(REPLACED))
"""Bytes by which those names are longer than the folder's."""
ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that ask a process to end."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back signals that ask the process to end.

    The first of them comes again when the block is left.
    """
    came: list[int] = []
    held: dict[int, Any] = {}
    try:
        with contextlib.suppress(ValueError):  # not the main thread: no signal is handled here
            for number in ENDING:
                if signal.getsignal(number) not in (None, signal.SIG_IGN):
                    held[number] = signal.signal(number, lambda number, _frame: came.append(number))
        yield
    finally:
        for number, handler in held.items():
            signal.signal(number, handler)
        for number in came[:1]:
            signal.raise_signal(number)


def check_target(out: Path, ours: Ours, error: type[AuditError]) -> None:
    """Refuse a folder that must not be replaced. Raises ``error``.

    A folder may take the place of an empty one or of one of ours, nothing else. The check comes before any work and
    covers what lies in the way of the path, and folders that cannot be renamed.
    """
    if not is_text(str(out)):
        raise error(NOT_UTF_8, where=str(out), hint=ANOTHER)
    try:
        reason = _in_the_way(out, ours)
    except OSError as cause:
        raise error(f"cannot be read: {cause.strerror}", where=str(out)) from None
    except ValueError as cause:
        raise error(f"no folder can have this name: {cause}", where=str(out)) from None
    if reason is not None:
        raise error(reason, where=str(out), hint=ANOTHER)


def _in_the_way(out: Path, ours: Ours) -> str | None:
    """Return why a folder cannot be at this path, or None.

    Raises OSError, and ValueError for a name that no folder can have.
    """
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        out.lstat()
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        return "exists and is not a folder"
    if out.is_dir():
        if out.resolve() == Path.cwd() or os.path.ismount(out):
            return "is the current folder or a mounted one: it cannot be replaced"
        if any(out.iterdir()) and not ours(out):
            return "is a folder with other files in it"
        if not os.access(out, os.W_OK | os.X_OK):
            return "cannot be replaced: no permission to write to it"
    there = next(parent for parent in out.absolute().parents if parent.exists())
    if not there.is_dir():
        return f"cannot be written: {there} is not a folder"
    if not os.access(there, os.W_OK | os.X_OK):
        return f"cannot be written: no permission to write to {there}"
    if hasattr(os, "pathconf") and len(os.fsencode(out.name)) + LONGER > os.pathconf(there, "PC_NAME_MAX"):
        return "its name is too long"
    return None


@contextmanager
def whole(out: Path, ours: Ours, error: type[AuditError]) -> Iterator[Path]:
    """Provide a new folder that replaces ``out`` if the block succeeds.

    The folder is beside ``out`` and is removed if the block fails. What was there before stays until the new one is
    whole; what killed processes left beside it is removed. Raises ``error`` for an ``out`` that ``check_target``
    refuses, before any work, and for whatever cannot be written.
    """
    _sweep(out, ours)
    check_target(out, ours, error)
    above = [parent for parent in out.parents if not parent.exists()]
    folder, lock = None, None
    try:
        with uninterrupted():
            out.parent.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(WRITING, f".{out.name}-", out.parent))
            lock = _locked(folder)
        yield folder
        with uninterrupted():
            folder.chmod(0o755)
            _replace(out, folder)
    except OSError as cause:
        raise _failed(cause, out, error) from None
    finally:
        with uninterrupted():
            if lock is not None:
                lock.close()
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            for parent in above:
                with contextlib.suppress(OSError):  # something is in it, such as what was written
                    parent.rmdir()


def _failed(cause: OSError, out: Path, error: type[AuditError]) -> AuditError:
    """Return a system error as an error about ``out``.

    If the system names a file elsewhere, the error is about that file.
    """
    named = Path(os.fsdecode(cause.filename)) if isinstance(cause.filename, str | bytes) else out
    if out.parent.absolute() not in named.absolute().parents:
        return error(f"{cause.strerror}", where=str(named))
    hint = "is the disk full?" if cause.errno in _FULL else None
    return error(f"cannot be written: {cause.strerror or cause}", where=str(out), hint=hint)


def _locked(folder: Path) -> IO[bytes]:
    """Lock a folder.

    The system releases the lock when the process ends, however it ends.
    """
    unnamed = folder / f"{LOCK}-unnamed"
    file = unnamed.open("wb")
    _hold(file)
    # Renamed only after locking, so that no process takes it for a lock left behind.
    unnamed.rename(folder / LOCK)
    return file


def _hold(file: IO[bytes]) -> bool:
    """Lock an open file.

    The result is False if another process holds the lock, or if the system has no such locks.
    """
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True


def _sweep(out: Path, ours: Ours) -> None:
    """Undo what a killed process left half done.

    What a running process is writing stays.
    """
    with contextlib.suppress(OSError, ValueError):  # check_target reports a name that no folder can have
        if _is_left(out):
            (out / LOCK).unlink()
        for left in filter(_is_left, _beside(out, WRITING)):
            shutil.rmtree(left, ignore_errors=True)
        for old in _beside(out, REPLACED):
            _settle(out, old, ours)


def _beside(out: Path, end: str) -> list[Path]:
    """Return the folders that ``whole`` made beside ``out``.

    ``end``: the ending of their names. Folders beside other targets are not among them.
    """
    name = re.compile(rf"\.{re.escape(out.name)}-[a-z0-9_]{{8}}{re.escape(end)}")
    return [entry for entry in sorted(out.parent.iterdir()) if name.fullmatch(entry.name)]


def _is_left(folder: Path) -> bool:
    """Whether a folder has a lock that nobody holds."""
    try:
        with (folder / LOCK).open("rb+") as file:
            return _hold(file)
    except OSError:
        return False


def _settle(out: Path, old: Path, ours: Ours) -> None:
    """Settle an old folder that a killed process set aside.

    It goes back to its place if that is free, else it is removed.
    """
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
        # Only after the rename: without a lock the folder would look abandoned.
        (out / LOCK).unlink()
    finally:
        if aside.exists() and not out.exists():
            aside.rename(out)
        shutil.rmtree(aside, ignore_errors=True)
