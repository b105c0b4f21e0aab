"""A decision on the terminal: passes first, failures last, then the decision."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from auditor import results
from auditor.cli.live import on_terminal
from auditor.errors import one_line
from auditor.results import canonical_json
from auditor.types import (
    UNPRESERVED_ROWS,
    Decision,
    LabelReview,
    ProbeRecord,
    Rule,
    Verdict,
    in_words,
    preservation,
)
from auditor.verdicts import advice
from auditor.verdicts.policy import Policy

INCOMPLETE = 2
"""Exit code of a decision after a crash."""
ORDER = ("pass", "not_applicable", "not_measured", "inconclusive", "fail")
"""Outcomes from top to bottom."""
GREEN, YELLOW, RED, PLAIN = "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[0m"
COLOURS = {"pass": GREEN, "inconclusive": YELLOW, "fail": RED}
BY_CODE = {0: GREEN, 1: RED, INCOMPLETE: RED, 3: YELLOW}
INDENT = " " * 16
NOTHING: Mapping[str, Any] = {}


def show(
    decision: Decision,
    policy: Policy,
    records: Sequence[ProbeRecord],
    *,
    steps: Mapping[int, str],
    as_json: bool,
    quiet: bool = False,
    further: Mapping[str, Any] = NOTHING,
    labelled: LabelReview | None = None,
) -> None:
    """Print a decision as lines for people, or as JSON for programs.

    ``quiet`` prints the headline alone. ``records``: the candidate's records. ``steps``: what to do about the failed
    verdicts, by their places. ``further``: entries of the JSON that replace those of the decision, or join them.
    ``labelled``: what a reviewer says of labels under change.
    """
    own = {record.probe: record for record in records}
    if as_json:
        content = {**document(decision, policy, own, steps, labelled), **further}
        print(for_programs(content))
        return
    coloured = has_colours()
    if not quiet:
        for outcome, line in lines(decision, policy, own, steps, labelled):
            print(painted(line, COLOURS.get(outcome), coloured))
    print(painted(one_line(decision.headline), BY_CODE[decision.exit_code], coloured))
    if quiet:
        return
    if decision.exit_code == INCOMPLETE:
        for reason in decision.reasons:
            print(one_line(f"  {reason}"))
    if decision.waivers:
        print("waivers:")
        for use in decision.waivers:
            print(one_line(f"  {use.state}: {use.text}"))
    gaps = [*_advisory(decision, policy, own), *advice.not_measured(records, _deciding(decision, policy))]
    if gaps:
        print("not measured:")
        for gap in gaps:
            print(one_line(f"  {gap}"))


def for_programs(content: Mapping[str, Any]) -> str:
    """Return JSON that is harmless in a log."""
    text = json.dumps(content, ensure_ascii=True, indent=2)
    return text.replace("##[", "#\\u0023[")  # which GitHub Actions would obey


def document(
    decision: Decision,
    policy: Policy,
    own: Mapping[str, ProbeRecord],
    steps: Mapping[int, str],
    labelled: LabelReview | None = None,
) -> dict[str, Any]:
    """Return a decision for JSON, with groups and next steps.

    Each verdict carries the numbers of its groups, and a failed one the next step to take. Of probes that change texts,
    it says how often labels survive.
    """
    content = {"policy": policy.name, **results.decision_dict(decision, policy)}
    for place, (entry, verdict) in enumerate(zip(content["verdicts"], decision.verdicts, strict=True)):
        rule = policy.rules[verdict.rule]
        entry |= _with_groups(verdict, rule, own[rule.probe])
        if place in steps:
            entry["next"] = steps[place]
    judged = {policy.rules[verdict.rule].probe for verdict in decision.verdicts if verdict.value is not None}
    told = {name: preservation(labelled, name) for name in own if name in judged and _changes_texts(own[name])}
    return {**content, "label_preservation": told} if told else content


def judged_by(policy: Policy, *, own: bool, on: str | None = None) -> str:
    """Name the policy that judges a results folder.

    ``own``: whether it is the policy that the audit itself used. ``on``: the day on which waivers are judged, if any.
    """
    day = f"; waivers judged on {on}" if on else ""
    return one_line(f"policy: {policy.name}{' (the audit was judged by it)' if own else ''}{day}")


def lines(
    decision: Decision,
    policy: Policy,
    own: Mapping[str, ProbeRecord],
    steps: Mapping[int, str],
    labelled: LabelReview | None = None,
) -> Iterator[tuple[str, str]]:
    """Yield outcome and line of every verdict on something measured.

    The next step follows below a failure; neighbours with the same advice share one line. Beside every rate of changed
    texts stands how often their label survives.
    """
    shown = [
        (verdict, steps.get(place))
        for place, verdict in enumerate(decision.verdicts)
        if _is_measured(verdict, own[policy.rules[verdict.rule].probe])
        and (verdict.outcome != "not_measured" or policy.rules[verdict.rule].required != "never")
    ]
    # Within an outcome, advisory verdicts come first.
    shown.sort(key=lambda pair: (ORDER.index(pair[0].outcome), policy.rules[pair[0].rule].required != "never"))
    for at, (verdict, step) in enumerate(shown):
        rule = policy.rules[verdict.rule]
        yield verdict.outcome, one_line(_line(verdict, rule, own[rule.probe], labelled))
        if step is not None and step not in (below for _, below in shown[at + 1 : at + 2]):
            yield "", one_line(f"{INDENT}→ {step}")


def has_colours() -> bool:
    """Tell whether standard output should be coloured (no-color.org)."""
    return not os.environ.get("NO_COLOR") and on_terminal(sys.stdout)


def painted(line: str, colour: str | None, coloured: bool) -> str:
    """Return a line in its colour, where colours are wanted."""
    return f"{colour}{line}{PLAIN}" if colour and coloured else line


def _is_measured(verdict: Verdict, record: ProbeRecord) -> bool:
    """Tell whether a verdict belongs above the decision.

    Gaps are listed below the decision.
    """
    return record.status == "measured" and not (verdict.outcome == "not_measured" and _is_gap(verdict, record))


def _is_gap(verdict: Verdict, record: ProbeRecord) -> bool:
    return verdict.reason in {gap.reason for gap in record.skipped if gap.applies}


def _advisory(decision: Decision, policy: Policy, own: Mapping[str, ProbeRecord]) -> list[str]:
    """Return one line per reason for the advisory slices without a measurement."""
    slices_by_reason: dict[tuple[str, str], list[str]] = {}
    for verdict in decision.verdicts:
        rule = policy.rules[verdict.rule]
        record = own[rule.probe]
        unmeasured = record.status == "measured" and verdict.outcome == "not_measured" and not _is_gap(verdict, record)
        if unmeasured and rule.required == "never":
            slices_by_reason.setdefault((rule.probe, verdict.reason), []).append(
                ", ".join((verdict.slice or {}).values()) or "all"
            )
    return [
        f"{probe} [{'; '.join(slices)}] (advisory) – {reason}" for (probe, reason), slices in slices_by_reason.items()
    ]


def _deciding(decision: Decision, policy: Policy) -> set[tuple[str, str]]:
    """Return probe and reason of each required verdict that was not measured."""
    pairs = (
        (policy.rules[verdict.rule], verdict) for verdict in decision.verdicts if verdict.outcome == "not_measured"
    )
    return {(rule.probe, verdict.reason) for rule, verdict in pairs if rule.required != "never"}


def _changes_texts(record: ProbeRecord) -> bool:
    """Tell whether a probe changes texts that may change their label."""
    return record.limitation in UNPRESERVED_ROWS


def _line(verdict: Verdict, rule: Rule, record: ProbeRecord, labelled: LabelReview | None) -> str:
    value = "" if verdict.value is None else f" {verdict.value:.3f}"
    zone = f", margin {rule.margin:g}" if rule.margin else ""
    limit = "" if rule.limit is None else f" (limit {rule.limit:g}{zone})"
    shown = rule.limit is None and verdict.value is not None and verdict.outcome == "not_applicable"
    mark = "shown" if shown else verdict.outcome.replace("_", " ")
    waiver = "" if verdict.waiver is None else f"; {verdict.waiver.text}"
    advisory = " (advisory)" if rule.required == "never" else ""
    place = f" [{in_words(verdict.slice)}]" if verdict.slice else ""
    groups = _groups(verdict, rule, record) if verdict.outcome == "fail" else ""
    told = verdict.value is not None and _changes_texts(record)
    notes = f" ({preservation(labelled, rule.probe)}){waiver}" if told else waiver
    return f"{mark:>14}{advisory}  {rule.probe} {rule.metric}{place}{value}{limit}{groups}: {verdict.reason}{notes}"


def _groups(verdict: Verdict, rule: Rule, record: ProbeRecord) -> str:
    """Return the groups or the pair that a verdict is about.

    The words are the probe's own.
    """
    detail = _detail(verdict, rule, record)
    return f"; {detail}" if detail else ""


def _detail(verdict: Verdict, rule: Rule, record: ProbeRecord) -> str:
    measured = (entry for entry in record.measurements if entry.metric == rule.metric and entry.slice == verdict.slice)
    return next((entry.detail for entry in measured), "")


def _with_groups(verdict: Verdict, rule: Rule, record: ProbeRecord) -> dict[str, Any]:
    """Return a verdict's detail and groups, for JSON.

    The groups are every group and pair of the verdict's slice, each with value, interval and number of clusters.
    """
    keys = ("metric", "value", "low", "high", "n_clusters")
    groups = [
        {**entry.slice, **{key: canonical_json.plain(getattr(entry, key)) for key in keys}}
        for entry in record.groups(verdict.slice or {})
    ]
    detail = _detail(verdict, rule, record)
    return {**({"detail": detail} if detail else {}), **({"groups": groups} if groups else {})}
