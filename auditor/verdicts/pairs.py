"""Slices that two audits measured, side by side."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from auditor import stats
from auditor.errors import UsageError, near_or_known
from auditor.storage.documents import short
from auditor.types import Measurement, Metric, ProbeRecord, Rule, Slice, in_words
from auditor.verdicts import policy as policies
from auditor.verdicts.same_cases import Audited, is_same_model, other_training_rows, own_records

TOLERANCE = 0.05
"""Worsening of a share, or in points, that is accepted where no rule has a margin."""
FEWEST = 10
"""Informative clusters below which nothing is concluded."""
ONLY_NEW, ONLY_OLD = "only the new audit measured it", "only the old audit measured it"
UNANSWERED = "more texts have no answer than in the old audit: {} against {}"
TRAINING = "it is measured on training or validation rows, and those differ"
REMOVED = "the tokenizer removes most of its cases"
Place = tuple[str, str, tuple[tuple[str, str], ...]]
"""Probe, metric and slice."""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A metric of the candidates of two audits, on one slice."""

    probe: str
    metric: Metric
    old: Measurement
    new: Measurement
    difference: stats.Difference
    rules: tuple[tuple[int, Rule], ...]
    """The rules with a limit that read it, by their places in the policy."""
    tolerance: float
    margin: float
    """Width of the zone beyond the tolerance in which either verdict may come."""
    paired: bool
    same_model: bool

    @property
    def slice(self) -> Slice:
        """The slice."""
        return self.new.slice

    @property
    def required(self) -> bool:
        """Whether a required rule reads it."""
        return any(rule.required != "never" for _, rule in self.rules)

    @property
    def rule(self) -> int:
        """Place of the first required rule that reads it."""
        return next(index for index, rule in self.rules if rule.required != "never")

    @property
    def proven(self) -> bool:
        """Whether one model gave the same answers twice."""
        return self.same_model and self.difference.alike

    @property
    def too_few(self) -> bool:
        """Whether nothing can be concluded."""
        return self.metric.kind != "count" and self.difference.clusters < FEWEST

    @property
    def looks(self) -> int:
        """Looks that were planned before the first."""
        return max(self.new.looks, self.old.looks)

    def level(self, alpha: float) -> float:
        """Return what the look spends of an error.

        The common clusters are those of the earlier look.
        """
        shares = [stats.looks.level(alpha, side.look, side.looks) for side in (self.new, self.old)]
        if not self.paired or self.new.looks != self.old.looks:
            return min(shares)
        return stats.looks.level(alpha, min(self.new.look, self.old.look), self.looks)

    def worsening(self, alpha: float) -> tuple[float, float]:
        """Return one-sided bounds of how much worse new is than old."""
        return self.worse(*self.difference.bounds(alpha))

    def worse(self, low: float, high: float) -> tuple[float, float]:
        """Return ends of new − old as ends of the worsening."""
        return (low, high) if self.metric.better == "lower" else (-high, -low)

    @property
    def name(self) -> str:
        """Probe, metric and slice in words."""
        return f"{self.probe} {self.metric.name}{f' [{in_words(self.slice)}]' if self.slice else ''}"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A metric, or a slice of it, that is not compared."""

    probe: str
    metric: str
    slice: Slice | None
    reason: str
    required: bool
    """Whether a required rule reads it."""
    tolerance: float = 0.0
    """The worsening that would be accepted."""
    by_limit_only: bool = False
    """Whether the regression gate does not wait for it: the limit alone judges it."""


@dataclass(frozen=True, slots=True)
class Matched:
    """What two audits have in common, and what not."""

    pairs: tuple[Pair, ...]
    left_out: tuple[LeftOut, ...]
    paired: bool
    same_model: bool

    @property
    def by_limit_only(self) -> tuple[LeftOut, ...]:
        """What required rules read and only their limits judge."""
        return tuple(item for item in self.left_out if item.required and item.by_limit_only)


def match(
    old: Audited,
    new: Audited,
    *,
    paired: bool,
    tolerances: Mapping[str, float] | None = None,
    required_only: bool = False,
) -> Matched:
    """Set the slices of two audits side by side.

    The rules are those of the new audit's policy. ``tolerances``: metric, or probe.metric, → the worsening that is
    accepted. ``required_only``: only slices that required rules read. Raises UsageError for an unknown metric.
    """
    accepted = dict(tolerances or {})
    before, now = own_records(old), own_records(new)
    _check(accepted, now)
    sides = _Sides(old, new, before, now, paired, accepted, is_same_model(old, new), other_training_rows(old, new))
    pairs: list[Pair] = []
    left_out: list[LeftOut] = []
    for item in sides.items():
        required = item.required
        if required or not required_only:
            if isinstance(item, Pair):
                pairs.append(item)
            else:
                left_out.append(item)
    return Matched(tuple(pairs), tuple(left_out), paired, sides.same_model)


def place(probe: str, measurement: Measurement) -> Place:
    """Return probe, metric and slice of a measurement."""
    return probe, measurement.metric, tuple(sorted(measurement.slice.items()))


def _check(accepted: Mapping[str, float], records: Mapping[str, ProbeRecord]) -> None:
    """Raise UsageError for a tolerance that nothing reads, or that is none."""
    names = {metric.name for record in records.values() for metric in record.metrics}
    named = {f"{record.probe}.{metric.name}" for record in records.values() for metric in record.metrics}
    for name, tolerance in accepted.items():
        if name not in names | named:
            raise UsageError(f"no metric is called {short(name)}", where="tolerance", hint=near_or_known(name, names))
        if not 0.0 <= tolerance < math.inf:
            hint = "a worsening in the metric's unit: five percent are 0.05"
            raise UsageError(f"{name} = {tolerance:g} is not a number from 0 on", where="tolerance", hint=hint)


@dataclass(frozen=True, slots=True)
class _Sides:
    """Two audits whose candidates' slices are matched."""

    old: Audited
    new: Audited
    before: Mapping[str, ProbeRecord]
    now: Mapping[str, ProbeRecord]
    paired: bool
    accepted: Mapping[str, float]
    same_model: bool
    unlike: tuple[str, ...]
    """How the clusters begin that are other rows in each audit."""
    _by_rule: dict[tuple[str, str], list[tuple[int, Rule]]] = field(default_factory=dict)

    def items(self) -> Iterator[Pair | LeftOut]:
        """Yield every slice, compared or left out."""
        for index, rule in enumerate(self.new.policy.rules):
            if rule.limit is not None:
                self._by_rule.setdefault((rule.probe, rule.metric), []).append((index, rule))
        for probe in dict.fromkeys((*self.now, *self.before)):
            sides = [records[probe] for records in (self.now, self.before) if probe in records]
            for metric in {metric.name: metric for record in reversed(sides) for metric in record.metrics}.values():
                yield from self._of_metric(probe, metric)

    def _of_metric(self, probe: str, metric: Metric) -> Iterator[Pair | LeftOut]:
        own, past = (_measured(records.get(probe), metric) for records in (self.now, self.before))
        reason = _not_compared(metric)
        if reason is not None:
            if own or past:
                required = any(_is_required(self._rules(probe, measurement)) for measurement in (*own, *past))
                yield LeftOut(probe, metric.name, None, reason, required, by_limit_only=True)
            return
        by_slice = {place(probe, measurement): measurement for measurement in past}
        for measurement in own:
            yield self._of_slice(probe, metric, measurement, by_slice.pop(place(probe, measurement), None))
        record = self.now.get(probe)
        why = f": {record.reason}" if record is not None and record.status != "measured" and record.reason else ""
        for measurement in by_slice.values():
            rules, removed = self._rules(probe, measurement), measurement.status == "removed_by_tokenizer"
            given = (_is_required(rules), self._tolerance(probe, metric, rules)[0], removed)
            yield LeftOut(probe, metric.name, measurement.slice, f"{ONLY_OLD}{why}", *given)

    def _of_slice(self, probe: str, metric: Metric, own: Measurement, reference: Measurement | None) -> Pair | LeftOut:
        rules = self._rules(probe, own)
        tolerance, margin = self._tolerance(probe, metric, rules)
        # What only an input of the user brings is new where that input is.
        if reference is None:
            free = not any(rule.required == "always" for _, rule in rules)
            return LeftOut(probe, metric.name, own.slice, ONLY_NEW, _is_required(rules), tolerance, free)
        if "removed_by_tokenizer" in (own.status, reference.status):
            return LeftOut(probe, metric.name, own.slice, REMOVED, _is_required(rules), tolerance, True)
        if self.paired and self.unlike and any(row.cluster.startswith(self.unlike) for row in own.rows):
            return LeftOut(probe, metric.name, own.slice, TRAINING, _is_required(rules), tolerance, True)
        unanswered = [records[probe].counts.get("unanswered", 0) for records in (self.now, self.before)]
        if unanswered[0] > unanswered[1] and _is_required(rules):
            # Texts without an answer are those that the new model cannot stand: the rest flatters it.
            return LeftOut(probe, metric.name, own.slice, UNANSWERED.format(*unanswered), True, tolerance)
        try:
            difference = stats.between(metric, own, reference, paired=self.paired)
            difference.bounds(0.025)
        except ValueError as error:
            return LeftOut(probe, metric.name, own.slice, str(error), _is_required(rules), tolerance)
        paired = self.paired and metric.comparable and metric.kind not in stats.correlation.KINDS
        return Pair(probe, metric, reference, own, difference, rules, tolerance, margin, paired, self.same_model)

    def _rules(self, probe: str, measurement: Measurement) -> tuple[tuple[int, Rule], ...]:
        rules = self._by_rule.get((probe, measurement.metric), ())
        return tuple((index, rule) for index, rule in rules if policies.matches(rule, measurement.slice))

    def _tolerance(self, probe: str, metric: Metric, rules: Sequence[tuple[int, Rule]]) -> tuple[float, float]:
        margins = [rule.margin for _, rule in rules if rule.required != "never"] or [rule.margin for _, rule in rules]
        margin = min(margins, default=0.0)
        default = margin or (TOLERANCE if metric.unit in ("share", "points") else 0.0)
        given = self.accepted.get(f"{probe}.{metric.name}", self.accepted.get(metric.name))
        return (default if given is None else given), margin


def _measured(record: ProbeRecord | None, metric: Metric) -> list[Measurement]:
    """Return a record's measurements of a metric."""
    measurements = () if record is None else record.measurements
    return [measurement for measurement in measurements if measurement.metric == metric.name]


def _is_required(rules: Sequence[tuple[int, Rule]]) -> bool:
    return any(rule.required != "never" for _, rule in rules)


def _not_compared(metric: Metric) -> str | None:
    """Say why a metric of two models is not compared."""
    if metric.kind == "descriptive":
        return "a descriptive number has no rows"
    if metric.better is None:
        return "neither higher nor lower values are better"
    if metric.kind not in stats.COMPARED:
        return f"there is no test of a {metric.kind} of two audits"
    if metric.kind != "count" and math.inf in (-metric.low, metric.high):
        return "its values have no bounds"
    return None
