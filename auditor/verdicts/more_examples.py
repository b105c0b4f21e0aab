"""How many more examples would decide a slice, and whether there are so many."""

from __future__ import annotations

from dataclasses import dataclass

from auditor import stats
from auditor.verdicts.claims import Claim
from auditor.verdicts.reasons import count


@dataclass(frozen=True, slots=True)
class Advice:
    """What would decide a slice, and the number where so many exist."""

    words: str
    number: int | None


def advice(claim: Claim, level: float) -> Advice:
    """Say what would decide a slice; never more clusters than there are.

    ``level``: at which it would fail.
    """
    measured, rule = claim.measurement, claim.rule
    limit = rule.limit if rule.limit is not None else 0.0
    # A value beyond its limit is decided by a fail, at the corrected level; one within by a pass.
    beyond = measured.value > limit if rule.max is not None else measured.value < limit
    more = stats.more_clusters(
        measured.method,
        measured.rows,
        level if beyond else claim.level,
        limit,
        low=claim.metric.low,
        high=claim.metric.high,
    )
    # A probe with sentences of its own is told how many to make, the others how many rows to read.
    key = next((name for name in ("examples", "sentences") if name in claim.settings), None)
    noun = "example" if key == "examples" or not any("sentence" in name for name in claim.settings) else "sentence"
    if more is None:
        return Advice(f"more {noun}s would hardly decide it: it sits at its limit", None)
    would = f"about {count(more, f'more {noun}')} would decide it"
    if measured.available is None:
        return Advice(would, more)
    left = max(measured.available - measured.n_clusters, 0)
    if more > left:
        there = f"only {left} more are available" if left else "no more are available"
        return Advice(f"there are not enough {noun}s to decide: {would}, and {there}", None)
    raised = f": raise {key} in [probes.{rule.probe}], and [audit] budget if it is set" if key else ""
    return Advice(f"{would}; {left} more are available{raised}", more)
