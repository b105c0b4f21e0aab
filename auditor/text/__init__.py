"""Words of a text, edits of words, spans."""

from auditor.text.words import (
    LONG,
    SPACE,
    Edit,
    Words,
    apply,
    diff,
    origins,
    part_read,
    share_touched,
    split,
    words_of,
)

__all__ = [
    "LONG",
    "SPACE",
    "Edit",
    "Words",
    "apply",
    "diff",
    "origins",
    "part_read",
    "share_touched",
    "split",
    "words_of",
]
