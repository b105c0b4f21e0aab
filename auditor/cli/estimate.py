"""Estimated duration of an audit, and the list that ``--dry-run`` prints."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from auditor.errors import one_line
from auditor.evaluation.estimating import Work
from auditor.progress import duration
from auditor.types import Planned, ProbeRecord, lacked_by_task
from auditor.verdicts import advice
from auditor.verdicts.policy import Policy

EARLIER = "answers and trainings that an earlier run kept take no time"


def lines(works: Sequence[Work], *, kept: bool) -> list[str]:
    """Describe the estimate in lines; none where no pace is known.

    ``kept``: whether an earlier run may have kept answers.
    """
    timed = [work for work in works if work.expected is not None and work.planned is not None]
    if not timed:
        return []
    cases = sum(work.planned.cases for work in timed if work.planned)
    about = "about" if all(work.before is not None for work in timed) else "at least"
    sentences = [
        f"estimate: {about} {duration(sum(work.expected or 0.0 for work in timed))} for {_counted(cases, 'case')}"
    ]
    training = [work for work in timed if work.training_seconds and work.before is None]
    if training:
        names = ", ".join(dict.fromkeys(work.probe for work in training))
        number = sum(work.planned.trainings for work in training if work.planned)
        steps = sorted({work.planned.steps for work in training if work.planned})
        seconds = duration(sum(work.training_seconds for work in training))
        word = f"{' or '.join(map(str, steps))} steps"
        sentences[0] += f" and {_counted(number, 'training')}"
        sentences.append(f"  {names}: {_counted(number, 'training')} of {word}, about {seconds} of that time")
    attacks = [work for work in timed if work.query_seconds and work.before is None]
    queries = sum(work.planned.queries for work in attacks if work.planned)
    if queries:
        seconds = duration(sum(work.query_seconds for work in attacks))
        asking = ", ".join(dict.fromkeys(work.probe for work in attacks if work.planned and work.planned.queries))
        sentences.append(f"  {asking} may ask up to {queries:,} more queries, which take at most {seconds}")
    unplanned = [work.probe for work in works if work.reason is None and work.planned is None]
    if unplanned:
        sentences.append(f"  not included: {', '.join(dict.fromkeys(unplanned))} (the amount of work is not known)")
    further = _further(works)
    if further:
        sentences.append(f"  more rows where a required rule is undecided, in up to two more looks: {further}")
    if kept:
        sentences.append(f"  {EARLIER}")
    return [one_line(line) for line in sentences]


def _further(works: Sequence[Work]) -> str:
    """Describe how many rows later looks may take; empty if none."""
    return "; ".join(f"{work.probe} {_rows(work)}" for work in works if work.looks)


def _rows(work: Work) -> str:
    return " and ".join(f"up to {rows[-1]:,} of {name} (first {rows[0]:,})" for name, rows in work.looks.items())


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def took(seconds: Mapping[str, float], whole: float) -> str:
    """Describe in one line how long the run took.

    The line names the total, the three longest pieces of work, and the time outside all pieces.
    """
    models = {what.partition(": ")[0] for what in seconds}
    longest = sorted(seconds.items(), key=lambda item: -item[1])[:3]
    names = {what: what if len(models) > 1 else what.partition(": ")[2] for what, _ in longest}
    parts = [f"{names[what]} {duration(time)}" for what, time in longest if time >= 1.0]
    outside = whole - sum(seconds.values())
    if outside >= 1.0:
        parts.append(f"{duration(outside)} outside probes")
    return one_line(": ".join([f"took {duration(whole)}", *([", ".join(parts)] if parts else [])]))


def as_json(works: Sequence[Work]) -> str:
    """Return the list of ``--dry-run`` as JSON.

    Seconds are null where no pace is known.
    """
    return json.dumps([_entry(work) for work in works], ensure_ascii=True, indent=2)


def _entry(work: Work) -> dict[str, Any]:
    planned = work.planned
    return {
        "model": work.model,
        "probe": work.probe,
        "measured": work.reason is None,
        "reason": work.reason,
        "cases": None if planned is None else planned.cases,
        "cases_are_exact": None if planned is None else planned.exact,
        "queries_at_most": None if planned is None else planned.queries,
        "trainings": None if planned is None else planned.trainings,
        "steps": None if planned is None else planned.steps,
        "seconds_at_least": None if work.seconds is None else round(work.seconds, 1),
        "seconds_before": None if work.before is None else round(work.before, 1),
        "looks": {name: list(rows) for name, rows in work.looks.items()},
        "query_seconds_at_most": None if work.seconds is None else round(work.query_seconds, 1),
    }


def listing(works: Sequence[Work], policy: Policy, candidate: str) -> list[str]:
    """List what would be measured, then what would not, and why.

    Times are given where they are known.
    """
    listed = _measured(works, "would measure")
    own = [work for work in works if work.model == candidate]
    required = {rule.probe for rule in policy.rules if rule.required == "always"}
    deciding = {(work.probe, work.reason) for work in own if work.reason is not None and work.probe in required}
    records = [_record(work) for work in own if work.reason is not None]
    gaps = advice.not_measured(records, deciding)
    if gaps:
        listed += ["would not measure:", *(f"  {gap}" for gap in gaps)]
    unfit: dict[str, list[str]] = {}
    for work in own:
        lacked = lacked_by_task(work.missing)
        if lacked is not None:
            unfit.setdefault(lacked, []).append(work.probe)
    listed += [f"  {', '.join(probes)} – does not apply: {reason}" for reason, probes in unfit.items()]
    return [one_line(line) for line in listed]


def beforehand(works: Sequence[Work]) -> list[str]:
    """List what will be measured and how long each probe takes.

    The end of the run says what was not measured, and why.
    """
    return [one_line(line) for line in _measured(works, "will measure")]


def _measured(works: Sequence[Work], title: str) -> list[str]:
    measured = [work for work in works if work.reason is None]
    several = len({work.model for work in works}) > 1
    names = {id(work): work.piece if several else work.probe for work in measured}
    width = max(map(len, names.values()), default=0)
    listed = [f"{title}:" if measured else f"{title} nothing"]
    return listed + [f"  {names[id(work)].ljust(width)}  {_amount(work)}" for work in measured]


def _record(work: Work) -> ProbeRecord:
    return ProbeRecord(work.model, work.probe, "not_applicable", work.reason, work.missing)


def _amount(work: Work) -> str:
    parts = ["amount of work not known" if work.planned is None else _counts(work.planned)]
    if work.before is not None:
        parts.append(f"about {duration(work.before)}, as before")
    elif work.seconds is not None:
        parts.append(f"at least {duration(work.seconds)}")
    if work.looks:
        parts.append(f"where undecided, rows {_rows(work)}")
    if work.query_seconds and work.before is None:
        parts.append(f"if attacks ask every query, {duration((work.seconds or 0.0) + work.query_seconds)}")
    return "; ".join(parts)


def _counts(planned: Planned) -> str:
    parts = [f"{'' if planned.exact else 'at most '}{_counted(planned.cases, 'case')}"]
    if planned.queries:
        parts.append(f"up to {planned.queries:,} queries")
    if planned.trainings:
        parts.append(f"{_counted(planned.trainings, 'training')} of {planned.steps} steps")
    return ", ".join(parts)
