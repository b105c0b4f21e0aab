"""What probes that attack have in common."""

from __future__ import annotations

import math


def word_limit(n: int, share_of_words: float) -> int:
    """Words that may change in a text of n: max(1, ⌊share · n⌋)."""
    # A share such as 0.1 is not exact in binary: 0.29 · 100 is 28.999….
    return max(1, math.floor(share_of_words * n + 1e-9))
