"""What a probe's own ``measure`` yields, sorted by kind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from auditor.evaluation.well_formed import check
from auditor.types import Finding, Measurement, Skipped, Table, TextPair, WeightedText


@dataclass(frozen=True, slots=True)
class Yielded:
    """Each kind in the order in which the probe yields it."""

    measurements: list[Measurement] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    pairs: list[TextPair] = field(default_factory=list)
    weighted_texts: list[WeightedText] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)

    def take(self, items: Iterable[Finding], probe: str) -> None:
        """Check the items and put them with those of their kind.

        Raises ProbeError.
        """
        for item in items:
            check(item, probe)
            if isinstance(item, Skipped):
                self.skipped.append(item)
            elif isinstance(item, TextPair):
                self.pairs.append(item)
            elif isinstance(item, WeightedText):
                self.weighted_texts.append(item)
            elif isinstance(item, Table):
                self.tables.append(item)
            else:
                self.measurements.append(item)
