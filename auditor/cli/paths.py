"""Paths of the command line."""

from __future__ import annotations

import argparse
import contextlib
import os
from pathlib import Path

from auditor.errors import SHORTER, TOO_LONG, shortened


def path(word: str) -> Path:
    """A path of the command line that the system can have; an empty one, as of an unset variable, would be ``.``."""
    if not word:
        raise argparse.ArgumentTypeError("the path is empty")
    try:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            os.lstat(word)
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        if reason == TOO_LONG:
            raise argparse.ArgumentTypeError(f"no path: {shortened(word)}: {reason} ({SHORTER})") from None
        raise argparse.ArgumentTypeError(f"no path: {word}: {reason}") from None
    return Path(word)
