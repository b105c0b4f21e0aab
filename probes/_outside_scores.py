"""Scores of how far a text is from what a model knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.types import Audit, Example, FloatArray, Judged
from probes._embedded_rows import embedded
from probes._row_properties import NO_EMBEDDINGS

if TYPE_CHECKING:
    from sklearn.covariance import LedoitWolf

MAX_PROBABILITY, ENERGY, MAHALANOBIS = "max probability", "energy", "Mahalanobis distance"
NO_LOGITS = "the model tells probabilities alone, not the logits that the energy is made of"
FEWEST_FITTED = 20
"""Rows below which no covariance is fitted."""


def one_minus_largest(cases: Sequence[Judged]) -> dict[str, float]:
    """Return row → 1 less the largest probability (Hendrycks & Gimpel 2017)."""
    return {str(judged.facts["row"]): 1.0 - max(judged.after_classes.values()) for judged in cases}


def energies(audit: Audit, samples: Sequence[Sequence[Example]]) -> dict[str, float] | str:
    """Return row → its energy at temperature 1, or why not.

    It is minus the logarithm of the sum of the logits' exponentials (Liu et al. 2020).
    """
    import numpy as np
    from scipy.special import logsumexp

    told: dict[str, float] = {}
    for sample in samples:
        logits = audit.logits([row.inputs for row in sample]) if sample else None
        if logits is None:
            continue
        pairs = zip(sample, (-logsumexp(logits, axis=1)).tolist(), strict=True)
        told |= {row.id: value for row, value in pairs if np.isfinite(value)}
    return told or NO_LOGITS


@dataclass(frozen=True, slots=True)
class Classes:
    """Where the classes lie among a model's embeddings."""

    means: FloatArray
    """A row for each class."""
    covariance: LedoitWolf
    """Of the embeddings about the means of their classes, shrunk (Ledoit & Wolf 2004)."""

    @classmethod
    def of(cls, points: FloatArray, labels: Sequence[str]) -> Classes:
        """Fit the classes on embeddings and their labels."""
        import numpy as np
        from sklearn.covariance import LedoitWolf

        names, of = np.unique(np.array(labels), return_inverse=True)
        means = np.stack([points[of == place].mean(axis=0) for place in range(len(names))])
        return cls(means, LedoitWolf(assume_centered=True).fit(points - means[of]))

    def distances(self, points: FloatArray) -> FloatArray:
        """Return each point's squared Mahalanobis distance from the nearest class.

        The score of Lee et al. (2018), without their change of the input.
        """
        import numpy as np

        # Whitened, the distances to all classes are plain ones: (x − m)ᵀ P (x − m) = |Lᵀx − Lᵀm|² with P = L Lᵀ.
        root = np.linalg.cholesky(self.covariance.precision_)
        whitened, means = points @ root, self.means @ root
        squares = (whitened**2).sum(axis=1)[:, None] - 2.0 * whitened @ means.T + (means**2).sum(axis=1)
        nearest: FloatArray = squares.min(axis=1).clip(min=0.0)
        return nearest


def mahalanobis(
    audit: Audit, fitted: Sequence[Example], samples: Sequence[Sequence[Example]]
) -> dict[str, float] | str:
    """Return row → distance from the nearest class, or why not.

    ``fitted``: rows with labels that say where the classes lie.
    """
    import numpy as np

    known = embedded(audit, fitted)
    rows = [row for row in fitted if known is not None and row.id in known]
    if known is None:
        return NO_EMBEDDINGS
    if len(rows) < FEWEST_FITTED:
        return f"{len(rows)} rows with a label say where the classes lie, fewer than {FEWEST_FITTED}"
    golds = [str(audit.task.stratum(row.gold)) for row in rows]
    classes = Classes.of(np.stack([known[row.id] for row in rows]), golds)
    distances: dict[str, float] = {}
    for sample in samples:
        points: Mapping[str, FloatArray] = embedded(audit, sample) or {}
        if points:
            distances |= zip(points, classes.distances(np.stack(list(points.values()))).tolist(), strict=True)
    return distances
