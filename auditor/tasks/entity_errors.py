"""What a sentence's predicted entities got wrong, and the token-level counts that look better than they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from auditor.text.spans import Span, overlap
from auditor.types import Score

ERRORS = ("boundary", "type", "boundary and type", "missed", "spurious")
"""Right type with other boundaries; right boundaries with another type; neither, and they overlap; nothing there; and, of
what the model sees, what overlaps no entity."""


def scores(
    gold: Sequence[Span], seen: Sequence[Span], types: Sequence[str], tags: Sequence[tuple[str, str]]
) -> Iterator[tuple[str, Score]]:
    """Name → score of one sentence. ``tags``: gold and predicted tag of each word.

    ``precision`` and ``recall`` of the entities; ``f1``, ``precision`` and ``recall`` of each type, as in ``f1 PER``; of each
    kind of error, as in ``error missed``, how many of the entities there are (of what the model sees: spurious); of each tag
    ``token f1``, ``token precision`` and ``token recall``, O among them.
    """
    right = set(gold).intersection(seen)
    yield "precision", Score(float(len(right)), float(len(seen)))
    yield "recall", Score(float(len(right)), float(len(gold)))
    for kind in types:
        of_type = [sum(one.type == kind for one in some) for some in (right, seen, gold)]
        yield from _three(kind, *of_type, prefix="")
    errors = Counter(_errors(gold, seen))
    for name in ERRORS:
        yield f"error {name}", Score(float(errors[name]), float(len(seen if name == "spurious" else gold)))
    for tag in dict.fromkeys(tag for pair in tags for tag in pair):
        counts = (
            sum(one == other == tag for one, other in tags),
            sum(other == tag for _, other in tags),
            sum(one == tag for one, _ in tags),
        )
        yield from _three(tag, *counts, prefix="token ")


def _three(name: str, right: int, seen: int, wanted: int, *, prefix: str) -> Iterator[tuple[str, Score]]:
    yield f"{prefix}f1 {name}", Score(2.0 * right, float(seen + wanted))
    yield f"{prefix}precision {name}", Score(float(right), float(seen))
    yield f"{prefix}recall {name}", Score(float(right), float(wanted))


def _errors(gold: Sequence[Span], seen: Sequence[Span]) -> Iterator[str]:
    for one in gold:
        if one in seen:
            continue
        near = [other for other in seen if overlap(one, other)]
        if any(other[:2] == one[:2] for other in near):
            yield "type"
        elif any(other.type == one.type for other in near):
            yield "boundary"
        else:
            yield "boundary and type" if near else "missed"
    for other in seen:
        if not any(overlap(one, other) for one in gold):
            yield "spurious"
