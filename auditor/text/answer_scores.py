"""Exact match and F1 of answers, as SQuAD counts them.

Rajpurkar et al. 2016 and 2018; of languages without blanks between words, Lewis et al. 2020 (MLQA).
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence

ENGLISH = "en"
_ARTICLE = re.compile(r"\b(a|an|the)\b", re.UNICODE)
_SIGNS = frozenset(string.punctuation)
_ALONE = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
"""Characters that are words of their own: kana and Han."""
WITHOUT_BLANKS = ("zh", "ja")
"""Languages whose words no blanks separate: each of these characters is a token (Lewis et al. 2020, MLQA)."""


def normalised(text: str, language: str = ENGLISH) -> tuple[str, ...]:
    """Return the tokens of an answer that are compared.

    In small letters, without punctuation. English: as SQuAD, without a, an and the, and the punctuation is ASCII's.
    Other languages: with articles, and without what Unicode calls punctuation.
    """
    small = text.lower()
    if language == ENGLISH:
        bare = "".join(letter for letter in small if letter not in _SIGNS)
        return tuple(_ARTICLE.sub(" ", bare).split())
    bare = "".join(
        letter for letter in small if letter not in _SIGNS and not unicodedata.category(letter).startswith("P")
    )
    return tuple((_ALONE.sub(r" \g<0> ", bare) if language in WITHOUT_BLANKS else bare).split())


def exact(gold: Sequence[str], answer: Sequence[str]) -> bool:
    """Whether two normalised answers are the same."""
    return tuple(gold) == tuple(answer)


def f1(gold: Sequence[str], answer: Sequence[str]) -> float:
    """Return the F1 of the tokens of two normalised answers.

    It is in [0, 1]. Where either has none, 1 if both have none, else 0.
    """
    if not gold or not answer:
        return float(not gold and not answer)
    shared = (Counter(gold) & Counter(answer)).total()
    # Equal answers give exactly 1: 2·s / (a + b) is not rounded as precision and recall are.
    return 2.0 * shared / (len(gold) + len(answer))
