"""Words, what stands between them, and edits of words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Words:
    """A text as words and the white space around them; ``str`` gives the text back exactly."""

    words: tuple[str, ...]
    separators: tuple[str, ...]
    """One more than words: before the first, between, after the last."""

    def __str__(self) -> str:
        pairs = zip(self.separators, (*self.words, ""), strict=True)
        return "".join(separator + word for separator, word in pairs)


@dataclass(frozen=True, slots=True)
class Edit:
    """Words [start, end) are replaced; ``separators`` stand between the new words (one fewer than words).

    The white space around the place stays as it is.
    """

    start: int
    end: int
    words: tuple[str, ...]
    separators: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.separators) != max(len(self.words) - 1, 0):
            raise ValueError("an edit has one separator fewer than words")


def split(text: str) -> Words:
    """Split at white space. ``str(split(text)) == text`` for every text."""
    words, separators, at = [], [], 0
    for match in _WORD.finditer(text):
        separators.append(text[at : match.start()])
        words.append(match.group())
        at = match.end()
    return Words(tuple(words), (*separators, text[at:]))


def apply(words: Words, edits: Iterable[Edit]) -> Words:
    """The words with the edits made. Edits must not overlap (ValueError); their order does not matter.

    An edit without new words removes its words and the white space before them.
    """
    new_words: list[str] = []
    new_separators: list[str] = [words.separators[0]]
    at = 0
    for edit in sorted(edits, key=lambda one: (one.start, one.end)):
        if edit.start < at or not edit.start <= edit.end <= len(words.words):
            raise ValueError(f"edit {edit} overlaps another or lies outside the text")
        _copy(words, at, edit.start, new_words, new_separators)
        if edit.words:
            for index, word in enumerate(edit.words):
                new_words.append(word)
                new_separators.append(edit.separators[index] if index < len(edit.separators) else "")
            after = words.separators[edit.end] if edit.end > edit.start else " "
            new_separators[-1] = after
        elif edit.end > edit.start and not new_words:
            new_separators[-1] = words.separators[0]
        elif edit.end > edit.start and edit.end == len(words.words):
            new_separators[-1] = words.separators[-1]
        at = edit.end
    _copy(words, at, len(words.words), new_words, new_separators)
    return Words(tuple(new_words), tuple(new_separators))


def _copy(words: Words, start: int, end: int, new_words: list[str], new_separators: list[str]) -> None:
    new_words += words.words[start:end]
    new_separators += words.separators[start + 1 : end + 1]


def diff(before: Words, after: Words) -> tuple[Edit, ...]:
    """Word edits that turn the words of one text into those of the other (white space is not compared)."""
    matcher = SequenceMatcher(a=before.words, b=after.words, autojunk=False)
    return tuple(
        Edit(i, j, after.words[k:m], after.separators[k + 1 : m] if m > k else ())
        for tag, i, j, k, m in matcher.get_opcodes()
        if tag != "equal"
    )


def share_touched(words: Words, edits: Sequence[Edit]) -> float:
    """Share in [0, 1] of the words that an edit replaces; a pure insertion counts as one word."""
    if not words.words:
        return 0.0
    return min(1.0, sum(max(edit.end - edit.start, 1) for edit in edits) / len(words.words))
