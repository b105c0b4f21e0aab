"""What a tagger chooses: a tag for each word, and entities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from auditor.text import spans
from auditor.types import Choice, Span

Row = Sequence[float]
"""The probabilities of a word's tags."""


def choices(
    gold: Sequence[str],
    read: Sequence[str],
    rows: Sequence[Row],
    labels: Sequence[str],
    compared: tuple[Sequence[Span], Sequence[Span], Sequence[Span]],
) -> Iterator[Choice]:
    """Yield the choice of each word's tag, and of each entity.

    ``read``: the tags as the model's are read, in the gold's scheme. ``compared``: entities of the model's types, what
    it sees of them, and entities of other types, whose words are left out. Words beyond ``rows`` have no probabilities,
    and are left out too. A tag's probability is that of all tags that are one in IOB2, as the gold is: ``B-`` and
    ``S-`` of an entity of one word.
    """
    wanted, seen, foreign = compared
    left_out = spans.places(foreign)
    alike = spans.read_alike(labels)
    tags = tuple(alike)
    summed = [_summed(row, alike) for row in rows]
    for place, (tag, answer, (chances, chosen)) in enumerate(zip(gold, read, summed, strict=False)):
        known = spans.among(tag, tags)
        if place in left_out or known is None:
            continue
        yield Choice("words", chances, chosen, chosen if answer == tag else tags.index(known))
    right = set(wanted)
    for entity in seen:
        confidence = min(chances[chosen] for chances, chosen in summed[entity.start : entity.end])
        yield Choice("entities", (confidence, 1.0 - confidence), 0, int(entity not in right))


def _summed(row: Row, alike: Mapping[str, Sequence[int]]) -> tuple[tuple[float, ...], int]:
    """Return the probabilities of IOB2's tags, and the place chosen."""
    likeliest = max(range(len(row)), key=row.__getitem__)
    chosen = next(number for number, places in enumerate(alike.values()) if likeliest in places)
    return tuple(_sum(row, places) for places in alike.values()), chosen


def _sum(row: Row, places: Sequence[int]) -> float:
    return min(1.0, sum(float(row[place]) for place in places)) if len(places) > 1 else float(row[places[0]])


def gold_chances(gold: Sequence[str], rows: Sequence[Row], labels: Sequence[str]) -> list[float]:
    """Return the probability of each word's gold tag, as ``choices`` sums it."""
    alike = spans.read_alike(labels)
    known = [alike[spans.among(tag, tuple(alike)) or tag] for tag in gold]
    return [_sum(row, places) for row, places in zip(rows, known, strict=False)]
