"""What a remedy changed, paired by cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from auditor import results, stats
from auditor.types import ProbeRecord, Row, in_words
from auditor.verdicts import remedies
from auditor.verdicts.remedies import Remedy


@dataclass(frozen=True, slots=True)
class Change:
    """A metric of one slice before and after."""

    probe: str
    metric: str
    place: str
    """The slice in words, and whether the remedy was trained on it; empty for the whole."""
    before: float
    after: float
    change: float
    low: float
    high: float
    """Two-sided 95 % interval of the change."""


def changes(folder: Path, before: str, remedy: Remedy) -> Iterator[Change]:
    """Yield every change that a remedy made.

    What was held out from its training stands apart. ``folder``: the results of the audit after the training, in which
    ``before`` stands beside it.
    """
    content = results.load(folder)
    records = results.records_of(content, folder)
    named = [(record.probe, role) for role in remedies.SHOWN for record in records if record.role == role]
    for probe, role in dict.fromkeys(named):
        metric = remedies.shown(content, role)
        old, new = (_rows(records, model, probe, metric) for model in (before, remedy.name))
        held = [key for key in new if key in old and dict(key).get(remedy.key) in remedy.held_out]
        if probe == remedy.probe and len(held) > 1:
            sides = (_summed(new, held), _summed(old, held))
            yield _change(records, probe, metric, "held out, together", sides)
        for key in new:
            place = in_words(dict(key)) if key else ""
            if probe == remedy.probe:
                place += ", held out" if key in held else ", trained on"
            if key in old:
                yield _change(records, probe, metric, place, (new[key], old[key]))


_Slice: TypeAlias = tuple[tuple[str, str], ...]


def _rows(records: Sequence[ProbeRecord], model: str, probe: str, metric: str) -> dict[_Slice, Sequence[Row]]:
    """Slice → rows of cases, of the slices with the fewest keys.

    Such a slice is a family, and not each of its perturbations. Without clean answers, which would correct each model's
    value apart: before and after differ by the change.
    """
    own = [
        measurement
        for record in records
        if (record.model, record.probe) == (model, probe)
        for measurement in record.measurements
        if measurement.metric == metric and measurement.rows
    ]
    fewest = min((len(measurement.slice) for measurement in own), default=0)
    return {
        tuple(measurement.slice.items()): [row for row in measurement.rows if row.arm not in stats.CLEAN_ARMS]
        for measurement in own
        if len(measurement.slice) == fewest
    }


def _summed(rows: Mapping[_Slice, Sequence[Row]], keys: Sequence[_Slice]) -> list[Row]:
    """Several slices as one, by cluster and arm."""
    sums: dict[tuple[str, str], tuple[float, float]] = {}
    for key in keys:
        for row in rows[key]:
            total, count = sums.get((row.cluster, row.arm), (0.0, 0.0))
            sums[row.cluster, row.arm] = total + row.total, count + row.count
    return [Row(cluster, arm, *summed) for (cluster, arm), summed in sums.items()]


def _change(
    records: Sequence[ProbeRecord], probe: str, name: str, place: str, sides: tuple[Sequence[Row], Sequence[Row]]
) -> Change:
    known = (metric for record in records if record.probe == probe for metric in record.metrics)
    metric = next(metric for metric in known if metric.name == name)
    kind: dict[str, Any] = {"low": metric.low, "high": metric.high, "ratio": metric.ratio}
    new, old = (stats.estimate(metric.kind, rows, **kind).value for rows in sides)
    difference = stats.compare(metric.kind, *sides, **kind)
    return Change(probe, name, place, old, new, difference.value, difference.low, difference.high)
