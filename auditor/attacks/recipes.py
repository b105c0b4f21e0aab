"""The attacks by their papers' names: what is changed, in which order, within which limits."""

from __future__ import annotations

import contextlib
import functools
import itertools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from auditor.attacks.textattack_guard import textattack
from auditor.text import words as text

constraints: Any = textattack.constraints
transformations: Any = textattack.transformations
_BETWEEN_SPACE = re.compile(f"[^{text.SPACE}]+")
LONGEST = 1000
"""Letters of a word that is attacked, at most."""
SHORT = 64
"""Letters of a string whose words are kept in mind."""

_words_from_text: Callable[[str], list[str]] = textattack.shared.attacked_text.words_from_text


@functools.lru_cache(maxsize=2**14)
def _words_of_short(value: str) -> tuple[str, ...]:
    return tuple(_words_from_text(value))


def _words(value: str) -> list[str]:
    return list(_words_of_short(value)) if len(value) <= SHORT else _words_from_text(value)


# To build a candidate TextAttack splits every single word of the text once more, by three regular expressions.
textattack.shared.attacked_text.words_from_text = _words


class WordLimit(constraints.PreTransformationConstraint):  # type: ignore[misc]
    """Allow at most ``words`` changed words (each search step changes one)."""

    words: int | None = None

    def _get_modifiable_indices(self, attacked: Any) -> set[int]:
        everywhere = set(range(len(attacked.words)))
        steps, current = 0, attacked
        while "previous_attacked_text" in current.attack_attrs:
            steps, current = steps + 1, current.attack_attrs["previous_attacked_text"]
        return everywhere if self.words is None or steps < self.words else set()


class Kept(constraints.PreTransformationConstraint):  # type: ignore[misc]
    """Leaves some words of the original alone, wherever they stand by now."""

    words: frozenset[int] = frozenset()
    before: text.Words = text.split("")

    def _get_modifiable_indices(self, attacked: Any) -> set[int]:
        everywhere = set(range(len(attacked.words)))
        if not self.words:
            return everywhere
        now = text.split(attacked.text)
        kept = {
            index
            for index, origin in enumerate(text.origins(self.before, text.diff(self.before, now)))
            if origin in self.words
        }
        return {index for index, place in enumerate(_places(attacked)) if place not in kept}


def _places(attacked: Any) -> list[int]:
    """Of each of TextAttack's words, which leave punctuation out, the word between white space that it stands in."""
    found, at, place = [], 0, 0
    ends = [match.end() for match in _BETWEEN_SPACE.finditer(attacked.text)]
    for word in attacked.words:
        at = attacked.text.find(word, at)
        while ends[place] <= at:
            place += 1
        found.append(place)
        at += len(word)
    return found


class NotTooLong(constraints.PreTransformationConstraint):  # type: ignore[misc]
    """Leaves words of more than LONGEST letters alone: of a blob each letter would be a candidate as long as the blob."""

    def _get_modifiable_indices(self, attacked: Any) -> set[int]:
        return {index for index, word in enumerate(attacked.words) if len(word) <= LONGEST}


class _EditDistance(constraints.overlap.LevenshteinEditDistance):  # type: ignore[misc]
    """The inherited distance, of what differs alone: letters that both texts begin or end with add nothing to it."""

    def _check_constraint(self, changed: Any, reference: Any) -> bool:
        start = _alike(changed.text, reference.text)
        one, other = changed.text[start:], reference.text[start:]
        end = _alike(reversed(one), reversed(other))
        middles = (SimpleNamespace(text=rest[: len(rest) - end]) for rest in (one, other))
        return bool(super()._check_constraint(*middles))


def _alike(one: Iterable[str], other: Iterable[str]) -> int:
    """How many letters both begin with."""
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


class _Homoglyphs(transformations.WordSwapHomoglyphSwap):  # type: ignore[misc]
    """One letter replaced by a look-alike."""

    def __init__(self) -> None:
        # Its second table, for another attack, is a file that TextAttack's wheel lacks; the one used here is set by then.
        with contextlib.suppress(FileNotFoundError):
            super().__init__()


class _Synonyms(transformations.WordSwapWordNet):  # type: ignore[misc]
    """Synonyms by WordNet, in alphabetical order (the inherited one is a set's, which changes from run to run)."""

    def __init__(self) -> None:
        # The inherited method downloads the multilingual WordNet, which English does without.
        self.language = "eng"

    def _get_replacement_words(self, word: str, random: bool = False) -> list[str]:
        return sorted(super()._get_replacement_words(word, random))


@dataclass(frozen=True, slots=True)
class Parts:
    transformation: Any
    search: Callable[[], Any]
    constraints: tuple[Any, ...] = ()
    limit: int | None = None
    """Words that the recipe itself may change; None: any number."""


def _deepwordbug() -> Parts:
    """Gao et al. 2018: one random edit of a character, words in the order of their importance."""
    edits = (
        transformations.WordSwapNeighboringCharacterSwap(),
        transformations.WordSwapRandomCharacterSubstitution(),
        transformations.WordSwapRandomCharacterDeletion(),
        transformations.WordSwapRandomCharacterInsertion(),
    )
    search = textattack.search_methods.GreedyWordSwapWIR
    return Parts(transformations.CompositeTransformation(edits), search, (_EditDistance(30),))


def _pruthi() -> Parts:
    """Pruthi et al. 2019: every inner edit of a character of one word of four letters or more."""
    inner = {"random_one": False, "skip_first_char": True, "skip_last_char": True}
    edits = (
        transformations.WordSwapNeighboringCharacterSwap(**inner),
        transformations.WordSwapRandomCharacterDeletion(**inner),
        transformations.WordSwapRandomCharacterInsertion(**inner),
        transformations.WordSwapQWERTY(**inner),
    )
    limits = (
        constraints.pre_transformation.MinWordLength(min_length=4),
        constraints.overlap.MaxWordsPerturbed(max_num_words=1),
    )
    return Parts(
        transformations.CompositeTransformation(edits), textattack.search_methods.GreedySearch, limits, limit=1
    )


def _textbugger() -> Parts:
    """Li et al. 2019, characters only: no nearest neighbours in an embedding, no sentence encoder."""
    inner = {"random_one": True, "skip_first_char": True, "skip_last_char": True}
    edits = (
        transformations.WordSwapRandomCharacterInsertion(letters_to_insert=" ", **inner),
        transformations.WordSwapRandomCharacterDeletion(**inner),
        transformations.WordSwapNeighboringCharacterSwap(**inner),
        _Homoglyphs(),
    )
    search = functools.partial(textattack.search_methods.GreedyWordSwapWIR, wir_method="delete")
    return Parts(transformations.CompositeTransformation(edits), search)


def _pwws() -> Parts:
    """Ren et al. 2019: synonyms, words in the order of saliency times effect."""
    return Parts(_Synonyms(), functools.partial(textattack.search_methods.GreedyWordSwapWIR, "weighted-saliency"))


RECIPES: dict[str, Callable[[], Parts]] = {
    "deepwordbug": _deepwordbug,
    "pruthi": _pruthi,
    "textbugger": _textbugger,
    "pwws": _pwws,
}
