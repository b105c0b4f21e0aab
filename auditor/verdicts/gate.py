"""Records × policy → a decision.

*Pass* claims that every slice a rule reads is within limit + margin: an intersection–union test, each slice at its own
level. *Fail* claims that some slice is beyond its limit: a union–intersection test, whose error is shared over all
slices of all required rules (``multiplicity``). Both read one-sided bounds at error ALPHA. Where both hold, in the
indifference zone between limit and limit + margin, *fail* goes first. Whatever is neither is *inconclusive*.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from typing import Literal

from auditor.errors import near_match
from auditor.types import (
    INPUT_NEEDS,
    LEFT_OUT,
    NEEDS,
    Decision,
    Outcome,
    ProbeRecord,
    Rule,
    Slice,
    Verdict,
    Waivers,
)
from auditor.verdicts import caveats, more_examples, reasons, waiving
from auditor.verdicts import policy as policies
from auditor.verdicts.claims import ALPHA, Claim, claims_of
from auditor.verdicts.multiplicity import SharedError
from auditor.verdicts.policy import Policy
from auditor.verdicts.pooled import left_to_pools
from auditor.verdicts.reasons import count, listed


def decide(
    policy: Policy,
    records: Sequence[ProbeRecord],
    candidate: str,
    *,
    interim: bool = False,
    looks: int = 1,
    stopped: bool = False,
    waivers: Waivers | None = None,
) -> Decision:
    """Decide on the candidate.

    Raises PolicyError for a rule that no discovered probe can answer. ``records``: of all models, with their
    measurements' rows. ``interim``: more examples may come; slices that have too few of them then keep their share of
    the error of a fail, so that it stands when they join. ``looks``: how many were planned before the first one; a
    slice is judged at the level of the look at which its last examples came. ``stopped``: the time limit ended the
    looks, which advice goes by. ``waivers``: what may break its rule for a while; outcomes stay what they are.
    """
    policies.check(policy, policies.known_metrics(tuple(records)))
    own = {record.probe: record for record in records if record.model == candidate}
    claims: list[Claim] = []
    verdicts: list[Verdict] = []
    for index, rule in enumerate(policy.rules):
        record = own[rule.probe]
        of_rule = list(claims_of(index, rule, record, looks))
        claims += [claim for claim in of_rule if rule.limit is not None]
        verdicts += [verdict for claim in of_rule if (verdict := _without_test(claim)) is not None]
        verdicts += _unread(index, rule, record, [claim.measurement.slice for claim in of_rule])
    required = [claim for claim in claims if claim.rule.required != "never"]
    coming = [claim for claim in required if interim and claim.measurement.status == "too_few"]
    tested = [claim for claim in required if claim.measurement.status == "ok"]
    shared = SharedError([claim for claim in tested if not claim.counted], coming)
    failed = shared.failed() | {id(claim) for claim in tested if claim.counted and claim.fails(claim.bounds(ALPHA))}
    done = {claim.index for claim in required if id(claim) in failed}
    for claim in claims:
        if claim.measurement.status == "ok":
            ended = more_examples.ended(claim, failed=claim.index in done, stopped=stopped)
            verdicts.append(_verdict(claim, shared, failed, ended))
    if not interim:
        verdicts = list(left_to_pools(policy, verdicts, own))
    verdicts.sort(key=lambda verdict: (verdict.rule, sorted((verdict.slice or {}).items())))
    caveat = caveats.of(policy, own, verdicts)
    if caveat is not None:
        verdicts = caveats.noted(policy, own, verdicts)
    crashed = [
        f"{record.model}: probe {record.probe} crashed: {record.reason}"
        for record in records
        if record.status == "failed"
    ]
    verdicts, uses = waiving.applied(policy, verdicts, waivers)
    decision = replace(_decision(policy, tuple(verdicts), crashed, own), waivers=uses)
    return decision if caveat is None else caveats.first(decision, caveat)


def _without_test(claim: Claim) -> Verdict | None:
    """The verdict of a slice without a test; None with one."""
    measured = claim.measurement
    outcome: Outcome = "not_applicable"
    if measured.status == "removed_by_tokenizer":
        reason = reasons.removed(measured)
    elif claim.rule.limit is None:
        reason = "shown without a limit"
    elif measured.status == "too_few":
        outcome, reason = "inconclusive", f"too few: {count(measured.n_clusters, 'informative cluster')}"
    else:
        return None
    return Verdict(claim.index, measured.slice, outcome, reason, measured.value, measured.low, measured.high)


def _unread(index: int, rule: Rule, record: ProbeRecord, read: list[Slice]) -> Iterator[Verdict]:
    """Verdicts on what the rule names and no measurement answers.

    Nothing is passed over in silence. ``read``: the slices that were measured; grows with those that have a verdict.
    """
    if record.status != "measured":
        not_given = rule.required == "when_input_given" and bool(record.missing) and set(record.missing) <= INPUT_NEEDS
        if not_given and record.reason in LEFT_OUT:
            yield Verdict(index, None, "not_applicable", NEEDS[record.missing[0]])
            return
        yield Verdict(index, None, "not_applicable" if not_given else "not_measured", record.reason or "not measured")
        return
    for measured in record.measurements:
        # Where every case was vacuous nothing is left to read a change from, but the slice was asked about.
        removed = measured.status == "removed_by_tokenizer"
        if removed and policies.matches(rule, measured.slice) and measured.slice not in read:
            read.append(measured.slice)
            yield Verdict(index, measured.slice, "not_applicable", reasons.removed(measured))
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
                texts = count(record.counts["unanswered"], "text")
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


def _verdict(claim: Claim, shared: SharedError, failed: Set[int], ended: str | None) -> Verdict:
    bounds = claim.bounds(claim.level)
    advisory = claim.rule.required == "never"
    verdict = Verdict(claim.index, claim.measurement.slice, "inconclusive", "", claim.measurement.value, *bounds)
    beyond = claim.fails(bounds)
    if beyond if advisory else id(claim) in failed:
        shares = "advisory" if advisory else "" if claim.counted else shared.words(claim)
        return replace(verdict, outcome="fail", reason=reasons.failed(claim, shares))
    if claim.passes(bounds):
        return replace(verdict, outcome="pass", reason=reasons.passed(claim, bounds))
    advice = more_examples.advice(claim, claim.level if advisory else shared.level(claim), ended)
    reason = f"{reasons.undecided(claim, shared.words(claim) if beyond else '')}; {advice.words}"
    return replace(verdict, reason=reason, more_examples=advice.number, more_examples_high=advice.high)


def _decision(
    policy: Policy, verdicts: tuple[Verdict, ...], crashed: Sequence[str], own: Mapping[str, ProbeRecord]
) -> Decision:
    required = [verdict for verdict in verdicts if policy.rules[verdict.rule].required != "never"]
    waived = [verdict for verdict in required if waiving.is_waived(verdict)]
    held = [verdict for verdict in required if not waiving.is_waived(verdict)]
    failed = [verdict for verdict in held if verdict.outcome == "fail" or verdict.waiver is not None]
    open_ = [
        verdict for verdict in held if verdict.outcome in ("inconclusive", "not_measured") and verdict.waiver is None
    ]
    left_out = [verdict for verdict in open_ if own[policy.rules[verdict.rule].probe].reason in LEFT_OUT]
    open_ = [verdict for verdict in open_ if verdict not in left_out]
    passed = [verdict for verdict in required if verdict.outcome == "pass"]
    asked = sum(verdict.outcome != "not_applicable" for verdict in required)
    deciding = [*crashed, *(reasons.line(policy, verdict) for verdict in (failed or ([] if crashed else open_)))]
    code: Literal[0, 1, 2, 3]
    if crashed:
        beside = f"; {count(len(failed), 'required check')} also broke a limit" if failed else ""
        code, headline = 2, f"The audit could not be completed: {count(len(crashed), 'probe')} crashed{beside}"
    elif failed:
        code, headline = 1, f"Hold: {_broken(failed, asked)}"
    elif left_out:
        others = _left_out(policy, left_out, own)
        code, headline = 3, f"Undecided: {_selected(own, open_, passed, asked)}; {others}"
        deciding.append(others)
    elif open_:
        code, headline = 3, f"Undecided: {_open(open_, asked)}"
    elif not passed:
        code, headline = 3, "Undecided: no rule passed, and no verdict is not a release"
    else:
        code, headline = 0, f"Release: {count(len(passed), 'required check')}, all within the limits"
    noted = f"; {len(waived)} waived" if waived else ""
    return Decision(code, code == 0, f"{headline}{noted}.", verdicts, tuple(deciding))


def _of(number: int, asked: int) -> str:
    """``2 of 87 required checks``, in words that need no glossary."""
    return f"{number} of {count(asked, 'required check')}"


def _broken(verdicts: Sequence[Verdict], asked: int) -> str:
    """Count what is outside its limits, and the expired waivers."""
    outside = [verdict for verdict in verdicts if verdict.outcome == "fail"]
    expired = {verdict.waiver.entry for verdict in verdicts if verdict.waiver is not None}
    parts = [f"{_of(len(outside), asked)} outside the limits"] if outside else []
    return "; ".join([*parts, f"{count(len(expired), 'waiver')} expired"] if expired else parts)


def _open(verdicts: Sequence[Verdict], asked: int) -> str:
    return f"{_of(len(verdicts), asked)} inconclusive or not measured"


def _selected(own: Mapping[str, ProbeRecord], open_: Sequence[Verdict], passed: Sequence[Verdict], asked: int) -> str:
    """What is to be said of the probes that ``--probe`` named."""
    measured = [record.probe for record in own.values() if record.status == "measured"]
    if open_:
        return _open(open_, asked)
    if not measured:
        return "nothing was measured"
    kept = ", within the limits" if passed else ""
    return f"only {listed(measured)} {'was' if len(measured) == 1 else 'were'} measured{kept}"


def _left_out(policy: Policy, left_out: Sequence[Verdict], own: Mapping[str, ProbeRecord]) -> str:
    """One clause for the required rules of probes left out, by flag."""
    probes = sorted({policy.rules[verdict.rule].probe for verdict in left_out})
    by_flag: dict[str, list[str]] = {flag: [] for flag in LEFT_OUT.values()}
    for probe in probes:
        by_flag[LEFT_OUT[own[probe].reason or ""]].append(probe)
    clauses = [f"{listed(names)} were left out by {flag}" for flag, names in by_flag.items() if names]
    return f"required rules of {', and of '.join(clauses)}"
