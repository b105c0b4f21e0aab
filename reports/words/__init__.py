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
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

ENGLISH = "en"
"""Language of results.json, and of a page without a choice."""
_FIELD = re.compile(r"\{(\w+)\}")
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
    text itself. What the catalogue lacks stays English.
    """
    if spoken() == ENGLISH or not text:
        return text
    whole = _translated(text, spoken())
    return whole if whole is not None else "; ".join(_translated(part, spoken()) or part for part in text.split("; "))


@functools.cache
def _file(language: str) -> Mapping[str, Any]:
    file = Path(__file__).with_name(f"{language}.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


@functools.cache
def _patterns(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return patterns of recorded texts and their words, the most literal first."""
    texts = sorted(_file(language)["recorded"].items(), key=lambda pair: -len(_FIELD.sub("", pair[0])))
    return tuple((re.compile(_pattern(english), re.DOTALL), words) for english, words in texts)


def _pattern(english: str) -> str:
    """Return the expression of a text whose fields stand for anything."""
    literal, *rest = _FIELD.split(english)
    pairs = zip(rest[::2], rest[1::2], strict=True)
    return re.escape(literal) + "".join(f"(?P<{field}>.+?){re.escape(after)}" for field, after in pairs)


def _translated(text: str, language: str) -> str | None:
    for pattern, words in _patterns(language):
        matched = pattern.fullmatch(text)
        if matched is not None:
            given = matched.groupdict()
            return str(words).format(
                **{field: recorded(value) if field.startswith("said") else value for field, value in given.items()}
            )
    return None
