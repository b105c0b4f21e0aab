"""Batches of similar length in a seeded order, and the order of everything else that is random."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

POOL = 50
"""Batches that are sorted by length together: long enough to save padding, short enough to stay random."""


def bucketed(lengths: Sequence[int], batch_size: int, rng: random.Random) -> list[list[int]]:
    """Indices in batches: shuffled, sorted by length within pools of POOL batches, the batches shuffled again.

    Every index occurs once. ``lengths``: tokens of each example.
    """
    order = list(range(len(lengths)))
    rng.shuffle(order)
    found: list[list[int]] = []
    size = batch_size * POOL
    for start in range(0, len(order), size):
        pool = sorted(order[start : start + size], key=lengths.__getitem__)
        found += [pool[at : at + batch_size] for at in range(0, len(pool), batch_size)]
    rng.shuffle(found)
    return found


def last_marked(plan: Iterator[list[int]]) -> Iterator[tuple[list[int], bool]]:
    """Each batch with whether it is the last."""
    before = next(plan, None)
    while before is not None:
        batch = next(plan, None)
        yield before, batch is None
        before = batch
