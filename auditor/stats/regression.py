"""Means and changes on part of the clusters, all with clean answers.

The clean pass over N clusters is known, noise or attacks are measured on n of them. What the clean answer predicts of a
cluster's value is averaged over all N; only what it does not predict is averaged over the n. With predictions f and
residuals e = y − λf of the clusters measured, the estimate is mean(y) + λ (mean of f over the N − mean of f over the
n), and its variance (1/n − 1/N) Var(e) + Var(y)/N: the N clusters are a sample of the population too (two-phase
sampling, Cochran 1977, ch. 12; prediction-powered inference, Angelopoulos et al. 2023).

The predictions are linear in the clean score, the likelihood of the gold and their product. Each cluster is predicted
by a fit without it (cross-fitting, Zrnic & Candès 2024, with n folds, which have a closed form and know no order), so
that residuals are not too small. λ in [0, 1] minimises the variance (PPI++): where nothing is predicted, it is about 0
and the estimate is the ordinary one.

Bounds are exact-type bounds at the effective number of clusters that the variance stands for (Korn & Graubard 1998):
Clopper–Pearson of a mean, Tango's score interval (1998) of a change. A normal bound would be too narrow where events
are rare; with fewer than ``EVENTS`` of them, the ordinary method stands.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from auditor.stats.clusters import Array
from auditor.stats.intervals import HIDDEN, clopper_pearson, unit
from auditor.types import Kind, Row, Rows

Bounds = tuple[float, float]

ARMS = ("clean", "likelihood")
"""Arms of what is known of every cluster: the score of its clean answer, and the likelihood of the gold by it."""
BY_KIND: dict[Kind, str] = {"mean": "regression_mean", "change": "regression_change"}
"""Kind of metric → its method."""
METHODS = {
    "regression_mean": (
        "mean predicted by clean answers over all clusters, corrected by those measured (PPI++, Angelopoulos et al. "
        "2023); Clopper–Pearson at the effective number of clusters"
    ),
    "regression_change": (
        "rises and falls predicted by clean answers over all clusters, corrected by those measured (PPI++, "
        "Angelopoulos et al. 2023); Tango's score interval (1998) at the effective number of clusters"
    ),
}

EVENTS = 5
"""Clusters with an event, and without one, that the regression needs; with fewer the ordinary method stands."""
UNSEEN = 1.0
"""Residuals as large as the largest seen that count beside those seen, where the predictions explain all: the better
they are, the rarer are clusters that they miss, and the more of the variance may be unseen (7–9 % misses without)."""
PENALTY = 1.0
"""Ridge penalty on standardised predictors, as one cluster counts: a fit without any cluster always exists."""


def method_for(kind: Kind, rows: Sequence[Row]) -> str | None:
    """Return the method for rows with clean answers; None without them."""
    columns = Rows.of(rows)
    named = {columns.arm_names[place] for place in set(columns.arms)}  # a file's rows share the names of all its arms
    return BY_KIND.get(kind) if named.issuperset(ARMS) else None


@dataclass(frozen=True, slots=True)
class Regression:
    """A mean or a change, estimated by regression on clean answers.

    Values are in units of the metric's range: in [0, 1], or in [-1, 1] for a change.
    """

    value: float
    sides: tuple[float, float] | None
    """Of a change: mean rise and mean fall."""
    residual: float
    """Variance of one cluster's residual: what more measured clusters bring down."""
    whole: float
    """Variance of one cluster's value: what more clusters with clean answers bring down."""
    measured: int
    clusters: int
    """With clean answers."""
    informative: int
    """Those measured that have a case."""
    inflation: Bounds
    """What multiplies the variance on the low and on the high side, as in the ordinary method."""

    @property
    def variance(self) -> float:
        """The estimate's variance."""
        return (1.0 / self.measured - 1.0 / self.clusters) * self.residual + self.whole / self.clusters

    def bounds(self, alpha: float) -> Bounds:
        """Return one-sided bounds in units of the metric's range."""
        low, high = (self._effective(inflation, alpha) for inflation in self.inflation)
        if self.sides is None:
            return clopper_pearson(self.value * low, low, alpha)[0], clopper_pearson(self.value * high, high, alpha)[1]
        rise, fall = self.sides
        return -tango_high(fall, rise, low, alpha), tango_high(rise, fall, high, alpha)

    def _effective(self, inflation: float, alpha: float) -> float:
        """Return the clusters of one yes-or-no case each that vary as much.

        t degrees of freedom pay for the estimated variance.
        """
        from scipy.special import ndtri, stdtrit

        alike = _yes_or_no(self.value, self.sides) / (self.variance * inflation)
        return max(float(alike * (ndtri(alpha) / stdtrit(max(self.informative - 2, 1), alpha)) ** 2), 1.0)

    def shrinkage(self, ratio: Array) -> Array:
        """Return the part of the standard error left with more clusters.

        ``ratio``: times as many measured clusters as today. While there are clusters with clean answers alone, only
        the residuals' part shrinks; beyond, all of it does.
        """
        import numpy as np

        measured = self.measured * ratio
        known = np.maximum(measured, self.clusters)
        variance = (1.0 / measured - 1.0 / known) * self.residual + self.whole / known
        shrunk: Array = np.sqrt(np.minimum(variance / self.variance, 1.0))
        return shrunk


def _yes_or_no(value: float, sides: tuple[float, float] | None) -> float:
    """Return the variance of one yes-or-no case, or one rise or fall."""
    rise, fall = sides or (value, 0.0)
    return rise + fall - (rise - fall) ** 2


def read(method: str, rows: Sequence[Row], low: float, high: float) -> Regression | None:
    """Return the regression of a method of METHODS.

    ``low`` and ``high``: the range of a cluster's value; that of a change is [-high, high]. None where the ordinary
    method stands: with too few events, with nothing predicted, or with no cluster whose clean answer alone is known.
    Raises ValueError for rows without a main arm, clusters without clean answers, and values outside the range.
    """
    import numpy as np

    columns = _Columns(Rows.of(rows))
    change = method == "regression_change"
    names = ("first", "second") if change else ("",)
    arms = [columns.sums(name) for name in names]
    drawn = np.logical_and.reduce([present for present, _, _ in arms])
    counts = np.min([count for _, _, count in arms], axis=0)
    has = drawn & (counts > 0)
    if not has.any():
        raise ValueError("no rows to estimate from")
    means = [total[has] / count[has] for _, total, count in arms]
    values = unit(means[0] - means[1], high) if change else unit(means[0] - low, high - low)
    sides = [np.clip(values, 0.0, 1.0), np.clip(-values, 0.0, 1.0)] if change else [values]
    if _events(values, change) < EVENTS or drawn.all():
        return None
    measured = np.zeros((len(sides) + 1, int(drawn.sum())))
    measured[:, has[drawn]] = [*sides, np.ones(len(values))]
    return _regression(columns.predictors(drawn), measured, int(has.sum()), float(counts[has].sum()))


def _events(values: Array, change: bool) -> int:
    """Count the clusters that changed, or the rarer outcome of a mean."""
    return int((values != 0).sum()) if change else int(min((values > 0).sum(), (values < 1).sum()))


def _regression(predictors: tuple[Array, Array], measured: Array, informative: int, cases: float) -> Regression | None:
    """Return the ratio of two regressions: of values, and of having cases.

    ``measured``: rises and falls, or values, then 1 for a cluster with a case; 0 throughout for one without.
    """
    import numpy as np

    n, edge = measured.shape[1], 0.5 / measured.shape[1]
    means, residuals = predicted(*predictors, measured.T)
    if (residuals == measured.T).all():
        return None
    with_case = float(np.clip(means[-1], EVENTS / n, 1.0))
    shares = np.clip(means[:-1] / with_case, edge, 1.0 - edge)
    signs = np.array([1.0, -1.0])[: len(shares)]
    value = float(signs @ shares)
    weights = np.append(signs, -value) / with_case
    left = residuals @ weights
    whole, residual = float(np.var(weights @ measured, ddof=1)), float(np.var(left, ddof=1))
    if whole <= 1e-12:
        return None
    residual += UNSEEN * max(1.0 - residual / whole, 0.0) * float(((left - left.mean()) ** 2).max()) / n
    plain = measured[:-1].sum(axis=1) / informative
    sides = (float(shares[0]), float(shares[1])) if len(shares) > 1 else None
    inflation = (1.0, 1.0)
    if cases > informative:
        alike = _yes_or_no(float(signs @ plain), (float(plain[0]), float(plain[1])) if sides else None) * n / whole
        far = ((value + len(shares) - 1.0) ** 2, (1.0 - value) ** 2)
        low, high = (_hidden(square / (whole * with_case), informative) for square in far)
        inflation = max(low, alike / cases), max(high, alike / cases)
    return Regression(value, sides, residual, whole, n, n + len(predictors[1]), informative, inflation)


def _hidden(square: float, clusters: int) -> float:
    """Return what HIDDEN of an unseen far cluster does to a variance.

    ``square``: the squared deviation of that cluster, at the far end, over the variance.
    """
    return (clusters - 1 + HIDDEN * square) / (clusters - 1 + HIDDEN)


def predicted(measured: Array, others: Array, values: Array) -> tuple[Array, Array]:
    """Return each value's mean over all clusters, and residuals.

    ``measured``, ``others``: standardised predictors, (clusters, predictors). ``values``: (clusters measured, values).
    """
    import numpy as np

    n, clusters = len(measured), len(measured) + len(others)
    known = np.column_stack([np.ones(n), measured])
    penalty = np.diag([0.0] + [PENALTY] * measured.shape[1])
    inverse = np.linalg.inv(known.T @ known + penalty)
    leverage = np.einsum("ij,jk,ik->i", known, inverse, known)
    fitted = inverse @ known.T @ values
    without = (values - known @ fitted) / (1.0 - leverage)[:, None]
    fits = values - without
    # The mean of the n fits that each leave one cluster out.
    average = fitted - inverse @ known.T @ without / n
    elsewhere = np.append(1.0, others.mean(axis=0)) @ average
    here, deviations = fits.mean(axis=0), fits - fits.mean(axis=0)
    spread = (deviations**2).sum(axis=0)
    shared = (deviations * values).sum(axis=0)
    weight = np.clip(np.divide(shared, spread, out=np.zeros_like(spread), where=spread > 1e-12), 0.0, 1.0)
    return values.mean(axis=0) + weight * (1.0 - n / clusters) * (elsewhere - here), values - weight * fits


def tango_high(rise: float, fall: float, size: float, alpha: float) -> float:
    """Return Tango's high score bound (1998) of a paired difference of shares.

    ``size`` need not be whole.
    """
    from scipy.special import ndtri

    limit = float(ndtri(1.0 - alpha)) ** 2 / size

    def rejected(difference: float) -> bool:
        # The fall's most likely share where the difference is this one.
        b = (2.0 - rise + fall) * difference - rise - fall
        fallen = (math.sqrt(max(b * b + 8.0 * fall * difference * (1.0 - difference), 0.0)) - b) / 4.0
        return (rise - fall - difference) ** 2 > limit * (2.0 * fallen + difference * (1.0 - difference))

    low, high = rise - fall, 1.0
    for _ in range(40):
        middle = (low + high) / 2.0
        low, high = (low, middle) if rejected(middle) else (middle, high)
    return high


class _Columns:
    """Rows by the place of their cluster among those with clean answers."""

    def __init__(self, rows: Rows) -> None:
        import numpy as np

        self._rows = rows
        self._arm, self._cluster = np.asarray(rows.arms), np.asarray(rows.clusters)
        self._totals, self._counts = np.asarray(rows.totals), np.asarray(rows.counts)
        own = self._cluster[self._of(ARMS[0])]
        self._place = np.full(len(rows.names), -1)
        self._place[own] = np.arange(len(own))
        self._size = len(own)

    def _of(self, arm: str) -> Array:
        import numpy as np

        names = self._rows.arm_names
        rows = np.flatnonzero(self._arm == names.index(arm)) if arm in names else ()
        if not len(rows):
            raise ValueError(f"no rows of the {arm or 'main'} arm to estimate from")
        return rows

    def sums(self, arm: str) -> tuple[Array, Array, Array]:
        """Return whether each cluster has a row, its total and its count."""
        import numpy as np

        rows = self._of(arm)
        places = self._place[self._cluster[rows]]
        if (places < 0).any():
            raise ValueError(f"a cluster of the {arm or 'main'} arm has no clean answer")
        present, total, count = np.zeros(self._size, dtype=np.bool_), np.zeros(self._size), np.zeros(self._size)
        present[places], total[places], count[places] = True, self._totals[rows], self._counts[rows]
        return present, total, count

    def predictors(self, drawn: Array) -> tuple[Array, Array]:
        """Return the predictors of the clusters drawn and of the others.

        They are standardised over all clusters; what never varies is left out.
        """
        import numpy as np

        columns = []
        for arm in ARMS:
            present, total, count = self.sums(arm)
            if not present.all() or not (count > 0).all():
                raise ValueError(f"a cluster lacks its row of the {arm} arm")
            columns.append(total / count)
        every = np.column_stack([*columns, columns[0] * columns[1]])
        spread = every.std(axis=0)
        varying = spread > 1e-9
        every = (every[:, varying] - every[:, varying].mean(axis=0)) / spread[varying]
        return every[drawn], every[~drawn]
