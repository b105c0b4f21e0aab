"""A group-sequential plan: at most three looks, at sizes fixed beforehand.

A claim is looked at by the method of a fixed sample, at ``level`` of its error. Each look has its share of the error;
the shares add up to 1, so that the chance of a wrong claim at any look is at most that error, however the looks depend
on each other (Bonferroni over looks), whatever the share of rows that turn out informative, and after any correction
that divides the error.

The first and the last look have the largest shares: most models are decided at the first, and what is not should have
nearly the width of a fixed sample at the last. Of a rate near 0.08, 100 rows at first and 1,000 at last, the bounds are
1.22 and 1.24 times as wide as those of fixed samples of these sizes. Pocock's boundary, from the joint distribution of
three looks, is no tighter (1.23, 1.25) and holds for these sizes alone; with four looks it is 1.27 and 1.29 times as
wide, equal shares of four looks 1.33 and 1.35, O'Brien and Fleming's boundary 3.0 and 1.02, betting sequences, valid at
any number of looks, 1.47 and 2.08.
"""

from __future__ import annotations

from math import isqrt
from typing import overload

SHARES = {1: (1.0,), 2: (0.5, 0.5), 3: (0.4, 0.2, 0.4)}
"""Number of looks → the share of the error that each has."""

OWN = "it takes no number of rows: its sentences are its own, it trains, or it reads whole sets"
OTHERS = "its cases are not of the rows that it takes"
SEARCH = "it searches for what its slices are about, and a search is made once"
ALL = "its set has fewer than 1.5 times as many rows"
DRAWN_ONCE = (OWN, OTHERS, SEARCH, ALL)
"""Reasons to draw a slice once where others are drawn on; all but ALL are of a whole probe."""


def level(alpha: float, look: int, looks: int) -> float:
    """Return the error that a look may spend of ``alpha``.

    ``look`` is in 1 … ``looks``. Raises ValueError for another one, and for more looks than are ever planned.
    """
    if looks not in SHARES:
        raise ValueError(f"{looks} looks are never planned, but 1 to {max(SHARES)}")
    if not 1 <= look <= looks:
        raise ValueError(f"look {look} is not one of {looks}")
    return alpha * SHARES[looks][look - 1]


def sizes(first: int, available: int) -> tuple[int, ...]:
    """Return how many examples each look has in all, default size first.

    They grow geometrically to all that are available, each at least 1.5 times as many as the one before (but for
    rounding): with fewer than 1.5 times the default size there is one look. Nothing but integers decides.
    """
    if 2 * available < 3 * first:
        return (min(first, available),)
    if 4 * available < 9 * first:
        return (first, available)
    return (first, isqrt(first * available), available)


@overload
def most(first: int, look: int, looks: int, available: int) -> int: ...
@overload
def most(first: int, look: int, looks: int) -> int | None: ...
def most(first: int, look: int, looks: int, available: int | None = None) -> int | None:
    """Return how many examples a look has at most; None: any number.

    ``first``: the default size at most, which is more where the number of looks says that it is smaller. That number
    says too how few are available (``sizes``), if nothing else does.
    """
    ends = {1: (3 * first - 1) // 2, 2: (9 * first - 1) // 4}
    if available is None:
        return first if look == 1 < looks else ends.get(looks)
    if look == looks:
        return min(ends.get(looks, available), available)
    first = min(first, {2: 2 * available // 3, 3: 4 * available // 9}[looks])
    return first if look == 1 else isqrt(first * available)
