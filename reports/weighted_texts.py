"""Texts with their words shaded by their weights in the model's answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from reports.formats import signed, visible

LEAST = 0.1
"""Where no word weighs as much, shades are of this weight instead of the largest."""
SHADES = (1 / 6, 1 / 3, 2 / 3)
"""Shares of the largest weight from which on a word is shaded, more, and most."""
POINT = 0.005
"""Weights below are no whole point of probability."""


def weighted_texts(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a model's explained texts, with shades and points."""
    texts = [_text(text) for text in record.get("weighted_texts", ())]
    if texts:
        yield {"model": record["model"], "texts": texts}


def _text(text: Mapping[str, Any]) -> dict[str, Any]:
    largest = max([LEAST, *(abs(weight) for _, _, weight in text["words"] if weight is not None)])
    fields = [(field, list(words)) for field, words in groupby(text["words"], key=lambda word: word[0])]
    return {
        "example": text["example"],
        "answer": visible(text["answer"]),
        "probability": f"{text['probability']:.2f}",
        "gold": None if text["gold"] is None else visible(text["gold"]),
        "fields": [
            (field if len(fields) > 1 else "", [_word(word, weight, largest) for _, word, weight in words])
            for field, words in fields
        ],
        "left_out": f"{text['left_out']:,}" if text["left_out"] else "",
    }


def _word(word: str, weight: float | None, largest: float) -> dict[str, Any]:
    """Return a word with its points and its shade's classes."""
    if weight is None:
        return {"word": visible(word), "points": "", "shade": "asked"}
    shade = sum(abs(weight) >= share * largest for share in SHADES) if abs(weight) >= POINT else 0
    if not shade:
        return {"word": visible(word), "points": "", "shade": ""}
    side = "for" if weight > 0 else "against"
    return {"word": visible(word), "points": signed(100 * weight, 0), "shade": f"{side} shade{shade}"}
