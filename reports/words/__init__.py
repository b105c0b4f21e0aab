"""Words of the page, a file for each language.

``en.toml`` has the sentences that have a name. All other words of the page's own stand in the code in English, in calls
of ``say`` or, where they are said later, of ``later``; what results.json says in English, such as the reason of a
verdict, goes through ``recorded``. A file of another language, such as ``zh.toml``, has the named sentences under the
same names, and sections ``page`` (what ``say`` is given) and ``recorded``, whose keys are English.
"""

from __future__ import annotations

import contextlib
import functools
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from itertools import pairwise
from pathlib import Path
from typing import Any

ENGLISH = "en"
"""Language of results.json, and of a page without a choice."""
BETWEEN = "; "
"""What stands between the parts of a recorded text; a catalogue may have its own, under this as a key."""
MOST = 8
"""Semicolons of a text that part it; what follows the last is one part."""
NUMBER = r"[−-]?\d[\d,.]*(?:e[+-]?\d+)?"
LONGEST = 1_000
"""Characters of a text whose fields are looked for; of a longer one nothing but the whole is known."""
_FIELD = re.compile(r"\{(\w+)\}")
_NUMBERED = re.compile(r"n\d*")
_WITHIN, _AT_FIRST = f"(?:(?!{BETWEEN}).)+?", "(?:(?![;:] ).)+?"
_SPOKEN: ContextVar[str] = ContextVar("language of the page", default=ENGLISH)


@functools.cache
def languages() -> tuple[str, ...]:
    """Return the codes of the languages that have a file, sorted."""
    return tuple(sorted(file.stem for file in Path(__file__).parent.glob("*.toml")))


@contextlib.contextmanager
def speaking(language: str) -> Iterator[None]:
    """Write the words of the page in a language meanwhile.

    Raises:
        ValueError: No file has the language's words.
    """
    if language not in languages():
        raise ValueError(f"no words in {language!r}: there are {', '.join(languages())}")
    before = _SPOKEN.set(language)
    try:
        yield
    finally:
        _SPOKEN.reset(before)


def spoken() -> str:
    """Return the code of the language that is spoken."""
    return _SPOKEN.get()


def catalogue() -> Mapping[str, Any]:
    """Return the sections of the spoken language's file."""
    return _file(spoken())


def say(text: str, /, **values: object) -> str:
    """Say a text of the page's own in the spoken language.

    ``text``: the text in English. ``values``: what stands for each ``{field}`` of it. A text that the catalogue lacks
    stays English.
    """
    words = text if spoken() == ENGLISH else catalogue()["page"].get(text, text)
    return str(words).format(**values)


def later(text: str) -> str:
    """Return a text as it is, which ``say`` is given later.

    It marks texts of the page's own that stand in a constant (``gettext_noop``).
    """
    return text


def say_counted(singular: str, plural: str, n: int, /, **values: object) -> str:
    """Say a text with a number, ``{n}``.

    Catalogues of languages without plural have the same words for both texts.
    """
    return say(singular if n == 1 else plural, n=n, **values)


def recorded(text: str) -> str:
    """Say a text that results.json has in English.

    Keys of the catalogue's section ``recorded`` are whole texts, or parts between semicolons. Their ``{fields}`` stand
    for anything, which stays as it is: it may come from the data. A field whose name begins with ``said`` is a recorded
    text itself; ``n``, ``n2`` and so on are numbers. A field has no semicolon but at the end of a text, after a colon,
    and where its name begins with ``any``. What the catalogue lacks stays English.
    """
    if spoken() == ENGLISH or not text:
        return text
    said = list(_said(text.split(BETWEEN, MOST)))
    between = str(catalogue()["recorded"].get(BETWEEN, BETWEEN))
    # Where neither side is known the semicolon may be of the data.
    later_ones = (f"{between if known and before else BETWEEN}{part}" for (_, before), (part, known) in pairwise(said))
    return said[0][0] + "".join(later_ones)


def _said(parts: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Yield the words of parts, and whether they are known.

    As many parts as are known together are one.
    """
    start = 0
    while start < len(parts):
        ends = range(len(parts), start, -1)
        words, end = next(
            ((words, end) for end in ends if (words := _translated(BETWEEN.join(parts[start:end]), spoken()))),
            (None, start + 1),
        )
        yield (parts[start], False) if words is None else (words, True)
        start = end


@functools.cache
def _file(language: str) -> Mapping[str, Any]:
    file = Path(__file__).with_name(f"{language}.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


class _Recorded:
    """Recorded texts of a language and their words."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._whole = {_in_one_line(english): said for english, said in words.items() if not _FIELD.search(english)}
        # The most literal first: what it matches, a pattern of fewer letters may match as well.
        texts = sorted(words.items(), key=lambda pair: -len(_FIELD.sub("", pair[0])))
        self._patterns = [
            (re.compile(_pattern(english), re.DOTALL), said) for english, said in texts if _FIELD.search(english)
        ]

    def matched(self, text: str) -> tuple[str, Mapping[str, str]] | None:
        """Return the words of a text, and what its fields stand for.

        It is None where the text is not known.
        """
        whole = self._whole.get(_in_one_line(text))
        if whole is not None or len(text) > LONGEST:
            return None if whole is None else (whole, {})
        matches = ((pattern.fullmatch(text), said) for pattern, said in self._patterns)
        return next(((said, match.groupdict()) for match, said in matches if match is not None), None)


@functools.cache
def _recorded(language: str) -> _Recorded:
    return _Recorded(_file(language)["recorded"])


def _pattern(english: str) -> str:
    """Return the expression of a text, with a group for each field."""
    before, *rest = _FIELD.split(english)
    pairs = list(zip(rest[::2], rest[1::2], strict=True))
    expression = re.escape(before)
    for place, (field, after) in enumerate(pairs):
        spans = place == len(pairs) - 1 and after in ("", ".") and before.endswith((": ", BETWEEN))
        # A text that begins with a field would else take in what stands before a colon.
        within = _WITHIN if expression else _AT_FIRST
        anything = NUMBER if _NUMBERED.fullmatch(field) else ".+?" if spans or field.startswith("any") else within
        expression += f"(?P<{field}>{anything}){re.escape(after)}"
        before = after
    return expression


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


@functools.lru_cache(maxsize=4096)
def _translated(text: str, language: str) -> str | None:
    known = _recorded(language).matched(text)
    if known is None:
        return None
    words, given = known
    return words.format(
        **{field: recorded(value) if field.startswith("said") else value for field, value in given.items()}
    )
