"""Which requests go through the model together. Pure functions of keys and lengths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from auditor.types import Encoded

T = TypeVar("T")


def unique(encoded: Iterable[Encoded]) -> list[Encoded]:
    """The first of each key, in order."""
    found: dict[str, Encoded] = {}
    for one in encoded:
        found.setdefault(one.key, one)
    return list(found.values())


def batches(encoded: Sequence[Encoded], budget: int) -> Iterator[list[Encoded]]:
    """Batches by length, longest last; padded tokens of each (longest × members) ≤ budget, but at least one member."""
    batch: list[Encoded] = []
    for one in sorted(encoded, key=lambda item: item.length):
        if batch and one.length * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch


def padding_waste(planned: Iterable[Sequence[Encoded]]) -> float:
    """Share in [0, 1) of the tokens computed that are padding."""
    used = computed = 0
    for batch in planned:
        used += sum(one.length for one in batch)
        computed += len(batch) * max(one.length for one in batch)
    return 1.0 - used / computed if computed else 0.0


def windows(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Consecutive lists of ``size`` items, the last one shorter; reads no further than the window it yields."""
    window: list[T] = []
    for item in items:
        window.append(item)
        if len(window) == size:
            yield window
            window = []
    if window:
        yield window
