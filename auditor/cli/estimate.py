"""How long an audit takes, before it begins; and what ``--dry-run`` lists."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from auditor.errors import one_line
from auditor.evaluation.estimating import Work
from auditor.progress import duration
from auditor.types import NEEDS, Planned, ProbeRecord
from auditor.verdicts import advice
from auditor.verdicts.policy import Policy

EARLIER = "what an earlier run has answered or trained takes no time"


def lines(works: Sequence[Work], *, kept: bool) -> list[str]:
    """The estimate in words; empty where no pace is known.

    ``kept``: an earlier run may have kept answers.
    """
    timed = [one for one in works if one.seconds is not None and one.planned is not None]
    if not timed:
        return []
    cases = sum(one.planned.cases for one in timed if one.planned)
    said = [f"estimate: at least {duration(sum(one.seconds or 0.0 for one in timed))} for {_counted(cases, 'case')}"]
    training = [one for one in timed if one.training_seconds]
    if training:
        names = ", ".join(dict.fromkeys(one.probe for one in training))
        number = sum(one.planned.trainings for one in training if one.planned)
        steps = sorted({one.planned.steps for one in training if one.planned})
        seconds = duration(sum(one.training_seconds for one in training))
        word = f"{' or '.join(map(str, steps))} steps"
        said[0] += f" and {_counted(number, 'training')}"
        said.append(f"  {names}: {_counted(number, 'training')} of {word}, about {seconds} of it")
    queries = sum(one.planned.queries for one in timed if one.planned)
    if queries:
        seconds = duration(sum(one.query_seconds for one in timed))
        said.append(f"  attacks may ask up to {queries:,} queries beside, at most {seconds} more")
    silent = [one.probe for one in works if one.reason is None and one.planned is None]
    if silent:
        said.append(f"  not in it: {', '.join(dict.fromkeys(silent))}, which do not say how much they do")
    if kept:
        said.append(f"  {EARLIER}")
    return [one_line(line) for line in said]


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def took(seconds: Mapping[str, float], whole: float) -> str:
    """What the run took in all, its three longest pieces, and what passed before and after all pieces."""
    models = {what.partition(": ")[0] for what in seconds}
    longest = sorted(seconds.items(), key=lambda item: -item[1])[:3]
    names = {what: what if len(models) > 1 else what.partition(": ")[2] for what, _ in longest}
    parts = [f"{names[what]} {duration(time)}" for what, time in longest if time >= 1.0]
    outside = whole - sum(seconds.values())
    if outside >= 1.0:
        parts.append(f"{duration(outside)} outside probes")
    return one_line(": ".join([f"took {duration(whole)}", *([", ".join(parts)] if parts else [])]))


def as_json(works: Sequence[Work]) -> str:
    """The list of ``--dry-run`` for programs; seconds are null where no pace is known."""
    return json.dumps([_entry(one) for one in works], ensure_ascii=True, indent=2)


def _entry(one: Work) -> dict[str, Any]:
    planned = one.planned
    return {
        "model": one.model,
        "probe": one.probe,
        "measured": one.reason is None,
        "reason": one.reason,
        "cases": None if planned is None else planned.cases,
        "cases_are_exact": None if planned is None else planned.exact,
        "queries_at_most": None if planned is None else planned.queries,
        "trainings": None if planned is None else planned.trainings,
        "steps": None if planned is None else planned.steps,
        "seconds_at_least": None if one.seconds is None else round(one.seconds, 1),
        "query_seconds_at_most": None if one.seconds is None else round(one.query_seconds, 1),
    }


def listing(works: Sequence[Work], policy: Policy, candidate: str) -> list[str]:
    """What would be measured, with times where known, then what would not and why."""
    measured = [one for one in works if one.reason is None]
    names = {id(one): one.piece if len({two.model for two in works}) > 1 else one.probe for one in measured}
    width = max(map(len, names.values()), default=0)
    found = ["would measure:" if measured else "would measure nothing"]
    found += [f"  {names[id(one)].ljust(width)}  {_amount(one)}" for one in measured]
    own = [one for one in works if one.model == candidate]
    required = {rule.probe for rule in policy.rules if rule.required == "always"}
    deciding = {(one.probe, one.reason) for one in own if one.reason is not None and one.probe in required}
    records = [_record(one) for one in own if one.reason is not None]
    gaps = advice.not_measured(records, deciding)
    if gaps:
        found += ["would not measure:", *(f"  {gap}" for gap in gaps)]
    unfit: dict[str, list[str]] = {}
    for one in own:
        need = next((need for need in one.missing if need in NEEDS and need not in advice.HOW), None)
        if need is not None:
            unfit.setdefault(NEEDS[need], []).append(one.probe)
    found += [f"  {', '.join(probes)} – does not apply: {reason}" for reason, probes in unfit.items()]
    return [one_line(line) for line in found]


def _record(one: Work) -> ProbeRecord:
    return ProbeRecord(one.model, one.probe, "not_applicable", one.reason, one.missing)


def _amount(one: Work) -> str:
    if one.planned is None:
        return "does not say how much it does"
    said = [_counts(one.planned)]
    if one.seconds is not None:
        said.append(f"at least {duration(one.seconds)}")
    if one.query_seconds:
        said.append(f"with every query {duration((one.seconds or 0.0) + one.query_seconds)}")
    return "; ".join(said)


def _counts(planned: Planned) -> str:
    parts = [f"{'' if planned.exact else 'at most '}{_counted(planned.cases, 'case')}"]
    if planned.queries:
        parts.append(f"up to {planned.queries:,} queries")
    if planned.trainings:
        parts.append(f"{_counted(planned.trainings, 'training')} of {planned.steps} steps")
    return ", ".join(parts)
