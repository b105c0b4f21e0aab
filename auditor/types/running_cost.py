"""The cost of a model's answers on one machine."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal


@dataclass(frozen=True, slots=True)
class RunningCost:
    """What a model's answers took on the machine of the audit.

    Times differ from run to run, so that they stand in ``timings.json``, never in ``results.json``.
    """

    singles: int = 0
    """Texts that were asked one at a time."""
    latency_p50: float | None = None
    """Median seconds from a single text to its answer; None: not measured."""
    latency_p95: float | None = None
    """95th percentile of these seconds; None: not measured, or of too few texts."""
    batched: int = 0
    """Texts that were asked in batches."""
    texts_per_second: float | None = None
    """Of texts in batches of the audit's size; None: not measured."""
    peak_bytes: int | None = None
    """Highest memory use; None: not measured."""
    peak_of: Literal["process", "device"] = "process"
    """Whose memory: the whole audit's process so far, or the GPU's while the texts were asked."""
    reason: str | None = None
    """Why times are not measured; None where they are."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int | float) and not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{field.name} = {value} is no amount")
