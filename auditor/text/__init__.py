"""Words of a text, edits of words, spans."""

from auditor.text.parts import Part, part, part_read
from auditor.text.words import (
    Words,
    apply,
    diff,
    edited,
    edits_between,
    origins,
    share_touched,
    split,
    untouched,
    words_of,
    words_touched,
)
from auditor.types import Edit

__all__ = [
    "Edit",
    "Part",
    "Words",
    "apply",
    "diff",
    "edited",
    "edits_between",
    "origins",
    "part",
    "part_read",
    "share_touched",
    "split",
    "untouched",
    "words_of",
    "words_touched",
]
