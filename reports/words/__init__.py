"""Words of the page, a file for each language."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any


@functools.cache
def catalogue(language: str = "en") -> Mapping[str, Any]:
    """Return the sections of a language's file."""
    file = Path(__file__).with_name(f"{language}.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))
