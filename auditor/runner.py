"""Probes × models → records. Holds the only broad ``except`` of the project: a crashed probe is a record."""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from auditor import registry
from auditor.engine import Scorer
from auditor.errors import AuditError, ConfigError
from auditor.metrics import Tally
from auditor.plans import HOME, SPLITS, AuditedModel, BoundAudit, Plan
from auditor.types import (
    NEEDS,
    Case,
    Judged,
    Measurement,
    Probe,
    ProbeRecord,
    Progress,
    ScoredCase,
    Skipped,
    Task,
    WorstCase,
)

WORST_CASES = 5
"""Kept of each slice."""


Sink = Callable[[str, str, ScoredCase], None]
"""Where scored cases go as they are made: (model, probe, case)."""


def judge(scored: ScoredCase, task: Task) -> Judged:
    """The decisions and numbers of a scored case, without its text."""
    case, gold = scored.case, scored.case.example.gold
    return Judged(
        slice=case.slice,
        cluster=case.cluster or case.example.cluster,
        before=None if gold is None else task.score(gold, scored.before),
        after=None if gold is None else task.score(gold, scored.after),
        same=task.same(scored.before, scored.after),
        vacuous=scored.vacuous,
        facts=case.facts,
        before_classes=task.class_scores(scored.before),
        after_classes=task.class_scores(scored.after),
    )


class _Worst:
    """Keeps the worst few cases of every slice: right answers lost first, then flips, then wrong answers."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._kept: dict[tuple[tuple[str, str], ...], list[tuple[int, int, ScoredCase]]] = {}
        self._order = itertools.count()

    def add(self, scored: ScoredCase, judged: Judged) -> None:
        lost = (
            judged.before is not None and judged.after is not None and judged.after.numerator < judged.before.numerator
        )
        wrong = judged.after is not None and judged.after.numerator < judged.after.denominator
        badness = 3 if lost else 2 if not judged.same else 1 if wrong else 0
        if not badness:
            return
        kept = self._kept.setdefault(tuple(sorted(judged.slice.items())), [])
        kept.append((-badness, next(self._order), scored))
        if len(kept) > WORST_CASES:
            kept.remove(max(kept, key=lambda item: item[:2]))

    def cases(self) -> tuple[WorstCase, ...]:
        return tuple(
            self._words(scored)
            for kept in self._kept.values()
            for _, _, scored in sorted(kept, key=lambda item: item[:2])
        )

    def _words(self, scored: ScoredCase) -> WorstCase:
        case, gold = scored.case, scored.case.example.gold
        return WorstCase(
            slice=dict(case.slice),
            example=case.example.id,
            before=dict(case.example.inputs),
            after=dict(case.after),
            answer_before=self._task.answer(scored.before),
            answer_after=self._task.answer(scored.after),
            gold=None if gold is None else str(gold),
            facts=dict(case.facts),
        )


def run(plan: Plan, sink: Sink, progress: Progress) -> tuple[ProbeRecord, ...]:
    """One record for each model and discovered probe, models in their order, probes in theirs.

    ConfigError, OSError of the sink and KeyboardInterrupt go through; any other exception of a probe becomes a
    ``failed`` record with its traceback in ``plan.errors``.
    """
    records = []
    for audited in plan.models:
        scorer = Scorer(audited.model, plan.task, batch_tokens=plan.batch_tokens)
        scorer.prepare(plan.examples[HOME])
        for probe in plan.probes:
            records.append(_record(plan, audited, probe, scorer, sink, progress))
    return tuple(records)


def unmet(plan: Plan, audited: AuditedModel, probe: Probe) -> tuple[tuple[str, ...], str | None]:
    """The probe's needs that are missing, and the reason in words; ((), None) when it can run."""
    if probe.name not in plan.selected:
        return (), "not selected"
    given = {
        "train": "train" in plan.examples,
        "domains": any(name not in (HOME, *SPLITS) for name in plan.examples),
        "base": audited.fit is not None,
        "candidate": audited.name == plan.candidate,
        "single_text": len(plan.task.fields) == 1,
        "class_scores": bool(plan.task.labels),
    }
    missing = tuple(sorted(need for need in probe.needs if need in given and not given[need]))
    packages = registry.missing_packages(probe)
    if packages:
        return (*missing, *(f"package:{name}" for name in packages)), f"not installed: {', '.join(packages)}"
    # "candidate only" says more than a lacking file does: such a probe would not run on this model anyway.
    first = "candidate" if "candidate" in missing else next(iter(missing), None)
    return missing, None if first is None else NEEDS[first]


def _record(
    plan: Plan, audited: AuditedModel, probe: Probe, scorer: Scorer, sink: Sink, progress: Progress
) -> ProbeRecord:
    metrics = tuple(probe.metrics(plan.task))
    missing, reason = unmet(plan, audited, probe)

    def record(status: Any, reason: str | None = None, **found: Any) -> ProbeRecord:
        return ProbeRecord(
            model=audited.name,
            probe=probe.name,
            status=status,
            reason=reason,
            limitation=probe.limitation,
            description=registry.description(probe),
            settings=registry.settings_of(plan.settings[probe.name]),
            metrics=metrics,
            **found,
        )

    if reason is not None:
        return record("not_applicable", reason, missing=missing)
    progress.start(f"{audited.name}: {probe.name}")
    try:
        found = _measure(plan, audited, probe, scorer, _guarded(sink), progress)
    except (ConfigError, _SinkError):
        raise
    except (Exception, SystemExit) as error:
        plan.errors.append(f"{audited.name}: {probe.name}\n{traceback.format_exc()}")
        progress.finish("crashed")
        # One probe's broken model must not cost the results of the others.
        return record("failed", error.line if isinstance(error, AuditError) else f"{type(error).__name__}: {error}")
    progress.finish(f"{found['counts']['cases']} cases, {len(found['measurements'])} measurements")
    return record("measured", **found)


class _SinkError(Exception):
    """Wraps an OSError of the sink, so that a full disk is not taken for a probe's crash."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


def _guarded(sink: Sink) -> Sink:
    def guarded(model: str, probe: str, case: ScoredCase) -> None:
        try:
            sink(model, probe, case)
        except OSError as error:
            raise _SinkError(error) from error

    return guarded


def run_guarded(plan: Plan, sink: Sink, progress: Progress) -> tuple[ProbeRecord, ...]:
    """``run``, with the sink's own OSError as it was."""
    try:
        return run(plan, sink, progress)
    except _SinkError as error:
        raise error.cause from None


def _measure(
    plan: Plan, audited: AuditedModel, probe: Probe, scorer: Scorer, sink: Sink, progress: Progress
) -> dict[str, Any]:
    scorer.reset()
    audit = BoundAudit(plan, audited, probe, scorer)
    skipped: list[Skipped] = []
    tally, worst = Tally(probe.metrics(plan.task), probe.pools), _Worst(plan.task)
    own = getattr(probe, "measure", None)
    judged_cases: list[Judged] = []
    invalid = 0
    cases = _peeked(_cases(probe.cases(audit), skipped))
    judge_by = scorer
    if audit.asked:
        # An attack's success counts only if a freshly loaded checkpoint agrees.
        judge_by = Scorer(audited.model.reload(), plan.task, batch_tokens=plan.batch_tokens)
        judge_by.prepare(plan.examples[HOME])
    for scored in judge_by.score(cases, progress):
        sink(audited.name, probe.name, scored)
        if scored.case.invalid:
            invalid += 1
            continue
        judged = judge(scored, plan.task)
        tally.add(judged)
        worst.add(scored, judged)
        if own is not None:
            judged_cases.append(judged)
    measurements: list[Measurement] = list(tally.measurements())
    if own is not None:
        measurements += own(judged_cases, audit)
    counts = {**scorer.counts, "invalid": invalid}
    if judge_by is not scorer:
        for name, value in judge_by.counts.items():
            counts[name] = counts.get(name, 0) + value
    return {
        "measurements": tuple(measurements),
        "skipped": tuple(skipped),
        "worst": worst.cases(),
        "counts": {name: int(counts[name]) for name in sorted(counts)},
    }


def _cases(found: Iterable[Case | Skipped], skipped: list[Skipped]) -> Iterator[Case]:
    for item in found:
        if isinstance(item, Skipped):
            skipped.append(item)
        else:
            yield item


def _peeked(cases: Iterator[Case]) -> Iterator[Case]:
    """The same cases, the first one already made: only then is it known whether the probe asks the model."""
    first = list(itertools.islice(cases, 1))
    return itertools.chain(first, cases)
