"""What two scorecards of the same results have in common."""

from __future__ import annotations

import re
from pathlib import Path

TIMED = re.compile(rb'<div class="cost">.*?</div>', re.DOTALL)


def untimed(page: bytes) -> bytes:
    """The page without what its machine took, which no two runs have in common."""
    rest, number = TIMED.subn(b"", page)
    assert number, "the page has no times"
    return rest


def content(file: Path) -> bytes:
    """What the same audit gives again, of a file of its results."""
    return untimed(file.read_bytes()) if file.suffix == ".html" else file.read_bytes()
