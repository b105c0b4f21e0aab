"""Long texts shortened for people and files: what changed, and what stands around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

WHOLE = 10_000
"""Characters of a text that is kept as it is, at most; of two that are compared, of the longer."""
CHANGED = 3_000
"""Characters kept of what changed in a longer one, at most."""
AROUND = 200
"""Characters kept on either side of it."""


def excerpts(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Text fields before and after an edit; of long ones what changed and its surroundings, the cuts marked.

    ``… [123,456 characters left out] …`` stands where something was left out.
    """
    both = {name: excerpt(before.get(name, ""), after.get(name, "")) for name in {**before, **after}}
    return {name: both[name][0] for name in before}, {name: both[name][1] for name in after}


def excerpt(before: str, after: str) -> tuple[str, str]:
    """The part in which two texts differ, and its surroundings; both whole where neither is long, cut alike where one is."""
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


def beginning(text: str) -> str:
    """The beginning of a long text, the cut marked."""
    return text if len(text) <= WHOLE else _cut(text, 0, CHANGED)


def _cut(text: str, start: int, end: int) -> str:
    """Characters from ``start`` to before ``end``, and what is left out on either side, counted."""
    left, right = start, max(len(text) - end, 0)
    head = f"{_left_out(left)} " if left else ""
    return f"{head}{text[start:end]}{f' {_left_out(right)}' if right else ''}"


def _left_out(characters: int) -> str:
    return f"… [{characters:,} character{'' if characters == 1 else 's'} left out] …"


def _from_end(text: str, low: int, high: int) -> str:
    return text[len(text) - high : len(text) - low]


def _longest(most: int, alike: Callable[[int, int], bool]) -> int:
    """The greatest length up to ``most`` of which all is alike; ``alike`` looks at a part, from the end of one that is."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if alike(low, middle) else (low, middle - 1)
    return low
