"""What is said before any verdict.

It is that the answers change when they are asked again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from auditor.types import Decision, Measurement, ProbeRecord, Verdict, in_words
from auditor.verdicts.policy import Policy

NOTE = "read with care: the model's answers change when asked again"
"""What verdicts on other probes say beside their own reason."""


def of(policy: Policy, own: Mapping[str, ProbeRecord], verdicts: Sequence[Verdict]) -> str | None:
    """Say how many answers change when asked again, if too many do.

    None where that is within its limit or open. ``own``: probe → the candidate's record. Only required rules count.
    """
    changed = [
        (verdict, measured)
        for verdict in verdicts
        if policy.rules[verdict.rule].required != "never"
        for measured in _measured(policy, own, verdict)
        if measured.value > 0
    ]
    if all(verdict.outcome != "fail" for verdict, _ in changed):
        return None
    ways = [
        f"{round(measured.value * measured.n_clusters)} of {measured.n_clusters} ({in_words(measured.slice)})"
        for _, measured in changed
    ]
    return f"the model's answers change when asked again: {', '.join(ways)}; the other numbers hang on it"


def _measured(policy: Policy, own: Mapping[str, ProbeRecord], verdict: Verdict) -> Iterator[Measurement]:
    """The measurement that a verdict on repeatability is on."""
    rule = policy.rules[verdict.rule]
    record = own[rule.probe]
    if record.role == "repeatability":
        yield from (
            measured
            for measured in record.measurements
            if (measured.metric, dict(measured.slice)) == (rule.metric, dict(verdict.slice or {}))
        )


def noted(policy: Policy, own: Mapping[str, ProbeRecord], verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts, with NOTE on numbers of other probes."""
    return [
        verdict
        if verdict.value is None or own[policy.rules[verdict.rule].probe].role == "repeatability"
        else replace(verdict, reason=f"{verdict.reason}; {NOTE}")
        for verdict in verdicts
    ]


def first(decision: Decision, caveat: str) -> Decision:
    """The decision with the caveat as its first reason."""
    return replace(decision, reasons=(caveat, *decision.reasons))
