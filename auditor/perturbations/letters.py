"""Changes of single letters in any language.

A letter is a character with the marks on it. Punctuation around a word stays, and so do capitals.
"""

from __future__ import annotations

import functools
import itertools
import random
import string
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from auditor.perturbations import builtin
from auditor.perturbations.builtin import Change, parts
from auditor.text import Edit, Words, words_of

LATIN = "abcdefghijklmnopqrstuvwxyz"
KANGXI = range(0x2F00, 0x2FD6)
"""Code points of radicals that look as Chinese characters do."""
ZERO_WIDTH = ("\u200b", "\u2060")
"""Characters of no width that join no letters and part none: in Arabic and Hindi a joiner is seen."""
PLAIN_JOINERS = frozenset({"Latin", "Cyrillic", "Greek", "Hebrew", "Armenian", "Georgian", "Hangul", "Han", "Kana"})
"""Scripts in which a joiner of no width is not seen."""


@functools.cache
def tables() -> Mapping[str, Any]:
    """Return the tables of ``scripts.toml``."""
    return tomllib.loads(Path(__file__).with_name("scripts.toml").read_text(encoding="utf-8"))


@functools.cache
def mistaken(script: str) -> Mapping[str, tuple[str, ...]]:
    """Return letter → the letters that it is mistaken for.

    Japanese texts have Chinese characters too.
    """
    pairs = [*tables()["mistaken"].get(script, ()), *(tables()["mistaken"]["Han"] if script == "Kana" else ())]
    near: dict[str, list[str]] = {}
    for first, second in pairs:
        near.setdefault(first, []).append(second)
        near.setdefault(second, []).append(first)
    return {letter: tuple(others) for letter, others in near.items()}


@functools.cache
def homoglyphs(script: str) -> Mapping[str, tuple[str, ...]]:
    """Return letter → its look-alike: of Cyrillic letters the Latin ones.

    Those of Chinese characters are the radicals that Unicode has beside them.
    """
    latin = builtin.table("homoglyphs")
    if script == "Cyrillic":
        return {cyrillic: (letter,) for letter, cyrillic in latin.items()}
    own = latin if script == "Latin" else tables()["homoglyphs"].get(script, {})
    radicals = {unicodedata.normalize("NFKC", chr(code)): chr(code) for code in KANGXI}
    return {letter: (alike,) for letter, alike in {**(radicals if script in ("Han", "Kana") else {}), **own}.items()}


def letters_of(word: str) -> list[str]:
    """Return the characters of a word, each with the marks on it."""
    letters: list[str] = []
    for character in word:
        if letters and unicodedata.category(character)[0] == "M":
            letters[-1] += character
        else:
            letters.append(character)
    return letters


def is_letter(character: str) -> bool:
    """Whether it is a letter, with or without marks."""
    return unicodedata.category(character[0])[0] == "L"


def replaced_by(others: Mapping[str, Sequence[str]], least: int = 1) -> Change:
    """Replace one letter by another that a table has for it.

    ``least``: letters that the word has, at least.
    """

    def change(word: str, rng: random.Random) -> tuple[str, ...] | None:
        letters = list(word)
        places = [place for place, letter in enumerate(letters) if letter in others or letter.lower() in others]
        if not places or sum(map(is_letter, letters)) < least:
            return None
        place = rng.choice(places)
        old = letters[place]
        letters[place] = rng.choice(others[old]) if old in others else _as_capital(rng.choice(others[old.lower()]))
        return ("".join(letters),)

    return change


def _as_capital(letter: str) -> str:
    """The capital of a letter; itself where that is not one letter."""
    return letter.upper() if len(letter.upper()) == 1 else letter


def inserted(alphabet: str, least: int = 2) -> Change:
    """Insert a letter beside one of the word's.

    ``least``: letters that the word has, at least.
    """

    def change(word: str, rng: random.Random) -> tuple[str, ...] | None:
        letters = letters_of(word)
        places = [place for place, letter in enumerate(letters) if is_letter(letter)]
        if len(places) < least:
            return None
        place = rng.choice(places) + rng.randrange(2)
        return ("".join((*letters[:place], rng.choice(alphabet), *letters[place:])),)

    return change


def substituted(alphabet: str, least: int = 2) -> Change:
    """Replace a letter of the word by another of the alphabet.

    ``least``: letters that the word has, at least.
    """

    def change(word: str, rng: random.Random) -> tuple[str, ...] | None:
        letters = letters_of(word)
        places = [place for place, letter in enumerate(letters) if is_letter(letter)]
        if len(places) < least:
            return None
        place = rng.choice(places)
        others = [letter for letter in alphabet if letter != letters[place].lower()]
        new = rng.choice(others)
        letters[place] = _as_capital(new) if letters[place] != letters[place].lower() else new
        return ("".join(letters),)

    return change


def swapped(word: str, rng: random.Random) -> tuple[str, ...] | None:
    """Swap two different letters of a word of three or more."""
    letters = letters_of(word)
    pairs = [
        place
        for place, (first, second) in enumerate(itertools.pairwise(letters))
        if is_letter(first) and is_letter(second) and first != second
    ]
    if not pairs or sum(map(is_letter, letters)) < 3:
        return None
    place = rng.choice(pairs)
    letters[place], letters[place + 1] = letters[place + 1], letters[place]
    return ("".join(letters),)


def deleted(word: str, rng: random.Random) -> tuple[str, ...] | None:
    """Delete a letter of a word of three or more."""
    letters = letters_of(word)
    places = [place for place, letter in enumerate(letters) if is_letter(letter)]
    if len(places) < 3:
        return None
    place = rng.choice(places)
    return ("".join((*letters[:place], *letters[place + 1 :])),)


def split(word: str, rng: random.Random) -> tuple[str, ...] | None:
    """Split a word of four letters or more between two of them."""
    head, bare, tail = parts(word)
    letters = letters_of(bare)
    if sum(map(is_letter, letters)) < 4:
        return None
    place = rng.randrange(1, len(letters))
    return (head + "".join(letters[:place]), "".join(letters[place:]) + tail)


def with_mark(marks: Sequence[str]) -> Change:
    """Append a mark of punctuation."""

    def change(word: str, rng: random.Random) -> tuple[str, ...] | None:
        return (word + rng.choice(marks),)

    return change


def beside(characters: Sequence[str]) -> Change:
    """Put an invisible character behind a word of one character."""

    def change(word: str, rng: random.Random) -> tuple[str, ...] | None:
        return (word + rng.choice(characters),) if is_letter(word) else None

    return change


def deleted_character(word: str, _rng: random.Random) -> tuple[str, ...] | None:
    """Delete a word that is one letter."""
    return () if is_letter(word) else None


def swapped_characters(words: Words, index: int, rng: random.Random) -> Edit | None:
    """Swap two words side by side that are letters and differ."""
    both = words.words[index : index + 2]
    return builtin.swapped_words(words, index, rng) if all(map(is_letter, both)) else None


def spelled_digits(names: Sequence[str], *, apart: bool) -> Change:
    """Spell out the digits of a word.

    ``apart``: each digit is a word of its own; otherwise nothing stands between.
    """

    def change(word: str, _rng: random.Random) -> tuple[str, ...] | None:
        if not any(letter in string.digits for letter in word):
            return None
        parted = builtin.digits_apart(word) if apart else word
        return words_of("".join(names[int(letter)] if letter in string.digits else letter for letter in parted))

    return change
