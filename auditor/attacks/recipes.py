"""Attack recipes, named after their papers.

Each gives what is changed, in which order, and within which limits.
"""

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
"""Greatest number of characters in a word that is attacked."""
SHORT = 64
"""Greatest number of characters in a string whose words are cached."""

_words_from_text: Callable[[str], list[str]] = textattack.shared.attacked_text.words_from_text


@functools.lru_cache(maxsize=2**14)
def _words_of_short(value: str) -> tuple[str, ...]:
    return tuple(_words_from_text(value))


def _words(value: str) -> list[str]:
    return list(_words_of_short(value)) if len(value) <= SHORT else _words_from_text(value)


# To build a candidate, TextAttack splits every single word of the text again, with three regular expressions.
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
    """Leave some words of the original text unchanged.

    They are found in the current text, wherever they are by now.
    """

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
        return {index for index, place in enumerate(_word_indices(attacked)) if place not in kept}


def _word_indices(attacked: Any) -> list[int]:
    """Return, for each of TextAttack's words, the index of its whitespace-delimited word.

    TextAttack's words exclude punctuation.
    """
    places, at, place = [], 0, 0
    ends = [match.end() for match in _BETWEEN_SPACE.finditer(attacked.text)]
    for word in attacked.words:
        at = attacked.text.find(word, at)
        while ends[place] <= at:
            place += 1
        places.append(place)
        at += len(word)
    return places


class NotTooLong(constraints.PreTransformationConstraint):  # type: ignore[misc]
    """Leave words with more than LONGEST characters unchanged.

    Each character of such a word would give a candidate as long as the word.
    """

    def _get_modifiable_indices(self, attacked: Any) -> set[int]:
        return {index for index, word in enumerate(attacked.words) if len(word) <= LONGEST}


class _EditDistance(constraints.overlap.LevenshteinEditDistance):  # type: ignore[misc]
    """Edit distance without the common prefix and suffix of both texts.

    These add nothing to the distance.
    """

    def _check_constraint(self, changed: Any, reference: Any) -> bool:
        start = _common_length(changed.text, reference.text)
        rest_changed, rest_reference = changed.text[start:], reference.text[start:]
        end = _common_length(reversed(rest_changed), reversed(rest_reference))
        middles = (SimpleNamespace(text=rest[: len(rest) - end]) for rest in (rest_changed, rest_reference))
        return bool(super()._check_constraint(*middles))


def _common_length(text_a: Iterable[str], text_b: Iterable[str]) -> int:
    """Return the length of the common prefix."""
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(text_a, text_b, strict=False)))


class _Homoglyphs(transformations.WordSwapHomoglyphSwap):  # type: ignore[misc]
    """Replace one letter with a look-alike."""

    def __init__(self) -> None:
        # The second table, for another attack, is a file missing from TextAttack's wheel; the first is set by then.
        with contextlib.suppress(FileNotFoundError):
            super().__init__()


class _Synonyms(transformations.WordSwapWordNet):  # type: ignore[misc]
    """WordNet synonyms in alphabetical order.

    The inherited method returns them in the order of a set, which changes from run to run.
    """

    def __init__(self) -> None:
        # The inherited method downloads the multilingual WordNet, which English does not need.
        self.language = "eng"

    def _get_replacement_words(self, word: str, random: bool = False) -> list[str]:
        return sorted(super()._get_replacement_words(word, random))


@dataclass(frozen=True, slots=True)
class Parts:
    """What defines a recipe: transformation, search, constraints and word limit."""

    transformation: Any
    search: Callable[[], Any]
    constraints: tuple[Any, ...] = ()
    limit: int | None = None
    """Limit of the recipe itself on changed words; None: any number."""


def _deepwordbug() -> Parts:
    """Return the attack of Gao et al. 2018.

    It makes one random edit of a character per word, in the order of the words' importance.
    """
    edits = (
        transformations.WordSwapNeighboringCharacterSwap(),
        transformations.WordSwapRandomCharacterSubstitution(),
        transformations.WordSwapRandomCharacterDeletion(),
        transformations.WordSwapRandomCharacterInsertion(),
    )
    search = textattack.search_methods.GreedyWordSwapWIR
    return Parts(transformations.CompositeTransformation(edits), search, (_EditDistance(30),))


def _pruthi() -> Parts:
    """Return the attack of Pruthi et al. 2019.

    It tries every edit of an inner character of one word of four letters or more.
    """
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
    """Return the attack of Li et al. 2019, with character edits only.

    It uses neither nearest neighbours in an embedding nor a sentence encoder.
    """
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
    """Return the attack of Ren et al. 2019.

    It replaces words with synonyms, in the order of saliency times effect.
    """
    return Parts(_Synonyms(), functools.partial(textattack.search_methods.GreedyWordSwapWIR, "weighted-saliency"))


RECIPES: dict[str, Callable[[], Parts]] = {
    "deepwordbug": _deepwordbug,
    "pruthi": _pruthi,
    "textbugger": _textbugger,
    "pwws": _pwws,
}
