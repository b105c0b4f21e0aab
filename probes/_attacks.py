"""What probes that attack have in common."""

from __future__ import annotations

import math

from auditor import resources


def unavailable(recipe: str) -> str | None:
    """Why an attack of TextAttack's cannot run here; None where it can."""
    if recipe != "pwws":
        return None
    found = resources.wordnet()
    return None if found.present else f"{found.name} is missing: {found.note}"


def word_limit(n: int, share_of_words: float) -> int:
    """Words that may change in a text of n: max(1, ⌊share · n⌋)."""
    # A share such as 0.1 is not exact in binary: 0.29 · 100 is 28.999….
    return max(1, math.floor(share_of_words * n + 1e-9))
