"""Catalogue of perturbations for the noise probe and the training recipes.

It has typos, case, spacing, words, invisible characters, homoglyphs, social media, insertions, the end of a text, and
the operations of easy data augmentation.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from auditor import text
from auditor.perturbations import augmentation, builtin, nlpaug_methods, whole_texts
from auditor.text import shares

NLPAUG = frozenset({"package:nlpaug"})
_TWO_WORDS = "two words"


class Perturbation(Protocol):
    """A way to change a text by edits of its words."""

    @property
    def name(self) -> str:
        """What settings and slices call it."""
        ...

    @property
    def family(self) -> str:
        """The family that it belongs to, such as ``typos``."""
        ...

    @property
    def keeps_label(self) -> bool:
        """Whether a reader would give the text the same label.

        A model may be trained on such texts.
        """
        ...

    @property
    def needs(self) -> frozenset[str]:
        """``package:<import name>`` or ``resource:<name>``."""
        ...

    @property
    def wanted(self) -> str:
        """What a text must have to be changed, in words."""
        ...

    @property
    def graded(self) -> bool:
        """Whether a larger share changes a text more.

        Otherwise there is one way to change it, and the noise probe runs it at one severity.
        """
        ...

    @property
    def around(self) -> bool:
        """Whether it changes what is around the words that have labels.

        These words then always stay as they are and side by side, and the model has to read the text to its end, before
        and after.
        """
        ...

    def edits(
        self, words: text.Words, share: float, rng: random.Random, protected: frozenset[int] = frozenset()
    ) -> tuple[text.Edit, ...]:
        """Edit about ``share`` of the words, and none that are protected.

        ``share`` is in (0, 1]. The result is empty where no word offers a change.
        """
        ...


@dataclass(frozen=True)
class ByWord:
    """A change to single words, or to words and their next ones.

    It makes at least one edit, and touches no more words than the share of them all, rounded. With an equal generator a
    smaller share touches a subset of the words and changes them alike: severities are nested.
    """

    name: str
    family: str
    wanted: str
    keeps_label: bool
    needs: frozenset[str] = frozenset()
    graded: bool = True
    around: bool = False
    change: builtin.Change | None = None
    """What it does to a word; None: what its name stands for in English."""
    pair: builtin.PairChange | None = None
    """What it does to a word and the next one, likewise."""

    def edits(
        self, words: text.Words, share: float, rng: random.Random, protected: frozenset[int] = frozenset()
    ) -> tuple[text.Edit, ...]:
        """Edit words in a random order, as many as the share allows."""
        wanted = max(1, shares.nearest(share, len(words.words)))
        order = list(range(len(words.words)))
        rng.shuffle(order)
        seeds = [rng.getrandbits(32) for _ in order]
        touched = 0
        edits: list[text.Edit] = []
        for index in order:
            if touched >= wanted:
                break
            edit = None if index in protected else self._edit(words, index, seeds[index], edits)
            if edit is None or not protected.isdisjoint(range(edit.start, edit.end)):
                continue
            if edits and touched + edit.end - edit.start > wanted:
                break
            touched += edit.end - edit.start
            edits.append(edit)
        return tuple(edits)

    def _edit(self, words: text.Words, index: int, seed: int, before: Sequence[text.Edit]) -> text.Edit | None:
        pair = self.pair or (builtin.PAIRS.get(self.name) if self.change is None else None)
        if pair is not None:
            if index + 1 == len(words.words) or any(edit.start - 1 <= index < edit.end for edit in before):
                return None
            return pair(words, index, random.Random(seed))
        word = words.words[index]
        new = _changed(self.name, word, seed) if self.change is None else self.change(word, random.Random(seed))
        if new is None or (not new and sum(not edit.words for edit in before) + 1 >= len(words.words)):
            return None  # a text keeps at least one word
        return text.Edit(index, index + 1, new, (" ",) * (len(new) - 1))


@functools.lru_cache(maxsize=2**16)
def _changed(name: str, word: str, seed: int) -> tuple[str, ...] | None:
    """Change a word; None where it offers no change.

    The cache serves every severity and every model, because they ask for the same changes.
    """
    if name in nlpaug_methods.METHODS:
        return nlpaug_methods.change(name, word, random.Random(seed))
    return builtin.WORDS[name](word, random.Random(seed))


def _typo(name: str, wanted: str) -> ByWord:
    return ByWord(name, "typos", wanted, keeps_label=True, needs=NLPAUG)


_SPACING, _INVISIBLE, _HOMOGLYPHS, _SOCIAL = (
    "spacing and punctuation",
    "invisible characters",
    "homoglyphs",
    "social media",
)
BY_WORD: tuple[ByWord, ...] = (
    _typo("keyboard typo", "a word of two letters or more of an English keyboard"),
    _typo("OCR error", "a Latin letter or digit that is mistaken for another"),
    _typo("inserted letter", "a word of two letters or more"),
    _typo("substituted letter", "a word of two letters or more"),
    _typo("swapped letters", "a word of three letters or more"),
    _typo("deleted letter", "a word of three letters or more"),
    _typo("misspelling", "a word that nlpaug's list of misspellings has"),
    ByWord("split word", _SPACING, "a word of four letters or more", keeps_label=True, needs=NLPAUG),
    ByWord("upper case", "case", "a small letter", keeps_label=True),
    ByWord("lower case", "case", "a capital letter", keeps_label=True),
    ByWord("capitalized", "case", "a word without a capital at its head", keeps_label=True),
    ByWord("random case", "case", "a letter that is small or capital", keeps_label=True),
    ByWord("added punctuation", _SPACING, "a word", keeps_label=True),
    ByWord("removed punctuation", _SPACING, "punctuation beside a word", keeps_label=True),
    ByWord("deleted word", "words", _TWO_WORDS, keeps_label=False),
    ByWord("digits to words", "words", "a digit", keeps_label=False),
    ByWord("expanded contraction", "words", "a contraction of the list", keeps_label=False),
    ByWord("zero-width character", _INVISIBLE, "a word of two characters or more", keeps_label=True),
    ByWord("soft hyphen", _INVISIBLE, "a word of two characters or more", keeps_label=True),
    ByWord("homoglyph", _HOMOGLYPHS, "a Latin letter with a Cyrillic look-alike", keeps_label=True),
    ByWord("diacritic", _HOMOGLYPHS, "a Latin letter that may have a mark", keeps_label=True),
    ByWord("repeated letter", _SOCIAL, "a letter", keeps_label=True),
    ByWord("social-media spelling", _SOCIAL, "a word of the list", keeps_label=True),
    ByWord("joined words", _SPACING, _TWO_WORDS, keeps_label=True),
    ByWord("extra whitespace", _SPACING, _TWO_WORDS, keeps_label=True),
    ByWord("swapped words", "words", "two words side by side that differ", keeps_label=False),
)
"""Changes to a share of the words.

Swapped and deleted words are our own: nlpaug's RandomWordAug chooses the words itself, so that severities would not be
nested, and changes capitals as well; once the words are chosen nothing is left for it to decide.
"""
NOISE: tuple[Perturbation, ...] = (*BY_WORD, *whole_texts.WHOLE_TEXTS)
"""What the noise probe runs where a user names nothing else."""
_EVERY: tuple[Perturbation, ...] = (*NOISE, *augmentation.OPERATIONS.values())
CATALOGUE: dict[str, Perturbation] = {perturbation.name: perturbation for perturbation in _EVERY}
"""Every perturbation by its name."""
FAMILIES: dict[str, str] = {name: perturbation.family for name, perturbation in CATALOGUE.items()}
"""Perturbation → family."""


def perturb(
    words: text.Words, name: str, share: float, rng: random.Random, protected: frozenset[int] = frozenset()
) -> tuple[text.Edit, ...]:
    """Return the edits by the perturbation of that name.

    Raises KeyError for an unknown name.
    """
    return CATALOGUE[name].edits(words, share, rng, protected)


def families(*, keeps_label: bool) -> tuple[str, ...]:
    """Families all of whose perturbations keep a text's label, or all others."""
    every = dict.fromkeys(FAMILIES.values())
    changing = {perturbation.family for perturbation in CATALOGUE.values() if not perturbation.keeps_label}
    return tuple(family for family in every if (family not in changing) is keeps_label)
