"""Folders that are whole or not there: written beside their place, then renamed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from auditor.errors import AuditError


def check_target(out: Path, marker: str, error: type[AuditError]) -> None:
    """A folder may take the place of an empty one or of one that holds ``marker``, nothing else. Raises ``error``."""
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise error("is in the way: not a folder", where=str(out), hint="name another folder with --out")
    try:
        taken = out.is_dir() and not (out / marker).is_file() and any(out.iterdir())
    except OSError as cause:
        raise error(f"cannot be read: {cause.strerror}", where=str(out)) from None
    if taken:
        raise error("is a folder with other files in it", where=str(out), hint="name another folder with --out")


@contextmanager
def whole(out: Path, marker: str, error: type[AuditError]) -> Iterator[Path]:
    """A new folder beside ``out`` that takes its place when the block ends well, and is gone when it does not.

    What was there before stays until the new one is whole. Raises ``error`` for an ``out`` that ``check_target``
    refuses, before any work, and for whatever cannot be written.
    """
    check_target(out, marker, error)
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
