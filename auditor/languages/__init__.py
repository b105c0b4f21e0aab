"""Languages: names, scripts, lists, and which one texts are in.

A language is named by its ISO 639-1 code. One with word lists has a file, ``<code>.toml``; the others have a name and a
script, and whatever needs a list does not apply to their texts.
"""

from auditor.languages.catalogue import (
    ENGLISH,
    Language,
    checked,
    codes,
    listed,
    named,
    of,
)
from auditor.languages.detection import ROWS, Detected, detect, likeliest

__all__ = [
    "ENGLISH",
    "ROWS",
    "Detected",
    "Language",
    "checked",
    "codes",
    "detect",
    "likeliest",
    "listed",
    "named",
    "of",
]
