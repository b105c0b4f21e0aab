"""Words, what stands between them, and edits of words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

LONG = 1_000_000
"""Pairs of words; texts that make more are long."""
SPACE = " \t\r\n"
"""What parts words. Other white space, such as U+00A0 or U+2028, does not part words: a word of a corpus may hold it, with one tag."""
_WORD = re.compile(f"[^{SPACE}]+")


@dataclass(frozen=True, slots=True)
class Words:
    """A text as words and the white space around them; ``str`` gives the text back exactly.

    Raises ValueError unless there is one separator more than words.
    """

    words: tuple[str, ...]
    separators: tuple[str, ...]
    """One more than words: before the first, between, after the last."""

    def __post_init__(self) -> None:
        if len(self.separators) != len(self.words) + 1:
            raise ValueError("a text has one separator more than words")

    def __str__(self) -> str:
        pairs = zip(self.separators, (*self.words, ""), strict=True)
        return "".join(separator + word for separator, word in pairs)


@dataclass(frozen=True, slots=True)
class Edit:
    """Words [start, end) are replaced; ``separators`` stand between the new words (one fewer than words).

    The white space around the place stays as it is. Raises ValueError for another number of separators.
    """

    start: int
    end: int
    words: tuple[str, ...]
    separators: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.separators) != max(len(self.words) - 1, 0):
            raise ValueError("an edit has one separator fewer than words")


def split(text: str) -> Words:
    """Split at blanks, tabs and line ends. ``str(split(text)) == text`` for every text."""
    words, separators, at = [], [], 0
    for match in _WORD.finditer(text):
        separators.append(text[at : match.start()])
        words.append(match.group())
        at = match.end()
    return Words(tuple(words), (*separators, text[at:]))


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text, as ``split`` has them."""
    return tuple(_WORD.findall(text))


def apply(words: Words, edits: Iterable[Edit]) -> Words:
    """The words with the edits made. Edits must not overlap (ValueError); their order does not matter.

    An edit without new words removes its words and the white space after them (at the end of the text: before them).
    New words put between two old ones (start == end) stand with one space to the old word that follows.
    """
    made = _Made(words.separators[0])
    at = 0
    for edit in sorted(edits, key=lambda one: (one.start, one.end)):
        if not at <= edit.start <= edit.end <= len(words.words):
            raise ValueError(f"edit {edit} overlaps another or lies outside the text")
        _copy(words, at, edit.start, made)
        _replace(words, edit, made)
        at = edit.end
    _copy(words, at, len(words.words), made)
    return Words(tuple(made.words), (*made.separators, made.gap))


class _Made:
    """A text in the making: ``separators`` stand before each word, ``gap`` before whatever comes next."""

    def __init__(self, gap: str) -> None:
        self.words: list[str] = []
        self.separators: list[str] = []
        self.gap = gap

    def add(self, word: str, gap: str) -> None:
        self.separators.append(self.gap)
        self.words.append(word)
        self.gap = gap


def _copy(words: Words, start: int, end: int, made: _Made) -> None:
    for index in range(start, end):
        made.add(words.words[index], words.separators[index + 1])


def _replace(words: Words, edit: Edit, made: _Made) -> None:
    at_end = edit.end == len(words.words)
    if not edit.words:
        if at_end and edit.end > edit.start:
            made.gap = words.separators[-1]
        return
    if at_end and edit.end == edit.start and made.words:
        made.gap = " "
    if edit.end > edit.start or (at_end and words.words):
        after = words.separators[edit.end]
    else:
        after = " " if words.words else ""
    for word, gap in zip(edit.words, (*edit.separators, after), strict=True):
        made.add(word, gap)


BEGUN = 64
"""Letters of a word that a model reads in part only, at most, which are taken to be read with the others."""
_LETTERS = re.compile(r"\w+")
_FIRST = 256
"""Letters of the first part that is tried."""


def part_read(text: str, same: Callable[[str], bool]) -> tuple[int, int]:
    """Start and end of what a model reads of a text that is cut for it; where nothing is cut, of the whole text.

    ``same``: whether the model sees as much in a part of the text as in all of it. Parts are tried that are twice as long
    as the last one, then lengths between: it takes no more work than the part read, however long the text is.
    """
    end = _shortest(len(text), lambda length: same(text[:length]))
    start = end - _shortest(end, lambda length: same(text[end - length : end]))
    before, after = text[max(start - BEGUN - 1, 0) : start], text[end : end + BEGUN + 1]
    first, last = text[start:end][:1], text[start:end][-1:]
    return start - _begun(before[::-1], first), end + _begun(after, last)


def _begun(beyond: str, last: str) -> int:
    """Letters beyond the last one that its word goes on with; 0 where these are too many."""
    more = _LETTERS.match(beyond)
    length = len(more.group()) if more is not None and _LETTERS.fullmatch(last) else 0
    return length if length <= BEGUN else 0


def _shortest(most: int, enough: Callable[[int], bool]) -> int:
    """The least length that is enough, where a longer one is so too and ``most`` is known to be."""
    low, high = 0, _FIRST
    while high < most and not enough(high):
        low, high = high, 2 * high
    high = min(high, most)
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def diff(before: Words, after: Words) -> tuple[Edit, ...]:
    """Word edits that turn the words of one text into those of the other (white space is not compared).

    ``apply(before, diff(before, after)).words == after.words`` for every two texts.
    """
    head, tail = _alike(before.words, after.words)
    old, new = before.words[head : len(before.words) - tail], after.words[head : len(after.words) - tail]
    matcher = SequenceMatcher(a=old, b=new, autojunk=False)
    return tuple(
        Edit(head + i, head + j, new[k:m], after.separators[head + k + 1 : head + m] if m > k else ())
        for tag, i, j, k, m in matcher.get_opcodes()
        if tag != "equal"
    )


def _alike(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """How many first and last words of two long texts are the same: compared with all others they take minutes."""
    if len(old) * len(new) <= LONG:
        return 0, 0
    least = min(len(old), len(new))
    head = next((at for at in range(least) if old[at] != new[at]), least)
    return head, next((at for at in range(least - head) if old[-1 - at] != new[-1 - at]), least - head)


def origins(words: Words, edits: Iterable[Edit]) -> tuple[int, ...]:
    """Of each word of ``apply(words, edits)``, the word before that it comes from; −1: a new one.

    Within an edit a word that stood there before comes from where it stood; the others come from the words in their place,
    those beyond the last from the last. So labels of words follow them.
    """
    found: list[int] = []
    at = 0
    for edit in sorted(edits, key=lambda one: (one.start, one.end)):
        found += range(at, edit.start)
        left = list(range(edit.start, edit.end))
        for place, word in enumerate(edit.words):
            same = next((index for index in left if words.words[index] == word), None)
            if same is not None:
                left.remove(same)
                found.append(same)
            else:
                found.append(min(edit.start + place, edit.end - 1) if edit.end > edit.start else -1)
        at = edit.end
    return (*found, *range(at, len(words.words)))


def share_touched(words: Words, edits: Sequence[Edit]) -> float:
    """Share in [0, 1] of the words that an edit replaces; a pure insertion counts as one word."""
    if not words.words:
        return 0.0
    return min(1.0, sum(max(edit.end - edit.start, 1) for edit in edits) / len(words.words))
