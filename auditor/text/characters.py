"""Texts without blanks between words, taken apart into characters."""

from __future__ import annotations

from collections.abc import Iterable

from auditor.text import tokens
from auditor.text.words import Words


def split(value: str) -> Words:
    """Split a text into characters and what is between them.

    Each character of a script without blanks is a word, with the marks on it; so is each run of others between blanks.
    ``str(split(value)) == value`` for every text.
    """
    words: list[str] = []
    separators: list[str] = []
    at = 0
    for match in tokens.CHARACTER_OR_RUN.finditer(value):
        separators.append(value[at : match.start()])
        words.append(match.group())
        at = match.end()
    return Words(tuple(words), (*separators, value[at:]))


def count(value: str) -> int:
    """Return how many words ``split`` has of a text."""
    return sum(1 for _ in tokens.CHARACTER_OR_RUN.finditer(value))


def within(words: Words, places: Iterable[int]) -> frozenset[int]:
    """Return the places in ``split(str(words))`` of some of the words."""
    wanted = frozenset(places)
    if not wanted:
        return frozenset()
    own: set[int] = set()
    at = 0
    for place, word in enumerate(words.words):
        length = count(word)
        if place in wanted:
            own.update(range(at, at + length))
        at += length
    return frozenset(own)
