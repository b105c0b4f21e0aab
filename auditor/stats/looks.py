"""Shares of a claim's error for the looks of a group-sequential plan.

Bounds are looked at a few times, at sizes fixed beforehand; each look has its share of the error, and the shares add up
to 1 (Bonferroni over looks, valid however the looks depend on each other). The first look, at the default sizes, has
the largest share: most verdicts fall there.
"""

from __future__ import annotations

FIRST = 0.5
"""Share of the first look where there are several; the others have equal shares of the rest."""


def level(alpha: float, look: int, looks: int) -> float:
    """Return the error that a look may spend of ``alpha``.

    ``look`` is in 1 … ``looks``. Raises ValueError for another one.
    """
    if not 1 <= look <= looks:
        raise ValueError(f"look {look} is not one of {looks}")
    if looks == 1:
        return alpha
    return alpha * (FIRST if look == 1 else (1.0 - FIRST) / (looks - 1))
