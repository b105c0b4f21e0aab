"""Words, the white space between them, and edits of words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from auditor.types import Alignment, Edit, Edits, Inputs

LONG = 1_000_000
"""Texts with more pairs of words than this are long."""
SPACE = " \t\r\n"
"""What separates words. Other white space, such as U+00A0 or U+2028, does not: a word of a corpus may hold it, with one
tag."""
_WORD = re.compile(f"[^{SPACE}]+")


@dataclass(frozen=True, slots=True)
class Words:
    """A text as words and the white space around them.

    ``str`` gives the text back exactly. Raises ValueError unless there is one separator more than words.
    """

    words: tuple[str, ...]
    separators: tuple[str, ...]
    """One more than words: before the first, between words, after the last."""

    def __post_init__(self) -> None:
        if len(self.separators) != len(self.words) + 1:
            raise ValueError("a text has one separator more than words")

    def __str__(self) -> str:
        pairs = zip(self.separators, (*self.words, ""), strict=True)
        return "".join(separator + word for separator, word in pairs)


def split(text: str) -> Words:
    """Split a text at blanks, tabs and line ends.

    ``str(split(text)) == text`` for every text.
    """
    words, _ = _first(text, len(text) + 1)
    return words


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a text, as ``split`` has them."""
    return tuple(_WORD.findall(text))


def apply(words: Words, edits: Iterable[Edit]) -> Words:
    """Return the words with the edits made.

    Edits must not overlap (ValueError); their order does not matter. An edit without new words removes its words and
    the white space after them (at the end of the text: before them), unless it says what white space is left. New words
    between two old ones (start == end) are one space apart from the old word that follows.
    """
    made = _TextBuilder(words.separators[0])
    at = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if not at <= edit.start <= edit.end <= len(words.words):
            raise ValueError(f"edit {edit} overlaps another edit or lies outside the text")
        _copy(words, at, edit.start, made)
        _replace(words, edit, made)
        at = edit.end
    _copy(words, at, len(words.words), made)
    return Words(tuple(made.words), (*made.separators, made.gap))


class _TextBuilder:
    """A text in the making.

    ``separators`` come before each word, ``gap`` before whatever comes next.
    """

    def __init__(self, gap: str) -> None:
        self.words: list[str] = []
        self.separators: list[str] = []
        self.gap = gap

    def add(self, word: str, gap: str) -> None:
        self.separators.append(self.gap)
        self.words.append(word)
        self.gap = gap


def _copy(words: Words, start: int, end: int, made: _TextBuilder) -> None:
    for index in range(start, end):
        made.add(words.words[index], words.separators[index + 1])


def _replace(words: Words, edit: Edit, made: _TextBuilder) -> None:
    at_end = edit.end == len(words.words)
    if not edit.words:
        if edit.separators:
            made.gap = edit.separators[0]
        elif at_end and edit.end > edit.start:
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


def diff(before: Words, after: Words) -> tuple[Edit, ...]:
    """Return the edits that turn one text's words into another's.

    White space is not compared. ``apply(before, diff(before, after)).words == after.words`` for every two texts.
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
    """Count the first and the last words that two long texts share.

    Comparing these with all other words would take minutes. Short texts get (0, 0).
    """
    if len(old) * len(new) <= LONG:
        return 0, 0
    least = min(len(old), len(new))
    head = next((at for at in range(least) if old[at] != new[at]), least)
    return head, next((at for at in range(least - head) if old[-1 - at] != new[-1 - at]), least - head)


def origins(words: Words, edits: Iterable[Edit]) -> tuple[int, ...]:
    """Return for each word after edits the word that it comes from.

    The words after are those of ``apply(words, edits)``; −1 marks a new word. Within an edit, a word that occurred
    there before comes from its old place; the others come from the words in their place, those beyond the last from the
    last. Labels of words follow their words by this.
    """
    sources: list[int] = []
    at = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        sources += range(at, edit.start)
        left = list(range(edit.start, edit.end))
        for place, word in enumerate(edit.words):
            same = next((index for index in left if words.words[index] == word), None)
            if same is not None:
                left.remove(same)
                sources.append(same)
            else:
                sources.append(min(edit.start + place, edit.end - 1) if edit.end > edit.start else -1)
        at = edit.end
    return (*sources, *range(at, len(words.words)))


def edits_between(before: str, after: str) -> tuple[Edit, ...]:
    """Return edits of ``before`` that give ``after``.

    They are for texts that a library or a template made. White space at both ends of the text stays as it was.
    """
    old, new = split(before), split(after)
    wanted = f"{old.separators[0]}{after.strip(SPACE)}{old.separators[-1] if old.words else ''}"
    edits = diff(old, new)
    if str(apply(old, edits)) == wanted:
        return edits
    # White space between words changed as well: a single edit covers both.
    head, tail = _alike_spaced(old, new), _alike_spaced(_reversed(old), _reversed(new))
    tail = min(tail, len(old.words) - head, len(new.words) - head)
    # An insertion includes a neighbouring word if other white space than one blank separates the two.
    places = ((head, tail), (head - 1, tail), (head, tail - 1))
    single = (_single(old, new, *place) for place in places if min(place) >= 0)
    return next(((edit,) for edit in single if str(apply(old, (edit,))) == wanted), (_single(old, new, 0, 0),))


def _single(old: Words, new: Words, head: int, tail: int) -> Edit:
    """Return the edit of all but ``head`` first and ``tail`` last words."""
    end = len(new.words) - tail
    return Edit(head, len(old.words) - tail, new.words[head:end], new.separators[head + 1 : end])


def _reversed(words: Words) -> Words:
    return Words(words.words[::-1], words.separators[::-1])


def _alike_spaced(old: Words, new: Words) -> int:
    """Count the equal first words with equal white space after them."""
    pairs = zip(old.words, new.words, old.separators[1:], new.separators[1:], strict=False)
    return next((at for at, (a, b, c, d) in enumerate(pairs) if (a, c) != (b, d)), min(len(old.words), len(new.words)))


def edited(inputs: Inputs, edits: Edits) -> tuple[Inputs, Alignment]:
    """Return the texts after edits, and where their words come from.

    Of a long text, only the part up to the last edit is split into words.
    """
    after = {**inputs, **{field: _edited(inputs[field], changes) for field, changes in edits.items()}}
    return after, Alignment(edits, _Origins(inputs, edits))


def _edited(text: str, edits: Sequence[Edit]) -> str:
    # Include the word after the last edit, so that the edit's end is not taken for the end of the text.
    words, rest = _first(text, max((edit.end for edit in edits), default=0) + 1)
    return f"{apply(words, edits)}{rest}"


def _first(text: str, count: int) -> tuple[Words, str]:
    """Return the first words of a text, and the rest of it.

    A text with fewer words is returned whole.
    """
    words, separators, at = [], [], 0
    for match in _WORD.finditer(text):
        separators.append(text[at : match.start()])
        words.append(match.group())
        at = match.end()
        if len(words) == count:
            return Words(tuple(words), (*separators, "")), text[at:]
    return Words(tuple(words), (*separators, text[at:])), ""


class _Origins(Mapping[str, tuple[int, ...]]):
    """Edited field → origins of its words, computed on first use.

    Most tasks never need them.
    """

    def __init__(self, inputs: Inputs, edits: Edits) -> None:
        self._inputs, self._edits = inputs, edits
        self._known: dict[str, tuple[int, ...]] = {}

    def __getitem__(self, field: str) -> tuple[int, ...]:
        if field not in self._known:
            self._known[field] = origins(split(self._inputs[field]), self._edits[field])
        return self._known[field]

    def __contains__(self, field: object) -> bool:
        return field in self._edits

    def __iter__(self) -> Iterator[str]:
        return iter(self._edits)

    def __len__(self) -> int:
        return len(self._edits)


def untouched(words: Words, edits: Iterable[Edit], places: frozenset[int]) -> bool:
    """Whether the words at these places stay as they were.

    Neighbours must stay beside each other.
    """
    if not places:
        return True
    changes = tuple(edits)
    after = apply(words, changes).words
    now = [(origin, place) for place, origin in enumerate(origins(words, changes)) if origin in places]
    if sorted(origin for origin, _ in now) != sorted(places):
        return False
    at = dict(now)
    same = all(after[at[place]] == words.words[place] for place in places)
    return same and all(at[place + 1] == at[place] + 1 for place in places if place + 1 in places)


def share_touched(words: int, edits: Iterable[Edit]) -> float:
    """Return the share in [0, 1] of the words that edits replace.

    ``words``: the number of words. A pure insertion counts as one word.
    """
    return min(1.0, words_touched(edits) / words) if words else 0.0


def words_touched(edits: Iterable[Edit]) -> int:
    """Return the number of words that edits replace.

    A pure insertion counts as one word.
    """
    return sum(max(edit.end - edit.start, 1) for edit in edits)
