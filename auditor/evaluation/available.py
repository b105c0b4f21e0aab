"""How many clusters of a slice there are, drawn or not: advice to draw more goes no further."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace

from auditor.types import HOME, Example, Measurement, Probe


def told(
    measurements: Iterable[Measurement], probe: Probe, examples: Mapping[str, Sequence[Example]], drawn: Set[str]
) -> Iterator[Measurement]:
    """The measurements, each with how many informative clusters there are in all, where that is known.

    A probe with texts of its own says it. Of a data set, those not drawn are taken to hold as large a share of informative
    ones as those drawn. ``examples``: of each data set; ``drawn``: clusters of the probe's cases.
    """
    own, sizes = getattr(probe, "available", None), dict[str, tuple[int, int]]()
    for found in measurements:
        if not found.rows:
            yield found
            continue
        if own is not None:
            yield replace(found, available=own(found.slice))
            continue
        name = found.slice.get("domain", HOME)
        if name not in sizes:
            every = {example.cluster for example in examples.get(name, ())}
            sizes[name] = len(every), len(every & drawn)
        size, seen = sizes[name]
        yield replace(found, available=found.n_clusters + (size - seen) * found.n_clusters // seen) if seen else found
