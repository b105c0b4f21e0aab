"""Excerpts of long texts: what changed, and its surroundings."""

from __future__ import annotations

from collections.abc import Callable, Mapping

WHOLE = 10_000
"""The most characters of a text that is kept whole; of two compared texts the longer one counts."""
CHANGED = 3_000
"""The most characters kept of the changed part of a longer text."""
AROUND = 200
"""Characters kept on either side of the changed part."""


def excerpts(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return text fields before and after an edit, shortened.

    Of long texts, what changed and its surroundings are kept; ``… [123,456 characters left out] …`` marks each cut.
    """
    both = {name: excerpt(before.get(name, ""), after.get(name, "")) for name in {**before, **after}}
    return {name: both[name][0] for name in before}, {name: both[name][1] for name in after}


def excerpt(before: str, after: str) -> tuple[str, str]:
    """Return the part in which two texts differ, and its surroundings.

    Both texts stay whole if neither is long; if one is, both are cut alike.
    """
    if max(len(before), len(after)) <= WHOLE:
        return before, after
    if before == after:
        return beginning(before), beginning(after)
    least = min(len(before), len(after))
    head = _longest(least, lambda low, high: before[low:high] == after[low:high])
    tail = _longest(least - head, lambda low, high: _from_end(before, low, high) == _from_end(after, low, high))
    start = max(head - AROUND, 0)
    changed = max(len(before), len(after)) - tail - head
    if changed > CHANGED:
        return _cut(before, start, head + CHANGED), _cut(after, start, head + CHANGED)
    rest = max(tail - AROUND, 0)
    return _cut(before, start, len(before) - rest), _cut(after, start, len(after) - rest)


def beginning(text: str, whole: int = WHOLE, kept: int = CHANGED) -> str:
    """Return the beginning of a long text, with the cut marked.

    ``whole``: the most characters of a text that is not long; ``kept``: those kept of a long one.
    """
    return text if len(text) <= whole else _cut(text, 0, kept)


def _cut(text: str, start: int, end: int) -> str:
    """Return the characters from ``start`` to before ``end``.

    The number of characters left out is noted on either side.
    """
    left, right = start, max(len(text) - end, 0)
    head = f"{_left_out(left)} " if left else ""
    return f"{head}{text[start:end]}{f' {_left_out(right)}' if right else ''}"


def _left_out(characters: int) -> str:
    return f"… [{characters:,} character{'' if characters == 1 else 's'} left out] …"


def _from_end(text: str, low: int, high: int) -> str:
    return text[len(text) - high : len(text) - low]


def _longest(most: int, alike: Callable[[int, int], bool]) -> int:
    """Return the greatest length up to ``most`` that is all alike.

    ``alike`` looks at a part from the end of a length that is known to be.
    """
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if alike(low, middle) else (low, middle - 1)
    return low
