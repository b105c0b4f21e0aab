"""Perturbations of a text as a whole.

Some put words around and between those of the text, some change how it ends, some change the case of every word. The
words of an entity stay together, and words put in belong to none: each new word is an edit of its own, so that the
share of words touched counts it.
"""

from __future__ import annotations

import functools
import random
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from auditor import text
from auditor.perturbations import builtin
from auditor.text import characters, shares

TextChange: TypeAlias = Callable[[text.Words, float, random.Random, frozenset[int]], tuple[text.Edit, ...]]
"""Words, share, generator and protected places → edits."""

INSERTIONS, FULL_STOP, PADDING, CASE = "insertions", "final full stop", "long padding", "whole-text case"
PADDED = 80
"""Words of neutral text, at least, that make a padding long."""
_TENTHS = 10
_STOPS = (".", "。", "।", "۔")
_MARKS = ("!!", "!!!", "...", "....")
_SCRIPT_STOPS = {"CJK": "。", "HIRAGANA": "。", "KATAKANA": "。", "DEVANAGARI": "।"}
"""First word of a letter's Unicode name → the full stop of its script, where it is not the Latin one."""


@dataclass(frozen=True)
class OfText:
    """A change to a text as a whole.

    With an equal generator a smaller share makes a subset of the edits of a larger one: severities are nested.
    """

    name: str
    family: str
    wanted: str
    change: TextChange
    graded: bool = False
    around: bool = True
    keeps_label: bool = True
    needs: frozenset[str] = frozenset()

    def edits(
        self, words: text.Words, share: float, rng: random.Random, protected: frozenset[int] = frozenset()
    ) -> tuple[text.Edit, ...]:
        """Edit the text; the share matters to a graded change alone."""
        return self.change(words, share, rng, protected) if words.words else ()


def _put(place: int, new: Iterable[str]) -> tuple[text.Edit, ...]:
    """Put new words in before the word at ``place``."""
    return tuple(text.Edit(place, place, (word,)) for word in new)


def _tenths(share: float, _words: int = 0) -> int:
    """Return one for each tenth of the share, and at least one."""
    return max(1, shares.nearest(share, _TENTHS))


def _of_words(share: float, words: int) -> int:
    """Return the share of the number of words, and at least one."""
    return max(1, shares.nearest(share, words))


def _stand_apart(words: text.Words) -> bool:
    """Whether the text separates punctuation from its words, as corpora do."""
    return any(not builtin.parts(word)[1] for word in words.words)


@functools.cache
def _apart(sentence: str) -> tuple[str, ...]:
    """Return the words of a sentence, its marks being words too."""
    pieces = (builtin.parts(word) for word in text.words_of(sentence))
    return tuple(piece for _, bare, mark in pieces for piece in (bare, mark) if piece)


def _sentences(words: text.Words, rng: random.Random, fillers: Sequence[str]) -> list[tuple[str, ...]]:
    """Return every filler as words, in a random order.

    ``fillers``: none stands for the English ones. Punctuation is a word of its own where the text has it so. A sentence
    without blanks is parted into characters.
    """
    drawn = list(fillers or builtin.listed("fillers"))
    rng.shuffle(drawn)
    if not any(" " in sentence for sentence in drawn):
        return [characters.split(sentence).words for sentence in drawn]
    spaced = _apart if _stand_apart(words) else text.words_of
    return [spaced(sentence) for sentence in drawn]


def _filler(fillers: Sequence[str] = (), *, after: bool) -> TextChange:
    def change(words: text.Words, share: float, rng: random.Random, _kept: frozenset[int]) -> tuple[text.Edit, ...]:
        chosen = _sentences(words, rng, fillers)[: _tenths(share)]
        place = len(words.words) if after else 0
        return _put(place, (word for sentence in chosen for word in sentence))

    return change


def _padding(fillers: Sequence[str] = (), *, after: bool) -> TextChange:
    def change(words: text.Words, _share: float, rng: random.Random, _kept: frozenset[int]) -> tuple[text.Edit, ...]:
        new: list[str] = []
        for sentence in _sentences(words, rng, fillers):
            if len(new) >= PADDED:
                break
            new += sentence
        return _put(len(words.words) if after else 0, new)

    return change


def _scattered(name: str, count: Callable[[float, int], int], members: Sequence[str] = ()) -> TextChange:
    """Put members of a list in at random places.

    ``members``: none stands for those of its name.

    None stands between two protected words.
    """

    def change(words: text.Words, share: float, rng: random.Random, kept: frozenset[int]) -> tuple[text.Edit, ...]:
        listed = members or builtin.listed(name)
        free = [place for place in range(len(words.words) + 1) if not {place - 1, place} <= kept]
        number = count(share, len(words.words)) if free else 0
        drawn = ((rng.choice(free), rng.choice(listed)) for _ in range(number))
        return tuple(text.Edit(place, place, (member,)) for place, member in drawn)

    return change


def full_stop_removed(
    words: text.Words, _share: float, _rng: random.Random, kept: frozenset[int]
) -> tuple[text.Edit, ...]:
    """Remove the full stop at the end: ``a film.`` → ``a film``.

    An ellipsis is none. A full stop that is a word of its own is deleted.
    """
    last = len(words.words) - 1
    word = words.words[last]
    bare = word[:-1]
    if last in kept or not word.endswith(_STOPS) or bare.endswith(_STOPS):
        return ()
    if bare:
        return (text.Edit(last, last + 1, (bare,)),)
    before = words.words[last - 1] if last else ""
    return (text.Edit(last, last + 1, ()),) if before and not before.endswith(_STOPS) else ()


def full_stop_added(
    words: text.Words, _share: float, _rng: random.Random, kept: frozenset[int]
) -> tuple[text.Edit, ...]:
    """Add a full stop at the end: ``a film`` → ``a film.``.

    Texts that end with a mark or a symbol offer nothing.
    """
    letter = words.words[-1][-1]
    if unicodedata.category(letter)[0] not in "LMN":
        return ()
    stop = _SCRIPT_STOPS.get(unicodedata.name(letter, "").split(" ")[0].split("-")[0], ".")
    return _ended(words, stop, kept)


def _trailing(marks: Sequence[str]) -> TextChange:
    """Add several marks at the end: ``a film.`` → ``a film.!!``."""

    def change(words: text.Words, _share: float, rng: random.Random, kept: frozenset[int]) -> tuple[text.Edit, ...]:
        return _ended(words, rng.choice(marks), kept)

    return change


trailing_punctuation = _trailing(_MARKS)


def _ended(words: text.Words, mark: str, kept: frozenset[int]) -> tuple[text.Edit, ...]:
    """Append a mark to the last word, or as a word."""
    last = len(words.words) - 1
    if last in kept or _stand_apart(words):
        return _put(last + 1, (mark,))
    return (text.Edit(last, last + 1, (words.words[last] + mark,)),)


def _every_word(change: builtin.Change) -> TextChange:
    def changed(words: text.Words, _share: float, rng: random.Random, kept: frozenset[int]) -> tuple[text.Edit, ...]:
        new = ((place, change(word, rng)) for place, word in enumerate(words.words) if place not in kept)
        return tuple(text.Edit(place, place + 1, word) for place, word in new if word is not None)

    return changed


_WORD = "a word"
WHOLE_TEXTS: tuple[OfText, ...] = (
    OfText("filler before", INSERTIONS, _WORD, _filler(after=False), graded=True),
    OfText("filler after", INSERTIONS, _WORD, _filler(after=True), graded=True),
    OfText("rare tokens", INSERTIONS, _WORD, _scattered("rare", _of_words), graded=True),
    OfText("emoji", INSERTIONS, _WORD, _scattered("emoji", _tenths), graded=True),
    OfText("trailing punctuation", INSERTIONS, _WORD, trailing_punctuation),
    OfText("long padding before", PADDING, _WORD, _padding(after=False)),
    OfText("long padding after", PADDING, _WORD, _padding(after=True)),
    OfText("final full stop removed", FULL_STOP, "a full stop at its end", full_stop_removed),
    OfText("final full stop added", FULL_STOP, "a letter or digit at its end", full_stop_added),
    OfText("upper-case text", CASE, "a small letter", _every_word(builtin.upper_case), around=False),
    OfText("lower-case text", CASE, "a capital letter", _every_word(builtin.lower_case), around=False),
    OfText(
        "title-case text", CASE, "a word without a capital at its head", _every_word(builtin.capitalized), around=False
    ),
)
"""What the noise probe runs of whole texts where a user names nothing else."""
NEUTRAL_TOKENS = 10
"""How many of the rare tokens, the first ones, are words of no language."""


def _in_language(name: str, fillers: Sequence[str], endings: Sequence[str]) -> TextChange | None:
    """What changes about a text with words of another language.

    None: nothing does.
    """
    changes = {
        "filler before": _filler(fillers, after=False),
        "filler after": _filler(fillers, after=True),
        "long padding before": _padding(fillers, after=False),
        "long padding after": _padding(fillers, after=True),
        "rare tokens": _scattered("rare", _of_words, builtin.listed("rare")[:NEUTRAL_TOKENS]),
        "trailing punctuation": _trailing(endings or _MARKS),
    }
    return changes.get(name)


def in_language(perturbation: OfText, fillers: Sequence[str], endings: Sequence[str]) -> OfText:
    """Return a perturbation with what it puts in in another language.

    ``fillers``: neutral sentences; ``endings``: marks to end a text with, none: the Latin ones.
    """
    change = _in_language(perturbation.name, fillers, endings)
    return perturbation if change is None else replace(perturbation, change=change)
