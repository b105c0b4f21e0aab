"""How many of n things a share of them is, exactly: 0.29 of 100 is 29, although 0.29 · 100 is 28.999… in binary."""

from __future__ import annotations

import math
from fractions import Fraction


def at_most(share: float, n: int) -> int:
    """⌊share · n⌋, but at least 1: words that may change in a text of n. ``share`` in (0, 1] as it is written."""
    return max(1, math.floor(_exactly(share) * n))


def nearest(share: float, n: int) -> int:
    """share · n rounded, halves to the even number. ``share`` in [0, 1] as it is written."""
    return round(_exactly(share) * n)


def _exactly(share: float) -> Fraction:
    """The decimal fraction that the number was written as, which is the shortest that reads as it."""
    return Fraction(repr(float(share)))
