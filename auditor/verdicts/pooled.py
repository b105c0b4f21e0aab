"""Parts of a pool that are too small to be judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from auditor.types import ProbeRecord, Verdict
from auditor.verdicts.policy import Policy


def left_to_pools(policy: Policy, verdicts: Sequence[Verdict], records: Mapping[str, ProbeRecord]) -> Iterator[Verdict]:
    """Yield the verdicts, small parts left to their pools.

    A part with too few clusters is left where a required rule judges the pool by the same metric: its cases count
    there. Else the part stays undecided. ``records``: probe → the candidate's record.
    """
    judged = [verdict for verdict in verdicts if _is_judged(policy, verdict, records)]
    for verdict in verdicts:
        rule = policy.rules[verdict.rule]
        pools = (
            pool.slice
            for pool in judged
            if _same_number(policy, pool, verdict) and (pool.slice or {}).items() < (verdict.slice or {}).items()
        )
        pool = next(pools, None) if _is_too_few(policy, verdict, records) and rule.limit is not None else None
        if pool is None:
            yield verdict
        else:
            name = ", ".join(pool.values()) or "the whole"
            yield replace(verdict, outcome="not_applicable", reason=f"{verdict.reason}; it counts in {name}")


def _is_judged(policy: Policy, verdict: Verdict, records: Mapping[str, ProbeRecord]) -> bool:
    """Whether a required rule's verdict rests on clusters enough."""
    tested = verdict.outcome in ("pass", "fail", "inconclusive") and not _is_too_few(policy, verdict, records)
    return tested and verdict.slice is not None and policy.rules[verdict.rule].required != "never"


def _is_too_few(policy: Policy, verdict: Verdict, records: Mapping[str, ProbeRecord]) -> bool:
    rule = policy.rules[verdict.rule]
    return any(
        measured.metric == rule.metric and measured.slice == verdict.slice and measured.status == "too_few"
        for measured in records[rule.probe].measurements
    )


def _same_number(policy: Policy, first: Verdict, second: Verdict) -> bool:
    rules = policy.rules[first.rule], policy.rules[second.rule]
    return (rules[0].probe, rules[0].metric) == (rules[1].probe, rules[1].metric)
