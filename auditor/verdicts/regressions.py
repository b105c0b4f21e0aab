"""The regression gate: what became worse than an earlier audit.

It reads the slices of required rules, whether they keep their limits or not. *Fail* claims that a slice is worse by
more than its tolerance, with an error of 5 % shared over all of these slices; *pass* claims, at 5 % for each, that it
is worse by at most tolerance and margin. Between the two either may come; whatever is neither is *inconclusive*. A
slice that the new audit lacks is *not measured*. What cannot be compared is judged by its limit alone, and counted in
the headline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from auditor import stats
from auditor.types import Regression
from auditor.verdicts.changes import Change, Shift, changes
from auditor.verdicts.claims import ALPHA
from auditor.verdicts.more_examples import EXAMPLE, ranged
from auditor.verdicts.multiplicity import SharedError
from auditor.verdicts.pairs import LeftOut, Matched, Pair, match
from auditor.verdicts.pooled import FEW
from auditor.verdicts.reasons import count, plural
from auditor.verdicts.same_cases import Audited

Outcome = Literal["pass", "fail", "inconclusive"]
SEVERITY = (0, 3, 1, 2)
"""Exit codes from best to worst."""


@dataclass(frozen=True, slots=True)
class RegressionDecision:
    """What the regression gate makes of two audits."""

    exit_code: Literal[0, 1, 3]
    """0: nothing became worse. 1: a slice did, beyond its tolerance. 3: undecided, or a slice is missing."""
    headline: str


def regressions(
    old: Audited, new: Audited, *, paired: bool = True, tolerances: Mapping[str, float] | None = None
) -> tuple[Regression, ...]:
    """Judge every slice that required rules of the new audit's policy read.

    ``paired``: both audits made the same cases, which ``same_cases.check`` tells. ``tolerances``: metric, or
    probe.metric, → the worsening that is accepted; by default the margin of the rule. Raises UsageError for an unknown
    metric.
    """
    return judged(match(old, new, paired=paired, tolerances=tolerances, required_only=True))


def judged(matched: Matched) -> tuple[Regression, ...]:
    """Judge the slices of two audits that required rules read."""
    required = [change for change in changes(matched) if change.pair.required]
    claims = {
        id(change.pair): Shift(change.pair, change.pair.rule, "worse", change.pair.tolerance, ALPHA)
        for change in required
        if not change.pair.too_few and not change.pair.proven
    }
    shared = SharedError(list(claims.values()))
    failed = shared.failed()
    outcomes = {id(pair): _outcome(pair, claims.get(id(pair)), failed) for pair in (change.pair for change in required)}
    judgements = []
    for change in required:
        outcome = outcomes[id(change.pair)]
        if outcome == "inconclusive" and _is_left_to_pool(change.pair, required):
            continue
        reason = _reason(change, outcome, claims.get(id(change.pair)), shared)
        judgements.append(_regression(change, outcome, reason))
    missing = [_missing(item, matched.paired) for item in matched.left_out if item.required and not item.by_limit_only]
    return (*judgements, *missing)


def decision(judgements: Sequence[Regression], *, not_compared: int = 0) -> RegressionDecision:
    """Decide on what the regression gate judged.

    ``not_compared``: metrics, or slices, of required rules that only their limits judge; the headline says how many.
    """
    code, headline = _decided(judgements)
    aside = f" Not compared: {count(not_compared, 'required number')}." if not_compared else ""
    return RegressionDecision(code, f"{headline}{aside}")


def _decided(judgements: Sequence[Regression]) -> tuple[Literal[0, 1, 3], str]:
    failed = [item for item in judgements if item.outcome == "fail"]
    open_ = [item for item in judgements if item.outcome in ("inconclusive", "not_measured")]
    if failed:
        return 1, f"Worse than the old audit: {count(len(failed), 'slice')} beyond the tolerance."
    if open_:
        return 3, f"Undecided against the old audit: {count(len(open_), 'slice')} inconclusive or not measured."
    if not judgements:
        return 3, "Undecided against the old audit: no slice of a required rule is compared."
    return 0, f"No worse than the old audit: {count(len(judgements), 'slice')} within the tolerance."


def worst(codes: Sequence[int]) -> int:
    """Return the worst of several exit codes."""
    return max(codes, key=SEVERITY.index)


def _outcome(pair: Pair, claim: Shift | None, failed: set[int]) -> Outcome:
    if pair.proven:
        return "pass"
    if claim is None:
        return "inconclusive"
    if id(claim) in failed:
        return "fail"
    return "pass" if pair.worsening(claim.level)[1] <= pair.tolerance + pair.margin else "inconclusive"


def _is_left_to_pool(pair: Pair, judged_: Sequence[Change]) -> bool:
    """Tell whether a small part counts in a judged pool.

    It does not where its own bounds lie beyond its tolerance.
    """
    clusters = pair.difference.clusters
    if clusters >= FEW or (not pair.too_few and pair.worsening(pair.level(ALPHA))[0] > pair.tolerance):
        return False
    return any(
        (pool.probe, pool.metric.name) == (pair.probe, pair.metric.name)
        and pool.difference.clusters >= FEW
        and pool.slice.items() < pair.slice.items()
        for pool in (change.pair for change in judged_)
    )


def _reason(change: Change, outcome: Outcome, claim: Shift | None, shared: SharedError) -> str:
    pair = change.pair
    zone = " and margin" if pair.margin else ""
    if claim is None:
        return change.reason
    at = f"at {100 * (1 - claim.level):g} % one-sided"
    if pair.metric.kind == "count":
        return f"worse by {'more' if outcome == 'fail' else 'no more'} than the tolerance{zone}, counted exactly"
    words = shared.words(claim)
    if outcome == "fail":
        return f"worse by more than the tolerance {at}{f' ({words})' if words else ''}"
    if outcome == "pass":
        within = pair.worsening(claim.level)[1] <= pair.tolerance
        return f"worse by no more than the tolerance{'' if within else zone} {at}"
    if pair.worsening(claim.level)[0] > pair.tolerance:
        undecided = f"likely worse by more than the tolerance: its own interval is, but not with {words}"
    else:
        undecided = f"the interval spans the tolerance{' and its margin' if pair.margin else ''}"
    return f"{undecided}; {_more(pair, claim, shared)}"


def _more(pair: Pair, claim: Shift, shared: SharedError) -> str:
    """Say how many more clusters would decide."""
    noun = pair.new.cluster_unit or EXAMPLE
    difference = pair.difference
    sign = 1.0 if pair.metric.better == "lower" else -1.0
    more = stats.more_pairs(
        lambda alpha: pair.worse(*difference.bounds(alpha)),
        lambda alpha: pair.worse(*difference.copied(alpha)),
        (
            stats.Goal(pair.tolerance + pair.margin, claim.level, below=True),
            stats.Goal(pair.tolerance, shared.level(claim), below=False),
        ),
        value=sign * difference.value,
        clusters=difference.clusters,
    )
    if more is None:
        return f"more {plural(noun)} would hardly decide it"
    would = f"{ranged(more, noun)} in both audits would decide it"
    available = [side.available for side in (pair.new, pair.old) if side.available is not None]
    left = min(available, default=None)
    if left is not None and more.even > max(left - difference.clusters, 0):
        return f"{would}, and only {max(left - difference.clusters, 0)} more exist"
    return would


def _regression(change: Change, outcome: Outcome, reason: str) -> Regression:
    pair = change.pair
    return Regression(
        probe=pair.probe,
        metric=pair.metric.name,
        slice=dict(pair.slice),
        # A fail claims more than that the slice is worse.
        conclusion="worse" if outcome == "fail" else change.conclusion,
        outcome=outcome,
        required=True,
        old=pair.difference.old,
        new=pair.difference.new,
        value=pair.difference.value,
        low=change.low,
        high=change.high,
        tolerance=pair.tolerance,
        paired=pair.paired,
        reason=reason if pair.paired else f"unpaired: {reason}",
    )


def _missing(item: LeftOut, paired: bool) -> Regression:
    nothing = dict.fromkeys(("old", "new", "value", "low", "high"))
    return Regression(
        probe=item.probe,
        metric=item.metric,
        slice=dict(item.slice or {}),
        conclusion="cannot tell",
        outcome="not_measured",
        required=True,
        tolerance=item.tolerance,
        paired=paired,
        reason=item.reason,
        **nothing,
    )
