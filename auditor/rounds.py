"""``--until-decided``: what required rules read, on no more examples than their verdicts need.

Examples are drawn in their seeded order, a round at a time; after each round the gate looks. A slice whose verdict
stands is drawn no further, and a rule with a slice that fails is done. Metrics that are means, paired changes or
differences are bounded by confidence sequences, which hold at any number of looks (``stats.sequential``); a probe with
a required rule on any other metric keeps its fixed design and is drawn once. The clusters of a slice are those that
have a case in it: an i.i.d. sample of the population's part that has one, whatever else was drawn.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from auditor import gate, policy, stats
from auditor.measuring import Sink
from auditor.metrics import SliceKey, slice_key
from auditor.plans import HOME, SPLITS, Draw, Plan
from auditor.policy import Policy
from auditor.runner import Suite, suites, writing
from auditor.types import Decision, Probe, ProbeRecord, Progress, Rule, Slice

FIRST = 64
"""Clusters (examples, where no column groups them) of every set in the first rounds."""
GROWTH = 4
"""Later rounds draw a quarter of what was drawn: a verdict comes at most so much later than it could."""
UNREAD = "no required rule reads it (--until-decided)"
COMPARATOR = "a comparator decides nothing (--until-decided)"


@dataclass(frozen=True, slots=True)
class SliceDrawn:
    """How much of one slice that a required rule reads was drawn."""

    probe: str
    metric: str
    slice: Slice
    clusters: int
    available: int
    """Clusters that its set has, within the budget; for a fixed design those that it asked for."""
    design: str
    """``sequential`` or ``fixed``."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What looking early saved."""

    looks: int
    clusters: int
    """Drawn of each set, at most."""
    available: int
    slices: tuple[SliceDrawn, ...]
    saved: float
    """Share in [0, 1) of the sequential slices' clusters that were not drawn."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def run(plan: Plan, rules: Policy, sink: Sink, progress: Progress) -> tuple[tuple[ProbeRecord, ...], Drawn]:
    """Records of every model and probe, and how much was drawn. Raises as ``runner.run`` does."""
    candidate = next(one for one in plan.models if one.name == plan.candidate)
    with writing(), contextlib.ExitStack() as open_suites:
        found = _Rounds(plan, rules, list(suites(plan, candidate, sink)), progress)
        for suite in found.suites:
            open_suites.callback(suite.close)
        found.draw()
        own = {record.probe: record for record in found.records(final=True)}
        drawn = found.drawn(list(own.values()))
        records = []
        for audited in plan.models:
            for suite in found.suites if audited is candidate else suites(plan, audited, sink):
                if audited is not candidate:
                    suite.leave_out(COMPARATOR)
                records.append(own[suite.probe.name] if audited is candidate else suite.record())
    return tuple(records), drawn


class _Rounds:
    def __init__(self, plan: Plan, rules: Policy, found: Sequence[Suite], progress: Progress) -> None:
        self._plan, self._policy, self.suites, self._progress = plan, rules, found, progress
        self._required = [rule for rule in rules.rules if rule.required != "never" and rule.limit is not None]
        self._sequential = {suite.probe.name: _is_sequential(suite.probe, plan, self._required) for suite in found}
        self._available = max(_clusters(plan, name) for name in plan.examples if name not in SPLITS)
        self._looks = self._stop = 0
        self._kept: dict[str, ProbeRecord] = {}
        for suite in found:
            if not any(rule.probe == suite.probe.name for rule in self._required):
                suite.leave_out(UNREAD)

    def draw(self) -> None:
        """Round after round until every required rule is decided or nothing is left to draw."""
        open_: dict[int, frozenset[SliceKey]] = {
            index: frozenset() for index, rule in enumerate(self._policy.rules) if rule in self._required
        }
        while open_ and self._stop < self._available:
            start, self._stop = self._stop, min(self._available, self._stop + max(FIRST, self._stop // GROWTH))
            self._looks += 1
            for suite in self.suites:
                self._draw(suite, start, open_)
            decision = gate.decide(self._policy, self.records(final=False), self._plan.candidate)
            open_ = self._undecided(decision)

    def _draw(self, suite: Suite, start: int, open_: Mapping[int, frozenset[SliceKey]]) -> None:
        name = suite.probe.name
        mine = {index: done for index, done in open_.items() if self._policy.rules[index].probe == name}
        if not suite.open or not mine or (start and not self._sequential[name]):
            return

        def wanted(slice_: Slice) -> bool:
            return any(self._reads(suite.probe, index, done, slice_) for index, done in mine.items())

        rows = (start, self._stop) if self._sequential[name] else None
        suite.draw(self._progress, Draw(rows, self._looks, wanted))
        self._kept.pop(name, None)

    def _reads(self, probe: Probe, index: int, done: frozenset[SliceKey], slice_: Slice) -> bool:
        """Whether a rule still reads a slice of cases, by itself, by a pool of it, or as what others are against."""
        rule = self._policy.rules[index]
        metric = next(one for one in probe.metrics(self._plan.task) if one.name == rule.metric)
        if metric.against is not None and dict(metric.against) == dict(slice_):
            return True
        pools = [{key: slice_[key] for key in pool} for pool in probe.pools if pool <= set(slice_)]
        return any(policy.matches(rule, one) and slice_key(one) not in done for one in (slice_, *pools))

    def records(self, *, final: bool) -> list[ProbeRecord]:
        """The candidate's; before the end only the slices that a required rule reads."""
        return [self._record(suite, final=final) for suite in self.suites]

    def _record(self, suite: Suite, *, final: bool) -> ProbeRecord:
        name = suite.probe.name
        rules = [rule for rule in self._required if rule.probe == name]
        if name in self._kept and not (final and self._sequential[name]):
            return self._kept[name]

        def read(slice_: Slice) -> bool:
            return any(policy.matches(rule, slice_) for rule in rules)

        rows = (0, self._stop) if self._sequential[name] else None
        draw = Draw(rows, self._looks, lambda _: True)
        whole = final or not self._sequential[name]
        self._kept[name] = suite.record(draw=draw, only=None if whole else read)
        return self._kept[name]

    def _undecided(self, decision: Decision) -> dict[int, frozenset[SliceKey]]:
        """Rule → its slices that are decided, for the rules that are not."""
        found = {}
        for index, rule in enumerate(self._policy.rules):
            if rule not in self._required:
                continue
            verdicts = [one for one in decision.verdicts if one.rule == index]
            failed = any(one.outcome == "fail" for one in verdicts)
            if not failed and any(one.outcome in ("inconclusive", "not_measured") for one in verdicts):
                found[index] = frozenset(
                    slice_key(one.slice or {}) for one in verdicts if one.outcome in ("pass", "not_applicable")
                )
        return found

    def drawn(self, records: Sequence[ProbeRecord]) -> Drawn:
        slices = tuple(self._slices(records))
        mine = [one for one in slices if one.design == "sequential"]
        available = sum(one.available for one in mine)
        saved = 1.0 - sum(one.clusters for one in mine) / available if available else 0.0
        return Drawn(self._looks, self._stop, self._available, slices, max(saved, 0.0))

    def _slices(self, records: Sequence[ProbeRecord]) -> Iterator[SliceDrawn]:
        for record in records:
            sequential = self._sequential[record.probe]
            for found in record.measurements:
                if any(_judged_by(rule, record.probe, found.metric, found.slice) for rule in self._required):
                    available = self._clusters_for(found.slice) if sequential else found.n_clusters
                    design = "sequential" if sequential else "fixed"
                    yield SliceDrawn(record.probe, found.metric, dict(found.slice), found.n_clusters, available, design)

    def _clusters_for(self, slice_: Slice) -> int:
        """Clusters that there are of a slice: those of the home domain, and of a set that the slice names."""
        sets = {HOME, *(name for name in slice_.values() if name in self._plan.examples)}
        return min(_clusters(self._plan, name) for name in sets)


def _judged_by(rule: Rule, probe: str, metric: str, slice_: Slice) -> bool:
    return rule.probe == probe and rule.metric == metric and policy.matches(rule, slice_)


def _is_sequential(probe: Probe, plan: Plan, required: Sequence[Rule]) -> bool:
    """Whether every metric that a required rule reads has a method for repeated looks."""
    metrics = {metric.name: metric for metric in probe.metrics(plan.task)}
    read = [metrics[rule.metric] for rule in required if rule.probe == probe.name]
    return all(stats.sequential_method(metric.kind, metric.ratio) is not None for metric in read)


def _clusters(plan: Plan, name: str) -> int:
    return len({example.cluster for example in plan.examples[name][: plan.budget]})
