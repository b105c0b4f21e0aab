"""Conversion of paths on the command line."""

from __future__ import annotations

import argparse
import contextlib
import os
from pathlib import Path

from auditor.errors import SHORTER, TOO_LONG, shortened


def path(word: str) -> Path:
    """Convert an argument to a path that the operating system accepts.

    An empty argument, as from an unset variable, is refused: it would mean the current folder.
    """
    if not word:
        raise argparse.ArgumentTypeError("the path is empty")
    try:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            os.lstat(word)
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        if reason == TOO_LONG:
            raise argparse.ArgumentTypeError(f"not a valid path: {shortened(word)}: {reason} ({SHORTER})") from None
        raise argparse.ArgumentTypeError(f"not a valid path: {word}: {reason}") from None
    return Path(word)
