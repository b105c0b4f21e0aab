"""Files that users name, checked before they are read.

A pipe would block, and a device would never end.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
from pathlib import Path

from auditor.errors import NOT_UTF_8, AuditError, is_text, near_match

SETTINGS = 2**20
"""Bytes that a file of settings (audit.toml, policy.toml) may take."""
DOCUMENT = 2**30
"""Bytes that a JSON file (results.json, config.json, tokenizer.json) may take."""
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
"""What a path may lead to, other than a regular file."""
_READ = (".json", ".txt", ".model", ".safetensors", ".bin", ".jinja")
"""Name endings of files in a checkpoint; a folder with such a name is refused."""
_FIRST = "save its output in a file first"


def read_file(
    path: Path,
    error: type[AuditError],
    *,
    missing: str = "no such file",
    hint: str | None = None,
    limit: int | None = None,
) -> bytes:
    """Return the bytes of a regular file.

    ``limit``: the most bytes (by default this machine's memory). ``missing`` and ``hint`` are the message if there is
    no such file. Raises ``error`` in one line for that, for a folder, a pipe, a socket or a device, for a file that may
    not be read, for a name that no file can have, and for a file that is too large.
    """
    with open_file(path, error, missing=missing, hint=hint, limit=memory() if limit is None else limit) as file:
        try:
            return file.read()
        except OSError as cause:
            raise error(f"cannot be read: {cause.strerror or cause}", where=str(path)) from None
        except MemoryError:
            raise error("takes more memory than this machine has", where=str(path)) from None


def open_file(
    path: Path,
    error: type[AuditError],
    *,
    missing: str = "no such file",
    hint: str | None = None,
    limit: int | None = None,
) -> io.BufferedReader:
    """Open a regular file for reading.

    Without a ``limit`` the file may have any size. Raises ``error`` as ``read_file`` does.
    """
    where = str(path)
    try:
        # Check first: opening alone waits for a pipe's other end, and sets some devices to work.
        _check(path, error, limit)
        return path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            raise error(f"is a broken link to {os.readlink(path)}", where=where) from None  # noqa: PTH115
        raise error(missing, where=where, hint=hint) from None
    except OSError as cause:
        raise error(f"cannot be read: {cause.strerror or cause}", where=where) from None
    except ValueError as cause:
        raise error(f"no file can have this name: {cause}", where=where) from None


def near_file(path: Path) -> str | None:
    """Hint at the most similar name beside a missing path, or None.

    None also if the path exists or its folder cannot be listed.
    """
    if os.path.lexists(path):
        return None
    with contextlib.suppress(OSError, ValueError):
        return near_match(path.name, sorted(file.name for file in path.parent.iterdir()))
    return None


def is_folder(path: Path, error: type[AuditError]) -> bool:
    """Whether a path is a folder.

    Raises ``error`` if the system cannot tell.
    """
    try:
        return path.is_dir()
    except OSError as cause:
        raise error(f"cannot be read: {cause.strerror or cause}", where=str(path)) from None


def check_folder(path: Path, error: type[AuditError]) -> None:
    """Refuse a folder that libraries cannot read.

    It may hold no pipe, socket, device or link to nothing, and all in it must be readable: libraries would wait for a
    pipe for ever. They also take only paths in UTF-8. Raises ``error``.
    """
    if not is_text(str(path)):
        raise error(NOT_UTF_8, where=str(path), hint="rename it, or name a link to it")
    try:
        for entry in sorted(path.iterdir()):
            _check(entry, error, None, folders=entry.suffix not in _READ)
            if entry.is_file() and not os.access(entry, os.R_OK):
                raise error("cannot be read: Permission denied", where=str(entry))
    except OSError as cause:
        where = str(cause.filename or path)
        raise error(f"cannot be read: {cause.strerror or cause}", where=where) from None


def _check(path: Path, error: type[AuditError], limit: int | None, *, folders: bool = False) -> None:
    """Refuse what is not a regular file, or too large.

    ``folders``: a folder is allowed as well. Raises ``error``, and OSError.
    """
    status = path.stat()
    kind = _KINDS.get(stat.S_IFMT(status.st_mode))
    if kind is not None and not (folders and kind == "a folder"):
        raise error(f"is {kind}, not a file", where=str(path), hint=None if kind == "a folder" else _FIRST)
    if limit is not None and status.st_size > limit:
        size, most = (f"{number / 2**20:,.1f} MiB" for number in (status.st_size, limit))
        raise error(f"takes {size}; at most {most} can be read", where=str(path))


def memory() -> int:
    """Return this machine's memory in bytes.

    If the system does not say, no file is too large.
    """
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 2**63
