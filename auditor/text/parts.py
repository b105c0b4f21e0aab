"""Parts of a text: what a model reads, and the words there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from auditor.text import tokens
from auditor.text.words import SPACE, Words, split, words_of
from auditor.types import Edit

_WORD = re.compile(f"[^{SPACE}]+")
BEGUN = 64
"""The most letters beyond a cut within a word that count as read with the rest of the word."""
_LETTERS = tokens.BESIDE_CHARACTERS
"""In scripts without blanks every character is a word, of which a cut leaves nothing over."""
_FIRST = 256
"""Letters of the first part tried."""


def part_read(text: str, same: Callable[[str], bool]) -> tuple[int, int]:
    """Return start and end of what a model reads of a text.

    Without a cut that is the whole text. ``same``: whether the model sees as much in a part of the text as in all of
    it. Each part tried is twice as long as the last one, then lengths between are tried: the work grows with the part
    read, however long the text is.
    """
    end = _shortest(len(text), lambda length: same(text[:length]))
    start = end - _shortest(end, lambda length: same(text[end - length : end]))
    before, after = text[max(start - BEGUN - 1, 0) : start], text[end : end + BEGUN + 1]
    first, last = text[start:end][:1], text[start:end][-1:]
    return start - _begun(before[::-1], first), end + _begun(after, last)


def _begun(beyond: str, last: str) -> int:
    """Count the letters beyond a cut that belong to its word.

    The result is 0 if these are too many.
    """
    more = _LETTERS.match(beyond)
    length = len(more.group()) if more is not None and _LETTERS.fullmatch(last) else 0
    return length if length <= BEGUN else 0


def _shortest(most: int, enough: Callable[[int], bool]) -> int:
    """Return the least length that is enough.

    ``most`` is known to be enough, and so is every length greater than one that is.
    """
    low, high = 0, _FIRST
    while high < most and not enough(high):
        low, high = high, 2 * high
    high = min(high, most)
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


@dataclass(frozen=True, slots=True)
class Part:
    """The words in a stretch of a text.

    The stretch may begin and end within a word.
    """

    words: Words
    first: int
    """The place of the first word in the whole text."""
    head: str
    """Letters of the first word before the stretch."""
    tail: str
    """Letters of the last word after the stretch."""
    gap: str | None
    """The white space after the last word in the whole text; None if the text ends with that word."""

    def lifted(self, edits: Iterable[Edit]) -> tuple[Edit, ...]:
        """Return edits of these words as edits of the whole text."""
        return tuple(self._lifted(edit) for edit in edits)

    def places(self, places: Iterable[int]) -> frozenset[int]:
        """Return those places of the whole text that are in the part.

        They are counted within the part.
        """
        shifted = (place - self.first for place in places)
        return frozenset(place for place in shifted if 0 <= place < len(self.words.words))

    def _lifted(self, edit: Edit) -> Edit:
        words, separators = list(edit.words), edit.separators
        at_end = edit.end == len(self.words.words)
        if edit.end > edit.start:
            head = self.head if edit.start == 0 else ""
            tail = self.tail if at_end else ""
            if head or tail:
                words = words or [""]
                words[0] = head + words[0]
                words[-1] += tail
            elif at_end and not words and not separators and self.gap is not None:
                # As at the end of a text, the white space before the words goes.
                separators = (self.gap,)
        return Edit(edit.start + self.first, edit.end + self.first, tuple(words), separators)


def part(text: str, start: int, end: int) -> Part:
    """Return the words of ``text[start:end]``."""
    within = split(text[start:end])
    if not within.words:
        return Part(within, len(words_of(text[:start])), "", "", None)
    begins = max(text.rfind(space, 0, start) for space in SPACE) + 1
    head = "" if within.separators[0] else text[begins:start]
    goes_on = None if within.separators[-1] else _WORD.match(text, end)
    tail = "" if goes_on is None else goes_on.group()
    rest = text[end + len(tail) :]
    blank = len(rest) - len(rest.lstrip(SPACE))
    gap = within.separators[-1] + rest[:blank] if blank < len(rest) else None
    return Part(within, len(words_of(text[:start])) - bool(head), head, tail, gap)
