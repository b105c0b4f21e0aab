"""Means of ratios over kinds: types of entities, labels, relations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from auditor import stats
from auditor.types import Measurement, Metric


def macro(metric: Metric, of_kinds: Sequence[Mapping[str, Sequence[float]]], kinds: str) -> Iterator[Measurement]:
    """Yield the mean over kinds of the ratios of their sums.

    ``of_kinds``: cluster → numerator and denominator, of each kind. ``kinds``: what they are, for the method's name. A
    kind without a ratio, as of precision where the model never predicts it, counts as 0, as in seqeval. Nothing where
    no kind has one.
    """
    import numpy as np

    clusters = list(dict.fromkeys(cluster for rows in of_kinds for cluster in rows))
    columns = np.array([[rows.get(cluster, (0.0, 0.0)) for rows in of_kinds] for cluster in clusters])
    there = columns[:, :, 1].sum(axis=0) > 0
    if there.any():
        value, (low, high) = stats.mean_of_ratios(columns[:, :, 0], columns[:, :, 1], 0.025)
        value, low, high = (float(bound * there.mean()) for bound in (value, low, high))
        method = f"jackknife over clusters of the mean of the {kinds}' ratios"
        yield Measurement(metric.name, {}, value, low, high, len(clusters), len(clusters), method)
