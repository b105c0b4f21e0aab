"""Perturbations of single words through nlpaug.

nlpaug draws from global generators, which are seeded and restored here. It gets one word at a time, so that this
project chooses the words that change, and severities are nested. nlpaug's own tokenizer would split ``don't`` into
``don ' t`` and remove the spaces before punctuation; it gets the letters of the word alone, as one token.
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
"""Perturbations that nlpaug provides."""

TRIES = 4
"""Number of draws: a draw may replace a letter with itself, or swap two equal letters."""

_LETTERS = re.compile(r"[A-Za-z]+(['-][A-Za-z]+)*")
_PARTS = re.compile(r"(\W*)(.*?)(\W*)", re.DOTALL)


def _one_token(word: str) -> list[str]:
    return [word]


@functools.cache
def augmenter(name: str) -> Any:
    """Return the nlpaug augmenter for single words.

    It always makes one change, whatever the word's length.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import nlpaug.augmenter.char as nac
        import nlpaug.augmenter.word as naw

    single: dict[str, Any] = {"tokenizer": _one_token, "reverse_tokenizer": " ".join}
    letter = {**single, "aug_char_min": 1, "aug_char_max": 1, "aug_word_min": 1, "aug_word_p": 1.0}
    word = {**single, "aug_min": 1, "aug_p": 1.0}
    plain = {"include_upper_case": False, "include_numeric": False}
    random_letter = {**letter, **plain, "spec_char": ""}
    factories = {
        "keyboard typo": lambda: nac.KeyboardAug(**letter, **plain, include_special_char=False, min_char=2),
        "OCR error": lambda: nac.OcrAug(**letter, min_char=1),
        "inserted letter": lambda: nac.RandomCharAug("insert", **random_letter, min_char=2),
        "substituted letter": lambda: nac.RandomCharAug("substitute", **random_letter, min_char=2),
        "swapped letters": lambda: nac.RandomCharAug("swap", **letter, min_char=3),
        "deleted letter": lambda: nac.RandomCharAug("delete", **letter, min_char=3),
        "misspelling": lambda: _in_fixed_order(naw.SpellingAug(**word)),
        "split word": lambda: naw.SplitAug(**word, min_char=4),
    }
    return factories[name]()


def _in_fixed_order(spelling: Any) -> Any:
    """Return SpellingAug with a sorted list of misspellings only.

    nlpaug keeps them in the order of a set, which changes from process to process. By default it also adds the words
    that a word may be a misspelling of (``like`` → ``luck``): these are other words, not misspelt ones. Entries that
    are not words (``[[realy``) or that change capitals only are left out.
    """
    from nlpaug.model.word_dict import Spelling

    spelling.model = Spelling(spelling.dict_path, include_reverse=False)
    listed = {
        word: sorted({form for form in wrong if _LETTERS.fullmatch(form) and form.lower() != word.lower()})
        for word, wrong in spelling.model.dict.items()
    }
    spelling.model.dict = {word: wrong for word, wrong in listed.items() if wrong}
    return spelling


@contextmanager
def seeded_globals(seed: int) -> Iterator[None]:
    """Seed ``random`` and numpy's global generator, and restore them afterwards.

    ``seed`` is in [0, 2³²).
    """
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
    """Return the word as nlpaug changes it, split at white space.

    Returns None if nlpaug leaves it unchanged in every try. Punctuation before and after the word stays. Misspellings
    keep the word's capitals.
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
    """Return nlpaug's result for this seed.

    It is cached because severities are nested: a severity draws every word of the milder ones again.
    """
    with seeded_globals(seed):
        method = augmenter(name)
        return _misspelt(method, core) if name == "misspelling" else str(method.augment(core)[0])


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
