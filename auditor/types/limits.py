"""Limits as numbers, for rules and for the page."""

from __future__ import annotations


def edge_of(maximum: float | None, minimum: float | None, margin: float) -> float | None:
    """Return a limit with its margin; None without a limit.

    It lies above a maximum and below a minimum.
    """
    if maximum is not None:
        return maximum + margin
    return None if minimum is None else minimum - margin
