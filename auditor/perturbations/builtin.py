"""Built-in perturbations, for what nlpaug lacks.

Some change single words, others a word and its neighbour. A word change takes the word and a random generator. It
returns the new words, an empty tuple to delete the word, or None if the word offers nothing to change. The new words
are joined by one space.
"""

from __future__ import annotations

import functools
import random
import re
import string
import tomllib
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path

from auditor.text import Edit, Words, words_of

Change = Callable[[str, random.Random], tuple[str, ...] | None]
PairChange = Callable[[Words, int, random.Random], Edit | None]

DATA = Path(__file__).with_name("noise.toml")
ZERO_WIDTH = ("\u200b", "\u200c", "\u200d", "\u2060")
SOFT_HYPHEN = ("\u00ad",)
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_DIGIT = re.compile(r"(?<=[^\W_])(?=[0-9])|(?<=[0-9])(?=[^\W_])")
_LETTER = re.compile(r"[^\W\d_]")


@functools.cache
def table(name: str) -> Mapping[str, str]:
    """Return the table ``name`` of ``noise.toml``.

    The tables are ``contractions``, ``social_media``, ``homoglyphs`` and ``diacritics``.
    """
    tables: dict[str, dict[str, str]] = tomllib.loads(DATA.read_text(encoding="utf-8"))
    return tables[name]


@functools.cache
def listed(name: str) -> tuple[str, ...]:
    """Return the list ``name`` of ``noise.toml``.

    The lists are ``fillers``, ``rare`` and ``emoji``.
    """
    lists: dict[str, list[str]] = tomllib.loads(DATA.read_text(encoding="utf-8"))["lists"]
    return tuple(lists[name])


def _if_changed(word: str, new: str) -> tuple[str, ...] | None:
    return (new,) if new != word else None


def upper_case(word: str, _rng: random.Random) -> tuple[str, ...] | None:
    """Convert to upper case: ``film`` → ``FILM``."""
    return _if_changed(word, word.upper())


def lower_case(word: str, _rng: random.Random) -> tuple[str, ...] | None:
    """Convert to lower case: ``Film`` → ``film``."""
    return _if_changed(word, word.lower())


def capitalized(word: str, _rng: random.Random) -> tuple[str, ...] | None:
    """Capitalize: ``film`` → ``Film``."""
    return _if_changed(word, word.capitalize())


def random_case(word: str, rng: random.Random) -> tuple[str, ...] | None:
    """Change the case of random letters: ``film`` → ``fILm``.

    Each letter changes with probability one half, and one random letter always does.
    """
    places = [index for index, letter in enumerate(word) if letter.swapcase() != letter]
    if not places:
        return None
    certain = rng.choice(places)
    changed = {index for index in places if rng.random() < 0.5} | {certain}
    return ("".join(letter.swapcase() if index in changed else letter for index, letter in enumerate(word)),)


def added_punctuation(word: str, rng: random.Random) -> tuple[str, ...] | None:
    """Append punctuation: ``film`` → ``film!!``."""
    return (word + rng.choice(("!", "...", "?", ",", ";", "!!")),)


def removed_punctuation(word: str, _rng: random.Random) -> tuple[str, ...] | None:
    """Remove punctuation at both ends: ``film.`` → ``film``.

    A word of punctuation alone is deleted.
    """
    _, bare, _ = parts(word)
    if not bare:
        return ()
    return _if_changed(word, bare)


def inserted(characters: tuple[str, ...]) -> Change:
    """Put a character in between two of the word's."""

    def change(word: str, rng: random.Random) -> tuple[str, ...] | None:
        if len(word) < 2:
            return None
        at = rng.randrange(1, len(word))
        return (word[:at] + rng.choice(characters) + word[at:],)

    return change


def _replaced(name: str) -> Change:
    def change(word: str, rng: random.Random) -> tuple[str, ...] | None:
        letters = table(name)
        places = [index for index, letter in enumerate(word) if letter in letters]
        if not places:
            return None
        at = rng.choice(places)
        return (word[:at] + letters[word[at]] + word[at + 1 :],)

    return change


def _listed(name: str) -> Change:
    return lambda word, rng: by_list(table(name))(word, rng)


def by_list(words: Mapping[str, str]) -> Change:
    """Replace a word as a list says.

    Punctuation around it and capitals stay.
    """

    def change(word: str, _rng: random.Random) -> tuple[str, ...] | None:
        head, bare, tail = parts(word)
        new = words.get(bare.lower().replace("\u2019", "'"))
        if new is None:
            return None
        if bare[0].isupper():
            new = new.upper() if len(bare) > 2 and bare.isupper() else new[0].upper() + new[1:]
        return words_of(f"{head}{new}{tail}")

    return change


def repeated_letter(word: str, rng: random.Random) -> tuple[str, ...] | None:
    """Repeat one letter three to five times: ``film`` → ``fiiilm``."""
    places = [match.start() for match in _LETTER.finditer(word)]
    if not places:
        return None
    at = rng.choice(places)
    return (word[:at] + word[at] * rng.randint(3, 5) + word[at + 1 :],)


def digits_to_words(word: str, _rng: random.Random) -> tuple[str, ...] | None:
    """Spell out digits: ``10/10`` → ``one zero/one zero``.

    Each digit is a word of its own, separated from the digits and letters beside it.
    """
    if not any(letter in string.digits for letter in word):
        return None
    apart = digits_apart(word)
    return words_of("".join(DIGITS[int(letter)] if letter in string.digits else letter for letter in apart))


def digits_apart(word: str) -> str:
    """Return the word with a blank between its digits and letters."""
    return _DIGIT.sub(" ", word)


def parts(word: str) -> tuple[str, str, str]:
    """Return the punctuation before, the word without it, and the punctuation after."""
    marks = [letter in string.punctuation or unicodedata.category(letter).startswith("P") for letter in word]
    if all(marks):
        return word, "", ""
    start, end = marks.index(False), len(word) - marks[::-1].index(False)
    return word[:start], word[start:end], word[end:]


def swapped_words(words: Words, index: int, _rng: random.Random) -> Edit | None:
    """Swap two words: ``good film`` → ``film good``.

    The white space between them stays.
    """
    first, second = words.words[index : index + 2]
    between = (words.separators[index + 1],)
    return Edit(index, index + 2, (second, first), between) if first != second else None


def joined_words(words: Words, index: int, _rng: random.Random) -> Edit | None:
    """Join two words: ``good film`` → ``goodfilm``."""
    return Edit(index, index + 2, ("".join(words.words[index : index + 2]),))


def extra_whitespace(words: Words, index: int, rng: random.Random) -> Edit | None:
    """Add white space: ``good film`` → ``good   film``.

    It is one space, two spaces or a tab.
    """
    between = words.separators[index + 1] + rng.choice((" ", "  ", "\t"))
    return Edit(index, index + 2, words.words[index : index + 2], (between,))


def deleted_word(_word: str, _rng: random.Random) -> tuple[str, ...] | None:
    """Delete the word."""
    return ()


WORDS: dict[str, Change] = {
    "upper case": upper_case,
    "lower case": lower_case,
    "capitalized": capitalized,
    "random case": random_case,
    "added punctuation": added_punctuation,
    "removed punctuation": removed_punctuation,
    "deleted word": deleted_word,
    "digits to words": digits_to_words,
    "expanded contraction": _listed("contractions"),
    "zero-width character": inserted(ZERO_WIDTH),
    "soft hyphen": inserted(SOFT_HYPHEN),
    "homoglyph": _replaced("homoglyphs"),
    "diacritic": _replaced("diacritics"),
    "repeated letter": repeated_letter,
    "social-media spelling": _listed("social_media"),
}
"""Name of a perturbation → change of a word."""

PAIRS: dict[str, PairChange] = {
    "joined words": joined_words,
    "extra whitespace": extra_whitespace,
    "swapped words": swapped_words,
}
"""Name of a perturbation → change of a word and the next word."""
