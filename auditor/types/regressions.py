"""Difference of a metric between two audits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Conclusion = Literal["better", "worse", "no difference shown", "cannot tell"]


@dataclass(frozen=True, slots=True)
class Regression:
    """A required slice's metric, new minus old, judged against a tolerance."""

    probe: str
    metric: str
    slice: Mapping[str, str]
    conclusion: Conclusion
    outcome: Literal["pass", "fail", "inconclusive", "not_measured"]
    """What the regression gate makes of it."""
    required: bool
    old: float | None
    new: float | None
    value: float | None
    """New minus old, in the metric's unit."""
    low: float | None
    high: float | None
    """Ends of the two-sided 95 % interval of ``value``."""
    tolerance: float
    """The worsening that is accepted, in the metric's unit."""
    paired: bool
    """Whether the same cases are compared."""
    reason: str
    """In plain words."""
