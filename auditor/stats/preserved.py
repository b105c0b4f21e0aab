"""Rates that count only the changed texts whose label survives.

A rate r and the share p of its events that are kept are estimated from two samples. Their product has the variance
p² Var r + r² Var p + Var r Var p (Goodman 1960); in place of a normal error on either side stand the distances from the
estimates to their own bounds (Zou & Donner 2008, "MOVER"), so that the interval is as lopsided as theirs are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from auditor.stats.estimates import SIDE
from auditor.stats.intervals import clopper_pearson
from auditor.types.label_review import Interval

METHOD = (
    "share of labels that survive: Clopper–Pearson (1934) of rows of different clusters, strata combined by their "
    "weights (Zou & Donner 2008); corrected rate: product of rate and share (Goodman 1960) with the distances to their "
    "bounds (Zou & Donner 2008)"
)


def share(kept: int, judged: int) -> Interval:
    """Return the share of judged rows that are kept.

    Each row is of a cluster of its own. Raises ValueError without a judged row.
    """
    if judged < 1:
        raise ValueError("no judged row")
    return Interval(kept / judged, *clopper_pearson(float(kept), float(judged), SIDE))


def weighted(shares: Sequence[tuple[float, Interval]]) -> Interval:
    """Return the mean of the shares of strata, by their weights.

    Raises ValueError without a positive weight.
    """
    total = sum(weight for weight, _ in shares)
    if total <= 0.0:
        raise ValueError("no stratum has a weight")
    parts = [(weight / total, own) for weight, own in shares]
    value = sum(part * own.value for part, own in parts)
    below = math.hypot(*(part * (own.value - own.low) for part, own in parts))
    above = math.hypot(*(part * (own.high - own.value) for part, own in parts))
    return _within(value, value - below, value + above)


def product(rate: Interval, kept: Interval) -> Interval:
    """Return the rate that counts only the events that are kept."""
    value = rate.value * kept.value
    sides = [
        _spread(abs(rate.value - end), abs(kept.value - kept_end), rate, kept)
        for end, kept_end in ((rate.low, kept.low), (rate.high, kept.high))
    ]
    return _within(value, value - sides[0], min(value + sides[1], rate.high * kept.high))


def _spread(rate_side: float, kept_side: float, rate: Interval, kept: Interval) -> float:
    return math.hypot(kept.value * rate_side, rate.value * kept_side, rate_side * kept_side)


def raised(at_share: Interval, events: float, kept: Interval) -> Interval:
    """Return a share of right answers that forgives lost events.

    ``at_share``: estimated from right answers plus (1 − p) of the events, with p the estimated share that is kept;
    ``events``: share of events among all answers. The uncertainty of p is added to the interval: a larger p forgives
    less.
    """
    below = math.hypot(at_share.value - at_share.low, events * (kept.high - kept.value))
    above = math.hypot(at_share.high - at_share.value, events * (kept.value - kept.low))
    return _within(at_share.value, at_share.value - below, at_share.value + above)


def _within(value: float, low: float, high: float) -> Interval:
    return Interval(value, max(0.0, min(low, value)), min(1.0, max(high, value)))
