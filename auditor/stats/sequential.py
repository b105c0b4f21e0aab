"""Bounds that may be looked at after every cluster.

They are one-sided betting confidence sequences for bounded means (Waudby-Smith & Ramdas 2023, "Estimating means of
bounded random variables by betting", JRSS-B). A gambler who bets a fraction f of the capital against "the mean is at
most m" multiplies it by 1 + f·(x/m − 1) with every value x in [0, 1]. Under that claim the capital does not grow on
average, so it ever reaches 1/alpha with probability at most alpha (Ville 1939); every m at which it did is rejected for
good. Values are draws from a population, not from a finite file.

The bets are constant fractions, and the capital is shared evenly between a few of them: an average of such capitals is
such a capital too. Fractions at Chebyshev's nodes make it Cover & Ordentlich's universal portfolio (1996; as confidence
sequences Orabona & Jun 2021): its integral over the arcsine prior, exactly up to 2·BETS − 1 values and closely beyond.
The plug-in bets of Waudby-Smith & Ramdas (c = 0.75) shrink as values come, however clear the case: against a limit of
0.5, at a rate of 0.4, they took 376 values in the median and these bets 179; for a change of 0.2 against 0.1,
Holm-corrected over 21 slices, 238 and 152. The plug-in bets are a little faster where events are rare: against 0.1, 38
and 40 values without any event, 56 and 68 at 2 %.

The gate relies on two properties. The bets know no alpha, so the rejections at a smaller alpha are among those at a
larger one and 1 ÷ (largest capital) is a p value at any time: Holm's correction holds. And each factor 1 + f·(x/m − 1)
falls as m grows, hence so do products, averages and maxima over time of factors, which are never negative: what is
rejected is an interval that starts at 0, and a root of the capital is its end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from auditor.stats.clusters import Array, arms, paired
from auditor.stats.intervals import unit
from auditor.types import Kind, Row

Bounds = tuple[float, float]

METHODS = {
    "betting": "betting confidence sequence, valid at every look (Waudby-Smith & Ramdas 2023; universal portfolio)",
    "betting_change": "betting confidence sequence of paired differences, valid at every look",
    "betting_difference": (
        "betting confidence sequence, the k-th drawn clusters of two arms paired, valid at every look"
    ),
}

BETS = 8
"""Fractions bet. Four take up to 50 % longer near a limit, sixteen are no faster. The least, 0.0096, leaves a bound
0.0024 off a mean of one half however many values come."""
TOLERANCE = 1e-9
"""A bound lies outside the exact one by at most this."""
CERTAIN = 700.0
"""Stands for the logarithm of a capital beyond what a float holds."""


def sequential_method(kind: Kind, ratio: bool) -> str | None:
    """Return the method for repeated looks at a kind of metric.

    The result is None if there is only the method for a fixed sample.
    """
    return (
        None if ratio else {"mean": "betting", "change": "betting_change", "difference": "betting_difference"}.get(kind)
    )


def mean(values: Array, alpha: float) -> Bounds:
    """Return one-sided bounds of the mean of i.i.d. values.

    Values and bounds (low, high) are in [0, 1]. ``values``: shape (n,), in the order drawn. At every look, a bound is
    at least as tight as at every earlier look (to 1e-9), and each side is wrong at any look at all with probability at
    most ``alpha`` in (0, 1). Where the values contradict every mean, low may be above high. Raises ValueError for no
    values, values outside [0, 1] by more than 1e-9, or another alpha.
    """
    import numpy as np

    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha = {alpha:g} is not between 0 and 1")
    drawn = np.asarray(values, dtype=np.float64)
    if drawn.ndim != 1 or not len(drawn):
        raise ValueError("no values to bound the mean of")
    if not ((drawn >= -TOLERANCE) & (drawn <= 1.0 + TOLERANCE)).all():
        raise ValueError("a value is outside [0, 1]")
    inside = np.clip(drawn, 0.0, 1.0)
    return _low(inside, alpha), 1.0 - _low(1.0 - inside, alpha)


def _low(values: Array, alpha: float) -> float:
    """Return a rejected m close to the largest, 0 without any.

    It is at most TOLERANCE below the largest. Chandrupatla's root finder (1997) keeps m rejected at one end of its
    bracket and not at the other, and steps by inverse quadratic interpolation where that is safe, else by halves.
    """
    if not values.any():
        return 0.0
    a, b, fa, fb, step = 1.0, 0.0, math.log(alpha), CERTAIN, 0.5
    while abs(a - b) > TOLERANCE:
        m = a + step * (b - a)
        fm = _log_peak(values, m) + math.log(alpha)
        if (fm >= 0.0) == (fa >= 0.0):
            c, fc = a, fa
        else:
            c, fc, b, fb = b, fb, a, fa
        a, fa, step = m, fm, 0.5
        near, height = (a - b) / (c - b), (fa - fb) / (fc - fb)
        if height**2 < near and (1.0 - height) ** 2 < 1.0 - near:
            step = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
        least = 0.5 * TOLERANCE / abs(b - a)
        step = min(max(step, least), 1.0 - least)
    return a if fa >= 0.0 else b


def _log_peak(values: Array, m: float) -> float:
    """Return the logarithm of the largest capital so far, within ±CERTAIN.

    The capital bets against "the mean is at most m". It is computed from plain products: they are several times faster
    than sums of logarithms and, as each operation is rounded monotonically, fall with m as the exact ones do. A capital
    too small for a float counts as lost, which only widens; one too large has rejected m.
    """
    import numpy as np

    fractions = _fractions()
    capital = np.outer(fractions / m, values)
    capital += (1.0 - fractions)[:, None]
    with np.errstate(over="ignore", under="ignore"):
        np.multiply.accumulate(capital, axis=1, out=capital)
        peak = float(capital.sum(axis=0).max()) / BETS
    return CERTAIN if peak == math.inf else max(math.log(peak), -CERTAIN) if peak > 0.0 else -CERTAIN


@cache
def _fractions() -> Array:
    import numpy as np

    return np.sin(np.pi * (2 * np.arange(BETS) + 1) / (4 * BETS)) ** 2


@dataclass(frozen=True, slots=True)
class Sample:
    """Values of a metric's rows, in the order drawn."""

    value: float
    """The same number as by the method for a fixed sample."""
    shares: Array
    """One value in [0, 1] for each cluster or pair of clusters."""
    low: float
    width: float
    """A share s stands for low + width · s."""

    def bounds(self, alpha: float) -> Bounds:
        """Return one-sided bounds in the metric's unit.

        They are not stretched to hold the value, which would undo an earlier look's.
        """
        low, high = mean(self.shares, alpha)
        return self.low + self.width * low, self.low + self.width * high


def read(method: str, rows: Sequence[Row], low: float, high: float) -> Sample:
    """Return the sample of a method of METHODS.

    ``rows`` are in the order drawn; ``low`` and ``high`` are the range of a cluster's value, and that of a change or a
    difference is [-high, high]. A cluster must be drawn whole: one whose mean changes between looks would take back
    what an earlier look said. Raises ValueError for rows without a count, a missing arm, no common clusters, an
    infinite range or values outside it.
    """
    by_name = arms(rows, drawn=True)
    if method == "betting":
        means = by_name[""].means
        return Sample(float(means.mean()), unit(means - low, high - low), low, high - low)
    missing = {"first", "second"} - set(by_name)
    if missing:
        raise ValueError(f"no rows of the {' and the '.join(sorted(missing))} arm to estimate from")
    first, second = by_name["first"], by_name["second"]
    if method == "betting_change":
        first, second = paired(first, second)
    pairs = min(len(first.clusters), len(second.clusters))
    shares = (1.0 + unit(first.means[:pairs] - second.means[:pairs], high)) / 2.0
    return Sample(float(first.means.mean() - second.means.mean()), shares, -high, 2.0 * high)
