"""Texts, a model and synonyms that are the same everywhere: what attacks end with on them is on record."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

STOP_WORDS = ("the", "a", "of", "and", "was", "in", "that", "it", "with", "for")
WORDS = (  # noqa: SIM905 - a list of ninety literals would be a page long
    "film story evening actor camera director dialogue audience ending garden morning village music honest brilliant "
    "boring tedious lovely gloomy bright careful sudden clever hollow gentle restless promise silence shadow window "
    "letter mountain river summer winter journey memory stranger brother daughter captain doctor teacher soldier "
    "machine engine market bottle mirror curtain kitchen station bridge harbour island forest desert thunder "
    "whisper laughter hunger danger courage patience beauty sorrow wonder quarrel marriage funeral wedding holiday "
    "festival puzzle riddle secret treasure weapon battle victory defeat kingdom empire council village's well-made "
    "don't half-hearted 1999 Oscar-winning London naive second-rate over-long self-aware"
).split()
"""No word twice in a text but stop words: words of one importance have no order of their own."""


def texts() -> list[str]:
    """Thirty texts of 4 to 90 words with stop words, capitals and punctuation; the last five longer than the others."""
    rng, found = random.Random(14), []
    for number in range(30):
        own = rng.sample(WORDS, min(len(WORDS), 4 + number if number < 25 else 40 + 3 * (number - 25)))
        words = [word for one in own for word in ((rng.choice(STOP_WORDS), one) if rng.random() < 0.4 else (one,))]
        marked = [word + rng.choice(("", "", "", "", ",", ";", " -", "!")) for word in words]
        found.append(f"{' '.join(marked)}.".capitalize() if number % 3 else f'"{" ".join(marked)}"')
    return found


def weight(word: str) -> float:
    """In [−1, 1], by the word's letters alone."""
    digest = hashlib.sha256(word.lower().strip(".,;!\"-'").encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**47 - 1


def answers(given: Sequence[str]) -> list[list[float]]:
    """Two probabilities by the sum of the words' weights."""
    found = []
    for one in given:
        total = 0.7 * sum(weight(word) for word in one.split())
        sure = 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))
        found.append([1 - sure, sure])
    return found


def label(value: str) -> int:
    """What the model answers."""
    ((no, yes),) = answers([value])
    return int(yes > no)


def wordnet() -> Any:
    """Zero to six synonyms of each word, as NLTK's WordNet gives them."""

    def synsets(word: str, lang: str) -> list[Any]:
        assert lang == "eng"
        rng = random.Random(word.lower())
        lemmas = rng.sample(WORDS, rng.randrange(7)) if word.lower() in WORDS else []
        return [SimpleNamespace(lemma_names=lambda **_: lemmas)]

    return SimpleNamespace(synsets=synsets)
