"""Perturbations of texts without blanks between words: by characters.

Each Chinese character and each Japanese one is a word, a run of other characters between blanks too. What is asked of
them, and what share of them is touched, is counted so; the edits are those of the text's own words, as edits
everywhere are.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from auditor import text
from auditor.text import characters


class _Changing(Protocol):
    """What a perturbation is to this module."""

    def edits(
        self, words: text.Words, share: float, rng: random.Random, protected: frozenset[int] = frozenset()
    ) -> tuple[text.Edit, ...]: ...


@dataclass(frozen=True, slots=True)
class Changed:
    """Edits of a text, and how many words they touch."""

    edits: tuple[text.Edit, ...]
    touched: int
    words: int


@dataclass(frozen=True)
class OnCharacters:
    """A perturbation that takes each character for a word.

    Severities are nested in characters.
    """

    inner: _Changing
    name: str
    family: str
    wanted: str
    keeps_label: bool
    needs: frozenset[str]
    graded: bool
    around: bool

    def edits(
        self, words: text.Words, share: float, rng: random.Random, protected: frozenset[int] = frozenset()
    ) -> tuple[text.Edit, ...]:
        """Edit about ``share`` of the characters, none in protected words."""
        return self.changed(words, share, rng, protected).edits

    def changed(
        self, words: text.Words, share: float, rng: random.Random, protected: frozenset[int] = frozenset()
    ) -> Changed:
        """Return the edits, and how many characters they touch."""
        before = str(words)
        apart = characters.split(before)
        places = characters.within(words, protected)
        edits = self.inner.edits(apart, share, rng, places)
        after = written(apart, edits)
        return Changed(text.edits_between(before, after), text.words_touched(edits), len(apart.words))


def changed(
    perturbation: _Changing,
    words: text.Words,
    share: float,
    rng: random.Random,
    protected: frozenset[int] = frozenset(),
) -> Changed:
    """Return the edits by a perturbation, and how many words they touch."""
    if isinstance(perturbation, OnCharacters):
        return perturbation.changed(words, share, rng, protected)
    edits = perturbation.edits(words, share, rng, protected)
    return Changed(edits, text.words_touched(edits), len(words.words))


def written(words: text.Words, edits: Sequence[text.Edit]) -> str:
    """Return the text after edits of its characters.

    What is put in stands beside characters without a blank, and beside other words with one. Edits either put words in
    or replace words.
    """
    if all(edit.start < edit.end for edit in edits):
        return str(text.apply(words, edits))
    by_place: dict[int, list[str]] = {}
    for edit in edits:
        by_place.setdefault(edit.start, []).extend(edit.words)
    behind = by_place.pop(len(words.words), [])
    new = {place: _joined([*own, words.words[place]]) for place, own in by_place.items()}
    if behind:
        last = len(words.words) - 1
        new[last] = _joined([new.get(last, words.words[last]), *behind])
    return str(text.apply(words, [text.Edit(place, place + 1, (own,)) for place, own in new.items()]))


def _joined(pieces: Iterable[str]) -> str:
    whole = ""
    for piece in pieces:
        tight = not whole or _is_wide(whole[-1]) or _is_wide(piece[0])
        whole += piece if tight else f" {piece}"
    return whole


def _is_wide(character: str) -> bool:
    """Whether it is as wide as a Chinese character."""
    return unicodedata.east_asian_width(character) in "WF"
