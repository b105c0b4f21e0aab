"""What a process needs of its surroundings: a current folder, a home, and a place for temporary files."""

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
"""Commands that keep finished work for the next time."""


def prepare(options: Namespace) -> None:
    """Give a process without a home one of its own. Raises UsageError for what else is not there."""
    try:
        os.getcwd()  # noqa: PTH109 - what is asked is whether it is there
    except OSError as error:
        raise UsageError(f"the current folder is not there: {error.strerror}", hint="cd to another one") from None
    home = _temporary_home()
    if options.command not in KEEPING:
        return
    try:
        tempfile.gettempdir()
    except OSError as error:
        raise UsageError(f"no temporary files can be written: {error.strerror}", hint="set TMPDIR") from None
    if home is not None and home in user_cache.folder().parents:
        line = (
            f"no home folder is known, so that nothing is kept for the next run ({user_cache.VARIABLE} names a folder)"
        )
        print(f"audit {options.command}: {line}", file=sys.stderr)


def _temporary_home() -> Path | None:
    """A home for this process alone, where the system knows none (a container's user, without HOME); else None.

    Half a dozen libraries ask for one, and each fails in its own way where there is none.
    """
    if os.path.isabs(os.path.expanduser("~")):  # noqa: PTH111, PTH117 - pathlib raises
        return None
    try:
        home = Path(tempfile.mkdtemp(prefix="auditor-home-"))
    except OSError as error:
        raise UsageError(f"there is no home folder, nor one for temporary files: {error}", hint="set HOME") from None
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ["HOME"] = str(home)
    return home
