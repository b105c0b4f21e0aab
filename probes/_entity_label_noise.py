"""Wrong labels of entities in training sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from auditor.text import shares, spans
from auditor.text.spans import Span
from auditor.types import Audit, Example

MISSING = "missing"
SYMMETRIC = "symmetric"


def impossible(rows: Sequence[Example], kind: str) -> str | None:
    """Why no entity of these rows can be mislabelled so; None where one can."""
    types = {one.type for row in rows for one in spans.spans(row.gold)}
    if kind == MISSING:
        return None if types else "the training rows name no entity"
    return None if len(types) > 1 else "the training rows name entities of one type only"


def mistagged(audit: Audit, rows: Sequence[Example], kind: str, rate: float, seed: int) -> list[Example]:
    """The rows with a share of their entities, rounded to whole ones, mislabelled.

    ``missing``: as if nobody had seen them. ``symmetric``: another of the rows' types, evenly. ``class-conditional``: of
    the most frequent type, which becomes the second. Which, and what they become, is drawn by kind and seed alone: a larger
    share adds to a smaller one.
    """
    entities = [(index, one) for index, row in enumerate(rows) for one in spans.spans(row.gold)]
    counts = Counter(one.type for _, one in entities)
    types = sorted(counts, key=lambda name: (-counts[name], name))
    rng = audit.rng(kind, seed)
    order = list(entities)
    rng.shuffle(order)
    others: dict[tuple[int, Span], str] = {}
    if kind == SYMMETRIC:
        others = {one: rng.choice([name for name in sorted(types) if name != one[1].type]) for one in order}
    elif kind != MISSING:
        order = [one for one in order if one[1].type == types[0]]
        others = dict.fromkeys(order, types[1])
    wrong = set(order[: shares.nearest(rate, len(order))])
    found: list[list[Span]] = [[] for _ in rows]
    for index, one in entities:
        if (index, one) not in wrong:
            found[index].append(one)
        elif kind != MISSING:
            found[index].append(one._replace(type=others[index, one]))
    return [replace(row, gold=spans.tags_of(some, len(row.gold))) for row, some in zip(rows, found, strict=True)]
