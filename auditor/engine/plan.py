"""Plan of which requests go through the model together.

All functions depend on keys and lengths only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from auditor.types import Encoded

T = TypeVar("T")


def unique(encoded: Iterable[Encoded]) -> list[Encoded]:
    """Return the first request of each key, in order."""
    by_key: dict[str, Encoded] = {}
    for request in encoded:
        by_key.setdefault(request.key, request)
    return list(by_key.values())


def batches(encoded: Sequence[Encoded], budget: int) -> Iterator[list[Encoded]]:
    """Yield batches by length, the longest requests last.

    The padded tokens of a batch (longest length × number of requests) are at most ``budget``, but each batch has at
    least one request.
    """
    batch: list[Encoded] = []
    for request in sorted(encoded, key=lambda item: item.length):
        if batch and request.length * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(request)
    if batch:
        yield batch


def windows(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield consecutive lists of ``size`` items; the last may be shorter.

    Reads no items beyond the window that it yields.
    """
    window: list[T] = []
    for item in items:
        window.append(item)
        if len(window) == size:
            yield window
            window = []
    if window:
        yield window
