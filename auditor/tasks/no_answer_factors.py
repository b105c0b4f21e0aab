"""When an answer is that there is none, fitted."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TypeAlias

from auditor.types import Extracted, Response

USUAL = 1.0
Scored: TypeAlias = tuple[float, float, float]
"""Of a question: how many times as likely no answer is as the best span, the F1 of this span, and that of no answer."""


def ratio(response: Response) -> float:
    """How many times as likely no answer is as the best span."""
    given = Extracted(*response)
    return given.no_answer / given.probability if given.probability else math.inf


def fitted(scores: Sequence[Scored]) -> float:
    """The factor with the largest sum of F1.

    SQuAD 2.0's script sweeps a threshold in the same way (Rajpurkar et al. 2018). The factor lies between two
    neighbouring ratios, or beyond them all; of equals, the nearest to 1 counts, then the smaller.
    """
    total = sum(none for _, _, none in scores)
    parted = [(total, -math.inf)]
    for value, group in itertools.groupby(sorted(scores), key=lambda score: score[0]):
        total += sum(span - none for _, span, none in group)
        parted.append((total, value))
    following = [value for _, value in parted[1:]] + [math.inf]
    options = (
        (-round(f1, 9), abs(math.log(factor)), factor)
        for (f1, below), above in zip(parted, following, strict=True)
        if (factor := _between(below, above)) is not None
    )
    return min(options, default=(0.0, 0.0, USUAL))[2]


def _between(below: float, above: float) -> float | None:
    """A factor of six digits in [below, above), if any.

    It is 1 if that lies there.
    """
    if below <= USUAL < above:
        return USUAL
    lower, upper = max(below, 0.0), above
    if math.isinf(lower):
        return None
    if math.isinf(upper):
        factor = 2.0 * lower
    elif lower == 0.0:
        factor = upper / 2.0
    else:
        factor = math.sqrt(lower) * math.sqrt(upper)
    factor = float(f"{factor:.6g}")
    return factor if below <= factor < above and factor > 0.0 else None
