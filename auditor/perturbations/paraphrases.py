"""Back-translation as a perturbation.

It rewords stretches of a text and leaves protected words as they are.
"""

from __future__ import annotations

import functools
import itertools
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from auditor import text
from auditor.text import shares

SHORTEST = 3
"""Words of a stretch beside protected ones: fewer say too little to be translated by themselves."""
_ENDS = (".", "!", "?")
_BETWEEN = re.compile(r"""(?<=[^\W\d_A-Z]{4}[.!?])\s+(?=["'(]*[^\W\d_a-z])""")
"""Between two sentences: the tokenizer parts a full stop from its word at the end of a text only. Four letters exclude
"Mr."."""


@dataclass(frozen=True)
class BackTranslation:
    """A translator's wording for stretches of words between protected words.

    A text without protected words is a single stretch. ``tokenized``: punctuation stands apart, as in corpora of words
    with labels; the words of a wording are then separated by the Penn Treebank's convention.
    """

    tokenized: bool = False
    wordings: Mapping[str, str] = field(default_factory=dict)
    """Stretch, as ``stretches`` gives it → its other wording."""
    vocabulary: frozenset[str] = frozenset()
    """Words of the data: a capital that a translator begins a fragment with goes where they have the word without."""
    name: str = "back-translation"
    family: str = "paraphrase"
    wanted: str = "a stretch with another wording"
    keeps_label: bool = True
    needs: frozenset[str] = frozenset()
    graded: bool = True
    around: bool = False

    def by(self, wordings: Mapping[str, str]) -> BackTranslation:
        """The perturbation with other wordings."""
        return replace(self, wordings=wordings)

    def stretches(self, words: text.Words, protected: frozenset[int] = frozenset()) -> list[str]:
        """Return the stretches that a translator may reword, as in the data."""
        return [self._written(words, *place) for place in self._places(words, protected)]

    def spoken(self, stretch: str) -> str:
        """The stretch as people write it, for a translator to read."""
        return detokenized(stretch) if self.tokenized else stretch

    def edits(
        self, words: text.Words, share: float, rng: random.Random, protected: frozenset[int] = frozenset()
    ) -> tuple[text.Edit, ...]:
        """Reword random stretches until ``share`` of the words is touched."""
        wanted = max(1, shares.nearest(share, len(words.words)))
        edits: list[text.Edit] = []
        changes = list(self._changes(words, protected))
        for change in rng.sample(changes, len(changes)):
            if text.words_touched(edits) < wanted:
                edits.append(change)
        return tuple(sorted(edits, key=lambda edit: edit.start))

    def _places(self, words: text.Words, protected: frozenset[int]) -> Iterator[tuple[int, int]]:
        """First word and the word after the last of each stretch."""
        ends = sorted(protected)
        shortest = SHORTEST if protected or self.tokenized else 1
        for start, end in zip([0, *(place + 1 for place in ends)], [*ends, len(words.words)], strict=True):
            if end - start >= shortest:
                yield start, end

    def _written(self, words: text.Words, start: int, end: int) -> str:
        if self.tokenized:
            return " ".join(words.words[start:end])
        if (start, end) == (0, len(words.words)):
            return str(words)
        return str(text.Words(words.words[start:end], ("", *words.separators[start + 1 : end], "")))

    def _changes(self, words: text.Words, protected: frozenset[int]) -> Iterator[text.Edit]:
        for start, end in self._places(words, protected):
            wording = self.wordings.get(self._written(words, start, end), "")
            old = words.words[start:end]
            if self.tokenized:
                new = _fitted(old, _as_in(old, penn_words(wording)), self.vocabulary)
                if new and new not in (old, _as_in(old, penn_words(detokenized(" ".join(old))))):
                    yield text.Edit(start, end, new, (" ",) * (len(new) - 1))
            elif (parted := text.split(wording)).words:
                yield text.Edit(start, end, parted.words, parted.separators[1:-1])


def detokenized(stretch: str) -> str:
    """Write words as people do.

    Punctuation that the Penn Treebank's convention separates is joined to its words.
    """
    from nltk.tokenize.treebank import TreebankWordDetokenizer

    words = list(text.words_of(stretch))
    if words.count('"') % 2 == 0:  # of an odd number nobody knows whether the last opens or closes
        marks = itertools.cycle(("``", "''"))
        words = [next(marks) if word == '"' else word for word in words]
    return str(TreebankWordDetokenizer().detokenize(words))


@functools.lru_cache(maxsize=2**16)
def penn_words(value: str) -> tuple[str, ...]:
    """Split a text into words by the Penn Treebank's convention.

    Quotation marks are written as most data have them.
    """
    from nltk.tokenize import NLTKWordTokenizer

    words = [word for sentence in _BETWEEN.split(value) for word in NLTKWordTokenizer().tokenize(sentence)]
    return tuple('"' if word in ("``", "''") else word for word in words)


def _as_in(old: Sequence[str], new: Sequence[str]) -> tuple[str, ...]:
    """Join the new words that the data write as one word.

    Such words are ``can't``, addresses and ``#tags``.
    """
    whole = {parts: word for word in old if len(parts := penn_words(word)) > 1}
    words: list[str] = []
    at = 0
    while at < len(new):
        parts = next((parts for parts in whole if tuple(new[at : at + len(parts)]) == parts), (new[at],))
        words.append(whole.get(parts, new[at]))
        at += len(parts)
    return tuple(words)


def _fitted(old: Sequence[str], new: Sequence[str], vocabulary: frozenset[str]) -> tuple[str, ...]:
    """Remove the full stop and capital that translators add to fragments.

    A capital stays where the data never have the word without it: it may be the word's own.
    """
    words = list(new)
    if len(words) > 1 and words[-1] in _ENDS and old[-1] not in _ENDS:
        words.pop()
    before, after = (next((n for n, word in enumerate(side) if word[:1].isalpha()), None) for side in (old, words))
    if before is not None and after is not None and old[before][:1].islower():
        low = words[after][:1].lower() + words[after][1:]
        words[after] = low if low in vocabulary else words[after]
    return tuple(words)
