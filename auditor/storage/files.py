"""Files that are whole or as they were.

They are written beside their place, then renamed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from auditor.errors import AuditError


def relative(path: Path, start: Path) -> str:
    """Return a path relative to ``start``, in POSIX form.

    Results and training records name files this way.
    """
    return Path(os.path.relpath(path.resolve(), start.resolve())).as_posix()


def stamps(files: Iterable[Path]) -> tuple[tuple[Path, int, int], ...]:
    """Return path, size and modification time of each file.

    Caches of what files hold go by it; the time is in nanoseconds.
    """
    states = [(file, file.stat()) for file in files]
    return tuple((file, state.st_size, state.st_mtime_ns) for file, state in states)


def write_whole(path: Path, content: bytes, error: type[AuditError], *, over: bool = True) -> None:
    """Write a file so that it is whole or unchanged.

    A file that was absent stays absent if the writing fails. The file's folder is made. ``over=False``: an existing
    file stays, and is an error. A link stays one: the file that it leads to is written. Raises ``error`` in one line
    for whatever cannot be written.
    """
    try:
        place = Path(os.path.realpath(path, strict=path.is_symlink() and not path.exists())) if over else path
        if place.exists() and not place.is_file():
            raise error("exists and is not a file", where=str(path), hint="name another file with --out")
        place.parent.mkdir(parents=True, exist_ok=True)
        _write(place, content, over=over)
    except FileExistsError:
        raise error("exists already", where=str(path), hint="name another file with --out") from None
    except OSError as cause:
        raise error(f"cannot be written: {cause.strerror or cause}", where=str(path)) from None
    except ValueError as cause:
        raise error(f"no file can have this name: {cause}", where=str(path)) from None


def _write(place: Path, content: bytes, *, over: bool) -> None:
    # A name of fixed length: a long one may leave no room for an ending.
    beside = place.with_name(f".{secrets.token_hex(8)}.writing")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if over:
            if place.exists():
                beside.chmod(place.stat().st_mode & 0o777)
            beside.replace(place)
        else:
            _put(beside, place)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def _put(beside: Path, place: Path) -> None:
    """Give a whole file its name.

    Raises FileExistsError if something has that name.
    """
    if os.path.lexists(place):
        raise FileExistsError(place)
    try:
        place.hardlink_to(beside)  # unlike a rename, it never replaces a file that came in between
    except FileExistsError:
        raise
    except OSError:  # file systems without links
        beside.rename(place)
