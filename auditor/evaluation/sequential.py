"""``--until-decided``: as few examples as the verdicts need.

Examples are drawn in their seeded order, a round at a time; after each round the gate looks. Metrics that are means,
paired changes or differences are bounded by confidence sequences, which hold at any number of looks
(``stats.sequential``). The clusters of a slice are those that have a case in it: an i.i.d. sample of the population's
part that has one.

A probe keeps its fixed design, drawn once, where a required rule reads any other metric (F1, gaps, what the probe's own
``measure`` yields), where its cases are not of the examples drawn (sentences of its own), and where a group occurs in
two sets. Groups are drawn whole, in a seeded order of their own: in that of their examples the large ones came first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace

from auditor import stats
from auditor.evaluation.plan import Plan
from auditor.evaluation.probe_run import NotDrawnError, Sink
from auditor.evaluation.rounds import Drawn, Open, Rounds, SliceDrawn, TimeLeft, everything, unlimited
from auditor.evaluation.runner import Suite, suites
from auditor.evaluation.sampling import SPLITS, Draw, seeded
from auditor.evaluation.write_errors import writing
from auditor.types import HOME, Example, Measurement, Probe, ProbeRecord, Progress, Slice
from auditor.verdicts.policy import Policy

FIRST = 64
"""Clusters (examples, where no column groups them) of every set in the first rounds."""
GROWTH = 4
"""Later rounds draw a quarter of what was drawn: a verdict comes at most so much later than it could."""
UNREAD = "no required rule reads it (--until-decided)"
COMPARATOR = "a comparator decides nothing (--until-decided)"


def run(
    plan: Plan, rules: Policy, sink: Sink, progress: Progress, time_left: TimeLeft = unlimited
) -> tuple[tuple[ProbeRecord, ...], Drawn]:
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
                rounds = _Betting(plan, rules, own, progress, time_left)
                rounds.draw()
                records += rounds.records()
                drawn = rounds.drawn()
                continue
            for suite in own:
                suite.leave_out(COMPARATOR)
            records += [suite.record() for suite in own]
    return tuple(records), drawn


class _Betting(Rounds):
    interim = True

    def __init__(
        self, plan: Plan, rules: Policy, own: Sequence[Suite], progress: Progress, time_left: TimeLeft
    ) -> None:
        super().__init__(plan, rules, own, progress, time_left)
        sets = {name: _clusters(rows[: plan.budget]) for name, rows in plan.examples.items() if name not in SPLITS}
        self._clusters = {name: len(clusters) for name, clusters in sets.items()}
        self._available = max(self._clusters.values())
        # A group in two sets could not be drawn whole from both at the same look.
        apart = len(set().union(*sets.values())) == sum(self._clusters.values())
        self._sequential = {suite.probe.name: apart and self._has_methods(suite.probe) for suite in own}
        self._stop = 0
        for suite in own:
            if not self._rules_of(suite.probe):
                suite.leave_out(UNREAD)

    def _has_methods(self, probe: Probe) -> bool:
        """Whether every metric that is read has a sequential method."""
        return all(
            metric.tallied and stats.sequential_method(metric.kind, metric.ratio) is not None
            for metric in self._metrics_read(probe).values()
        )

    def _draws(self, probe: str) -> bool:
        return self._sequential[probe]

    def _exhausted(self, _probe: str, slice_: Slice) -> bool:
        return self._stop >= self._clusters_for(slice_)

    def _portions(self, open_: Open) -> Sequence[tuple[Suite, Draw]]:
        start, stop = self._stop, min(self._available, self._stop + max(FIRST, self._stop // GROWTH))
        portions = []
        for suite in self._suites:
            if not suite.open or not any(index in open_ for index in self._rules_of(suite.probe)):
                continue
            sequential, reads = self._sequential[suite.probe.name], self._reader(suite.probe, open_)
            if stop > start if sequential else self._looks == 0:
                portions.append((suite, Draw((start, stop) if sequential else None, self._looks + 1, reads)))
        return portions

    def _draw(self, portions: Sequence[tuple[Suite, Draw]]) -> None:
        for suite, draw in portions:
            self._draw_of(suite, draw)
        if any(self._sequential[suite.probe.name] for suite, _ in portions):
            self._stop = next(draw.clusters[1] for _, draw in portions if draw.clusters is not None)

    def _draw_of(self, suite: Suite, draw: Draw) -> None:
        name = suite.probe.name
        self._kept.pop(name, None)
        if self._sequential[name]:
            try:
                suite.draw(self._progress, draw)
                return
            except NotDrawnError:
                self._sequential[name] = False
        tallied = all(metric.tallied for metric in self._metrics_read(suite.probe).values())
        suite.draw(self._progress, Draw(None, draw.look, draw.reads if tallied else everything))

    def records(self) -> list[ProbeRecord]:
        """The candidate's, at the end."""
        return [self._record(suite, final=True) for suite in self._suites]

    def _records_so_far(self) -> list[ProbeRecord]:
        # Without what probes measure themselves: no rule of a sequential design reads it.
        return [self._record(suite, final=False) for suite in self._suites]

    def _record(self, suite: Suite, *, final: bool) -> ProbeRecord:
        name = suite.probe.name
        sequential = self._sequential[name]
        if name not in self._kept or (final and sequential):
            draw = Draw((0, self._stop) if sequential else None, self._looks, everything)
            self._kept[name] = suite.record(draw=draw, whole=final or not sequential)
        return self._kept[name]

    def _clusters_for(self, slice_: Slice) -> int:
        """Clusters that there are of a slice.

        These are clusters of the home domain, and of a set that the slice names.
        """
        return min(self._clusters[name] for name in {HOME, *slice_.values()} if name in self._clusters)

    def drawn(self) -> Drawn:
        """What looking early saved."""
        slices = self._slices_drawn()
        mine = [slice_ for slice_ in slices if slice_.design == "sequential"]
        available = sum(slice_.available for slice_ in mine)
        saved = 1.0 - sum(slice_.clusters for slice_ in mine) / available if available else 0.0
        return Drawn(self._looks, self._stop, self._available, slices, max(saved, 0.0), stopped=self._stopped)

    def _slice_drawn(self, probe: str, measurement: Measurement) -> SliceDrawn:
        clusters = measurement.n_clusters
        if not self._sequential[probe]:
            return SliceDrawn(probe, measurement.metric, dict(measurement.slice), clusters, clusters, "fixed")
        available = self._clusters_for(measurement.slice)
        return SliceDrawn(probe, measurement.metric, dict(measurement.slice), clusters, available, "sequential")


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
