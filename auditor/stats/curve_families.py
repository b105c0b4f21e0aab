"""Families of learning curves, fitted to errors at several numbers of labels.

Each family is error = a + b·shape(n) with a, b ≥ 0 and a shape that falls from 1 to 0; one parameter of the shape is
searched on a grid. A family that the points contradict says nothing of what lies beyond them: a curve that is flat from
some size on is no power law, and one that jumps is no exponential (Viering & Loog 2023, "The shape of learning curves:
a review").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from auditor.stats.clusters import Array

CONTRADICTED = 0.05
"""A family is dropped where so bad a fit has at most this chance under it."""
PARAMETERS = 3
"""Of each family: floor, height, and the shape's own."""
STEEPNESS = 3.0
"""Exponent of the logistic curve in log n: three quarters of its fall lie within a factor of four about its middle."""
SMALLEST_VARIANCE = 1e-8
"""Added to each point's variance: values are shares of a few hundred examples, never exact."""

Shape = Callable[[Array], Array]


def _powers(sizes: Array) -> Iterator[Shape]:
    import numpy as np

    for c in np.linspace(0.05, 2.0, 40):
        yield lambda n, c=c: (n / sizes[0]) ** -c  # type: ignore[misc]


def _exponentials(sizes: Array) -> Iterator[Shape]:
    import numpy as np

    for scale in np.geomspace(sizes[0] / 2, sizes[-1] * 3, 40):
        yield lambda n, scale=scale: np.exp(-(n - sizes[0]) / scale)  # type: ignore[misc]


def _logistics(sizes: Array) -> Iterator[Shape]:
    import numpy as np

    for middle in np.geomspace(sizes[0] / 2, sizes[-1] * 3, 40):
        yield lambda n, middle=middle: 1.0 / (1.0 + (n / middle) ** STEEPNESS)  # type: ignore[misc]


FAMILIES: dict[str, Callable[[Array], Iterator[Shape]]] = {
    "power law": _powers,
    "exponential": _exponentials,
    "logistic": _logistics,
}


@dataclass(frozen=True, slots=True)
class Fit:
    """One family's best fits to several rows of errors."""

    family: str
    misfit: float
    """Generalised sum of squares of the first row, in units of the points' covariance."""
    points: int
    gains: Array = field(repr=False)
    """For each row: what the error loses from the largest size to twice that."""

    def contradicted(self, degrees: int) -> bool:
        """Whether the points contradict the family.

        The misfit is compared with an F distribution: ``degrees`` is the number of degrees of freedom that the points'
        variances are known with. Without a point more than parameters nothing contradicts.
        """
        from scipy.special import fdtrc

        free = self.points - PARAMETERS
        return free > 0 and float(fdtrc(free, max(degrees, 1), self.misfit / free)) <= CONTRADICTED


def fitted(sizes: Array, errors: Array, covariance: Array) -> Sequence[Fit]:
    """Fit each family to each row of errors.

    ``sizes``: ascending, float64. ``errors``: rows × sizes, in [0, 1]. ``covariance``: of a row, sizes × sizes.
    """
    import numpy as np

    spread = covariance + np.eye(len(sizes)) * SMALLEST_VARIANCE
    whiten = np.linalg.inv(np.linalg.cholesky(spread))
    return [_fit(name, list(shapes(sizes)), sizes, errors, whiten) for name, shapes in FAMILIES.items()]


def _fit(name: str, shapes: Sequence[Shape], sizes: Array, errors: Array, whiten: Array) -> Fit:
    import numpy as np

    targets, floor = errors @ whiten.T, whiten @ np.ones(len(sizes))
    best, gains = np.full(len(errors), np.inf), np.zeros(len(errors))
    for shape in shapes:
        values = shape(sizes)
        saved = float(values[-1] - shape(sizes[-1:] * 2)[0])
        height, residual = _least_squares(targets, floor, whiten @ values)
        better = residual < best - 1e-12
        best, gains = np.where(better, residual, best), np.where(better, height * saved, gains)
    return Fit(name, float(best[0]), len(sizes), gains)


def _least_squares(targets: Array, floor: Array, shape: Array) -> tuple[Array, Array]:
    """Fit a·floor + b·shape to each row: b and sums of squares.

    The least squares with a, b ≥ 0 are the free ones where those are allowed, else the better of a = 0 and b = 0.
    """
    import numpy as np

    ff, fs, ss = floor @ floor, floor @ shape, shape @ shape
    to_floor, to_shape = targets @ floor, targets @ shape
    determinant = ff * ss - fs * fs
    if determinant <= 1e-12 * ff * ss:  # the shape is flat over these sizes
        a, b = to_floor / ff, np.zeros(len(targets))
    else:
        a, b = (ss * to_floor - fs * to_shape) / determinant, (ff * to_shape - fs * to_floor) / determinant
    free = (a >= 0) & (b >= 0)
    options = [(np.maximum(to_floor / ff, 0.0), np.zeros(len(targets))), (np.zeros(len(targets)), to_shape / ss)]
    sums = np.stack([_squares(targets, floor, shape, *option) for option in options])
    sums = np.vstack([sums, np.where(free, _squares(targets, floor, shape, a, b), np.inf)])
    choice = sums.argmin(axis=0)
    heights = np.stack([options[0][1], np.maximum(options[1][1], 0.0), b])
    rows = np.arange(len(targets))
    return heights[choice, rows], sums[choice, rows]


def _squares(targets: Array, floor: Array, shape: Array, a: Array, b: Array) -> Array:
    squares: Array = ((targets - a[:, None] * floor - b[:, None] * shape) ** 2).sum(axis=1)
    return squares
