"""Perturbations by language, or why they do not apply.

English texts get the catalogue's own. What is made of letters needs a keyboard or an alphabet of the language, what is
made of words its list, what is made of look-alikes a table of its script; where one lacks, the perturbation does not
apply and says so. Chinese and Japanese texts are changed by characters.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

from auditor import languages
from auditor.languages import Language
from auditor.perturbations import builtin, keyboard, letters, whole_texts
from auditor.perturbations.augmentation import OPERATIONS
from auditor.perturbations.catalogue import CATALOGUE, ByWord, Perturbation
from auditor.perturbations.characters import OnCharacters
from auditor.perturbations.whole_texts import OfText

CASE = frozenset(name for name, each in CATALOGUE.items() if each.family in ("case", whole_texts.CASE))
FILLING = frozenset(name for name in CATALOGUE if name.startswith(("filler", "long padding")))
SYNONYMS = frozenset({OPERATIONS["synonyms"].name, OPERATIONS["insertion"].name})
OF_WORDS = frozenset({"joined words", "split word", "deleted word", "swapped words"}) | {
    OPERATIONS["swap"].name,
    OPERATIONS["deletion"].name,
}
"""Perturbations that need blanks between words."""
Made: TypeAlias = "ByWord | str"
"""A perturbation in a language, or what lacks for it."""


@functools.cache
def in_language(name: str, code: str, *, divided: bool = False) -> Perturbation | str:
    """Return a perturbation for a language, or why there is none.

    ``divided``: blanks stand between the words of the texts whatever the language, as in data with labels of words.
    Raises KeyError for an unknown perturbation or language.
    """
    own, language = CATALOGUE[name], languages.of(code)
    if language.is_english:
        return own
    spaced = divided or language.spaced
    lacking = _lacking(name, language, spaced=spaced)
    made = lacking or _made(own, language, spaced=spaced)
    if isinstance(made, str):
        return made
    if spaced:
        return made
    # Characters, as they are the words of such texts.
    return OnCharacters(
        made, made.name, made.family, made.wanted, made.keeps_label, made.needs, made.graded, made.around
    )


def names_in(code: str, names: tuple[str, ...], *, divided: bool = False) -> tuple[str, ...]:
    """Return those of the perturbations that apply to a language."""
    return tuple(name for name in names if not isinstance(in_language(name, code, divided=divided), str))


def _lacking(name: str, language: Language, *, spaced: bool) -> str | None:
    """Why nothing of the kind can be done in a language."""
    if language.undivided is not None and not spaced:
        return language.undivided
    if name in CASE and not language.cased:
        return f"{language.name} has no capital letters"
    if name in OF_WORDS and not spaced:
        return f"no blanks stand between words in {language.name}"
    if name in FILLING and not language.fillers:
        return language.no_list("list of neutral sentences")
    return language.no_list("list of synonyms") if name in SYNONYMS else None


def _made(own: Perturbation, language: Language, *, spaced: bool) -> Perturbation | str:
    """Make a perturbation for a language that it suits."""
    if isinstance(own, OfText):
        endings = letters.tables()["endings"].get(language.script, ())
        return whole_texts.in_language(own, language.fillers, endings)
    makers = BY_WORDS if spaced else BY_CHARACTERS
    make = makers.get(own.name) or BY_WORDS.get(own.name)
    return own if make is None or not isinstance(own, ByWord) else make(own, language)


def _keyboard(own: ByWord, language: Language) -> Made:
    near = keyboard.neighbours(language.keyboard)
    if not near:
        return language.no_list("keyboard layout")
    wanted = f"a word of two letters or more of a keyboard for {language.name}"
    return _with(own, letters.replaced_by(near, least=2), wanted)


def _mistaken(own: ByWord, language: Language) -> Made:
    if language.script == "Latin":
        return own
    others = letters.mistaken(language.script)
    if not others:
        return f"no table of letters that are mistaken for others in {language.script} script"
    return _with(own, letters.replaced_by(others), f"a letter of {language.script} script that is mistaken for another")


def _alphabet(language: Language) -> str:
    """The letters that people write a language with; none: not known."""
    if language.characters:
        return language.characters
    typed = "".join(letter for row in language.keyboard for letter in row if letter.isalpha())
    return typed or (letters.LATIN if language.script == "Latin" else "")


def _from_alphabet(change: Callable[..., builtin.Change], least: int) -> Callable[[ByWord, Language], Made]:
    def make(own: ByWord, language: Language) -> Made:
        alphabet = _alphabet(language)
        if not alphabet:
            return language.no_list("alphabet")
        return _with(own, change(alphabet, least), own.wanted if least > 1 else "a character")

    return make


def _changed_by(change: builtin.Change, wanted: str | None = None) -> Callable[[ByWord, Language], Made]:
    return lambda own, _language: _with(own, change, wanted)


def _without(_own: ByWord, language: Language) -> Made:
    return language.no_list()


def _listed(own: ByWord, language: Language, words: Mapping[str, str]) -> Made:
    return _with(own, builtin.by_list(words)) if words else language.no_list()


def _digits(own: ByWord, language: Language, *, apart: bool) -> Made:
    names = language.digits
    return _with(own, letters.spelled_digits(names, apart=apart)) if names else language.no_list("words for digits")


def _marked(own: ByWord, language: Language) -> Made:
    marks = letters.tables()["marks"].get(language.script)
    return own if marks is None else _with(own, letters.with_mark(marks))


def _unseen(own: ByWord, language: Language) -> Made:
    """Characters of no width, of which none shapes letters."""
    plain = language.script in letters.PLAIN_JOINERS
    return own if plain else _with(own, builtin.inserted(letters.ZERO_WIDTH))


def _homoglyphs(own: ByWord, language: Language) -> Made:
    others = letters.homoglyphs(language.script)
    if not others:
        return f"no table of look-alikes for {language.script} script"
    return _with(own, letters.replaced_by(others), f"a letter of {language.script} script with a look-alike")


def _diacritics(own: ByWord, language: Language) -> Made:
    return own if language.script == "Latin" else f"no table of marks for {language.script} script"


def _with(own: ByWord, change: builtin.Change, wanted: str | None = None) -> ByWord:
    """Return a perturbation of the same name by another change."""
    return replace(own, change=change, wanted=wanted or own.wanted, needs=frozenset())


_ANY = "a letter or Chinese or Japanese character"
BY_WORDS: Mapping[str, Callable[[ByWord, Language], Made]] = {
    "keyboard typo": _keyboard,
    "OCR error": _mistaken,
    "inserted letter": _from_alphabet(letters.inserted, 2),
    "substituted letter": _from_alphabet(letters.substituted, 2),
    "swapped letters": _changed_by(letters.swapped),
    "deleted letter": _changed_by(letters.deleted),
    "misspelling": _without,
    "split word": _changed_by(letters.split),
    "added punctuation": _marked,
    "digits to words": functools.partial(_digits, apart=True),
    "expanded contraction": lambda own, language: _listed(own, language, language.contractions),
    "social-media spelling": lambda own, language: _listed(own, language, language.social_media),
    "zero-width character": _unseen,
    "homoglyph": _homoglyphs,
    "diacritic": _diacritics,
}
"""Perturbation → what makes it for a language; without an entry it is the same in every language."""
BY_CHARACTERS: Mapping[str, Callable[[ByWord, Language], Made]] = {
    "inserted letter": _from_alphabet(letters.inserted, 1),
    "substituted letter": _from_alphabet(letters.substituted, 1),
    "swapped letters": lambda own, _language: replace(
        own, pair=letters.swapped_characters, wanted="two characters side by side that differ", needs=frozenset()
    ),
    "deleted letter": _changed_by(letters.deleted_character, "two characters"),
    "digits to words": functools.partial(_digits, apart=False),
    "zero-width character": _changed_by(letters.beside(builtin.ZERO_WIDTH), _ANY),
    "soft hyphen": _changed_by(letters.beside(builtin.SOFT_HYPHEN), _ANY),
}
"""What differs where each character is a word."""
