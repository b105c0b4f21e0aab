"""Probes × models → records. Holds the only broad ``except`` of the project: a crashed probe is a record."""

from __future__ import annotations

import contextlib
import hashlib
import traceback
from collections.abc import Iterator
from typing import Any

from auditor import registry
from auditor.engine import Scorer
from auditor.errors import AuditError, ConfigError
from auditor.measuring import Measuring, NotDrawnError, Sink, WriteError, scorer_for, unmet
from auditor.plans import AuditedModel, Draw, Plan
from auditor.types import Probe, ProbeRecord, Progress


def run(plan: Plan, sink: Sink, progress: Progress) -> tuple[ProbeRecord, ...]:
    """One record for each model and discovered probe, models in their order, probes in theirs.

    ConfigError, OSError of the sink or the spool and KeyboardInterrupt go through; any other exception of a probe
    becomes a ``failed`` record with its traceback in ``plan.errors``.
    """
    records = []
    with writing():
        for audited in plan.models:
            for suite in suites(plan, audited, sink):
                with contextlib.closing(suite):
                    suite.draw(progress)
                    records.append(suite.record(progress))
    return tuple(records)


def suites(plan: Plan, audited: AuditedModel, sink: Sink) -> Iterator[Suite]:
    """Every probe of the plan on one model, with the clean examples' answers in common."""
    scorer = scorer_for(plan, audited.model)
    for probe in plan.probes:
        yield Suite(plan, audited, probe, scorer, sink)


class Suite:
    """One probe on one model. What it raises ends it alone: one probe's broken model must not cost the others' results."""

    def __init__(self, plan: Plan, audited: AuditedModel, probe: Probe, scorer: Scorer, sink: Sink) -> None:
        self._plan, self._audited, self.probe = plan, audited, probe
        chosen = probe.name in plan.selected
        self._missing, self._reason = unmet(plan, audited, probe) if chosen else ((), "not selected")
        self._failed = False
        self._measuring = Measuring(plan, audited, probe, scorer, sink)

    @property
    def open(self) -> bool:
        """It can run, and did not crash."""
        return self._reason is None

    def draw(self, progress: Progress, draw: Draw | None = None) -> None:
        """Score its cases; nothing where it cannot run or has crashed."""
        if self._reason is not None:
            return
        look = f", look {draw.look}" if draw else ""
        cache, work = self._plan.cache, self._work()
        progress.start(f"{self._audited.name}: {self.probe.name}{look}", None if draw else cache.recall(work) or None)
        with self._alone(progress):
            cases = self._measuring.draw(progress, draw)
            if draw is not None:
                progress.finish()
            else:
                cache.remember(work, cases)

    def _work(self) -> str:
        """What decides how many cases the probe has, whichever the model: hashed, as it names the user's data."""
        sizes = {name: len(rows) for name, rows in self._plan.examples.items()}
        settings = registry.settings_of(self._plan.settings[self.probe.name])
        words = f"{self.probe.name} {settings} {sizes} {self._plan.budget}"
        return hashlib.sha256(words.encode()).hexdigest()

    def close(self) -> None:
        """Let go of what waits on disk, and name every text that was left out."""
        self._measuring.close()
        for name, reason in self._measuring.unanswered.items():
            self._plan.errors.append(f"{self._audited.name}: {self.probe.name}: {name} is left out: the model {reason}")

    def _left_out(self, count: int) -> str:
        """Words on the cases that have no answer, with one of them by name; empty where there are none."""
        if not count:
            return ""
        name, reason = next(iter(self._measuring.unanswered.items()))
        return f", {count} left out: the model {reason} ({name})"

    def leave_out(self, reason: str) -> None:
        """It is not asked to run, and its record says why."""
        self._reason = self._reason or reason

    def record(
        self,
        progress: Progress | None = None,
        draw: Draw | None = None,
        *,
        whole: bool = True,
    ) -> ProbeRecord:
        """What it found, by sequential methods after looks; unless ``whole`` without the probe's own numbers."""
        found: dict[str, Any] = {}
        if self._reason is None:
            with self._alone(progress):
                found = self._measuring.found(draw, whole=whole, progress=progress)
                if progress is not None:
                    note = f"{found['counts']['cases']} cases, {len(found['measurements'])} measurements"
                    progress.finish(note + self._left_out(found["counts"].get("unanswered", 0)))
        return ProbeRecord(
            model=self._audited.name,
            probe=self.probe.name,
            status="failed" if self._failed else "measured" if self._reason is None else "not_applicable",
            reason=self._reason,
            missing=self._missing,
            limitation=self.probe.limitation,
            description=registry.description(self.probe),
            settings=registry.settings_of(self._plan.settings[self.probe.name]),
            metrics=tuple(self.probe.metrics(self._plan.task)),
            **found,
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


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Inside, an OSError of the sink or the spool passes through suites; it comes out as it was."""
    try:
        yield
    except WriteError as error:
        raise error.cause from None
