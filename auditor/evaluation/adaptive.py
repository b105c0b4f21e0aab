"""``audit run``: default sizes first, then more examples of undecided required slices.

The first look is the audit of fixed size: every probe, every slice, every model. Later looks, at most two, draw more
examples of the candidate alone, for slices that required rules read and whose verdict is undecided, at sizes fixed
before anything is measured (``stats.looks.sizes``): those of the probe's setting, of all rows that there are (within
the budget), and in between. So after its look a slice has the rows of a fixed design of that size, and is judged by the
same methods, at the look's share of the error. Everything else keeps the numbers of the first look.

A probe is drawn once, at the whole error, where its cases are of sentences of its own, where it makes none (it trains),
where it reads whole sets, where it searches for what its slices are about, and where its set has fewer than 1.5 times
as many rows (then it takes them all, unless the config sets its number).
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from auditor import stats
from auditor.evaluation.plan import Plan
from auditor.evaluation.probe_run import NotDrawnError, Sink
from auditor.evaluation.rounds import Drawn, Open, Rounds, SliceDrawn, TimeLeft, everything, unlimited
from auditor.evaluation.runner import Suite, suites, whole
from auditor.evaluation.sampling import Draw
from auditor.evaluation.write_errors import writing
from auditor.metrics.aggregation import Reads, SliceKey, keys_of, slice_key
from auditor.stats.looks import ALL, OTHERS, OWN, SEARCH
from auditor.types import HOME, Measurement, ProbeRecord, Progress, Rule, Slice, Verdict
from auditor.verdicts.policy import Policy


def run(
    plan: Plan, rules: Policy, sink: Sink, progress: Progress, time_left: TimeLeft = unlimited
) -> tuple[tuple[ProbeRecord, ...], Drawn]:
    """Records of every model and probe, and how much was drawn.

    Every model's first look is made before the candidate's others. Raises as ``runner.run`` does.
    """
    records: dict[str, list[ProbeRecord]] = {audited.name: [] for audited in plan.models}
    with writing(), contextlib.ExitStack() as open_suites:
        for audited in plan.models:
            if audited.name == plan.candidate:
                own = list(suites(plan, audited, sink))
                # Closed in their order, the last one added first.
                for suite in reversed(own):
                    open_suites.callback(suite.close)
                rounds = Looks(plan, rules, own, progress, time_left)
            else:
                records[audited.name] = list(whole(plan, audited, sink, progress))
        rounds.draw()
        records[plan.candidate] = rounds.records()
    return tuple(record for own_records in records.values() for record in own_records), rounds.drawn()


class Looks(Rounds):
    """The looks at a candidate; the first is made at once."""

    def __init__(
        self, plan: Plan, rules: Policy, own: Sequence[Suite], progress: Progress, time_left: TimeLeft
    ) -> None:
        super().__init__(plan, rules, own, progress, time_left)
        self._by_name = {suite.probe.name: suite for suite in own}
        self._looks = 1
        self._at: dict[tuple[str, SliceKey], int] = {}
        """Probe and slice → the look at which its last examples came."""
        self._last = dict.fromkeys(self._by_name, 1)
        """Probe → its last look, at which slices stand that had no case before."""
        self._fixed: dict[str, str] = {}
        """Probe → why it is drawn once."""
        self._pace: dict[str, float] = {}
        """Probe → seconds that a case took when it was last drawn; without a time limit they are not known."""
        for suite in own:
            self._draw_of(suite, None)
            record = suite.record(progress)
            name = suite.probe.name
            self._at |= {(name, key): 1 for key in suite.slices}
            self._kept[name] = record
            reason = self._drawn_once(suite)
            if reason is not None:
                self._fixed[name] = reason
        self._together = {suite.probe.name for suite in own if self._own_slices(suite)}
        """Probes whose slices are all drawn together."""
        self._planned = max(
            (
                len(self._sizes_of(suite, name))
                for suite in own
                if self._rules_of(suite.probe) and suite.probe.name not in self._fixed
                for name in suite.asked
            ),
            default=1,
        )
        for suite in own:
            if suite.probe.name not in self._fixed:
                self._kept[suite.probe.name] = self._marked(suite)

    def _drawn_once(self, suite: Suite) -> str | None:
        """The reason to draw a required rule's probe once, or None."""
        if not suite.asked:
            return OWN
        if not suite.of_its_examples:
            return OTHERS
        if suite.probe.searches:
            return SEARCH
        if all(len(self._sizes_of(suite, name)) == 1 for name in suite.asked):
            return ALL
        return None

    def _own_slices(self, suite: Suite) -> bool:
        """Tell whether a required rule reads slices of the probe's own numbers.

        No case has those slices: the probe measures the numbers itself.
        """
        own = {name for name, metric in self._metrics_read(suite.probe).items() if not metric.tallied}
        keys = {
            slice_key(measurement.slice)
            for measurement in self._kept[suite.probe.name].measurements
            if measurement.metric in own
        }
        return any(self._reads(suite, key) and key not in suite.slices for key in keys)

    def _reads(self, suite: Suite, key: SliceKey) -> bool:
        """Whether any required rule reads a slice."""
        return self._reader(suite.probe, dict.fromkeys(self._required, frozenset()))(key)

    @property
    def planned(self) -> int:
        """The most looks that any slice of a required rule may have."""
        return self._planned

    def _sizes_of(self, suite: Suite, name: str) -> tuple[int, ...]:
        return stats.looks.sizes(suite.asked[name], len(self._plan.examples[name][: self._plan.budget]))

    def _sizes(self, probe: str, slice_: Slice) -> tuple[int, ...]:
        """Rows at each look of the set that the slice names.

        A slice that names none has those of the home domain.
        """
        suite = self._by_name[probe]
        name = next((value for value in slice_.values() if value in suite.asked), HOME)
        return self._sizes_of(suite, name) if name in suite.asked and probe not in self._fixed else (0,)

    def _look(self, probe: str, key: SliceKey) -> int:
        return min(self._at.get((probe, key), self._last[probe]), len(self._sizes(probe, dict(key))))

    def _draws(self, probe: str) -> bool:
        return probe not in self._fixed

    def _exhausted(self, probe: str, slice_: Slice) -> bool:
        return self._look(probe, slice_key(slice_)) >= len(self._sizes(probe, slice_))

    def _is_done(self, rule: Rule, verdict: Verdict) -> bool:
        # What a probe could not measure it cannot at the next look; a slice that has had no case may get one.
        missing = verdict.outcome == "not_measured" and any(
            dict(gap.slice) == dict(verdict.slice or {}) for gap in self._kept[rule.probe].skipped
        )
        return missing or super()._is_done(rule, verdict)

    def _portions(self, open_: Open) -> Sequence[tuple[Suite, Draw]]:
        portions = []
        for suite in self._suites:
            name = suite.probe.name
            if (
                name in self._fixed
                or not suite.open
                or not any(index in open_ for index in self._rules_of(suite.probe))
            ):
                continue
            reads = everything if name in self._together else self._reader(suite.probe, open_)
            judged = everything if name in self._together else self._reader(suite.probe, open_, references=False)
            left = {key for key in suite.slices if judged(key) and not self._exhausted(name, dict(key))}
            for look in sorted({self._look(name, key) + 1 for key in left}):
                portions.append((suite, Draw(None, look, self._at_look(name, look, reads), planned=True)))
        return portions

    def _at_look(self, probe: str, look: int, reads: Reads) -> Reads:
        """A test whether a slice is read and due at this look.

        It is due where it stands just before the look, as things are now.
        """
        before = {key: at for (name, key), at in self._at.items() if name == probe}
        last = self._last[probe]

        def takes(key: SliceKey) -> bool:
            return before.get(key, last) + 1 == look and reads(key)

        return takes

    def _draw(self, portions: Sequence[tuple[Suite, Draw]]) -> None:
        for suite, draw in portions:
            name = suite.probe.name
            if name in self._fixed:
                continue
            try:
                self._draw_of(suite, draw)
            except NotDrawnError:
                self._fixed[name] = OTHERS
                continue
            self._at |= {(name, key): draw.look for key in suite.slices if draw.reads(key)}
            self._last[name] = max(self._last[name], draw.look)
            self._kept[name] = self._drawn_on(suite, draw.reads)

    def _draw_of(self, suite: Suite, draw: Draw | None) -> None:
        left, cases = self._time_left(), suite.cases
        suite.draw(self._progress, draw)
        if math.isfinite(left) and suite.cases > cases:
            self._pace[suite.probe.name] = (left - self._time_left()) / (suite.cases - cases)

    def _seconds(self, portions: Sequence[tuple[Suite, Draw]]) -> float:
        """Estimate the seconds that the cases take.

        There are taken to be as many a row as so far. A case counts once, however many pools read it.
        """
        seconds = 0.0
        for suite, draw in portions:
            name, cases = suite.probe.name, 0.0
            for key, so_far in suite.by_slice.items():
                sizes = self._sizes(name, dict(key))
                if draw.wants(dict(key), suite.probe) and draw.look <= len(sizes):
                    look = max(self._look(name, own) for own in keys_of(dict(key), suite.probe.pools))
                    rows = sizes[draw.look - 1] - sizes[draw.look - 2]
                    cases += so_far * rows / sizes[look - 1]
            seconds += self._pace.get(name, 0.0) * cases
        return seconds

    def _drawn_on(self, suite: Suite, reads: Reads) -> ProbeRecord:
        """The record, in which all but the slices drawn keeps its numbers."""
        name = suite.probe.name
        whole = any(not metric.tallied for metric in self._metrics_read(suite.probe).values())
        record, before = suite.record(whole=whole), self._kept[name]
        if record.status != "measured":
            return record
        taken = everything if name in self._together else reads
        measurements = {
            (measurement.metric, slice_key(measurement.slice)): measurement for measurement in before.measurements
        }
        for measurement in record.measurements:
            key = slice_key(measurement.slice)
            if measurement.rows and taken(key):
                measurements[measurement.metric, key] = self._with_look(name, measurement)
        new = {key for _, key in measurements} - {slice_key(measurement.slice) for measurement in before.measurements}
        gaps = (gap for gap in before.skipped if slice_key(gap.slice) not in new)
        return replace(record, measurements=tuple(measurements.values()), skipped=tuple(gaps))

    def _marked(self, suite: Suite) -> ProbeRecord:
        """The first look's record, marking slices that may be drawn on."""
        record, name = self._kept[suite.probe.name], suite.probe.name
        marked = (
            self._with_look(name, measurement)
            if measurement.rows and (name in self._together or self._reads(suite, slice_key(measurement.slice)))
            else measurement
            for measurement in record.measurements
        )
        return replace(record, measurements=tuple(marked)) if self._rules_of(suite.probe) else record

    def _with_look(self, probe: str, measurement: Measurement) -> Measurement:
        look = self._look(probe, slice_key(measurement.slice))
        return replace(measurement, look=look, looks=len(self._sizes(probe, measurement.slice)))

    def records(self) -> list[ProbeRecord]:
        """The candidate's, after the last look."""
        return [self._kept[suite.probe.name] for suite in self._suites]

    def drawn(self) -> Drawn:
        """How much was drawn, of what there was."""
        slices = self._slices_drawn()
        rows = [
            (sizes[self._look(drawn.probe, slice_key(drawn.slice)) - 1], sizes[-1])
            for drawn in slices
            if len(sizes := self._sizes(drawn.probe, drawn.slice)) > 1
        ]
        drawn, available = sum(taken for taken, _ in rows), sum(there for _, there in rows)
        return Drawn(
            max(self._last.values()),
            max((taken for taken, _ in rows), default=0),
            max((there for _, there in rows), default=0),
            slices,
            1.0 - drawn / available if available else 0.0,
            self.planned,
            self._stopped,
        )

    def _slice_drawn(self, probe: str, measurement: Measurement) -> SliceDrawn:
        clusters = measurement.n_clusters
        reason = self._fixed.get(probe) or (ALL if measurement.looks == 1 else None)
        available = clusters if reason else max(measurement.available or 0, clusters)
        design: Literal["fixed", "adaptive"] = "fixed" if reason else "adaptive"
        return SliceDrawn(probe, measurement.metric, dict(measurement.slice), clusters, available, design, reason)
