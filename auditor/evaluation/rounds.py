"""Looks at an audit's candidate, drawn on where the gate is undecided.

Each look draws examples and asks the gate. A slice whose verdict stands is drawn no further, and a rule with a slice
that fails is done. Two designs say what a look draws, by what bounds it is judged and when nothing is left:
``adaptive`` and ``sequential``.
"""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from auditor.evaluation.plan import Plan
from auditor.evaluation.runner import Suite
from auditor.evaluation.sampling import Draw
from auditor.metrics.aggregation import Reads, SliceKey, slice_key
from auditor.plugins import registry
from auditor.results import canonical_json
from auditor.types import Decision, Measurement, Metric, Probe, ProbeRecord, Progress, Rule, Slice, Verdict
from auditor.verdicts import gate, policy
from auditor.verdicts.policy import Policy

LEAST_VACUOUS = 64
NEARLY_ALL = 0.9
"""Stop drawing a slice once this share of its first LEAST_VACUOUS clusters is vacuous.

A slice that is truly half vacuous gets there with probability of about 1e-9 (Hoeffding).
"""
TimeLeft = Callable[[], float]
"""Says how many seconds there are until the time limit."""
Open = Mapping[int, frozenset[SliceKey]]
"""Index of an undecided rule → its slices that are done with."""


@dataclass(frozen=True, slots=True)
class SliceDrawn:
    """How much of one slice that a required rule reads was drawn."""

    probe: str
    metric: str
    slice: Slice
    clusters: int
    available: int
    """Clusters that its set has, within the budget; for a fixed design those that it asked for."""
    design: Literal["sequential", "adaptive", "fixed"]
    reason: str | None = None
    """Of a fixed design under planned looks: why it is drawn once."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What looking early saved."""

    looks: int
    clusters: int
    """Drawn of each set, at most."""
    available: int
    slices: tuple[SliceDrawn, ...]
    saved: float
    """Share in [0, 1) of what the drawn slices could have taken and did not."""
    planned: int | None = None
    """Looks that were planned; None: as many as it takes."""
    stopped: bool = False
    """Whether the time limit ended it before all was decided or drawn."""

    def entry(self) -> dict[str, Any]:
        """It as ``results.json`` holds it."""
        entry = asdict(self)
        slices = [{key: value for key, value in drawn.items() if value is not None} for drawn in entry["slices"]]
        kept = {key: value for key, value in entry.items() if key not in ("planned", "stopped") or value}
        plain: dict[str, Any] = canonical_json.plain({**kept, "slices": slices})
        return plain


def unlimited() -> float:
    """No time limit."""
    return math.inf


class Rounds(ABC):
    """The rounds of one candidate."""

    interim = False
    """Whether a fail at a look is corrected for slices still to come, as ``gate.decide`` has it."""

    def __init__(
        self, plan: Plan, rules: Policy, own: Sequence[Suite], progress: Progress, time_left: TimeLeft
    ) -> None:
        self._plan, self._policy, self._suites, self._progress = plan, rules, own, progress
        self._time_left = time_left
        self._required = {
            index: rule for index, rule in enumerate(rules.rules) if rule.required != "never" and rule.limit is not None
        }
        self._looks = 0
        self._stopped = False
        self._kept: dict[str, ProbeRecord] = {}

    @property
    def planned(self) -> int:
        """Looks planned before the first, by whose levels the gate judges."""
        return 1

    def draw(self) -> None:
        """Draw until all is decided, nothing is left or time is up.

        All is every required rule. The first look is always made, and none begins that would not end in time at the
        pace so far.
        """
        open_: Open = self._undecided() if self._looks else dict.fromkeys(self._required, frozenset())
        while open_:
            portions = self._portions(open_)
            if not portions:
                return
            if self._looks and self._time_left() <= self._seconds(portions):
                self._stopped = True
                return
            self._looks += 1
            self._draw(portions)
            open_ = self._undecided()

    @abstractmethod
    def _portions(self, open_: Open) -> Sequence[tuple[Suite, Draw]]:
        """What the next look draws; empty where nothing is left."""

    def _seconds(self, _portions: Sequence[tuple[Suite, Draw]]) -> float:
        """About how long a look takes; 0 where that is not known."""
        return 0.0

    @abstractmethod
    def _draw(self, portions: Sequence[tuple[Suite, Draw]]) -> None:
        """Draw them."""

    @abstractmethod
    def records(self) -> list[ProbeRecord]:
        """The candidate's, at the end."""

    def _records_so_far(self) -> list[ProbeRecord]:
        """The candidate's records, for a look.

        They may lack what no required rule reads.
        """
        return self.records()

    @abstractmethod
    def _draws(self, probe: str) -> bool:
        """Whether the probe takes more examples than at its first look."""

    @abstractmethod
    def _exhausted(self, probe: str, slice_: Slice) -> bool:
        """Whether a slice has no further examples."""

    @abstractmethod
    def _slice_drawn(self, probe: str, measurement: Measurement) -> SliceDrawn: ...

    def _rules_of(self, probe: Probe) -> dict[int, Rule]:
        return {index: rule for index, rule in self._required.items() if rule.probe == probe.name}

    def _metrics_read(self, probe: Probe) -> dict[str, Metric]:
        names = {rule.metric for rule in self._rules_of(probe).values()}
        declared = registry.metrics_of(probe, self._plan.task)
        return {name: metric for name, metric in declared.items() if name in names}

    def _reader(self, probe: Probe, open_: Open, *, references: bool = True) -> Reads:
        """Make a function that tells whether open rules read a slice.

        With ``references``, slices that are compared with it count too.
        """
        metrics = self._metrics_read(probe)
        rules = [(rule, open_[index]) for index, rule in self._rules_of(probe).items() if index in open_]
        compared = [metrics[rule.metric].against for rule, _ in rules] if references else []
        against = {slice_key(reference) for reference in compared if reference is not None}

        @functools.cache
        def reads(key: SliceKey) -> bool:
            return key in against or any(policy.matches(rule, dict(key)) and key not in done for rule, done in rules)

        return reads

    def _undecided(self) -> Open:
        """The rules that need more examples and can have them."""
        records = self._records_so_far()
        decision: Decision = gate.decide(
            self._policy, records, self._plan.candidate, interim=self.interim, looks=self.planned
        )
        still_open = {}
        for index, rule in self._required.items():
            verdicts = [verdict for verdict in decision.verdicts if verdict.rule == index]
            if not self._draws(rule.probe) or any(verdict.outcome == "fail" for verdict in verdicts):
                continue
            if self._kept[rule.probe].status != "measured":
                continue
            done = [self._is_done(rule, verdict) for verdict in verdicts]
            if not all(done):
                named = zip(verdicts, done, strict=True)
                still_open[index] = frozenset(slice_key(verdict.slice or {}) for verdict, over in named if over)
        self._plan.watch.looked(decision, self._looks, len(still_open))
        return still_open

    def _is_done(self, rule: Rule, verdict: Verdict) -> bool:
        slice_ = verdict.slice or {}
        if verdict.outcome == "pass" or self._exhausted(rule.probe, slice_):
            return True
        record = self._kept[rule.probe]
        return verdict.outcome == "not_applicable" and (
            any(not gap.applies and dict(gap.slice) == dict(slice_) for gap in record.skipped)
            or any(
                measurement.vacuous >= NEARLY_ALL and measurement.n_clusters >= LEAST_VACUOUS
                for measurement in record.measurements
                if dict(measurement.slice) == dict(slice_)
            )
        )

    def _slices_drawn(self) -> tuple[SliceDrawn, ...]:
        """Those that required rules read."""
        return tuple(
            self._slice_drawn(record.probe, measurement)
            for record in self._kept.values()
            for measurement in record.measurements
            if any(_judges(rule, record.probe, measurement) for rule in self._required.values())
        )


def _judges(rule: Rule, probe: str, measurement: Measurement) -> bool:
    return rule.probe == probe and rule.metric == measurement.metric and policy.matches(rule, measurement.slice)


def everything(_key: SliceKey) -> bool:
    """Read every slice."""
    return True
