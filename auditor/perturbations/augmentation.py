"""Operations of easy data augmentation (Wei & Zou 2019).

They are synonyms, insertions, swaps and deletions of words.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from auditor import text
from auditor.perturbations import builtin
from auditor.text import shares

Synonyms: TypeAlias = Callable[[str], Sequence[str]]
"""A word in lower case → its synonyms, in a fixed order."""
FAMILY = "data augmentation"
WORDNET = frozenset({"resource:wordnet"})


@functools.cache
def stop_words() -> frozenset[str]:
    """scikit-learn's, English."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return frozenset(ENGLISH_STOP_WORDS)


@functools.cache
def by_wordnet(word: str) -> tuple[str, ...]:
    """Lemmas that share a synset with the word, in alphabetical order."""
    from nltk.corpus import wordnet

    synsets = wordnet.synsets(word)
    lemmas = {str(lemma).replace("_", " ").lower() for synset in synsets for lemma in synset.lemma_names()}
    return tuple(sorted(lemmas - {word}))


@dataclass(frozen=True)
class Operation:
    """An operation on random words.

    It changes at most as many words as the share allows, but at least one.
    """

    name: str
    make: Callable[[text.Words, int, float, Synonyms, frozenset[int], random.Random], tuple[text.Edit, ...]]
    wanted: str
    needs: frozenset[str] = frozenset()
    keeps_label: bool = False
    family: str = FAMILY
    graded: bool = True
    around: bool = False
    synonyms: Synonyms = by_wordnet

    def edits(
        self, words: text.Words, share: float, rng: random.Random, protected: frozenset[int] = frozenset()
    ) -> tuple[text.Edit, ...]:
        """Edits of about ``share`` of the words, none of them protected."""
        return self.make(words, shares.at_most(share, len(words.words)), share, self.synonyms, protected, rng)

    def by(self, synonyms: Synonyms) -> Operation:
        """The operation with another source of synonyms."""
        return replace(self, synonyms=synonyms)


def _offers(words: text.Words, known: Synonyms, protected: frozenset[int]) -> list[tuple[int, Sequence[str]]]:
    """List the places of words with synonyms, and these.

    Stop words have no synonyms.
    """
    bare = [builtin.parts(word)[1].lower() for word in words.words]
    offers = [
        (place, known(word))
        for place, word in enumerate(bare)
        if word and word not in stop_words() and place not in protected
    ]
    return [(place, synonyms) for place, synonyms in offers if synonyms]


def _replaced(
    words: text.Words, count: int, _share: float, known: Synonyms, protected: frozenset[int], rng: random.Random
) -> tuple[text.Edit, ...]:
    """Replace ``count`` words by one of their synonyms each.

    Punctuation and a capital at the beginning stay.
    """
    offers = _offers(words, known, protected)
    edits = []
    for place, synonyms in rng.sample(offers, min(count, len(offers))):
        before, bare, after = builtin.parts(words.words[place])
        new = rng.choice(synonyms)
        new = new.capitalize() if bare[0].isupper() else new
        parts = text.words_of(f"{before}{new}{after}")
        edits.append(text.Edit(place, place + 1, parts, (" ",) * (len(parts) - 1)))
    return tuple(edits)


def _inserted(
    words: text.Words, count: int, _share: float, known: Synonyms, protected: frozenset[int], rng: random.Random
) -> tuple[text.Edit, ...]:
    """Insert a random word's synonym in a random place, ``count`` times."""
    offers = _offers(words, known, protected)
    edits = []
    for _ in range(count if offers else 0):
        parts = text.words_of(rng.choice(rng.choice(offers)[1]))
        place = rng.randrange(len(words.words) + 1)
        edits.append(text.Edit(place, place, parts, (" ",) * (len(parts) - 1)))
    return tuple(edits)


def _swapped(
    words: text.Words, count: int, _share: float, _known: Synonyms, protected: frozenset[int], rng: random.Random
) -> tuple[text.Edit, ...]:
    """Swap two random words, ``count`` times.

    The white space between words stays.
    """
    order = list(range(len(words.words)))
    free = [place for place in order if place not in protected]
    for _ in range(count if len(free) > 1 else 0):
        first, second = (free[place] for place in rng.sample(range(len(free)), 2))
        order[first], order[second] = order[second], order[first]
    moved = [place for place, word in enumerate(order) if place != word]
    if not moved:
        return ()
    start, end = moved[0], moved[-1] + 1
    between = words.separators[start + 1 : end]
    return (text.Edit(start, end, tuple(words.words[word] for word in order[start:end]), between),)


def _deleted(
    words: text.Words, _count: int, share: float, _known: Synonyms, protected: frozenset[int], rng: random.Random
) -> tuple[text.Edit, ...]:
    """Delete each word with probability ``share``.

    At least one word stays.
    """
    drawn = [place for place in range(len(words.words)) if rng.random() < share]
    gone = [place for place in drawn if place not in protected]
    if gone and len(gone) == len(words.words):
        gone.remove(rng.choice(gone))
    return tuple(text.Edit(place, place + 1, ()) for place in gone)


_SYNONYM = "a word with a synonym that is no stop word"
OPERATIONS: dict[str, Operation] = {
    "synonyms": Operation("synonyms", _replaced, _SYNONYM, WORDNET),
    "insertion": Operation("inserted synonyms", _inserted, _SYNONYM, WORDNET),
    "swap": Operation("randomly swapped words", _swapped, "two words"),
    "deletion": Operation("randomly deleted words", _deleted, "two words"),
}
"""By the names that the recipe ``eda`` has for them."""
