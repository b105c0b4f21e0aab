"""Batches of rows of similar length, in a seeded random order."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

POOL = 50
"""Batches per pool sorted by length: enough of them to save padding, few enough to keep the order random."""


def bucketed(lengths: Sequence[int], batch_size: int, rng: random.Random) -> list[list[int]]:
    """Return the examples' indices in shuffled batches of similar length.

    The function shuffles the indices, sorts them by length within pools of POOL batches, and shuffles the batches
    again. Every index occurs once. ``lengths`` holds the number of tokens of each example.
    """
    order = list(range(len(lengths)))
    rng.shuffle(order)
    batches: list[list[int]] = []
    size = batch_size * POOL
    for start in range(0, len(order), size):
        pool = sorted(order[start : start + size], key=lengths.__getitem__)
        batches += [pool[at : at + batch_size] for at in range(0, len(pool), batch_size)]
    rng.shuffle(batches)
    return batches


def last_marked(plan: Iterator[list[int]]) -> Iterator[tuple[list[int], bool]]:
    """Yield each batch and whether it is the last."""
    before = next(plan, None)
    while before is not None:
        batch = next(plan, None)
        yield before, batch is None
        before = batch
