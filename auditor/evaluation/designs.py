"""Designs of an audit: fixed size, as needed, as few as possible.

They say how many examples it draws.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from auditor import config as configs
from auditor.evaluation import adaptive, runner, sequential
from auditor.evaluation.plan import Plan
from auditor.evaluation.probe_run import Sink
from auditor.evaluation.rounds import Drawn, TimeLeft, unlimited
from auditor.types import ProbeRecord, Progress
from auditor.verdicts.policy import Policy

Design = Literal["adaptive", "fixed", "until-decided"]


def run(
    design: Design, plan: Plan, rules: Policy, sink: Sink, progress: Progress, time_left: TimeLeft = unlimited
) -> tuple[tuple[ProbeRecord, ...], Drawn | None]:
    """Records of every model and probe, and how much was drawn.

    The latter is None where one look was all there could be. Raises as ``runner.run`` does.
    """
    if design == "fixed":
        return runner.run(plan, sink, progress), None
    if design == "until-decided":
        return sequential.run(plan, rules, sink, progress, time_left)
    records, drawn = adaptive.run(plan, rules, sink, progress, time_left)
    return records, None if drawn.planned == 1 else drawn


def time_left(limit: str | None) -> TimeLeft:
    """Start the clock of a time limit such as ``10m``, if any."""
    if limit is None:
        return unlimited
    ends = time.monotonic() + configs.seconds_of(limit)
    return lambda: ends - time.monotonic()


def further(design: Design, rules: Policy) -> frozenset[str]:
    """Name the probes that may be drawn on after their first look."""
    return frozenset(rule.probe for rule in rules.rules if design == "adaptive" and rule.required != "never")


def whole_sets(design: Design, plan: Plan, rules: Policy, given: Mapping[str, Mapping[str, Any]]) -> Plan:
    """The plan, with the probes that take small sets whole.

    A small set has one look. The probes are those of required rules whose numbers of rows the user does not set, except
    attacks: a row more costs them most. ``given``: probe → settings from the config.
    """
    read = further(design, rules)
    set_by_user = {name for name, own in given.items() if any(type(value) is int for value in own.values())}
    names = {probe.name for probe in plan.probes if probe.name in read and not probe.interactive}
    return replace(plan, whole=frozenset(names - set_by_user))


def looks(drawn: Drawn | None) -> int:
    """Looks by whose levels the gate judges."""
    return 1 if drawn is None else drawn.planned or 1


def stopped(drawn: Drawn | None) -> bool:
    """Whether the time limit ended the looks."""
    return drawn is not None and drawn.stopped


def facts(drawn: Drawn | None) -> dict[str, Any]:
    """The entries of ``results.json`` on what was drawn."""
    if drawn is None:
        return {"until_decided": None}
    if drawn.planned is None:
        return {"until_decided": drawn.entry()}
    return {"until_decided": None, "looks": drawn.planned, "drawn": drawn.entry()}
