"""How far a ranking of words is faithful, stable and plausible."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from auditor import text
from auditor.text import shares
from auditor.types import Audit
from probes._attributions import Explained, Place, Weights

DIGITS = 12
"""Decimals of weights that are compared: further ones are rounding."""
_AROUND = re.compile(r"^\W+|\W+$")


@dataclass(frozen=True, slots=True)
class Kept:
    """Probabilities of a decision by the words that stay."""

    share: float
    without_top: float
    """Without the words that weigh most."""
    only_top: float
    """With these words alone."""
    without_random: tuple[float, ...]
    """Without as many random words, once a draw."""
    only_random: tuple[float, ...]
    """With these words alone."""


def ranked(weights: Weights) -> list[int]:
    """Return the words' numbers, the largest weight first."""
    rounded = [round(weight, DIGITS) for weight in weights]
    return sorted(range(len(weights)), key=lambda number: (-rounded[number], number))


def orders(rng: random.Random, words: int, draws: int) -> list[list[int]]:
    """Return random rankings of as many words."""
    made = [list(range(words)) for _ in range(draws)]
    for order in made:
        rng.shuffle(order)
    return made


def kept(
    audit: Audit, texts: Sequence[Explained], rankings: Sequence[Sequence[Sequence[int]]], wanted: Sequence[float]
) -> list[list[Kept] | None]:
    """Return the probabilities of each text by share of the words.

    ``rankings``: of each text its own, then the random ones. None where the model fails on a text.
    """
    gone = [
        (own, places)
        for own, own_rankings in zip(texts, rankings, strict=True)
        for places in _gone(own, own_rankings, wanted)
    ]
    answers = audit.ask([own.without(places) for own, places in gone])
    chances = iter(
        None if answer is None else own.decision.probability(audit, answer, places)
        for (own, places), answer in zip(gone, answers, strict=True)
    )
    by_text: list[list[Kept] | None] = []
    for own_rankings in rankings:
        by_share = [[next(chances) for _ in range(2 * len(own_rankings))] for _ in wanted]
        answered = [[chance for chance in row if chance is not None] for row in by_share]
        if answered != by_share:
            by_text.append(None)
            continue
        by_text.append(
            [
                Kept(share, row[0], row[1], tuple(row[2::2]), tuple(row[3::2]))
                for share, row in zip(wanted, answered, strict=True)
            ]
        )
    return by_text


def _gone(own: Explained, rankings: Sequence[Sequence[int]], wanted: Sequence[float]) -> Iterator[frozenset[Place]]:
    """Yield each ranking's first words, then all others, by share."""
    for share in wanted:
        count = max(1, shares.nearest(share, len(own.places)))
        for ranking in rankings:
            yield frozenset(own.places[number] for number in ranking[:count])
            yield frozenset(own.places[number] for number in ranking[count:])


def rank_correlation(first: Weights, second: Weights) -> float | None:
    """Return Spearman's rank correlation; None where all words weigh the same."""
    import numpy as np
    from scipy.stats import rankdata

    ranks = [rankdata(np.round(weights, DIGITS)) for weights in (first, second)]
    centred = [of_text - of_text.mean() for of_text in ranks]
    spread = float(np.sqrt((centred[0] ** 2).sum() * (centred[1] ** 2).sum()))
    return None if spread == 0.0 else min(1.0, max(-1.0, float((centred[0] * centred[1]).sum()) / spread))


def marks(own: Explained, cell: str) -> list[bool]:
    """Return which words a cell names, whatever case and punctuation."""
    named = {_bare(word) for word in text.words_of(cell)} - {""}
    return [_bare(own.texts[field].words[place]) in named for field, place in own.places]


def _bare(word: str) -> str:
    return _AROUND.sub("", word).casefold()


def average_precision(scores: Sequence[float], marked: Sequence[bool]) -> float:
    """Return the mean precision at the marked words, ties together.

    At least one word is marked.
    """
    levels = sorted({round(score, DIGITS) for score in scores}, reverse=True)
    total, seen, hits = 0.0, 0, 0
    for level in levels:
        at_level = [mark for score, mark in zip(scores, marked, strict=True) if round(score, DIGITS) == level]
        seen, hits = seen + len(at_level), hits + sum(at_level)
        total += sum(at_level) * hits / seen
    return total / sum(marked)
