"""Parts of a pool that are too small to be judged.

A pool of many texts may have a part that few of them offer, such as digits spelt out. That few texts decide nothing by
themselves should not leave an audit undecided for ever: they count in the pool.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from auditor.types import ProbeRecord, Verdict
from auditor.verdicts.claims import measured
from auditor.verdicts.policy import Policy
from auditor.verdicts.reasons import count

FEW = 30
"""Clusters below which a part may be left to its pool: with three of 30 answers lost, a limit of 0.20 is undecided."""


def left_to_pools(policy: Policy, verdicts: Sequence[Verdict], records: Mapping[str, ProbeRecord]) -> Iterator[Verdict]:
    """Yield the verdicts, small parts left to their pools.

    An undecided part with few clusters is left where a required rule judges the pool by the same metric: its cases
    count there. Else, and where its own bounds lie beyond its limit, the part stays undecided. ``records``: probe → the
    candidate's record.
    """
    judged = [verdict for verdict in verdicts if _is_judged(policy, verdict, records)]
    for verdict in verdicts:
        pools = (
            pool.slice
            for pool in judged
            if _same_number(policy, pool, verdict) and (pool.slice or {}).items() < (verdict.slice or {}).items()
        )
        n = _clusters(policy, verdict, records)
        small = verdict.outcome == "inconclusive" and n < FEW and not _is_beyond(policy, verdict)
        pool = next(pools, None) if small else None
        if pool is None:
            yield verdict
        else:
            clusters = count(n, "informative cluster")
            reason = f"{clusters} decide nothing by themselves; they count in {', '.join(pool.values()) or 'the whole'}"
            yield replace(verdict, outcome="not_applicable", reason=reason, more_examples=None, more_examples_high=None)


def _is_beyond(policy: Policy, verdict: Verdict) -> bool:
    """Whether its own bounds lie beyond the limit."""
    if verdict.low is None or verdict.high is None:
        return False
    return policy.rules[verdict.rule].is_broken_by(verdict.low, verdict.high)


def _is_judged(policy: Policy, verdict: Verdict, records: Mapping[str, ProbeRecord]) -> bool:
    """Whether a required rule's verdict rests on clusters enough."""
    tested = verdict.outcome in ("pass", "fail", "inconclusive") and _clusters(policy, verdict, records) >= FEW
    return tested and policy.rules[verdict.rule].required != "never"


def _clusters(policy: Policy, verdict: Verdict, records: Mapping[str, ProbeRecord]) -> int:
    """Informative clusters that a verdict rests on."""
    measurement = measured(policy, records, verdict)
    return 0 if measurement is None else measurement.n_clusters


def _same_number(policy: Policy, first: Verdict, second: Verdict) -> bool:
    rules = policy.rules[first.rule], policy.rules[second.rule]
    return (rules[0].probe, rules[0].metric) == (rules[1].probe, rules[1].metric)
