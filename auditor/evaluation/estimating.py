"""How much each probe does, and how long that takes.

A few timed batches give the pace. Nothing here enters the results: times differ from run to run.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from auditor import stats
from auditor.engine import WINDOW, batches, unique
from auditor.evaluation.inquiries import inquired
from auditor.evaluation.needs import left_out
from auditor.evaluation.plan import AuditedModel, Plan
from auditor.evaluation.probe_audit import BoundAudit
from auditor.evaluation.probe_run import scorer_for
from auditor.plugins import registry
from auditor.types import HOME, Embeds, Encoded, Example, Model, Planned, Probe

TIMED_SECONDS = 2.0
"""Most batches that are timed."""
TIMED_BATCHES = 8
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
    whole = ("whole",) if probe.name in plan.whole else ()
    return _hashed(probe.name, settings, sizes, plan.budget, *whole)


def expected_cases(plan: Plan, audited: AuditedModel, probe: Probe) -> int | None:
    """The cases that an earlier run had, else those planned; None: unknown."""
    known = plan.cache.recall(work_key(plan, probe))
    if known:
        return known
    planned = planned_by(plan, audited, probe)
    return None if planned is None else planned.cases or None


def planned_by(plan: Plan, audited: AuditedModel, probe: Probe) -> Planned | None:
    """The probe's work, with what it asks of other probes.

    None where the probe does not say.
    """
    planned: Planned | None = None
    # A probe that cannot say what it is going to do may still do it; what it raises then is recorded.
    with contextlib.suppress(Exception):
        planned = probe.planned(BoundAudit(plan, audited, probe, scorer_for(plan, audited.model)))
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
    listed = []
    for audited in plan.models:
        own = list(_planned_works(plan, audited, further if audited.name == plan.candidate else frozenset()))
        open_ = any(work.reason is None for work in own)
        pace = seconds_per_text(plan, audited.model) if timed and open_ else None
        listed += [_paced(work, pace) for work in own]
    return tuple(listed)


def _planned_works(plan: Plan, audited: AuditedModel, further: Set[str]) -> Iterator[Work]:
    for probe in plan.probes:
        missing, reason = left_out(plan, audited, probe)
        planned = planned_by(plan, audited, probe) if reason is None else None
        known = plan.cache.recall(work_key(plan, probe)) if planned is not None and not planned.models else None
        if planned is not None and known:
            planned = replace(planned, cases=known, exact=True)
        if planned is not None and not isinstance(audited.model, Embeds):
            planned = replace(planned, embedded=0)
        if planned is not None and planned.reason is not None:
            reason, planned = planned.reason, None
        looks = _looks(plan, audited, probe) if planned is not None and probe.name in further else {}
        yield Work(audited.name, probe.name, missing, reason, planned, looks=looks)


def _looks(plan: Plan, audited: AuditedModel, probe: Probe) -> dict[str, tuple[int, ...]]:
    """Set → rows after each look, where the probe takes more.

    A probe that trains makes no cases of the rows that it plans with.
    """
    asked: dict[str, int] = {}

    def took(name: str, n: int | None, _examples: Sequence[Example]) -> None:
        if n is not None:
            asked[name] = max(n, asked.get(name, 0))

    planned = probe.planned(BoundAudit(plan, audited, probe, scorer_for(plan, audited.model), drawn=took))
    if planned is None or planned.trainings or planned.models:
        return {}
    sizes = {name: stats.looks.sizes(n, len(plan.examples[name][: plan.budget])) for name, n in asked.items()}
    return {name: rows for name, rows in sizes.items() if len(rows) > 1}


def _paced(work: Work, pace: float | None) -> Work:
    planned = work.planned
    if pace is None or planned is None:
        return work
    training = pace * STEP_PASSES * planned.trainings * planned.steps * planned.batch_size
    return replace(
        work,
        seconds=pace * (planned.cases + planned.embedded) + training,
        training_seconds=training,
        query_seconds=pace * planned.queries,
    )


def seconds_per_text(plan: Plan, model: Model) -> float | None:
    """Seconds for a text of the home domain.

    This run or an earlier one timed them. None where the model does not answer: the probes will say why.
    """
    pace = None
    # A model that fails on a text still answers others: the probes find out, and say so.
    with contextlib.suppress(Exception):
        pace = _pace(plan, model)
    return pace


def _pace(plan: Plan, model: Model) -> float:
    examples = plan.examples[HOME][:WINDOW]
    began = time.perf_counter()
    encoded = model.encode([plan.task.request(example.inputs) for example in examples])
    encoding = (time.perf_counter() - began) / len(examples)
    tokens = sum(text.length for text in encoded)
    key = _hashed("pace", model.fingerprint, model.numerics, plan.batch_tokens, tokens) if model.fingerprint else ""
    known = plan.cache.recall(key) if key else None
    if known is None:
        seconds = encoding + _timed(model, list(batches(unique(encoded), plan.batch_tokens)))
        known = max(round(seconds * 1e6), 1)
        if key:
            plan.cache.remember(key, known)
    return known / 1e6 / model.workers


def _timed(model: Model, planned: Sequence[Sequence[Encoded]]) -> float:
    """Seconds for a text, over batches spread over all lengths.

    The first batch warms up and counts only where it is alone.
    """
    every = range(0, len(planned), math.ceil(len(planned) / TIMED_BATCHES))
    # Those of middle length first: a slow model has no time for others.
    chosen = sorted(every, key=lambda at: abs(at - len(planned) // 2))
    took: list[tuple[float, int]] = []
    began = time.perf_counter()
    for batch in (planned[0], *(planned[at] for at in chosen)):
        started = time.perf_counter()
        model.run(batch)
        took.append((time.perf_counter() - started, len(batch)))
        if time.perf_counter() - began > TIMED_SECONDS:
            break
    warm = took[1:] or took
    return sum(seconds for seconds, _ in warm) / sum(texts for _, texts in warm)


def _hashed(*parts: object) -> str:
    return hashlib.sha256(" ".join(map(str, parts)).encode()).hexdigest()
