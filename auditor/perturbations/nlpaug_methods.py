"""Perturbations of single words through nlpaug, which draws from global generators: seeded and restored here.

nlpaug is given one word at a time, so that the words that change are ours to choose and severities are nested. Its own
tokenizer would cut ``don't`` into ``don ' t`` and close up the spaces before punctuation: it is given the letters of the
word alone, as one token.
"""

from __future__ import annotations

import functools
import random
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from auditor.text import words_of

METHODS = frozenset(
    {
        "keyboard typo",
        "OCR error",
        "inserted letter",
        "substituted letter",
        "swapped letters",
        "deleted letter",
        "misspelling",
        "split word",
    }
)
"""Perturbations that nlpaug makes."""

TRIES = 4
"""A letter may be drawn for itself, or swapped with its like."""

_LETTERS = re.compile(r"[A-Za-z]+(['-][A-Za-z]+)*")
_PARTS = re.compile(r"(\W*)(.*?)(\W*)", re.DOTALL)


def _one_token(word: str) -> list[str]:
    return [word]


@functools.cache
def augmenter(name: str) -> Any:
    """nlpaug's augmenter for single words: always one change, whatever the word's length."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import nlpaug.augmenter.char as nac
        import nlpaug.augmenter.word as naw

    one: dict[str, Any] = {"tokenizer": _one_token, "reverse_tokenizer": " ".join}
    letter = {**one, "aug_char_min": 1, "aug_char_max": 1, "aug_word_min": 1, "aug_word_p": 1.0}
    word = {**one, "aug_min": 1, "aug_p": 1.0}
    plain = {"include_upper_case": False, "include_numeric": False}
    random_letter = {**letter, **plain, "spec_char": ""}
    made = {
        "keyboard typo": lambda: nac.KeyboardAug(**letter, **plain, include_special_char=False, min_char=2),
        "OCR error": lambda: nac.OcrAug(**letter, min_char=1),
        "inserted letter": lambda: nac.RandomCharAug("insert", **random_letter, min_char=2),
        "substituted letter": lambda: nac.RandomCharAug("substitute", **random_letter, min_char=2),
        "swapped letters": lambda: nac.RandomCharAug("swap", **letter, min_char=3),
        "deleted letter": lambda: nac.RandomCharAug("delete", **letter, min_char=3),
        "misspelling": lambda: _in_fixed_order(naw.SpellingAug(**word)),
        "split word": lambda: naw.SplitAug(**word, min_char=4),
    }
    return made[name]()


def _in_fixed_order(spelling: Any) -> Any:
    """SpellingAug with a list of its own: misspellings alone, sorted.

    nlpaug keeps them in the order of a set, which changes from process to process, and adds by default what each word
    may be a misspelling of (``like`` → ``luck``): another word, not a misspelt one. Entries that are not words
    (``[[realy``) or change capitals alone are left out.
    """
    from nlpaug.model.word_dict import Spelling

    spelling.model = Spelling(spelling.dict_path, include_reverse=False)
    listed = {
        word: sorted({one for one in wrong if _LETTERS.fullmatch(one) and one.lower() != word.lower()})
        for word, wrong in spelling.model.dict.items()
    }
    spelling.model.dict = {word: wrong for word, wrong in listed.items() if wrong}
    return spelling


@contextmanager
def seeded_globals(seed: int) -> Iterator[None]:
    """``random`` and numpy's global generator seeded inside, as they were after. ``seed`` in [0, 2³²)."""
    import numpy as np

    states = random.getstate(), np.random.get_state()
    try:
        random.seed(seed)
        np.random.seed(seed)
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


def change(name: str, word: str, rng: random.Random) -> tuple[str, ...] | None:
    """The word as nlpaug changes it, split at white space; None where it leaves it as it is, try after try.

    Punctuation before and after the word stays. Misspellings keep the capitals of the word.
    """
    head, core, tail = _parts(word)
    if not core:
        return None
    for _ in range(TRIES):
        new = _drawn(name, core, rng.getrandbits(32))
        if new != core:
            return words_of(f"{head}{new}{tail}")
    return None


@functools.lru_cache(maxsize=2**16)
def _drawn(name: str, core: str, seed: int) -> str:
    """Cached: severities are nested, so that a harder one asks again for every word of the milder ones."""
    with seeded_globals(seed):
        found = augmenter(name)
        return _misspelt(found, core) if name == "misspelling" else str(found.augment(core)[0])


def _parts(word: str) -> tuple[str, str, str]:
    match = _PARTS.fullmatch(word)
    assert match is not None  # every part may be empty
    return match.group(1), match.group(2), match.group(3)


def _misspelt(spelling: Any, core: str) -> str:
    listed = core.lower() if core.lower() in spelling.model.dict else core
    if listed not in spelling.model.dict:
        return core
    new = str(spelling.augment(listed)[0])
    if listed == core:
        return new
    return new.upper() if core.isupper() and len(core) > 1 else new[0].upper() + new[1:]
