"""Texts with two marked entities."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from auditor.errors import DataError
from auditor.text import words as text
from auditor.types import Edit

MARKERS = ("<e1>", "</e1>", "<e2>", "</e2>")
"""Words around the first and the second entity, in the texts that every probe sees."""
_MARK = re.compile(r"</?e[12]>")
HINT = "mark both entities: <e1>child</e1> … <e2>cradle</e2>, or give the columns e1_start, e1_end, e2_start, e2_end"


def spaced(marked: str) -> str:
    """Make each mark a word of its own, a blank beside it.

    Raises DataError for a mark that is missing, doubled, nested or around nothing.
    """
    marks = _MARK.findall(marked)
    for mark in MARKERS:
        if marks.count(mark) != 1:
            problem = "has no mark" if mark not in marks else f"has {marks.count(mark)} marks"
            raise DataError(f"{problem} {mark}", hint=HINT)
    if tuple(marks) not in (MARKERS, (*MARKERS[2:], *MARKERS[:2])):
        raise DataError(f"has its marks in the order {' '.join(marks)}", hint="entities must not hold one another")
    apart = text.split(_MARK.sub(lambda mark: f" {mark.group()} ", marked))
    words = apart.words
    for name, (start, end) in _inside(words).items():
        if start == end:
            raise DataError(f"has nothing between {name} and </{name[1:]}", hint=HINT)
    return str(text.Words(words, _one_blank(apart)))


def _one_blank(apart: text.Words) -> tuple[str, ...]:
    """Return the white space around the words, a blank beside each mark."""
    first, *between, last = apart.separators
    pairs = zip(between, pairwise(apart.words), strict=True)
    inner = (" " if before in MARKERS or after in MARKERS else gap for gap, (before, after) in pairs)
    return ("" if apart.words[0] in MARKERS else first, *inner, "" if apart.words[-1] in MARKERS else last)


def _inside(words: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Opening mark → the places [start, end) of its entity's words."""
    return {mark: (words.index(mark) + 1, words.index(f"</{mark[1:]}")) for mark in MARKERS[::2]}


def entities(marked: str) -> dict[str, tuple[int, int]]:
    """Return ``e1`` and ``e2`` → the places [start, end) of their words.

    ``marked``: a text as ``spaced`` gives it.
    """
    return {mark[1:-1]: place for mark, place in _inside(text.words_of(marked)).items()}


def places(marked: str) -> Iterator[int]:
    """Yield the places of both entities' words and of their marks."""
    for start, end in entities(marked).values():
        yield from range(start - 1, end + 1)


def with_marks(marked: str, marks: Sequence[str]) -> str:
    """Write other marks in the place of ``MARKERS``."""
    names = dict(zip(MARKERS, marks, strict=True))
    words = text.split(marked)
    return str(text.Words(tuple(names.get(word, word) for word in words.words), words.separators))


def exchange(marked: str) -> tuple[Edit, ...]:
    """Return the edits that make the first entity the second."""
    names = dict(zip(MARKERS, (*MARKERS[2:], *MARKERS[:2]), strict=True))
    words = text.words_of(marked)
    return tuple(Edit(place, place + 1, (names[word],)) for place, word in enumerate(words) if word in names)


def exchanged(edits: Iterable[Edit]) -> bool:
    """Tell whether edits are those of ``exchange``."""
    written = sorted(edit.words for edit in edits if edit.words[:1] and edit.words[0] in MARKERS)
    return written == sorted((mark,) for mark in MARKERS)
