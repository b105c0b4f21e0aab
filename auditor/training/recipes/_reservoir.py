"""A sample of the rows of earlier periods."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from auditor.types import Example


def sample(periods: Iterable[Sequence[Example]], size: int, rng: random.Random) -> list[Example]:
    """Return ``size`` rows of all periods, or all where there are fewer.

    Algorithm R (Vitter 1985): one pass in order, in which every row has the same chance to be kept. A ``size`` of 0
    draws no random number.
    """
    kept: list[Example] = []
    seen = 0
    for rows in periods if size else ():
        for row in rows:
            seen += 1
            if len(kept) < size:
                kept.append(row)
            elif (place := rng.randrange(seen)) < size:
                kept[place] = row
    return kept
