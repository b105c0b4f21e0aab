"""Correlations of numbers that tasks give in the details of an answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from auditor import stats
from auditor.metrics.common import INFORMATIVE_CLUSTERS, measurement
from auditor.types import Judged, Measurement, Metric, Skipped, Slice

Pair = tuple[str, float, float]
"""Cluster, number of the answer, number of the gold."""


def correlations(metrics: Iterable[Metric], cases: Iterable[Judged]) -> Iterator[Measurement | Skipped]:
    """Yield the correlations among the metrics, by slice.

    Yields the reason where there is none: equal numbers, or too few clusters for bounds.
    """
    by_name = {metric.name: metric for metric in metrics if metric.kind in stats.correlation.KINDS}
    pairs: dict[str, list[Pair]] = {}
    slices: dict[str, Slice] = {}
    for judged in cases if by_name else ():
        for detail in judged.details:
            if detail.metric in by_name:
                slices.setdefault(detail.metric, detail.slice)
                pair = judged.cluster, detail.score.numerator, detail.score.denominator
                pairs.setdefault(detail.metric, []).append(pair)
    for name, own in pairs.items():
        reason = _undefined(own)
        if reason is None:
            rows = tuple(stats.correlation.rows(own))
            yield measurement(by_name[name], slices[name], rows, n_cases=len(own))
        else:
            yield Skipped(slices[name], reason)


def _undefined(pairs: Sequence[Pair]) -> str | None:
    """Why numbers have no correlation with an interval, in words."""
    clusters = len({cluster for cluster, _, _ in pairs})
    if clusters < INFORMATIVE_CLUSTERS:
        return f"a correlation needs {INFORMATIVE_CLUSTERS} examples, or groups of them"
    for place, what in ((1, "answers"), (2, "right numbers")):
        if len({pair[place] for pair in pairs}) == 1:
            return f"all {what} are equal: they have no correlation"
    return None
