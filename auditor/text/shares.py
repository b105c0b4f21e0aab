"""Exact shares of a number of things.

0.29 of 100 is 29, although 0.29 · 100 is 28.999… in binary.
"""

from __future__ import annotations

import math
from fractions import Fraction


def at_most(share: float, n: int) -> int:
    """Return ⌊share · n⌋, but at least 1.

    That is how many words may change in a text of n. ``share`` is in (0, 1], taken as it is written.
    """
    return max(1, math.floor(_exactly(share) * n))


def nearest(share: float, n: int) -> int:
    """Return share · n rounded, halves to the even number.

    ``share`` is in [0, 1], taken as it is written.
    """
    return round(_exactly(share) * n)


def _exactly(share: float) -> Fraction:
    """Return the decimal fraction that the number was written as.

    It is the shortest one that reads as the number.
    """
    return Fraction(repr(float(share)))
