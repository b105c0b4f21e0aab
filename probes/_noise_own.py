"""Perturbations of single words that are our own. Each takes a word and a generator and gives new words, or None.

None: the word offers nothing to change. Several words are separated by one space.
The word lists below are the project's own (Apache-2.0).
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable

Change = Callable[[str, random.Random], tuple[str, ...] | None]

ZERO_WIDTH = ("\u200b", "\u200c", "\u200d", "\u2060")
HOMOGLYPHS = dict(zip("aceiopsxyABCEHIKMOPTX", "асеіорѕхуАВСЕНІКМОРТХ", strict=True))
DIACRITICS = dict(zip("aceinouyAEIOU", "áçèïñôüýÁÈÏÔÜ", strict=True))
ONES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
CONTRACTIONS = {
    "don't": "do not",
    "doesn't": "does not",
    "didn't": "did not",
    "can't": "can not",
    "won't": "will not",
    "isn't": "is not",
    "aren't": "are not",
    "wasn't": "was not",
    "weren't": "were not",
    "hasn't": "has not",
    "haven't": "have not",
    "couldn't": "could not",
    "wouldn't": "would not",
    "shouldn't": "should not",
    "it's": "it is",
    "that's": "that is",
    "there's": "there is",
    "he's": "he is",
    "she's": "she is",
    "i'm": "i am",
    "you're": "you are",
    "we're": "we are",
    "they're": "they are",
    "i've": "i have",
    "you've": "you have",
    "we've": "we have",
    "i'll": "i will",
    "you'll": "you will",
}
SOCIAL = {
    "you": "u",
    "your": "ur",
    "are": "r",
    "to": "2",
    "for": "4",
    "the": "da",
    "and": "n",
    "with": "w/",
    "because": "cuz",
    "please": "plz",
    "people": "ppl",
    "really": "rly",
    "great": "gr8",
    "this": "dis",
    "that": "dat",
    "them": "em",
    "though": "tho",
    "through": "thru",
    "something": "smth",
    "about": "abt",
    "before": "b4",
    "love": "luv",
    "thanks": "thx",
    "what": "wut",
    "going": "goin",
    "know": "kno",
    "not": "nt",
    "very": "vry",
    "have": "hav",
    "just": "jus",
    "movie": "movi",
    "good": "gud",
}
_LETTER = re.compile(r"[A-Za-z]")


def _if_changed(word: str, new: str) -> tuple[str, ...] | None:
    return (new,) if new != word else None


def upper_case(word: str, _rng: random.Random) -> tuple[str, ...] | None:
    return _if_changed(word, word.upper())


def capitalized(word: str, _rng: random.Random) -> tuple[str, ...] | None:
    return _if_changed(word, word.capitalize())


def random_case(word: str, rng: random.Random) -> tuple[str, ...] | None:
    return _if_changed(word, "".join(letter.upper() if rng.random() < 0.5 else letter.lower() for letter in word))


def added_punctuation(word: str, rng: random.Random) -> tuple[str, ...] | None:
    return (word + rng.choice(("!", "...", "?", ",", ";", "!!")),)


def removed_punctuation(word: str, _rng: random.Random) -> tuple[str, ...] | None:
    bare = word.strip(string.punctuation)
    return _if_changed(word, bare) if bare else None


def extra_space(word: str, rng: random.Random) -> tuple[str, ...] | None:
    if len(word) < 3:
        return None
    at = rng.randrange(1, len(word))
    return word[:at], word[at:]


def zero_width(word: str, rng: random.Random) -> tuple[str, ...] | None:
    if len(word) < 2:
        return None
    at = rng.randrange(1, len(word))
    return (word[:at] + rng.choice(ZERO_WIDTH) + word[at:],)


def soft_hyphen(word: str, rng: random.Random) -> tuple[str, ...] | None:
    if len(word) < 2:
        return None
    at = rng.randrange(1, len(word))
    return (word[:at] + "\u00ad" + word[at:],)


def _replaced(table: dict[str, str]) -> Change:
    def change(word: str, rng: random.Random) -> tuple[str, ...] | None:
        places = [index for index, letter in enumerate(word) if letter in table]
        if not places:
            return None
        at = rng.choice(places)
        return (word[:at] + table[word[at]] + word[at + 1 :],)

    return change


def repeated_letters(word: str, rng: random.Random) -> tuple[str, ...] | None:
    places = [index for index, letter in enumerate(word) if _LETTER.match(letter)]
    if not places:
        return None
    at = rng.choice(places)
    return (word[:at] + word[at] * rng.randint(3, 5) + word[at + 1 :],)


def digits_to_words(word: str, _rng: random.Random) -> tuple[str, ...] | None:
    if not any(letter in string.digits for letter in word):
        return None
    parts = [ONES[int(part)] if part in string.digits else part for part in re.findall(r"\d|\D+", word)]
    return tuple(" ".join(parts).split())


def expanded_contraction(word: str, _rng: random.Random) -> tuple[str, ...] | None:
    return _listed(word, CONTRACTIONS)


def social_media_spelling(word: str, _rng: random.Random) -> tuple[str, ...] | None:
    return _listed(word, SOCIAL)


def _listed(word: str, table: dict[str, str]) -> tuple[str, ...] | None:
    bare = word.strip(string.punctuation)
    if bare.lower() not in table:
        return None
    head, _, tail = word.partition(bare)
    return tuple((head + table[bare.lower()] + tail).split())


OWN: dict[str, tuple[str, Change]] = {
    "upper case": ("case", upper_case),
    "capitalized": ("case", capitalized),
    "random case": ("case", random_case),
    "added punctuation": ("spacing and punctuation", added_punctuation),
    "removed punctuation": ("spacing and punctuation", removed_punctuation),
    "extra space": ("spacing and punctuation", extra_space),
    "digits to words": ("words", digits_to_words),
    "expanded contraction": ("words", expanded_contraction),
    "zero-width character": ("invisible characters", zero_width),
    "soft hyphen": ("invisible characters", soft_hyphen),
    "homoglyph": ("homoglyphs", _replaced(HOMOGLYPHS)),
    "diacritic": ("homoglyphs", _replaced(DIACRITICS)),
    "repeated letter": ("social media", repeated_letters),
    "social-media spelling": ("social media", social_media_spelling),
}
"""Perturbation → (family, change)."""
