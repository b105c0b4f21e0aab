"""The language of texts, by their script and their stop words.

The rule counts, and draws nothing: the same texts have the same language on every machine. A script with one language
that is known (Hangul: Korean; Kana: Japanese) decides by itself. Among languages of one script the one decides whose
stop words the texts have most of (Grefenstette 1995, "Comparing two language identification schemes"). Where few words
are stop words of any, or of two nearly as many, nothing is detected. Some languages are nearly the same in writing
(Danish and Norwegian, Croatian and Serbian): the words that not all of them have decide; where these are few or mixed,
the languages that it may be are named, and none is chosen.
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


ALIKE: Mapping[str, tuple[str, ...]] = {
    code: group
    for own, group in (
        (("da", "nb", "nn"), ("da", "nb", "nn")),
        (("id", "ms"), ("id", "ms")),
        (("cs", "sk"), ("cs", "sk")),
        (("gl", "pt"), ("gl", "pt")),
        (("bg", "mk"), ("bg", "mk")),
        # In Latin letters; stop words of one stand for all three.
        (("hr",), ("bs", "hr", "sr")),
    )
    for code in own
}
"""Language → those that are nearly the same in writing, itself among them."""
TELLING = 5
"""Stop words that not all of such languages have which have to be there for them to decide."""
CLEAR = 2.0
"""How many times as many of them have to be one language's as the next one's, at least."""


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
    alike: tuple[str, ...] = ()
    """Where no code is detected: the languages, nearly the same in writing, of which it is one; the likeliest first."""


def detect(texts: Iterable[str]) -> Detected:
    """Return the language that most of the texts are in.

    The first 500 texts count.
    """
    read = [_Counted.of(text[:LONGEST]) for _, text in zip(range(ROWS), texts, strict=False)]
    whole = _languages(_Counted.sum(read), least=WORDS)
    own = Counter(told for each in read if (told := _languages(each, least=0, hits=HITS)))
    total = own.total()
    words = sum(each.words > 0 or bool(each.letters) for each in read)
    agree = sum(n for told, n in own.items() if not set(told).isdisjoint(whole))
    others = Counter[str]()
    for told, n in own.items():
        if set(told).isdisjoint(whole) or agree < TOLD * words:
            others[told[0]] += n
    if not whole or agree < TOLD * words:
        return Detected(None, 0.0, _shares(others, total), total)
    if len(whole) > 1:
        return Detected(None, 0.0, _shares(others, total), total, whole)
    return Detected(whole[0], agree / total if total else 1.0, _shares(others, total), total)


def likeliest(detected: Detected) -> str:
    """Return the code of the language that texts are treated as.

    Of languages that are nearly the same it is the likeliest; English where nothing is detected.
    """
    return detected.code or next(iter(detected.alike), catalogue.ENGLISH)


def _shares(counts: Counter[str], total: int) -> dict[str, float]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return {code: n / total for code, n in ordered if n / total >= OTHERS}


@dataclass(frozen=True, slots=True)
class _Counted:
    """Letters by script, and words by language."""

    letters: Counter[str]
    words: int
    hits: Counter[str]
    telling: Counter[str]
    """Those that not all languages have that are nearly the same."""

    @classmethod
    def of(cls, text: str) -> _Counted:
        words = tokens.words(text)
        known = _speakers()
        # Single letters of the Latin script are initials and units in any language: U.S., 5 s.
        heard = [known[word] for word in words if word in known and (len(word) > 1 or not word.isascii())]
        hits = Counter(code for codes in heard for code in codes)
        telling = Counter(code for codes in heard for code in codes if not set(ALIKE.get(code, ())) <= set(codes))
        return cls(Counter(script for letter in text if (script := script_of(letter))), len(words), hits, telling)

    @classmethod
    def sum(cls, each: Sequence[_Counted]) -> _Counted:
        letters, hits, telling = Counter[str](), Counter[str](), Counter[str]()
        for counted in each:
            letters.update(counted.letters)
            hits.update(counted.hits)
            telling.update(counted.telling)
        return cls(letters, sum(counted.words for counted in each), hits, telling)


def _languages(counted: _Counted, *, least: int, hits: int = 1) -> tuple[str, ...]:
    """The language of what was counted; empty where it does not tell.

    Several are nearly the same in writing, the likeliest first.
    """
    script = _main_script(counted.letters)
    if script is None:
        return ()
    able = [code for code in catalogue.codes() if catalogue.of(code).script == script]
    own = Counter({code: counted.hits[code] for code in able if counted.hits[code]})
    if len(able) == 1 or script in catalogue.BY_CHARACTER:
        return (able[0],)
    if counted.words < least or not own:
        return ()
    (first, most), *rest = sorted(own.items(), key=lambda item: (-item[1], item[0]))
    alike = ALIKE.get(first, (first,))
    second = next((n for code, n in rest if code not in alike), 0)
    sure = most >= hits and most >= COVERAGE * counted.words and most >= MARGIN * second
    return _of_alike(first, alike, counted.telling) if sure else ()


def _of_alike(first: str, alike: tuple[str, ...], telling: Counter[str]) -> tuple[str, ...]:
    """The language of the telling words, or all of those alike."""
    ordered = sorted(alike, key=lambda code: (-telling[code], code != first, code))
    if len(alike) > 1:
        clear = telling[ordered[0]] >= max(TELLING, CLEAR * telling[ordered[1]])
        known = all(ALIKE.get(code) == alike for code in alike)
        return (ordered[0],) if clear and known else tuple(ordered)
    return alike


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
