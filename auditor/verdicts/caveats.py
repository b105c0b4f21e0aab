"""What is said before any verdict.

It is that the answers change when they are asked again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from auditor.types import Decision, ProbeRecord, Verdict, in_words
from auditor.verdicts.claims import measured
from auditor.verdicts.policy import Policy

NOTE = "read with care: the model's answers change when asked again"
"""What verdicts on other probes say beside their own reason."""


def of(policy: Policy, own: Mapping[str, ProbeRecord], verdicts: Sequence[Verdict]) -> str | None:
    """Say how many answers change when asked again, if too many do.

    None where that is within its limit or open. ``own``: probe → the candidate's record. Only required rules count.
    """
    changed = [
        (verdict, again)
        for verdict in verdicts
        if policy.rules[verdict.rule].required != "never" and _on_repeatability(policy, own, verdict)
        if (again := measured(policy, own, verdict)) is not None and again.value > 0
    ]
    if all(verdict.outcome != "fail" for verdict, _ in changed):
        return None
    ways = [
        # Of answers, not of clusters: where rows are grouped, a cluster has several.
        f"{sum(row.total for row in again.rows):.0f} of {sum(row.count for row in again.rows):.0f} "
        f"({in_words(again.slice)})"
        for _, again in changed
    ]
    return (
        f"the model's answers change when asked again: {', '.join(ways)}; every other number depends on answers that "
        "may change too"
    )


def _on_repeatability(policy: Policy, own: Mapping[str, ProbeRecord], verdict: Verdict) -> bool:
    return own[policy.rules[verdict.rule].probe].role == "repeatability"


def noted(policy: Policy, own: Mapping[str, ProbeRecord], verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts, with NOTE on numbers of other probes."""
    return [
        verdict
        if verdict.value is None or _on_repeatability(policy, own, verdict)
        else replace(verdict, reason=f"{verdict.reason}; {NOTE}")
        for verdict in verdicts
    ]


def first(decision: Decision, caveat: str) -> Decision:
    """The decision with the caveat as its first reason."""
    return replace(decision, reasons=(caveat, *decision.reasons))
