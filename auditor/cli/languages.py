"""Flag ``--language`` of the commands that write a page."""

from __future__ import annotations

import argparse
from pathlib import Path

ENGLISH = "en"
"""Language of a page without the flag."""
_WORDS = Path(__file__).resolve().parents[2] / "reports" / "words"


def known() -> list[str]:
    """Return the codes of the languages whose words auditor has, sorted."""
    # Files are listed, because a user's folder may hold another package of the name reports.
    return sorted(file.stem for file in _WORDS.glob("*.toml"))


def add(command: argparse.ArgumentParser) -> None:
    """Add the flag."""
    command.add_argument(
        "--language", choices=known(), default=ENGLISH, help="language of the page (default: %(default)s)"
    )
