"""Records × policy → a decision.

*Pass* claims that every slice a rule reads keeps its limit: an intersection–union test, each slice at its own level.
*Fail* claims that some slice breaks its limit: a union–intersection test, corrected by Holm (1979) over all slices
of all required rules. Both read one-sided bounds at error ALPHA. Whatever is neither is *inconclusive*.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from auditor import stats
from auditor.errors import near_match
from auditor.types import (
    INPUT_NEEDS,
    NEEDS,
    NOT_SELECTED,
    Decision,
    Measurement,
    Metric,
    Outcome,
    ProbeRecord,
    Rule,
    Slice,
    Verdict,
    in_words,
)
from auditor.verdicts import policy as policies
from auditor.verdicts.policy import Policy

ALPHA = 0.05
"""Error of each one-sided claim."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """One slice that one rule reads."""

    index: int
    rule: Rule
    metric: Metric
    measurement: Measurement
    settings: Mapping[str, object]
    """Of the probe."""
    looks: int
    """Planned before the first one."""

    @property
    def level(self) -> float:
        """The error that one-sided claims on it have."""
        return stats.looks.level(ALPHA, self.measurement.look, self.looks)

    def bounds(self, alpha: float) -> tuple[float, float]:
        measurement = self.measurement
        return stats.bounds(measurement.method, measurement.rows, alpha, low=self.metric.low, high=self.metric.high)

    def passes(self, bounds: tuple[float, float]) -> bool:
        low, high = bounds
        edge = self.rule.edge
        return edge is not None and (high <= edge if self.rule.max is not None else low >= edge)

    def fails(self, bounds: tuple[float, float]) -> bool:
        low, high = bounds
        if self.rule.max is not None:
            return low > self.rule.max
        return self.rule.min is not None and high < self.rule.min


def decide(
    policy: Policy, records: Sequence[ProbeRecord], candidate: str, *, interim: bool = False, looks: int = 1
) -> Decision:
    """Decide on the candidate.

    Raises PolicyError for a rule that no discovered probe can answer. ``records``: of all models, with their
    measurements' rows. ``interim``: more examples may come; a fail is then corrected for the slices that have too few
    of them as well, so that it stands when they join. ``looks``: how many were planned before the first one; a slice is
    judged at the level of the look at which its last examples came.
    """
    policies.check(policy, policies.known_metrics(tuple(records)))
    own = {record.probe: record for record in records if record.model == candidate}
    claims: list[_Claim] = []
    verdicts: list[Verdict] = []
    for index, rule in enumerate(policy.rules):
        record = own[rule.probe]
        of_rule = list(_claims(index, rule, record, looks))
        claims += [claim for claim in of_rule if rule.limit is not None and claim.measurement.status == "ok"]
        verdicts += [verdict for claim in of_rule if (verdict := _without_test(claim)) is not None]
        verdicts += _unread(index, rule, record, [claim.measurement.slice for claim in of_rule])
    required = [claim for claim in claims if claim.rule.required != "never"]
    coming = 0
    if interim:
        coming = sum(
            verdict.outcome == "inconclusive" and policy.rules[verdict.rule].required != "never" for verdict in verdicts
        )
    failed = _holm(required, coming)
    verdicts += [_verdict(claim, failed, len(required)) for claim in claims]
    verdicts.sort(key=lambda verdict: (verdict.rule, sorted((verdict.slice or {}).items())))
    crashed = [
        f"{record.model}: probe {record.probe} crashed: {record.reason}"
        for record in records
        if record.status == "failed"
    ]
    return _decision(policy, tuple(verdicts), crashed, own)


def _claims(index: int, rule: Rule, record: ProbeRecord, looks: int) -> Iterator[_Claim]:
    metric = next(metric for metric in record.metrics if metric.name == rule.metric)
    for measurement in record.measurements:
        if measurement.metric == rule.metric and policies.matches(rule, measurement.slice):
            yield _Claim(index, rule, metric, measurement, record.settings, looks)


def _without_test(claim: _Claim) -> Verdict | None:
    """The verdict of a slice without a test; None with one."""
    measured = claim.measurement
    outcome: Outcome = "not_applicable"
    if measured.status == "removed_by_tokenizer":
        reason = _removed(measured)
    elif claim.rule.limit is None:
        reason = "shown without a limit"
    elif measured.status == "too_few":
        outcome, reason = "inconclusive", f"too few: {_count(measured.n_clusters, 'informative cluster')}"
    else:
        return None
    return Verdict(claim.index, measured.slice, outcome, reason, measured.value, measured.low, measured.high)


def _unread(index: int, rule: Rule, record: ProbeRecord, read: list[Slice]) -> Iterator[Verdict]:
    """Verdicts on what the rule names and no measurement answers.

    Nothing is passed over in silence. ``read``: the slices that were measured; grows with those that have a verdict.
    """
    if record.status != "measured":
        not_given = rule.required == "when_input_given" and bool(record.missing) and set(record.missing) <= INPUT_NEEDS
        if not_given and record.reason == NOT_SELECTED:
            yield Verdict(index, None, "not_applicable", NEEDS[record.missing[0]])
            return
        yield Verdict(index, None, "not_applicable" if not_given else "not_measured", record.reason or "not measured")
        return
    for measured in record.measurements:
        # Where every case was vacuous nothing is left to read a change from, but the slice was asked about.
        removed = measured.status == "removed_by_tokenizer"
        if removed and policies.matches(rule, measured.slice) and measured.slice not in read:
            read.append(measured.slice)
            yield Verdict(index, measured.slice, "not_applicable", _removed(measured))
    for gap in record.skipped:
        if policies.matches(rule, gap.slice) and gap.slice not in read:
            read.append(gap.slice)
            yield Verdict(index, gap.slice, "not_measured" if gap.applies else "not_applicable", gap.reason)
    for part in policies.parts(rule):
        if not any(policies.matches(part, slice_) for slice_ in read):
            named = {key: str(value) for key, value in part.slice.items()}
            near = _nearest(named, [measured.slice for measured in record.measurements])
            reason = f"no slice of this probe matches the rule{f'; {near}' if near else ''}"
            if not record.measurements and record.counts.get("unanswered"):
                texts = _count(record.counts["unanswered"], "text")
                reason = f"the model fails on {texts}, and no other was left to measure"
            yield Verdict(index, named or None, "not_measured", reason)


def _nearest(named: Slice, slices: Sequence[Slice]) -> str | None:
    """What an unknown key or value of the slice may mean."""
    keys = sorted({key for slice_ in slices for key in slice_})
    for key, value in named.items():
        values = sorted({slice_[key] for slice_ in slices if key in slice_})
        if key not in keys:
            return near_match(key, keys)
        if value not in ("*", *values):
            return near_match(value, values)
    return None


def _removed(measurement: Measurement) -> str:
    return f"removed by the tokenizer: {measurement.vacuous:.0%} of the cases have the same token ids as before"


def _holm(claims: Sequence[_Claim], coming: int) -> set[int]:
    """Ids of the claims that fail, by stepwise correction.

    The k-th is tested at its level ÷ (claims not yet rejected, and those still coming).
    """
    failed: set[int] = set()
    while len(failed) < len(claims):
        left = len(claims) + coming - len(failed)
        more = {
            id(claim) for claim in claims if id(claim) not in failed and claim.fails(claim.bounds(claim.level / left))
        }
        if not more:
            break
        failed |= more
    return failed


def _verdict(claim: _Claim, failed: set[int], claims: int) -> Verdict:
    measured, rule = claim.measurement, claim.rule
    low, high = claim.bounds(claim.level)
    advisory = rule.required == "never"
    verdict = Verdict(claim.index, measured.slice, "inconclusive", "", measured.value, low, high)
    broken = claim.fails((low, high)) if advisory else id(claim) in failed
    if broken:
        correction = "advisory" if advisory else f"Holm over {_count(claims, 'slice')}"
        return replace(verdict, outcome="fail", reason=f"outside its limit at 95 % one-sided ({correction})")
    if claim.passes((low, high)):
        return replace(verdict, outcome="pass", reason="within its limit at 95 % one-sided")
    limit = rule.limit if rule.limit is not None else 0.0
    # A value beyond its limit is decided by a fail, at the corrected level; one within by a pass.
    beyond = measured.value > limit if rule.max is not None else measured.value < limit
    level = claim.level / max(claims, 1) if beyond and not advisory else claim.level
    more = stats.more_clusters(
        measured.method, measured.rows, level, limit, low=claim.metric.low, high=claim.metric.high
    )
    hint, more = _advice(claim, more)
    return replace(verdict, reason=f"the interval includes the limit; {hint}", more_examples=more)


def _advice(claim: _Claim, more: int | None) -> tuple[str, int | None]:
    """What would decide it: never more clusters than there are."""
    # A probe with sentences of its own is told how many to make, the others how many rows to read.
    key = next((name for name in ("examples", "sentences") if name in claim.settings), None)
    noun = "example" if key == "examples" or not any("sentence" in name for name in claim.settings) else "sentence"
    if more is None:
        return f"more {noun}s would hardly decide it: it sits at its limit", None
    would, measurement = f"about {_count(more, f'more {noun}')} would decide it", claim.measurement
    if measurement.available is None:
        return would, more
    left = max(measurement.available - measurement.n_clusters, 0)
    if more > left:
        there = f"only {left} more are available" if left else "no more are available"
        return f"there are not enough {noun}s to decide: {would}, and {there}", None
    raised = f": raise {key} in [probes.{claim.rule.probe}], and [audit] budget if it is set" if key else ""
    return f"{would}; {left} more are available{raised}", more


def _decision(
    policy: Policy, verdicts: tuple[Verdict, ...], crashed: Sequence[str], own: Mapping[str, ProbeRecord]
) -> Decision:
    required = [verdict for verdict in verdicts if policy.rules[verdict.rule].required != "never"]
    failed = [verdict for verdict in required if verdict.outcome == "fail"]
    open_ = [verdict for verdict in required if verdict.outcome in ("inconclusive", "not_measured")]
    left_out = [verdict for verdict in open_ if own[policy.rules[verdict.rule].probe].reason == NOT_SELECTED]
    open_ = [verdict for verdict in open_ if verdict not in left_out]
    passed = [verdict for verdict in required if verdict.outcome == "pass"]
    reasons = [*crashed, *(_reason(policy, verdict) for verdict in (failed or ([] if crashed else open_)))]
    code: Literal[0, 1, 2, 3]
    if crashed:
        beside = f"; {_count(len(failed), 'slice')} also broke a limit" if failed else ""
        code, headline = 2, f"The audit could not be completed: {_count(len(crashed), 'probe')} crashed{beside}."
    elif failed:
        code, headline = 1, f"Hold: {_count(len(failed), 'slice')} outside the limits."
    elif left_out:
        others = _not_selected(policy, left_out)
        code, headline = 3, f"Undecided: {_selected(own, open_, passed)}; {others}."
        reasons.append(others)
    elif open_:
        code, headline = 3, f"Undecided: {_open(open_)}."
    elif not passed:
        code, headline = 3, "Undecided: no rule passed, and no verdict is not a release."
    else:
        code, headline = 0, f"Release: {_count(len(passed), 'required verdict')}, all within the limits."
    return Decision(code, code == 0, headline, verdicts, tuple(reasons))


def _open(verdicts: Sequence[Verdict]) -> str:
    return f"{_count(len(verdicts), 'required verdict')} inconclusive or not measured"


def _selected(own: Mapping[str, ProbeRecord], open_: Sequence[Verdict], passed: Sequence[Verdict]) -> str:
    """What is to be said of the probes that ``--probe`` named."""
    measured = [record.probe for record in own.values() if record.status == "measured"]
    if open_:
        return _open(open_)
    if not measured:
        return "nothing was measured"
    kept = ", within the limits" if passed else ""
    return f"only {_listed(measured)} {'was' if len(measured) == 1 else 'were'} measured{kept}"


def _not_selected(policy: Policy, left_out: Sequence[Verdict]) -> str:
    """One clause for the required rules of probes left out."""
    probes = sorted({policy.rules[verdict.rule].probe for verdict in left_out})
    return f"required rules of {_listed(probes)} were left out by --probe"


def _listed(names: Sequence[str]) -> str:
    """``bias, noise and quality``."""
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _reason(policy: Policy, verdict: Verdict) -> str:
    rule = policy.rules[verdict.rule]
    place = f" [{in_words(verdict.slice)}]" if verdict.slice else ""
    numbers = ""
    if verdict.value is not None:
        numbers = (
            f" {verdict.value:.3f}, one-sided bounds {verdict.low:.3f} to {verdict.high:.3f}, limit {rule.limit:g};"
        )
    return f"{rule.probe} {rule.metric}{place}:{numbers} {verdict.outcome.replace('_', ' ')}: {verdict.reason}"
