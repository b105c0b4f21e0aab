"""One probe on one model: cases drawn, scored, judged and added up."""

from __future__ import annotations

import contextlib
import functools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from typing import Any

from auditor.engine import Scorer
from auditor.errors import ProbeError
from auditor.evaluation import available
from auditor.evaluation.case_spool import Spool
from auditor.evaluation.clean_answers import clean_answers
from auditor.evaluation.inquiries import inquired
from auditor.evaluation.judging import WorstCasesKept, judge
from auditor.evaluation.own_numbers import Yielded
from auditor.evaluation.plan import AuditedModel, Plan
from auditor.evaluation.probe_audit import BoundAudit
from auditor.evaluation.sampling import Draw
from auditor.evaluation.well_formed import check
from auditor.evaluation.write_errors import guarded
from auditor.metrics.aggregation import Reads, SliceKey, Tally, slice_key
from auditor.plugins import registry
from auditor.types import (
    HOME,
    Case,
    Example,
    Inquiry,
    Measurement,
    Model,
    Probe,
    ProbeDefaults,
    Progress,
    ScoredCase,
    Silent,
    Skipped,
    Slice,
)

Sink = Callable[[str, str, ScoredCase], None]
"""Where scored cases go as they are made: (model, probe, case)."""


def scorer_for(plan: Plan, model: Model) -> Scorer:
    """A scorer as the plan has it, prepared with the home domain."""
    scorer = Scorer(model, plan.task, batch_tokens=plan.batch_tokens, width=plan.lockstep, cache=plan.cache)
    scorer.prepare(plan.examples[HOME])
    return scorer


class _Nested:
    """Other probes on other models, within one probe.

    Their cases are in their own records, and their answers in the cache.
    """

    def __init__(self, plan: Plan, counts: Counter[str], progress: Progress) -> None:
        self._plan, self._counts, self._progress = plan, counts, progress
        self._scorer: tuple[Model, Scorer] | None = None

    def findings(self, inquiry: Inquiry, model: Model) -> Sequence[Measurement] | str:
        """As ``Audit.findings``."""
        audited = AuditedModel(model)
        answering = inquired(self._plan, audited, inquiry)
        if isinstance(answering, str):
            return answering
        plan, probe = answering
        # The clean pass that narrows intervals would cost more than the few examples that are asked of each model.
        nested = Measuring(plan, audited, probe, self._for(model), _nowhere, predicts=False)
        with contextlib.closing(nested) as measuring:
            measuring.draw(self._progress)
            measured = measuring.results()
        self._counts.update(measured["counts"])
        nothing = (gap.reason for gap in measured["skipped"])
        return tuple(measured["measurements"]) or next(nothing, "nothing could be measured")

    def _for(self, model: Model) -> Scorer:
        """The scorer of all probes on a model.

        All probes share the answers to the clean examples.
        """
        if self._scorer is None or self._scorer[0] is not model:
            self._scorer = model, scorer_for(self._plan, model)
        return self._scorer[1]


def _nowhere(_model: str, _probe: str, _case: ScoredCase) -> None:
    """Keep no case: those of other probes are in their records."""


def measures(probe: Probe) -> bool:
    """Whether the probe has numbers of its own.

    Judged cases are kept for such a probe alone.
    """
    return getattr(probe.measure, "__func__", None) is not ProbeDefaults.measure


class NotDrawnError(Exception):
    """Cases are of examples that the look did not draw.

    Such a probe cannot be looked at in rounds, or no further.
    """


class Measuring:
    """What one probe finds of one model.

    ``draw`` may be called any number of times, then ``results``.
    """

    def __init__(
        self, plan: Plan, audited: AuditedModel, probe: Probe, scorer: Scorer, sink: Sink, *, predicts: bool = True
    ) -> None:
        self._plan, self._audited, self._probe = plan, audited, probe
        self._scorer, self._sink = scorer, guarded(sink)
        self._own = (plan, audited, probe, scorer)
        self._spool = Spool()
        self._keep = guarded(self._spool.add)
        own = registry.metrics_of(probe, plan.task).values()
        self._tally, self._worst = Tally(own, probe.pools), WorstCasesKept(plan.task)
        self._predicts = predicts and any(metric.predicted_by_clean for metric in own)
        self._measures = measures(probe)
        self._skipped: list[Skipped] = []
        self._counts: Counter[str] = Counter(invalid=0)
        self._reloaded: Model | None = None
        self.unanswered: dict[str, str] = {}
        """Examples whose cases were left out because the model fails on a text, and what it said."""
        self._clusters: set[str] = set()
        """Those that a case came of."""
        self._drawn: list[tuple[Set[str], Reads | None]] = []
        """Clusters that it asked for by number, and the slices that they were drawn for; None: all."""
        self.asked: dict[str, int] = {}
        """Audited sets of which it asked for a number of examples, and that number."""
        self.by_slice: Counter[SliceKey] = Counter()
        """Slice that its cases name → its cases so far; a pool has none of its own."""
        self.of_its_examples = True
        """Whether every case so far is of an example that it asked for by number."""

    @property
    def slices(self) -> Set[SliceKey]:
        """Slices and pools that have a case."""
        return self._tally.slices

    @property
    def cases(self) -> int:
        """Cases scored so far."""
        return self._counts["cases"]

    def draw(self, progress: Progress, draw: Draw | None = None) -> int:
        """Score the probe's cases and count them.

        ``draw`` selects cases of its examples, in the slices that it reads. For cases of examples that the look did not
        draw it raises NotDrawnError, with nothing scored; ProbeError at a later look that was not planned.
        """
        drawn: set[str] = set()

        def register(name: str, n: int | None, examples: Sequence[Example]) -> None:
            if n is None and draw is not None and draw.partial:
                return
            clusters = [example.cluster for example in examples]
            self._tally.register(clusters, None if draw is None else draw.reads)
            if n is not None:
                self.asked[name] = max(n, self.asked.get(name, 0))
                drawn.update(clusters)
                self._drawn.append((set(clusters), None if draw is None else draw.reads))

        audit = BoundAudit(*self._own, draw, register, again=self._loaded_again, progress=progress)
        self._scorer.reset()
        cases = self._checked(self._cases(self._probe.cases(audit), progress, draw), drawn, draw)
        for scored in self._scorer.score(cases, reloaded=self._fresh, again=self._loaded_again):
            self._add(scored, draw)
        if self._predicts and (draw is None or draw.clusters is None):
            self._tally.predict(clean_answers(self._plan, self._scorer))
        self._counts.update(self._scorer.counts)
        self.unanswered = {**self._scorer.unanswered, **self.unanswered}
        return self._scorer.counts["cases"]

    def results(
        self, draw: Draw | None = None, *, whole: bool = True, progress: Progress | None = None
    ) -> dict[str, Any]:
        """The measured parts of the probe's record.

        They may be asked for again. Unless ``whole``, they lack the probe's own numbers.
        """
        sequential = draw is not None and draw.clusters is not None
        own = Yielded(list(self._tally.measurements(sequential=sequential)), list(self._skipped))
        counts = self._counts.copy()
        if self._measures and whole:
            nested = _Nested(self._plan, counts, progress or Silent())
            audit = BoundAudit(*self._own, draw, nested=nested.findings, progress=progress)
            self._scorer.reset()
            own.take(self._probe.measure(self._spool, audit), self._probe.name)
            counts.update(self._scorer.counts)
        skipped = _gaps(own.skipped, own.measurements) if sequential else own.skipped
        return {
            "measurements": tuple(available.told(own.measurements, self._probe, self._plan.examples, self._drawn_for)),
            "skipped": tuple(skipped),
            "worst": self._worst.cases(),
            "pairs": tuple(own.pairs),
            "tables": tuple(own.tables),
            "weighted_texts": tuple(own.weighted_texts),
            "counts": {name: int(counts[name]) for name in sorted(counts)},
        }

    def _drawn_for(self, slice_: Slice) -> Set[str]:
        """The clusters drawn for a slice.

        Of a probe that does not ask for them by number they are all that have a case.
        """
        if not self.of_its_examples:
            return self._clusters
        key = slice_key(slice_)
        return set().union(*(clusters for clusters, reads in self._drawn if reads is None or reads(key)))

    def close(self) -> None:
        """Let go of the cases kept."""
        self._spool.close()

    def _fresh(self) -> Model | None:
        """The reloaded checkpoint, for interactive probes.

        An attack's success counts only if this checkpoint agrees.
        """
        return self._loaded_again() if self._probe.interactive else None

    def _loaded_again(self) -> Model:
        if self._reloaded is None:
            self._reloaded = self._audited.model.reload()
        return self._reloaded

    def _add(self, scored: ScoredCase, draw: Draw | None) -> None:
        self._sink(self._audited.name, self._probe.name, scored)
        if scored.edited.invalid:
            self._counts["invalid"] += 1
            return
        judged = judge(scored, self._plan.task, details=self._probe.reads_details, attacked=self._probe.interactive)
        self._clusters.add(judged.cluster)
        self.by_slice[slice_key(judged.slice)] += 1
        self._tally.add(judged, None if draw is None else draw.reads)
        if self._probe.worth_showing(judged):
            self._worst.add(scored, judged, self._probe.worst_by(judged))
        if self._measures:
            self._keep(judged)

    def _cases(self, items: Iterable[Case | Skipped], progress: Progress, draw: Draw | None) -> Iterator[Case]:
        for item in items:
            check(item, self._probe.name)
            if isinstance(item, Skipped):
                self._skipped.append(item)
            elif self._probe.scope == "data":
                problem = 'makes a case, which asks the model, but its scope is "data"'
                raise ProbeError(problem, where=f"probe {self._probe.name}", hint="yield numbers from measure()")
            elif draw is None or draw.wants(item.slice, self._probe):
                # As it is drawn: an attack's work is done by then, and a window later it would seem to stand still.
                progress.advance()
                yield item

    def _checked(self, cases: Iterator[Case], drawn: Set[str], draw: Draw | None) -> Iterator[Case]:
        """The cases, with a check that this look drew their clusters.

        A draw that is not partial only notes whether it did.
        """
        if draw is None or not draw.partial:
            return map(functools.partial(self._noted, drawn), cases)
        if draw.look > 1 and not draw.planned:
            return map(functools.partial(self._of_this_look, drawn), cases)
        # That a probe makes its cases otherwise has to be known before any is scored, counted and written.
        skipped, every = len(self._skipped), list(cases)
        if any(_cluster(case) not in drawn for case in every):
            del self._skipped[skipped:]
            raise NotDrawnError
        return iter(every)

    def _noted(self, drawn: Set[str], case: Case) -> Case:
        self.of_its_examples = self.of_its_examples and _cluster(case) in drawn
        return case

    def _of_this_look(self, drawn: Set[str], case: Case) -> Case:
        if _cluster(case) in drawn:
            return case
        problem = f"a case of {_cluster(case)!r}, which this look did not draw"
        raise ProbeError(problem, where=f"probe {self._probe.name}")


def _cluster(case: Case) -> str:
    return case.cluster or case.example.cluster


def _gaps(skipped: Iterable[Skipped], measurements: Sequence[Measurement]) -> Iterator[Skipped]:
    """What every look skipped, once: not the slices that another one measured."""
    measured = {slice_key(measurement.slice) for measurement in measurements}
    gaps = {(slice_key(gap.slice), gap.reason): gap for gap in skipped}
    return (gap for (key, _), gap in gaps.items() if key not in measured)
