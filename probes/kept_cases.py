"""Kept cases: do cases that failed before pass now?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from auditor import metrics, text
from auditor.data import kept_cases
from auditor.data.kept_cases import SAME, KeptCase
from auditor.settings import CasesFile, CheckedSettings
from auditor.types import (
    Audit,
    Case,
    Example,
    Judged,
    Measurement,
    Metric,
    Planned,
    ProbeDefaults,
    Row,
    Score,
    Skipped,
    Slice,
    Task,
)

FAILURES = Metric("failures", "kept cases that fail", "count", "count", 0.0, float("inf"), "lower")
FAILURE_RATE = Metric("failure_rate", "failure rate", "mean", "share", 0.0, 1.0, "lower")
SHOWN = 3
"""Cases that fail, at most, that stand behind the count."""


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """Which cases are asked again."""

    file: CasesFile | None = None
    """Cases that ``audit export-cases`` wrote (.jsonl); ``--cases`` and ``[data] cases`` name it too."""


class KeptCases(ProbeDefaults):
    """Cases that failed in an earlier audit, asked again.

    A file of ``audit export-cases`` holds them: texts, what was right of them, and the probe that made them. A case
    with a gold passes where the answer to its text is right; a case without one, such as a sentence in which the group
    was replaced, where the answer is the same before and after. The number of failures is counted over the file, so
    that it has no interval: no sample is drawn. The failure rate by probe has the interval that it would have if the
    cases were a sample of such cases. They were kept because an earlier model failed on them, so that the rate says
    nothing of the texts in use.
    """

    name = "kept_cases"
    limitation: str | None = "coverage"
    needs = frozenset({"cases"})
    settings = Settings()

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """The number of failures, and the failure rate."""
        del task
        return FAILURES, FAILURE_RATE

    def check(self, settings: Settings, task: Task) -> None:
        """Refuse a file that is not for this task."""
        if settings.file is not None:
            kept_cases.read(settings.file, task)

    def planned(self, audit: Audit) -> Planned:
        """One case for each that was kept."""
        return Planned(len(_kept(audit)))

    def cases(self, audit: Audit) -> Iterator[Case]:
        """Yield each kept case, in the order of the file."""
        for kept in _kept(audit):
            yield _case(kept, audit.task)

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement | Skipped]:
        """Yield the failures of the whole file, and those of each probe.

        Where the model fails on a case, nothing is counted over it: the count is exact or not there.
        """
        kept = Counter(case.probe for case in _kept(audit))
        by_probe: dict[str, list[Judged]] = {name: [] for name in kept}
        for judged in cases:
            by_probe[judged.slice["probe"]].append(judged)
        every = [judged for own in by_probe.values() for judged in own]
        yield from _measured({}, every, kept.total())
        for name, own in by_probe.items():
            yield from _measured({"probe": name}, own, kept[name])

    def worth_showing(self, judged: Judged) -> bool:
        """Those that fail."""
        return failed(judged)


def _kept(audit: Audit) -> Sequence[KeptCase]:
    return audit.once("cases", lambda: kept_cases.read(audit.settings.file, audit.task))


def _case(kept: KeptCase, task: Task) -> Case:
    """Return a kept case as the engine asks it."""
    told = {"case": kept.id, "answered": kept.answer_after}
    if kept.expect != SAME:
        example = Example(kept.id, kept.after, task.load(kept.gold))
        return Case(example, {"probe": kept.probe}, cluster=kept.cluster, facts=told)
    edits = {name: text.edits_between(kept.before[name], after) for name, after in kept.after.items()}
    return Case(Example(kept.id, kept.before), {"probe": kept.probe}, edits, cluster=kept.cluster, facts=told)


def failed(judged: Judged) -> bool:
    """Whether the answer is wrong, or without a gold another one."""
    return not judged.same if judged.after is None else judged.after.numerator < judged.after.denominator


def _measured(slice_: Slice, cases: Sequence[Judged], n_kept: int) -> Iterator[Measurement | Skipped]:
    if len(cases) < n_kept:
        reason = f"the model fails on {n_kept - len(cases)} of {n_kept} kept cases: they have no answer"
        yield Skipped(slice_, reason)
        return
    rows = _rows(cases)
    failing = [str(judged.facts["case"]) for judged in cases if failed(judged)]
    more = f" and {len(failing) - SHOWN} more" if len(failing) > SHOWN else ""
    counted = metrics.measurement(FAILURES, slice_, rows, n_cases=len(cases))
    detail = f"of {len(cases)}; {', '.join(failing[:SHOWN])}{more}" if failing else f"of {len(cases)}"
    for measured in (counted, metrics.measurement(FAILURE_RATE, slice_, rows, n_cases=len(cases))):
        told = metrics.in_groups(measured, [judged.cluster for judged in cases])
        yield replace(told, detail=detail if measured is counted else "", available=told.n_clusters)


def _rows(cases: Sequence[Judged]) -> list[Row]:
    return metrics.summed((judged.cluster, Score(float(failed(judged)), 1.0)) for judged in cases)


PROBE = KeptCases()
