"""What a tagger chooses: a tag for each word, and entities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
    and are left out too.
    """
    wanted, seen, foreign = compared
    left_out = spans.places(foreign)
    for place, (tag, answer, row) in enumerate(zip(gold, read, rows, strict=False)):
        known = spans.among(tag, labels)
        if place in left_out or known is None:
            continue
        chosen = max(range(len(row)), key=row.__getitem__)
        yield Choice("words", tuple(map(float, row)), chosen, chosen if answer == tag else labels.index(known))
    right = set(wanted)
    for entity in seen:
        confidence = min(float(max(row)) for row in rows[entity.start : entity.end])
        yield Choice("entities", (confidence, 1.0 - confidence), 0, int(entity not in right))
