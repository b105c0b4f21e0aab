"""Languages by their codes: name, script, and the lists of their files."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from auditor.errors import near_or_known

ENGLISH = "en"
"""Code of the language that texts are treated as where nothing else is known."""
CASED = frozenset({"Latin", "Cyrillic", "Greek", "Armenian"})
"""Scripts with small letters and capitals."""
BY_CHARACTER = frozenset({"Han", "Kana"})
"""Scripts without blanks between words, in which each character is taken for a word."""
UNDIVIDED = frozenset({"Thai", "Lao", "Khmer", "Myanmar", "Tibetan"})
"""Scripts without blanks between words, whose characters are no words either."""
FOLDER = Path(__file__).parent
_NOT_LANGUAGES = frozenset({"iso639", "profiles"})


@dataclass(frozen=True, slots=True)
class Language:
    """A language, and what is listed of it.

    An empty list: nothing is.
    """

    code: str
    """ISO 639-1: ``de``."""
    name: str
    """In English: ``German``."""
    script: str
    """The script that most of its texts are in: ``Latin``; of Japanese ``Kana``, beside which ``Han`` stands."""
    stop_words: frozenset[str] = frozenset()
    """Its most frequent words, which tell it from other languages."""
    negations: tuple[str, ...] = ()
    """Words, or in scripts without blanks parts of words, that deny."""
    keyboard: tuple[str, ...] = ()
    """Rows of keys of its most common layout, from the digits down, without capitals."""
    characters: str = ""
    """Frequent characters, of scripts that no keyboard has the characters of."""
    digits: tuple[str, ...] = ()
    """The words for 0 to 9."""
    fillers: tuple[str, ...] = ()
    """Neutral sentences that name nothing, 80 words of them or more."""
    contractions: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Contraction in small letters → its words."""
    social_media: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Word in small letters → how it is spelled in chats."""
    question_words: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Word, or words, in small letters that ask → the English word for it: ``wann`` → ``when``."""

    @property
    def is_english(self) -> bool:
        """Whether it is English, whose lists stand elsewhere."""
        return self.code == ENGLISH

    @property
    def cased(self) -> bool:
        """Whether its script has small letters and capitals."""
        return self.script in CASED

    @property
    def by_character(self) -> bool:
        """Whether each character is taken for a word."""
        return self.script in BY_CHARACTER

    @property
    def spaced(self) -> bool:
        """Whether blanks stand between its words."""
        return self.script not in BY_CHARACTER | UNDIVIDED

    @property
    def undivided(self) -> str | None:
        """Why words cannot be told apart; None where they can."""
        return f"words are not told apart in {self.name}" if self.script in UNDIVIDED else None

    def no_list(self, of_what: str = "word list") -> str:
        """Say that a list lacks: ``no word list for German``."""
        return f"no {of_what} for {self.name}"


@functools.cache
def codes() -> tuple[str, ...]:
    """Return the codes of every language that has a name, sorted."""
    return tuple(sorted(_names()))


@functools.cache
def listed() -> tuple[str, ...]:
    """Return the codes of the languages that have a file, sorted."""
    return tuple(sorted(file.stem for file in FOLDER.glob("*.toml") if file.stem not in _NOT_LANGUAGES))


def checked(code: str) -> str:
    """Return a code that names a language.

    Raises ValueError in words for another word.
    """
    if code in _names():
        return code
    by_name = {name.casefold(): known for known, (name, _) in _names().items()}
    # Also of DE and de-AT: the language without the region.
    own = by_name.get(code.casefold()) or (code.casefold()[:2] if code[2:3] in ("", "-", "_") else "")
    hint = f"write {own}" if own in _names() else near_or_known(code, listed())
    raise ValueError(f"is no ISO 639-1 code of a language: {hint}")


def named(code: str) -> str:
    """Return the English name of a language. Raises KeyError for none."""
    return _names()[code][0]


@functools.cache
def of(code: str) -> Language:
    """Return the language of a code. Raises KeyError for none."""
    name, script = _names()[code]
    own = read(code) if code in listed() else {}
    words = own.pop("stop_words", profiles().get(code, ""))
    given: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in own.items()}
    return Language(code, name, script, frozenset(words.split()), **given)


def read(code: str) -> dict[str, Any]:
    """Return what the file of a language says."""
    return tomllib.loads((FOLDER / f"{code}.toml").read_text(encoding="utf-8"))


@functools.cache
def profiles() -> Mapping[str, str]:
    """Return the stop words of languages without a file of their own."""
    words: dict[str, str] = tomllib.loads((FOLDER / "profiles.toml").read_text(encoding="utf-8"))
    return words


@functools.cache
def _names() -> Mapping[str, tuple[str, str]]:
    """Code → English name and script."""
    scripts = tomllib.loads((FOLDER / "iso639.toml").read_text(encoding="utf-8"))
    return {code: (name, script) for script, own in scripts.items() for code, name in own.items()}
