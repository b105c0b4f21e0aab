"""Perturbations of single words through nlpaug, which draws from global generators: seeded and restored here.

nlpaug is given one word at a time, so that the words that change are ours to choose and severities are nested.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

METHODS = {
    "keyboard typo": "typos",
    "OCR error": "typos",
    "inserted letter": "typos",
    "substituted letter": "typos",
    "swapped letters": "typos",
    "deleted letter": "typos",
    "misspelling": "typos",
    "split word": "spacing and punctuation",
}
"""Perturbation → family."""


@functools.cache
def augmenter(name: str) -> Any:
    """nlpaug's augmenter for single words: always one change, whatever the word's length."""
    import nlpaug.augmenter.char as nac
    import nlpaug.augmenter.word as naw

    one: dict[str, Any] = {"aug_char_min": 1, "aug_char_max": 1, "aug_word_min": 1, "aug_word_p": 1.0}
    plain = {"include_special_char": False, "include_numeric": False, "include_upper_case": False}
    made = {
        "keyboard typo": lambda: nac.KeyboardAug(**one, **plain, min_char=2),
        "OCR error": lambda: nac.OcrAug(**one, min_char=1),
        "inserted letter": lambda: nac.RandomCharAug(
            "insert", **one, min_char=2, include_upper_case=False, include_numeric=False, spec_char=""
        ),
        "substituted letter": lambda: nac.RandomCharAug(
            "substitute", **one, min_char=2, include_upper_case=False, include_numeric=False, spec_char=""
        ),
        "swapped letters": lambda: nac.RandomCharAug("swap", **one, min_char=3),
        "deleted letter": lambda: nac.RandomCharAug("delete", **one, min_char=3),
        "misspelling": lambda: naw.SpellingAug(aug_min=1, aug_p=1.0),
        "split word": lambda: naw.SplitAug(aug_min=1, aug_p=1.0, min_char=4),
    }
    return made[name]()


@contextmanager
def seeded_globals(seed: int) -> Iterator[None]:
    """``random`` and numpy's global generator seeded inside, as they were after."""
    import numpy as np

    states = random.getstate(), np.random.get_state()
    try:
        random.seed(seed)
        np.random.seed(seed % 2**32)
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


def change(name: str, word: str, rng: random.Random) -> tuple[str, ...] | None:
    """The word as nlpaug changes it, split at white space; None where it leaves it as it is."""
    found = augmenter(name)
    with seeded_globals(rng.getrandbits(32)):
        texts = found.augment(word)
    new = tuple(str(texts[0]).split()) if texts else ()
    return new if new and new != (word,) else None
