"""Checks of the process's current folder, home and temporary folder."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from argparse import Namespace
from pathlib import Path

from auditor.errors import UsageError
from auditor.storage import user_cache

KEEPING = ("run", "train", "remedy")
"""Commands that keep finished work for the next run."""


def prepare(options: Namespace) -> None:
    """Give a process without a home a temporary one.

    Raises UsageError if there is no current folder or no folder for temporary files.
    """
    try:
        os.getcwd()  # noqa: PTH109 - called to see whether the folder exists
    except OSError as error:
        raise UsageError(f"the current folder does not exist: {error.strerror}", hint="cd to another one") from None
    home = _temporary_home()
    if options.command not in KEEPING:
        return
    try:
        tempfile.gettempdir()
    except OSError as error:
        raise UsageError(f"cannot write temporary files: {error.strerror}", hint="set TMPDIR") from None
    if home is not None and home in user_cache.folder().parents:
        line = f"no home folder: nothing is kept for the next run (set {user_cache.VARIABLE} to a folder)"
        print(f"audit {options.command}: {line}", file=sys.stderr)


def _temporary_home() -> Path | None:
    """Create a home for this process if the system knows none.

    Returns None if there is a home. A container's user without HOME has none, and half a dozen libraries that ask for
    it fail in their own ways.
    """
    if os.path.isabs(os.path.expanduser("~")):  # noqa: PTH111, PTH117 - pathlib raises
        return None
    try:
        home = Path(tempfile.mkdtemp(prefix="auditor-home-"))
    except OSError as error:
        raise UsageError(
            f"there is no home folder, and no temporary one can be created: {error}", hint="set HOME"
        ) from None
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ["HOME"] = str(home)
    return home
