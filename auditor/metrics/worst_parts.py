"""Pooled slices that name the worst of their parts.

A pool may hide a part that is far worse than the others, so each pooled number says which one that is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from auditor.types import Measurement, Metric


def naming_worst_parts(
    measurements: Sequence[Measurement], metrics: Iterable[Metric], pools: Iterable[frozenset[str]]
) -> Iterator[Measurement]:
    """Yield the measurements, a pooled one with its worst part in ``detail``.

    Parts with too few clusters name nothing, and neither does a pool that no part is worse than.
    """
    pools = tuple(pools)
    known = {metric.name: metric for metric in metrics if metric.better is not None}
    parts: dict[str, list[Measurement]] = {}
    for measurement in measurements:
        if measurement.status == "ok" and frozenset(measurement.slice) not in pools:
            parts.setdefault(measurement.metric, []).append(measurement)
    for measurement in measurements:
        metric = known.get(measurement.metric)
        if metric is None or measurement.detail or frozenset(measurement.slice) not in pools:
            yield measurement
            continue
        own = [part for part in parts.get(metric.name, ()) if measurement.slice.items() < part.slice.items()]
        yield _naming(measurement, metric, own)


def _naming(pool: Measurement, metric: Metric, parts: Sequence[Measurement]) -> Measurement:
    """Name the worst part, where it is worse than the pool."""
    sign = 1 if metric.better == "lower" else -1
    worst = max(parts, key=lambda part: sign * part.value, default=pool)
    if sign * worst.value <= sign * pool.value:
        return pool
    name = ", ".join(value for key, value in worst.slice.items() if key not in pool.slice)
    return replace(pool, detail=f"worst: {name}, {_in_unit(worst.value, metric)}")


def _in_unit(value: float, metric: Metric) -> str:
    """``25.8 points``, ``12.0 %`` or a plain number."""
    if metric.unit == "points":
        return f"{100 * value:.1f} points"
    return f"{100 * value:.1f} %" if metric.unit == "share" else f"{value:.4g}"
