"""How many clusters a slice has in all, and what they are.

Advice never asks for more clusters than there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace

from auditor.types import GROUP_OF_ROWS, HOME, Example, Measurement, Probe, Row, Rows, Slice


def told(
    measurements: Iterable[Measurement],
    probe: Probe,
    examples: Mapping[str, Sequence[Example]],
    drawn_for: Callable[[Slice], Set[str]],
) -> Iterator[Measurement]:
    """Yield the measurements with their clusters in all and their unit.

    A probe with texts of its own says both, or its measurement. Of a data set, those not drawn are taken to hold as
    large a share of informative ones as those drawn for the slice. ``examples``: of each data set; ``drawn_for``: slice
    → clusters drawn for it, of any set.
    """
    groups = {row.cluster for rows in examples.values() for row in rows if row.group is not None}
    clusters = dict[str, set[str]]()
    for measurement in measurements:
        if not measurement.rows:
            yield measurement
            continue
        unit = measurement.cluster_unit or probe.cluster_unit or _unit(measurement.rows, groups)
        available = measurement.available
        if available is None:
            available = probe.available(measurement.slice)
        if available is None:
            name = _set_of(measurement.slice, examples)
            if name not in clusters:
                clusters[name] = {example.cluster for example in examples.get(name, ())}
            drawn = len(clusters[name] & drawn_for(measurement.slice))
            available = _estimated(measurement.n_clusters, len(clusters[name]), drawn)
        yield replace(measurement, available=available, cluster_unit=unit)


def _unit(rows: Sequence[Row], groups: Set[str]) -> str | None:
    """Return what the clusters of these rows are; None: examples."""
    if not groups:
        return None
    columns = Rows.of(rows)
    # Names are shared with other rows: some may have no row here.
    return GROUP_OF_ROWS if any(columns.names[place] in groups for place in set(columns.clusters)) else None


def _set_of(slice_: Slice, sets: Mapping[str, Sequence[Example]]) -> str:
    """The data set of a slice: domain, time slice or home."""
    period = slice_.get("period", HOME)
    return slice_.get("domain", period if period in sets else HOME)


def _estimated(informative: int, size: int, drawn: int) -> int | None:
    """The informative clusters of a set; None where none was drawn."""
    return informative + (size - drawn) * informative // drawn if drawn else None
