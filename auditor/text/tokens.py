"""Words and signs of texts, for counting and comparing.

A word is a run of letters, digits and underscores with the marks on them: vowel signs of Hindi and its like are marks,
not letters, and tell words apart. In scripts without blanks each character is taken for a word where it has to be.
"""

from __future__ import annotations

import functools
import re
import unicodedata

_WORD = re.compile(r"\w+")
_UNSPACED = (
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
"""Scripts without blanks between words, each character of which is a word.

Thai, Lao, Tibetan, Burmese, Khmer, Japanese, Chinese.
"""
_HAS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_ASCII_PIECE = re.compile(r"\w+|[^\w\s]")
_UNIT = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")
CHARACTER_OR_RUN = re.compile(rf"[{_UNSPACED}][\u3099\u309a\ufe00-\ufe0f]*|[^ \t\r\n{_UNSPACED}]+")
"""A character of a script without blanks, with the marks on it, or a run of others between blanks."""
BESIDE_CHARACTERS = re.compile(rf"[^\W{_UNSPACED}]+")
"""A run of letters and digits of scripts with blanks."""


def plain(text: str) -> str:
    """Return a text in small letters.

    Characters that look alike by Unicode's compatibility (NFKC) become equal.
    """
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()


def words(text: str) -> list[str]:
    """Return the words of a text, in small letters."""
    return _runs(plain(text))


def units(text: str) -> list[str]:
    """Return the words that shingles are made of, in small letters.

    Of scripts without blanks each character is a word, and so is each of a text without letters and digits.
    """
    small = plain(text)
    parts = _UNIT.findall(small) if _HAS_UNSPACED.search(small) else _runs(small)
    return parts or [character for character in small if not character.isspace()]


def pieces(text: str) -> list[str]:
    """Return the words and signs of a text as they are written.

    A sign is any other character but white space, with the marks on it. Of scripts without blanks each character is a
    word. What is left out is white space.
    """
    parts: list[str] = _piece_of(text).findall(text)
    return parts


def small_pieces(text: str) -> list[str]:
    """Return the words and signs of a text, each in small letters."""
    return pieces(text.lower()) if text.isascii() else [plain(piece) for piece in pieces(text)]


def without(text: str, piece: str) -> str:
    """Return the text without a word or sign.

    ``piece``: as ``small_pieces`` has it; it goes wherever it stands.
    """
    return _piece_of(text).sub(lambda match: "" if plain(match.group()) == piece else match.group(), text)


def _runs(small: str) -> list[str]:
    marks = _marks_of(small)
    runs: list[str] = (re.compile(rf"\w[\w{marks}]*") if marks else _WORD).findall(small)
    return runs


def _marks_of(text: str) -> str:
    if text.isascii():
        return ""
    return "".join(sorted(own for own in set(text) if unicodedata.category(own) in ("Mn", "Mc")))


def _piece_of(text: str) -> re.Pattern[str]:
    return _ASCII_PIECE if text.isascii() else _piece(_marks_of(text))


@functools.lru_cache(maxsize=256)
def _piece(marks: str) -> re.Pattern[str]:
    if not marks:
        return re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+|[^\w\s]")
    return re.compile(rf"[{_UNSPACED}][{marks}]*|[^\W{_UNSPACED}](?:[^\W{_UNSPACED}]|[{marks}])*|[^\w\s][{marks}]*")
