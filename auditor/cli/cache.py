"""Command ``audit cache``: show and clear what auditor keeps between runs."""

from __future__ import annotations

import contextlib
import json
import shutil
from argparse import Namespace
from pathlib import Path
from typing import Any

from auditor.errors import ResultsError, one_line
from auditor.storage import user_cache


def run(options: Namespace) -> int:
    """Show the cache's folder and sizes; ``--clear`` empties it.

    ``--clear`` removes only what auditor wrote there.
    """
    folder = user_cache.folder()
    before = _usage(folder)
    if options.clear:
        _clear(folder)
    usage = {**_usage(folder), "freed_bytes": before["bytes"]} if options.clear else before
    if options.json:
        print(json.dumps(usage, indent=2))
        return 0
    if options.clear:
        print(one_line(f"{folder}: {_size(before['bytes'])} removed"))
        return 0
    print(one_line(f"{folder}: {_size(usage['bytes'])}"))
    print(f"  answers of models: {_size(usage['answers_bytes'])} in {usage['batches']:,} batches")
    print(f"  trained weights: {_size(usage['fits_bytes'])} of {usage['fits']:,} trainings")
    return 0


def _usage(folder: Path) -> dict[str, Any]:
    from auditor.engine import cache

    answers = sum(_bytes(file) for file in _answers(folder))
    fits = _fits(folder)
    weights = sum(map(user_cache.size, fits))
    return {
        "folder": str(folder),
        "bytes": answers + weights,
        "answers_bytes": answers,
        "batches": cache.entries(folder / user_cache.ANSWERS),
        "fits_bytes": weights,
        "fits": len(fits),
    }


def _bytes(file: Path) -> int:
    """Return a file's size, or 0 if the file is gone.

    SQLite removes its own files when it closes the database.
    """
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _answers(folder: Path) -> list[Path]:
    """List the files of the answer database that exist.

    SQLite keeps two files beside the database while it is open.
    """
    return [file for end in ("", "-wal", "-shm") if (file := folder / f"{user_cache.ANSWERS}{end}").is_file()]


def _fits(folder: Path) -> list[Path]:
    try:
        return user_cache.fits(folder / user_cache.FITS)
    except OSError:
        return []


def _clear(folder: Path) -> None:
    try:
        for file in _answers(folder):
            file.unlink(missing_ok=True)
        for fit in _fits(folder):
            shutil.rmtree(fit)
        with contextlib.suppress(OSError):  # not there, or something of the user's is in it
            (folder / user_cache.FITS).rmdir()
    except OSError as error:
        raise ResultsError(f"cannot be removed: {error.strerror}", where=str(folder)) from None


def _size(number: int) -> str:
    return f"{number / 2**20:.1f} MiB"
