"""Places of words: spans, edits, and the origins of edited words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias


class Span(NamedTuple):
    """Consecutive words that share a label, such as an entity."""

    start: int
    """Its first word, from 0."""
    end: int
    """The word after its last."""
    type: str
    """The label that the words share."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A replacement of the words [start, end) by ``words``.

    ``separators`` stand between the new words: one fewer than words. The white space around the place stays as it is.
    Without new words, a single separator may say what white space replaces the old words and the white space around
    them. Raises ValueError for another number of separators.
    """

    start: int
    """The first word that is replaced, from 0."""
    end: int
    """The word after the last that is replaced; equal to ``start``: new words are put in before it."""
    words: tuple[str, ...]
    """The new words; none: the old ones go."""
    separators: tuple[str, ...] = ()
    """White space between the new words."""

    def __post_init__(self) -> None:
        removes = not self.words and self.end > self.start
        if len(self.separators) != max(len(self.words) - 1, 0) and not (removes and len(self.separators) == 1):
            raise ValueError("an edit has one separator fewer than words")


Edits: TypeAlias = Mapping[str, tuple[Edit, ...]]
"""Text field → the edits of its words. A field that is named without any edit was asked about as it stands."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """An example's texts before and after edits, word by word."""

    edits: Edits = field(default_factory=dict)
    """The edits that lead from the texts before to those after."""
    origins: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Edited field → of each word after, the word before that it comes from; −1: a new word."""


SAME_WORDS = Alignment()
"""Of texts that no edit touched."""
