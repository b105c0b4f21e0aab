"""How much each probe does, and how long that takes.

Earlier runs of the same work say how long it takes; where there are none, a few timed batches give the pace. Nothing
here enters the results: times differ from run to run.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from auditor import stats
from auditor.engine import WINDOW
from auditor.evaluation import pace
from auditor.evaluation.inquiries import inquired
from auditor.evaluation.needs import left_out
from auditor.evaluation.plan import AuditedModel, Plan
from auditor.evaluation.probe_audit import BoundAudit, Drawn, nobody
from auditor.evaluation.probe_run import scorer_for
from auditor.plugins import registry
from auditor.types import HOME, Embeds, Example, Planned, Probe

STEP_PASSES = 3
"""Forward passes that an optimiser step takes as long as: a backward pass costs about two."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one probe is going to do on one model."""

    model: str
    probe: str
    missing: tuple[str, ...]
    reason: str | None
    """Why it is not measured; None where it is."""
    planned: Planned | None
    """None where it is not measured or its probe does not say."""
    seconds: float | None = None
    """At least: its cases and trainings at the model's pace; None where that is not known."""
    training_seconds: float = 0.0
    """Of ``seconds``."""
    query_seconds: float = 0.0
    """At most, beside ``seconds``: attacks that spend their whole budget."""
    looks: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Set → rows after each look that is planned, where a required rule may need more than the first."""
    before: float | None = None
    """What the same work took in an earlier run, with nothing kept from one before; None where there was none."""

    @property
    def expected(self) -> float | None:
        """Seconds of an earlier run, else at the model's pace."""
        return self.seconds if self.before is None else self.before

    @property
    def piece(self) -> str:
        """Its name in progress lines."""
        return f"{self.model}: {self.probe}"


def piece(audited: AuditedModel, probe: Probe) -> str:
    """The name in progress lines of a probe on a model."""
    return f"{audited.name}: {probe.name}"


def work_key(plan: Plan, probe: Probe) -> str:
    """A hash of what decides how many cases a probe has.

    The hash is the same for all models, and nobody can read the sizes of the user's data from it.
    """
    sizes = {name: len(rows) for name, rows in plan.examples.items()}
    settings = registry.settings_of(plan.settings[probe.name])
    more = (*(("whole",) if probe.name in plan.whole else ()), *plan.time_slices)
    more += tuple(f"{kind} {len(rows)}" for kind, rows in plan.out_of_scope.items())
    return pace.hashed(probe.name, settings, sizes, plan.budget, *more)


def seconds_key(plan: Plan, audited: AuditedModel, probe: Probe) -> str | None:
    """A hash of what decides how long the work takes.

    The first probe of an audit asks about the clean rows, whose answers all others share. None where it is not known
    what the model's answers follow from.
    """
    model = audited.model
    if not model.fingerprint:
        return None
    first = next((each.name for each in plan.probes if each.name in plan.selected), None) == probe.name
    kept = (model.fingerprint, model.numerics, model.workers, plan.batch_tokens, plan.lockstep)
    return pace.hashed("seconds", *kept, first, work_key(plan, probe))


def remember_seconds(plan: Plan, audited: AuditedModel, probe: Probe, seconds: float) -> None:
    """Keep how long the work took, for estimates of later runs."""
    key = seconds_key(plan, audited, probe)
    if key is not None:
        plan.cache.remember(key, max(round(seconds * 1000), 1))


def _seconds_before(plan: Plan, audited: AuditedModel, probe: Probe) -> float | None:
    key = seconds_key(plan, audited, probe)
    known = None if key is None else plan.cache.recall(key)
    return None if known is None else known / 1000


def expected_cases(plan: Plan, audited: AuditedModel, probe: Probe) -> int | None:
    """The cases that an earlier run had, else those planned; None: unknown."""
    known = plan.cache.recall(work_key(plan, probe))
    if known:
        return known
    planned = planned_by(plan, audited, probe)
    return None if planned is None else planned.cases or None


def planned_by(plan: Plan, audited: AuditedModel, probe: Probe, drawn: Drawn = nobody) -> Planned | None:
    """The probe's work, with what it asks of other probes.

    None where the probe does not say. ``drawn`` hears which rows it takes.
    """
    planned: Planned | None = None
    # A probe that cannot say what it is going to do may still do it; what it raises then is recorded.
    with contextlib.suppress(Exception):
        planned = probe.planned(BoundAudit(plan, audited, probe, scorer_for(plan, audited.model), drawn=drawn))
    if planned is None or not planned.models:
        return planned
    return _with_inquiries(plan, audited, planned)


def _with_inquiries(plan: Plan, audited: AuditedModel, planned: Planned) -> Planned:
    """The work, with what other probes do on every trained model."""
    trained = AuditedModel(audited.model)
    exact = planned.exact
    for inquiry in planned.inquiries:
        answering = inquired(plan, trained, inquiry)
        if isinstance(answering, str):
            continue
        changed, probe = answering
        asked = planned_by(changed, trained, probe)
        if asked is not None:
            exact = exact and asked.exact
            cases = planned.cases + planned.models * asked.cases
            planned = replace(planned, cases=cases, queries=planned.queries + planned.models * asked.queries)
    return replace(planned, exact=exact)


def known_before(plan: Plan) -> bool:
    """Whether an earlier run finished some of this work.

    The cache may hold that run's answers.
    """
    return any(plan.cache.recall(work_key(plan, probe)) for probe in plan.probes)


def works(plan: Plan, *, timed: bool = True, further: Set[str] = frozenset()) -> tuple[Work, ...]:
    """The first look's work of every probe on every model.

    It is in the runner's order. ``timed``: with seconds, for which the models answer a few batches. ``further``: probes
    that may be drawn on.
    """
    listed: list[Work] = []
    for audited in plan.models:
        drawn_on = further if audited.name == plan.candidate else frozenset()
        own = list(_planned_works(plan, audited, drawn_on, timed=timed))
        open_ = any(work.reason is None for work, _ in own)
        seconds = pace.seconds_per_text(plan, audited.model) if timed and open_ else None
        listed += [work for work, _ in own] if seconds is None else _paced(plan, audited, own, seconds)
    return tuple(listed)


def _planned_works(
    plan: Plan, audited: AuditedModel, further: Set[str], *, timed: bool
) -> Iterator[tuple[Work, Mapping[str, Sequence[int]]]]:
    """Each probe's work, and set → numbers of rows that it takes."""
    for probe in plan.probes:
        missing, reason = left_out(plan, audited, probe)
        asked: dict[str, int] = {}
        rows: dict[str, list[int]] = {}
        planned = _watched(plan, audited, probe, asked, rows) if reason is None else None
        known = plan.cache.recall(work_key(plan, probe)) if planned is not None and not planned.models else None
        if planned is not None and known:
            planned = replace(planned, cases=known, exact=True)
        if planned is not None and not isinstance(audited.model, Embeds):
            planned = replace(planned, embedded=0)
        if planned is not None and planned.reason is not None:
            reason, planned = planned.reason, None
        looks = _looks(plan, planned, asked) if planned is not None and probe.name in further else {}
        before = _seconds_before(plan, audited, probe) if reason is None and timed else None
        yield Work(audited.name, probe.name, missing, reason, planned, before=before, looks=looks), rows


def _watched(
    plan: Plan, audited: AuditedModel, probe: Probe, asked: dict[str, int], rows: dict[str, list[int]]
) -> Planned | None:
    """The probe's work.

    Fills in ``asked`` and ``rows``: set → rows that it asks for, and numbers of those that it gets.
    """

    def took(name: str, n: int | None, examples: Sequence[Example]) -> None:
        rows.setdefault(name, []).append(len(examples))
        if n is not None:
            asked[name] = max(n, asked.get(name, 0))

    return planned_by(plan, audited, probe, took)


def _looks(plan: Plan, planned: Planned, asked: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    """Set → rows after each look, where the probe takes more.

    A probe that trains makes no cases of the rows that it plans with.
    """
    if planned.trainings or planned.models:
        return {}
    sizes = {name: stats.looks.sizes(n, len(plan.examples[name][: plan.budget])) for name, n in asked.items()}
    return {name: sizes_ for name, sizes_ in sizes.items() if len(sizes_) > 1}


def _paced(
    plan: Plan, audited: AuditedModel, own: Sequence[tuple[Work, Mapping[str, Sequence[int]]]], per_text: float
) -> Iterator[Work]:
    """The work of one model's probes, with seconds at its pace.

    Clean rows are asked about in whole windows, once for all probes: by the first that needs them.
    """
    lengths = pace.Lengths(plan, audited.model)
    home, answered = len(plan.examples[HOME]), 0
    for work, rows in own:
        planned = work.planned
        if planned is None:
            yield work
            continue
        clean = min(math.ceil(max(rows.get(HOME, ()), default=0) / WINDOW) * WINDOW, home)
        new, answered = max(clean - answered, 0), max(clean, answered)
        drawn = {name: sum(numbers) for name, numbers in rows.items() if name in plan.examples}
        drawn[HOME] = max(drawn.get(HOME, 0) - planned.unchanged, 0)
        asked = (planned.cases - planned.unchanged + planned.embedded) * lengths.mean(drawn)
        asked += planned.whole_windows * max(clean - max(rows.get(HOME, ()), default=0), 0)
        training = per_text * STEP_PASSES * planned.trainings * planned.steps * planned.batch_size
        yield replace(
            work,
            seconds=per_text * (new + asked) + training,
            training_seconds=training,
            query_seconds=per_text * planned.queries,
        )
