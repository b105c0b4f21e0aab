"""What a rule claims of the slices that it reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from auditor import stats
from auditor.stats import joint as joints
from auditor.types import Measurement, Metric, ProbeRecord, Rule, Slice, Verdict
from auditor.verdicts import policy as policies

ALPHA = 0.05
"""Error of each one-sided claim."""
Bounds = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Claim:
    """One slice that one rule reads."""

    index: int
    """Of the rule in its policy."""
    rule: Rule
    metric: Metric
    measurement: Measurement
    settings: Mapping[str, object]
    """Of the probe."""
    looks: int
    """Planned before the first one."""

    @property
    def probe(self) -> str:
        """The probe that its rule reads."""
        return self.rule.probe

    @property
    def slice(self) -> Slice:
        """The slice that it is about."""
        return self.measurement.slice

    @property
    def level(self) -> float:
        """The error that one-sided claims on it have."""
        return stats.looks.level(ALPHA, self.measurement.look, self.looks)

    @property
    def counted(self) -> bool:
        """Whether it is an exact count, without an error to share."""
        return self.metric.kind == "count"

    @property
    def any_time(self) -> bool:
        """Whether its bounds hold at every look, whatever the plan."""
        return self.measurement.method in stats.SEQUENTIAL

    @property
    def joint(self) -> bool:
        """Whether its joint distribution with other claims is known.

        That of regressions is not: clean answers predict a part of what slices have in common.
        """
        return not self.any_time and self.measurement.method not in stats.REGRESSION

    def bounds(self, alpha: float) -> Bounds:
        """Return one-sided bounds, each wrong with probability at most ``alpha``."""
        measurement = self.measurement
        return stats.bounds(measurement.method, measurement.rows, alpha, low=self.metric.low, high=self.metric.high)

    def passes(self, bounds: Bounds) -> bool:
        """Tell whether bounds show the value within the limit and its margin."""
        return self._is_within(bounds, self.rule.edge)

    def keeps_limit(self, bounds: Bounds) -> bool:
        """Tell whether bounds show that the value is within the limit itself."""
        return self._is_within(bounds, self.rule.limit)

    def fails(self, bounds: Bounds) -> bool:
        """Tell whether bounds show that the value is beyond the limit."""
        return self.rule.is_broken_by(*bounds)

    def fails_at(self, level: float) -> bool:
        """Tell whether bounds at a level show a value beyond the limit."""
        return self.fails(self.bounds(level))

    @property
    def influence(self) -> joints.Influence:
        """The influences on its value, signed so that large values fail."""
        influence = joints.influence(self.metric, self.measurement.rows)
        return influence if self.rule.max is not None else joints.Influence(influence.clusters, -influence.values)

    def goals(self, fail: float) -> tuple[stats.Goal, stats.Goal]:
        """Return the bounds that decide it: of a pass, of a fail.

        ``fail``: level of the latter.
        """
        if self.rule.limit is None or self.rule.edge is None:
            raise ValueError(f"{self.rule.text}: no limit")
        is_maximum = self.rule.max is not None
        return (
            stats.Goal(self.rule.edge, self.level, below=is_maximum),
            stats.Goal(self.rule.limit, fail, below=not is_maximum),
        )

    def _is_within(self, bounds: Bounds, edge: float | None) -> bool:
        low, high = bounds
        return edge is not None and (high <= edge if self.rule.max is not None else low >= edge)


def measured(policy: policies.Policy, own: Mapping[str, ProbeRecord], verdict: Verdict) -> Measurement | None:
    """Return the measurement that a verdict is on, if any.

    ``own``: probe → the candidate's record.
    """
    rule = policy.rules[verdict.rule]
    return next(
        (
            measurement
            for measurement in own[rule.probe].measurements
            if measurement.metric == rule.metric and dict(measurement.slice) == dict(verdict.slice or {})
        ),
        None,
    )


def claims_of(index: int, rule: Rule, record: ProbeRecord, looks: int) -> Iterator[Claim]:
    """Yield a claim for every measured slice that the rule reads."""
    metric = next(metric for metric in record.metrics if metric.name == rule.metric)
    for measurement in record.measurements:
        if measurement.metric == rule.metric and policies.matches(rule, measurement.slice):
            # A slice that is drawn once, or whose set has fewer rows, has fewer looks than the audit, or one.
            yield Claim(index, rule, metric, measurement, record.settings, min(looks, measurement.looks))
