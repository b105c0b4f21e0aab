"""``audit cache``: what is kept between runs, and how to be rid of it."""

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
    """Show the cache's folder and sizes; with ``--clear`` remove what auditor put there, and nothing else."""
    folder = user_cache.folder()
    before = _found(folder)
    if options.clear:
        _clear(folder)
    found = {**_found(folder), "freed_bytes": before["bytes"]} if options.clear else before
    if options.json:
        print(json.dumps(found, indent=2))
        return 0
    if options.clear:
        print(one_line(f"{folder}: {_size(before['bytes'])} removed"))
        return 0
    print(one_line(f"{folder}: {_size(found['bytes'])}"))
    print(f"  answers of models: {_size(found['answers_bytes'])} in {found['batches']:,} batches")
    print(f"  trained weights: {_size(found['fits_bytes'])} of {found['fits']:,} trainings")
    return 0


def _found(folder: Path) -> dict[str, Any]:
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
    """0 for a file that is gone meanwhile: SQLite removes its own when it is closed."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _answers(folder: Path) -> list[Path]:
    """The database and the two files that SQLite keeps beside it while it is open."""
    return [one for end in ("", "-wal", "-shm") if (one := folder / f"{user_cache.ANSWERS}{end}").is_file()]


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
