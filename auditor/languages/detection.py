"""The language of texts, by their script and their stop words.

The rule counts, and draws nothing: the same texts have the same language on every machine. A script with one language
that is known (Hangul: Korean; Kana: Japanese) decides by itself. Among languages of one script the one decides whose
stop words the texts have most of (Grefenstette 1995, "Comparing two language identification schemes"). Where few words
are stop words of any, or of two nearly as many, nothing is detected.
"""

from __future__ import annotations

import functools
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from auditor.languages import catalogue
from auditor.text import tokens

ROWS = 500
"""Texts that are read, at most: the first ones."""
LONGEST = 2000
"""Characters of a text that are read, at most."""
TOLD = 0.1
"""Share of the texts that have to tell the language by themselves, at least."""
COVERAGE = 0.12
"""Share of the words that are stop words of the language, at least: of running text a third to a half is."""
MARGIN = 1.15
"""How many times as many they are as those of the second language, at least."""
HITS = 2
"""Stop words that a single text has to have for its own language to count."""
WORDS = 20
"""Words in all that have to be there for stop words to decide."""
KANA = 0.05
"""Share of Japanese syllables among Chinese and Japanese characters from which on a text is Japanese."""
OTHERS = 0.1
"""Share of the texts in other languages from which on the data are called mixed."""


@dataclass(frozen=True, slots=True)
class Detected:
    """What texts tell of their language."""

    code: str | None
    """ISO 639-1; None: not detected."""
    share: float
    """Share in [0, 1] of the texts in the language, of those that tell one; 0 where nothing is detected."""
    others: Mapping[str, float]
    """Other language → its share of the texts that tell one, the largest first, from a tenth on."""
    texts: int
    """How many of the texts tell a language by themselves."""


def detect(texts: Iterable[str]) -> Detected:
    """Return the language that most of the texts are in.

    The first 500 texts count.
    """
    read = [_Counted.of(text[:LONGEST]) for _, text in zip(range(ROWS), texts, strict=False)]
    whole = _language(_Counted.sum(read), least=WORDS)
    own = Counter(code for each in read if (code := _language(each, least=0, hits=HITS)) is not None)
    total = own.total()
    words = sum(each.words > 0 or bool(each.letters) for each in read)
    if whole is None or own[whole] < TOLD * words:
        return Detected(None, 0.0, _shares(own, total), total)
    others = Counter({code: n for code, n in own.items() if code != whole})
    return Detected(whole, own[whole] / total if total else 1.0, _shares(others, total), total)


def _shares(counts: Counter[str], total: int) -> dict[str, float]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return {code: n / total for code, n in ordered if n / total >= OTHERS}


@dataclass(frozen=True, slots=True)
class _Counted:
    """Letters by script, and words by language."""

    letters: Counter[str]
    words: int
    hits: Counter[str]

    @classmethod
    def of(cls, text: str) -> _Counted:
        words = tokens.words(text)
        known = _speakers()
        # Single letters of the Latin script are initials and units in any language: U.S., 5 s.
        hits = Counter(code for word in words if len(word) > 1 or not word.isascii() for code in known.get(word, ()))
        return cls(Counter(script for letter in text if (script := script_of(letter))), len(words), hits)

    @classmethod
    def sum(cls, each: Sequence[_Counted]) -> _Counted:
        letters, hits = Counter[str](), Counter[str]()
        for counted in each:
            letters.update(counted.letters)
            hits.update(counted.hits)
        return cls(letters, sum(counted.words for counted in each), hits)


def _language(counted: _Counted, *, least: int, hits: int = 1) -> str | None:
    """The language of what was counted; None where it does not tell."""
    script = _main_script(counted.letters)
    if script is None:
        return None
    able = [code for code in catalogue.codes() if catalogue.of(code).script == script]
    own = Counter({code: counted.hits[code] for code in able if counted.hits[code]})
    if len(able) == 1 or script in catalogue.BY_CHARACTER:
        return able[0]
    if counted.words < least or not own:
        return None
    (first, most), *rest = sorted(own.items(), key=lambda item: (-item[1], item[0]))
    second = rest[0][1] if rest else 0
    sure = most >= hits and most >= COVERAGE * counted.words and most >= MARGIN * second
    return first if sure else None


def _main_script(letters: Counter[str]) -> str | None:
    """The script of most letters.

    It is Kana where Chinese characters have syllables among them.
    """
    together = letters["Han"] + letters["Kana"]
    joined = Counter({script: n for script, n in letters.items() if script not in ("Han", "Kana")})
    if together:
        joined["Kana" if letters["Kana"] >= KANA * together else "Han"] = together
    if not joined:
        return None
    return min(joined, key=lambda script: (-joined[script], script))


_SCRIPTS = {"CJK": "Han", "HIRAGANA": "Kana", "KATAKANA": "Kana"}


@functools.lru_cache(maxsize=2**14)
def script_of(letter: str) -> str | None:
    """Return the script of a letter; None of what is no letter."""
    if unicodedata.category(letter)[0] != "L":
        return None
    first = unicodedata.name(letter, "").split(" ")[0].split("-")[0]
    return _SCRIPTS.get(first, first.capitalize()) or None


@functools.cache
def _speakers() -> Mapping[str, tuple[str, ...]]:
    """Stop word → the languages that have it."""
    known: dict[str, list[str]] = {}
    for code in sorted({*catalogue.listed(), *catalogue.profiles()}):
        for word in catalogue.of(code).stop_words:
            known.setdefault(word, []).append(code)
    return {word: tuple(own) for word, own in known.items()}
