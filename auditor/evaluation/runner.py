"""Probes × models → records.

This module has the project's only broad ``except``: a crashed probe becomes a record.
"""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

from auditor import metrics
from auditor.engine import Scorer
from auditor.errors import AuditError, ConfigError, ProbeError
from auditor.evaluation import estimating
from auditor.evaluation.needs import left_out
from auditor.evaluation.plan import AuditedModel, Plan, recorded_settings
from auditor.evaluation.probe_run import Measuring, NotDrawnError, Sink, scorer_for
from auditor.evaluation.sampling import Draw
from auditor.evaluation.write_errors import WriteError, writing
from auditor.metrics.aggregation import SliceKey
from auditor.plugins import registry
from auditor.types import Measurement, Metric, Probe, ProbeRecord, Progress


def run(plan: Plan, sink: Sink, progress: Progress) -> tuple[ProbeRecord, ...]:
    """Make one record for each model and discovered probe.

    Records follow the order of models and probes. ConfigError, OSError of the sink or the spool and KeyboardInterrupt
    go through; any other exception of a probe becomes a ``failed`` record with its traceback in ``plan.errors``.
    """
    records: list[ProbeRecord] = []
    with writing():
        for audited in plan.models:
            records += whole(plan, audited, sink, progress)
    return tuple(records)


def whole(plan: Plan, audited: AuditedModel, sink: Sink, progress: Progress) -> Iterator[ProbeRecord]:
    """One model's records, each probe drawn once."""
    for suite in suites(plan, audited, sink):
        with contextlib.closing(suite):
            suite.draw(progress)
            yield suite.record(progress)


def suites(plan: Plan, audited: AuditedModel, sink: Sink) -> Iterator[Suite]:
    """Every probe of the plan on one model.

    All probes share the answers to the clean examples.
    """
    scorer = scorer_for(plan, audited.model)
    for probe in plan.probes:
        yield Suite(plan, audited, probe, scorer, sink)


class Suite:
    """One probe on one model.

    An exception ends this probe alone: its broken model must not cost the results of others.
    """

    def __init__(self, plan: Plan, audited: AuditedModel, probe: Probe, scorer: Scorer, sink: Sink) -> None:
        self._plan, self._audited, self.probe = plan, audited, probe
        self._missing, self._reason = left_out(plan, audited, probe)
        self._failed = False
        self._measuring = Measuring(plan, audited, probe, scorer, sink)
        self._seconds: float | None = 0.0
        """That the first look took; None once they are kept, or where answers of an earlier run shorten them."""

    @property
    def open(self) -> bool:
        """Whether it can run and has not crashed."""
        return self._reason is None

    @property
    def asked(self) -> Mapping[str, int]:
        """Audited set → number of examples that its cases took of it."""
        return self._measuring.asked

    @property
    def slices(self) -> Set[SliceKey]:
        """Slices and pools that have a case."""
        return self._measuring.slices

    @property
    def cases(self) -> int:
        """Cases so far."""
        return self._measuring.cases

    @property
    def by_slice(self) -> Mapping[SliceKey, int]:
        """Slice that its cases name → its cases so far."""
        return self._measuring.by_slice

    @property
    def of_its_examples(self) -> bool:
        """Whether every case so far is of an example taken by number."""
        return self._measuring.of_its_examples

    def draw(self, progress: Progress, draw: Draw | None = None) -> None:
        """Score its cases; nothing where it cannot run or has crashed."""
        if self._reason is not None:
            return
        look = f", look {draw.look}" if draw else ""
        cache, work = self._plan.cache, estimating.work_key(self._plan, self.probe)
        cases = None if draw else estimating.expected_cases(self._plan, self._audited, self.probe)
        progress.start(f"{estimating.piece(self._audited, self.probe)}{look}", cases)
        with self._alone(progress), self._timed():
            cases = self._measuring.draw(progress, draw)
            if draw is not None:
                progress.finish()
            else:
                cache.remember(work, cases)

    def close(self) -> None:
        """Let go of what waits on disk.

        Every text that was left out is named in the plan's errors.
        """
        self._measuring.close()
        suite = f"{self._audited.name}: {self.probe.name}"
        for name, reason in self._measuring.unanswered.items():
            self._plan.errors.append(f"{suite}: {self._plan.row(name)} is left out: the model {reason}")

    def _left_out(self, count: int) -> str:
        """Words on the cases without an answer; empty where there are none."""
        if not count:
            return ""
        name, reason = next(iter(self._measuring.unanswered.items()))
        return f", {count} left out: the model {reason} ({self._plan.row(name)})"

    def leave_out(self, reason: str) -> None:
        """Do not run the probe, and say why in its record."""
        self._reason = self._reason or reason

    def record(
        self,
        progress: Progress | None = None,
        draw: Draw | None = None,
        *,
        whole: bool = True,
    ) -> ProbeRecord:
        """The probe's record, by sequential methods after looks.

        Unless ``whole``, the record lacks the probe's own numbers.
        """
        parts: dict[str, Any] = {}
        if self._reason is None:
            with self._alone(progress), self._timed():
                measured = self._measuring.results(draw, whole=whole, progress=progress)
                self._check(measured["measurements"])
                parts = measured
                if progress is not None:
                    note = f"{parts['counts']['cases']} cases, {len(parts['measurements'])} measurements"
                    progress.finish(note + self._left_out(parts["counts"].get("unanswered", 0)))
            if progress is not None and not self._failed:
                self._keep_seconds(draw)
        record = ProbeRecord(
            model=self._audited.name,
            probe=self.probe.name,
            status="failed" if self._failed else "measured" if self._reason is None else "not_applicable",
            reason=self._reason,
            missing=self._missing,
            limitation=self.probe.limitation,
            role=self.probe.role,
            description=registry.description(self.probe),
            settings=recorded_settings(self._plan, self.probe),
            metrics=tuple(registry.metrics_of(self.probe, self._plan.task).values()),
            **parts,
        )
        if progress is not None and self._audited.name == self._plan.candidate:
            self._plan.watch.recorded(record)
        return record

    @contextlib.contextmanager
    def _timed(self) -> Iterator[None]:
        cache, began = self._plan.cache, time.perf_counter()
        hits = cache.hits
        yield
        if self._seconds is not None:
            self._seconds = None if cache.hits > hits else self._seconds + time.perf_counter() - began

    def _keep_seconds(self, draw: Draw | None) -> None:
        """Keep how long the whole first look took, for estimates."""
        if draw is None and self._seconds is not None:
            estimating.remember_seconds(self._plan, self._audited, self.probe, self._seconds)
        self._seconds = None

    def _check(self, measurements: Iterable[Measurement]) -> None:
        """Check that what the probe measured itself follows from its rows.

        Otherwise the results would be refused when they are read.
        """
        by_name = registry.metrics_of(self.probe, self._plan.task)
        where = f"probe {self.probe.name}"
        for measurement in measurements:
            metric = by_name.get(measurement.metric)
            if metric is None:
                raise ProbeError(f"measures {measurement.metric!r}, which is none of its metrics", where=where)
            if metric.kind != "descriptive" and not metric.tallied and not _follows(metric, measurement):
                hint = "make it with metrics.measurement"
                raise ProbeError(
                    f"a measurement of {measurement.metric!r} does not follow from its rows", where=where, hint=hint
                )

    @contextlib.contextmanager
    def _alone(self, progress: Progress | None) -> Iterator[None]:
        try:
            yield
        except (ConfigError, WriteError, NotDrawnError):
            raise
        except (Exception, SystemExit) as error:
            self._failed = True
            self._reason = error.line if isinstance(error, AuditError) else f"{type(error).__name__}: {error}"
            self._plan.errors.append(f"{self._audited.name}: {self.probe.name}\n{traceback.format_exc()}")
            if progress is not None:
                progress.finish("crashed")


def _follows(metric: Metric, measurement: Measurement) -> bool:
    if not measurement.rows:
        return False
    again = metrics.recomputed(metric, measurement)
    return all(getattr(again, key) == getattr(measurement, key) for key in metrics.COMPUTED)
