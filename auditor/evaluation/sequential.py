"""``--until-decided``: as few examples as the verdicts need.

Examples are drawn in their seeded order, a round at a time; after each round the gate looks. A slice whose verdict
stands is drawn no further, and a rule with a slice that fails is done. Metrics that are means, paired changes or
differences are bounded by confidence sequences, which hold at any number of looks (``stats.sequential``). The clusters
of a slice are those that have a case in it: an i.i.d. sample of the population's part that has one.

A probe keeps its fixed design, drawn once, where a required rule reads any other metric (F1, gaps, what the probe's own
``measure`` yields), where its cases are not of the examples drawn (sentences of its own), and where a group occurs in
two sets. Groups are drawn whole, in a seeded order of their own: in that of their examples the large ones came first.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from auditor import stats
from auditor.evaluation.plan import Plan
from auditor.evaluation.probe_run import NotDrawnError, Sink
from auditor.evaluation.runner import Suite, suites, writing
from auditor.evaluation.sampling import SPLITS, Draw, seeded
from auditor.metrics.aggregation import SliceKey, slice_key
from auditor.plugins import registry
from auditor.types import (
    HOME,
    Decision,
    Example,
    Measurement,
    Metric,
    Probe,
    ProbeRecord,
    Progress,
    Rule,
    Slice,
    Verdict,
)
from auditor.verdicts import gate, policy
from auditor.verdicts.policy import Policy

FIRST = 64
"""Clusters (examples, where no column groups them) of every set in the first rounds."""
GROWTH = 4
"""Later rounds draw a quarter of what was drawn: a verdict comes at most so much later than it could."""
NEARLY_ALL = 0.9
"""Stop drawing a slice once this share of its FIRST clusters is vacuous.

A slice that is truly half vacuous gets there with probability of about 1e-9 (Hoeffding).
"""
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


def run(plan: Plan, rules: Policy, sink: Sink, progress: Progress) -> tuple[tuple[ProbeRecord, ...], Drawn]:
    """Records of every model and probe, and how much was drawn.

    Raises as ``runner.run`` does.
    """
    drawn_from = {
        name: rows if name in SPLITS else _by_group(rows, plan.seed, name) for name, rows in plan.examples.items()
    }
    plan = replace(plan, examples=drawn_from)
    records: list[ProbeRecord] = []
    with writing(), contextlib.ExitStack() as open_suites:
        for audited in plan.models:
            own = list(suites(plan, audited, sink))
            for suite in own:
                open_suites.callback(suite.close)
            if audited.name == plan.candidate:
                rounds = _Rounds(plan, rules, own, progress)
                rounds.draw()
                records += rounds.records(final=True)
                drawn = rounds.drawn()
                continue
            for suite in own:
                suite.leave_out(COMPARATOR)
            records += [suite.record() for suite in own]
    return tuple(records), drawn


class _Rounds:
    def __init__(self, plan: Plan, rules: Policy, own: Sequence[Suite], progress: Progress) -> None:
        self._plan, self._policy, self._suites, self._progress = plan, rules, own, progress
        self._required = {
            index: rule for index, rule in enumerate(rules.rules) if rule.required != "never" and rule.limit is not None
        }
        sets = {name: _clusters(rows[: plan.budget]) for name, rows in plan.examples.items() if name not in SPLITS}
        self._clusters = {name: len(clusters) for name, clusters in sets.items()}
        self._available = max(self._clusters.values())
        # A group in two sets could not be drawn whole from both at the same look.
        apart = len(set().union(*sets.values())) == sum(self._clusters.values())
        self._sequential = {suite.probe.name: apart and self._has_methods(suite.probe) for suite in own}
        self._looks = self._stop = 0
        self._kept: dict[str, ProbeRecord] = {}
        for suite in own:
            if not self._rules_of(suite.probe):
                suite.leave_out(UNREAD)

    def _rules_of(self, probe: Probe) -> dict[int, Rule]:
        return {index: rule for index, rule in self._required.items() if rule.probe == probe.name}

    def _metrics_read(self, probe: Probe) -> dict[str, Metric]:
        names = {rule.metric for rule in self._rules_of(probe).values()}
        declared = registry.metrics_of(probe, self._plan.task)
        return {name: metric for name, metric in declared.items() if name in names}

    def _has_methods(self, probe: Probe) -> bool:
        """Whether every metric that is read has a sequential method."""
        return all(
            metric.tallied and stats.sequential_method(metric.kind, metric.ratio) is not None
            for metric in self._metrics_read(probe).values()
        )

    def draw(self) -> None:
        """Draw until every required rule is decided or nothing is left."""
        open_: dict[int, frozenset[SliceKey]] = dict.fromkeys(self._required, frozenset())
        while open_:
            start, stop = self._stop, min(self._available, self._stop + max(FIRST, self._stop // GROWTH))
            looking = [suite for suite in self._suites if self._may_draw(suite, start, stop, open_)]
            if not looking:
                return
            self._looks += 1
            for suite in looking:
                self._draw(suite, (start, stop), open_)
            if any(self._sequential[suite.probe.name] for suite in looking):
                self._stop = stop
            decision = gate.decide(self._policy, self.records(final=False), self._plan.candidate, interim=True)
            open_ = self._undecided(decision)

    def _may_draw(self, suite: Suite, start: int, stop: int, open_: Mapping[int, frozenset[SliceKey]]) -> bool:
        if not suite.open or not any(index in open_ for index in self._rules_of(suite.probe)):
            return False
        return stop > start if self._sequential[suite.probe.name] else self._looks == 0

    def _draw(self, suite: Suite, clusters: tuple[int, int], open_: Mapping[int, frozenset[SliceKey]]) -> None:
        name, look = suite.probe.name, self._looks
        self._kept.pop(name, None)
        reads = self._reader(suite.probe, open_)
        if self._sequential[name]:
            try:
                suite.draw(self._progress, Draw(clusters, look, reads))
                return
            except NotDrawnError:
                self._sequential[name] = False
        if not all(metric.tallied for metric in self._metrics_read(suite.probe).values()):
            reads = _everything
        suite.draw(self._progress, Draw(None, look, reads))

    def _reader(self, probe: Probe, open_: Mapping[int, frozenset[SliceKey]]) -> Callable[[SliceKey], bool]:
        """Make a function that tells whether open rules read a slice.

        Slices that are compared with it count too.
        """
        metrics = self._metrics_read(probe)
        rules = [(rule, open_[index]) for index, rule in self._rules_of(probe).items() if index in open_]
        references = [metrics[rule.metric].against for rule, _ in rules]
        against = {slice_key(reference) for reference in references if reference is not None}

        @functools.cache
        def reads(key: SliceKey) -> bool:
            return key in against or any(policy.matches(rule, dict(key)) and key not in done for rule, done in rules)

        return reads

    def records(self, *, final: bool) -> list[ProbeRecord]:
        """The candidate's; before the end without what probes measure themselves."""
        return [self._record(suite, final=final) for suite in self._suites]

    def _record(self, suite: Suite, *, final: bool) -> ProbeRecord:
        name = suite.probe.name
        sequential = self._sequential[name]
        if name not in self._kept or (final and sequential):
            draw = Draw((0, self._stop) if sequential else None, self._looks, _everything)
            self._kept[name] = suite.record(draw=draw, whole=final or not sequential)
        return self._kept[name]

    def _undecided(self, decision: Decision) -> dict[int, frozenset[SliceKey]]:
        """Rule → its slices that are done with.

        The rules are those that need more clusters and can have them.
        """
        still_open = {}
        for index, rule in self._required.items():
            verdicts = [verdict for verdict in decision.verdicts if verdict.rule == index]
            if not self._sequential[rule.probe] or any(verdict.outcome == "fail" for verdict in verdicts):
                continue
            if self._kept[rule.probe].status != "measured":
                continue
            done = [self._is_done(rule, verdict) for verdict in verdicts]
            if not all(done):
                named = zip(verdicts, done, strict=True)
                still_open[index] = frozenset(slice_key(verdict.slice or {}) for verdict, over in named if over)
        return still_open

    def _is_done(self, rule: Rule, verdict: Verdict) -> bool:
        slice_ = verdict.slice or {}
        if verdict.outcome == "pass" or self._stop >= self._clusters_for(slice_):
            return True
        record = self._kept[rule.probe]
        return verdict.outcome == "not_applicable" and (
            any(not gap.applies and dict(gap.slice) == dict(slice_) for gap in record.skipped)
            or any(
                measurement.vacuous >= NEARLY_ALL and measurement.n_clusters >= FIRST
                for measurement in record.measurements
                if dict(measurement.slice) == dict(slice_)
            )
        )

    def _clusters_for(self, slice_: Slice) -> int:
        """Clusters that there are of a slice.

        These are clusters of the home domain, and of a set that the slice names.
        """
        return min(self._clusters[name] for name in {HOME, *slice_.values()} if name in self._clusters)

    def drawn(self) -> Drawn:
        slices = tuple(
            self._slice_drawn(record.probe, measurement)
            for record in self._kept.values()
            for measurement in record.measurements
            if any(_judges(rule, record.probe, measurement) for rule in self._required.values())
        )
        mine = [slice_ for slice_ in slices if slice_.design == "sequential"]
        available = sum(slice_.available for slice_ in mine)
        saved = 1.0 - sum(slice_.clusters for slice_ in mine) / available if available else 0.0
        return Drawn(self._looks, self._stop, self._available, slices, max(saved, 0.0))

    def _slice_drawn(self, probe: str, measurement: Measurement) -> SliceDrawn:
        sequential = self._sequential[probe]
        available = self._clusters_for(measurement.slice) if sequential else measurement.n_clusters
        design = "sequential" if sequential else "fixed"
        return SliceDrawn(probe, measurement.metric, dict(measurement.slice), measurement.n_clusters, available, design)


def _judges(rule: Rule, probe: str, measurement: Measurement) -> bool:
    return rule.probe == probe and rule.metric == measurement.metric and policy.matches(rule, measurement.slice)


def _by_group(examples: Sequence[Example], seed: int, name: str) -> Sequence[Example]:
    """Put examples of one cluster side by side.

    The clusters stand in a seeded order in which their sizes have no say.
    """
    names = sorted(_clusters(examples))
    if len(names) == len(examples):
        return examples
    seeded(seed, "groups", name).shuffle(names)
    ranks = {cluster: rank for rank, cluster in enumerate(names)}
    return sorted(examples, key=lambda example: ranks[example.cluster])


def _clusters(examples: Sequence[Example]) -> set[str]:
    return {example.cluster for example in examples}


def _everything(_key: SliceKey) -> bool:
    return True
