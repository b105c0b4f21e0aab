"""Words, what stands between them, and edits of words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from auditor.types import Alignment, Edit, Edits, Inputs

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


def split(text: str) -> Words:
    """Split at blanks, tabs and line ends. ``str(split(text)) == text`` for every text."""
    words, _ = _first(text, len(text) + 1)
    return words


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text, as ``split`` has them."""
    return tuple(_WORD.findall(text))


def apply(words: Words, edits: Iterable[Edit]) -> Words:
    """The words with the edits made. Edits must not overlap (ValueError); their order does not matter.

    An edit without new words removes its words and the white space after them (at the end of the text: before them), unless
    it says what white space is left.
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


def edits_between(before: str, after: str) -> tuple[Edit, ...]:
    """Edits of ``before`` that give ``after``, for texts that a library or a template made.

    White space at both ends of the text stays as it was.
    """
    old, new = split(before), split(after)
    wanted = f"{old.separators[0]}{after.strip(SPACE)}{old.separators[-1] if old.words else ''}"
    edits = diff(old, new)
    if str(apply(old, edits)) == wanted:
        return edits
    # White space between words changed as well: a single edit says so.
    head, tail = _alike_spaced(old, new), _alike_spaced(_reversed(old), _reversed(new))
    tail = min(tail, len(old.words) - head, len(new.words) - head)
    # New words put between old ones have a neighbour with them where they stand apart by other than one blank.
    places = ((head, tail), (head - 1, tail), (head, tail - 1))
    single = (_single(old, new, *place) for place in places if min(place) >= 0)
    return next(((edit,) for edit in single if str(apply(old, (edit,))) == wanted), (_single(old, new, 0, 0),))


def _single(old: Words, new: Words, head: int, tail: int) -> Edit:
    """The edit of all words but for so many first and last ones."""
    end = len(new.words) - tail
    return Edit(head, len(old.words) - tail, new.words[head:end], new.separators[head + 1 : end])


def _reversed(words: Words) -> Words:
    return Words(words.words[::-1], words.separators[::-1])


def _alike_spaced(one: Words, other: Words) -> int:
    """How many first words are the same, with the same white space before the word that follows."""
    pairs = zip(one.words, other.words, one.separators[1:], other.separators[1:], strict=False)
    return next(
        (at for at, (a, b, c, d) in enumerate(pairs) if (a, c) != (b, d)), min(len(one.words), len(other.words))
    )


def edited(inputs: Inputs, edits: Edits) -> tuple[Inputs, Alignment]:
    """The texts after edits, and where their words come from; of a long text only the part up to the last edit is parted."""
    after = {**inputs, **{field: _edited(inputs[field], changes) for field, changes in edits.items()}}
    return after, Alignment(edits, _Origins(inputs, edits))


def _edited(text: str, edits: Sequence[Edit]) -> str:
    # With the word that follows the last edit: only then is its end not taken for that of the text.
    words, rest = _first(text, max((edit.end for edit in edits), default=0) + 1)
    return f"{apply(words, edits)}{rest}"


def _first(text: str, count: int) -> tuple[Words, str]:
    """The first words of a text, and what stands behind them; the whole text where it has fewer."""
    words, separators, at = [], [], 0
    for match in _WORD.finditer(text):
        separators.append(text[at : match.start()])
        words.append(match.group())
        at = match.end()
        if len(words) == count:
            return Words(tuple(words), (*separators, "")), text[at:]
    return Words(tuple(words), (*separators, text[at:])), ""


class _Origins(Mapping[str, tuple[int, ...]]):
    """Edited field → origins of its words, found when they are asked for: most tasks never do."""

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
    """Whether the words at these places stand as they stood, neighbours beside each other."""
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
    """Share in [0, 1] of so many words that edits replace; a pure insertion counts as one word."""
    return min(1.0, words_touched(edits) / words) if words else 0.0


def words_touched(edits: Iterable[Edit]) -> int:
    """How many words edits replace; a pure insertion counts as one word."""
    return sum(max(edit.end - edit.start, 1) for edit in edits)
