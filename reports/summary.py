"""First half of the page, from the decision to the paired comparisons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reports.formats import (
    amount,
    capitalised,
    difference_unit,
    interval,
    measured_interval,
    slice_text,
    unsigned,
    words_of,
)
from reports.lookup import OUTCOMES, Findings, Measured, decides, limit_of, mark
from reports.missing import has_measured, unmeasured_text
from reports.words import catalogue, later, recorded, say

KEY_NUMBERS = 4
"""Maximum number of metrics in the summary for a probe that no rule reads."""
_CODES = {
    0: ("release", "✓", later("Release")),
    1: ("hold", "✗", later("Hold")),
    2: ("incomplete", "!", later("Not completed")),
    3: ("undecided", "?", later("Undecided")),
}


def decision(findings: Findings) -> dict[str, Any]:
    """Describe the decision: word, headline, deciding verdicts and counts by outcome."""
    given = findings.results["decision"]
    kind, sign, name = _CODES[given["exit_code"]]
    word, headline, deciding = say(name), recorded(given["headline"]), deciding_verdicts(findings)
    return {
        "kind": kind,
        "sign": sign,
        "word": word,
        "headline": headline,
        "reason": _alone(headline, word),
        "exit_code": given["exit_code"],
        "todo": catalogue()["todo"][_todo(findings.results, kind)],
        "deciding": _with_steps(findings, deciding),
        # The gate's reasons end with a line for each deciding verdict; the page lists those verdicts already.
        "reasons": [recorded(reason) for reason in given["reasons"][: max(0, len(given["reasons"]) - len(deciding))]],
        "counts": _counts(findings),
        "waivers": [_waiver(waiver) for waiver in given.get("waivers", [])],
        "waivers_on": findings.results.get("waivers", {}).get("on"),
    }


def _waiver(waiver: Mapping[str, Any]) -> dict[str, str]:
    """Say a waiver's state and text."""
    return {"state": recorded(waiver["state"]), "text": recorded(waiver["text"])}


def _todo(results: Mapping[str, Any], kind: str) -> str:
    """Return the key of what to do.

    Imported results cannot be audited further.
    """
    return f"{kind}_import" if kind == "undecided" and "imported" in results else kind


def _alone(headline: str, word: str) -> str:
    """Return a headline without the decision's word, which stands above it."""
    return capitalised(headline.removeprefix(say("{word}: ", word=word)))


def deciding_verdicts(findings: Findings) -> list[Mapping[str, Any]]:
    """Return the required verdicts that the decision rests on.

    A release has none.
    """
    code = findings.results["decision"]["exit_code"]
    return [
        verdict
        for verdict in findings.verdicts
        if decides(verdict, code) and findings.rules[verdict["rule"]]["required"] != "never"
    ]


def _counts(findings: Findings) -> list[dict[str, Any]]:
    rows = []
    for title, advisory in ((say("required rules"), False), (say("advisory rules"), True)):
        outcomes = [
            verdict["outcome"]
            for verdict in findings.verdicts
            if (findings.rules[verdict["rule"]]["required"] == "never") == advisory
        ]
        cells = [{"mark": mark(outcome), "n": outcomes.count(outcome)} for outcome in OUTCOMES]
        rows.append({"title": title, "cells": cells, "total": len(outcomes)})
    return rows


def place(findings: Findings, probe: str, metric: str) -> dict[str, Any]:
    """Name a line's metric and where its probe is shown."""
    return {
        "probe": probe,
        "anchor": findings.anchors.get(probe),
        "metric": findings.metric(probe, metric)["title"],
        "unpreserved": findings.preservation(probe, metric),
    }


def _verdict(findings: Findings, verdict: Mapping[str, Any]) -> dict[str, Any]:
    rule = findings.rules[verdict["rule"]]
    unit = findings.metric(rule["probe"], rule["metric"])["unit"]
    measured = verdict["value"] is not None
    reason = recorded(verdict["reason"])
    return {
        **place(findings, rule["probe"], rule["metric"]),
        "slice": None if verdict["slice"] is None else slice_text(verdict["slice"]),
        "mark": findings.mark(verdict),
        "reason": say("; ").join([reason, recorded(verdict["waiver"]["text"])]) if "waiver" in verdict else reason,
        "detail": findings.detail(rule, verdict["slice"]),
        "value": amount(verdict["value"], unit) if measured else None,
        "bounds": interval(verdict["low"], verdict["high"], unit) if measured else None,
        "limit": limit_text(rule, unit),
    }


def _with_steps(findings: Findings, verdicts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Describe verdicts; the last of neighbours with the same step shows it."""
    steps = [findings.next_step(verdict) for verdict in verdicts]
    return [
        {**_verdict(findings, verdict), "next": None if step in steps[at + 1 : at + 2] else step}
        for at, (verdict, step) in enumerate(zip(verdicts, steps, strict=True))
    ]


def limit_text(rule: Mapping[str, Any], unit: str) -> str:
    """Format a limit: ``≤ 10.0 points, margin 5.0 points`` or ``no limit``."""
    limit, margin = limit_of(rule), rule.get("margin", 0.0)
    if limit is None:
        return say("no limit")
    allowed = f"{'≤' if rule['max'] is not None else '≥'} {unsigned(limit, unit)}"
    if not margin:
        return allowed
    return say("{limit}, margin {margin}", limit=allowed, margin=unsigned(margin, difference_unit(unit)))


def rules(findings: Findings) -> list[dict[str, Any]]:
    """Describe each rule with its reason and its verdicts."""
    required = {
        "always": say("required"),
        "when_input_given": say("required when its input is given"),
        "never": say("advisory"),
    }
    listed = []
    for number, rule in enumerate(findings.rules):
        verdicts = _with_steps(findings, [verdict for verdict in findings.verdicts if verdict["rule"] == number])
        listed.append(
            {
                **place(findings, rule["probe"], rule["metric"]),
                "required": required[rule["required"]],
                "why": recorded(rule["why"]),
                "limit": limit_text(rule, findings.metric(rule["probe"], rule["metric"])["unit"]),
                "verdicts": verdicts,
            }
        )
    return listed


def quality(findings: Findings) -> list[dict[str, Any]]:
    """Describe the probes without a limitation, such as plain quality."""
    return [_probe(findings, probe) for probe in findings.probes if findings.limitation(probe) is None]


def limitations(findings: Findings) -> list[dict[str, Any]]:
    """Describe every row of the scorecard, measured or not.

    No row can be missing, because this iterates over rows and not over probes.
    """
    rows = []
    for row in findings.results["limitations"]:
        probes = [_probe(findings, probe) for probe in findings.probes if findings.limitation(probe) == row["id"]]
        rows.append(
            {
                "id": row["id"],
                "limitation": recorded(row["limitation"]),
                "question": recorded(row["question"]),
                "probes": probes,
                "missing": None if probes else say("not measured: no probe yet"),
            }
        )
    return rows


def _probe(findings: Findings, probe: str) -> dict[str, Any]:
    record = findings.record(findings.candidate, probe)
    summary: dict[str, Any] = {
        "probe": probe,
        "anchor": findings.anchors[probe],
        "mark": findings.badge(probe),
        "shown": any(True for _ in findings.rules_of(probe)),
        "unpreserved": findings.preservation(probe) or findings.borrowed(probe) if has_measured(record) else None,
        "numbers": [],
        "missing": None,
        "failed": False,
    }
    if not has_measured(record):
        summary["failed"] = record is not None and record["status"] == "failed"
        summary["missing"] = unmeasured_text(record)
    elif record is not None:
        summary["numbers"] = [_number(findings, probe, *entry) for entry in _key_numbers(findings, probe, record)]
    return summary


_Entry = tuple[Measured, str, int | None]
"""A measurement, a note on the number of slices it stands for, and the number of its rule."""


def _key_numbers(findings: Findings, probe: str, record: Mapping[str, Any]) -> Iterator[_Entry]:
    """Yield the worst slice of every rule, else of the first metrics."""
    measurements = record["measurements"]
    read: set[str] = set()
    for number, rule in findings.rules_of(probe):
        slices = [verdict["slice"] for verdict in findings.verdicts if verdict["rule"] == number]
        read_here = [
            measurement
            for measurement in measurements
            if measurement["metric"] == rule["metric"] and measurement["slice"] in slices
        ]
        if read_here:
            worst = _worst(read_here, findings.metric(probe, rule["metric"]), rule)
            yield worst, _of(len(read_here)), number
            read.add(rule["metric"])
    if read and findings.limitation(probe) is not None:
        return
    names = [name for name in dict.fromkeys(measurement["metric"] for measurement in measurements) if name not in read]
    fewest = min(len(measurement["slice"]) for measurement in measurements)
    short = [
        name
        for name in names
        if any(measurement["metric"] == name and len(measurement["slice"]) == fewest for measurement in measurements)
    ]
    for name in (short + [name for name in names if name not in short])[:KEY_NUMBERS]:
        own = [measurement for measurement in measurements if measurement["metric"] == name]
        level = min(len(measurement["slice"]) for measurement in own)
        own = [measurement for measurement in own if len(measurement["slice"]) == level]
        yield _worst(own, findings.metric(probe, name), None), _of(len(own)), None


def _of(slices: int) -> str:
    return "" if slices == 1 else say("the worst of {n} slices", n=slices)


def _worst(measurements: Sequence[Measured], metric: Mapping[str, Any], rule: Mapping[str, Any] | None) -> Measured:
    lower_is_worse = metric["better"] == "higher" or (rule is not None and rule["min"] is not None)
    sign = -1.0 if lower_is_worse else 1.0
    readable = [measurement for measurement in measurements if measurement["status"] == "ok"] or list(measurements)
    return max(
        readable,
        key=lambda measurement: sign * (measurement["value"] if measurement["value"] is not None else float("inf")),
    )


def _number(findings: Findings, probe: str, measured: Measured, note: str, rule: int | None) -> dict[str, Any]:
    metric = findings.metric(probe, measured["metric"])
    verdict = None if rule is None else findings.verdict(rule, measured["slice"])
    return {
        "title": metric["title"],
        "slice": slice_text(measured["slice"]) if measured["slice"] else "",
        "note": note,
        "limit": None if rule is None else limit_text(findings.rules[rule], metric["unit"]),
        "mark": None if verdict is None else findings.mark(verdict),
        "advisory": rule is not None and findings.rules[rule]["required"] == "never",
        "detail": recorded(str(measured.get("detail", ""))),
        "cells": [_cell(findings, model, probe, measured, metric["unit"]) for model in findings.models],
    }


def _cell(findings: Findings, model: str, probe: str, measured: Measured, unit: str) -> dict[str, Any]:
    own = findings.measured(model, probe, measured["metric"], measured["slice"])
    cell: dict[str, Any] = {"model": model, "lane": findings.models.index(model)}
    if own is not None:
        status = "" if own["status"] == "ok" else recorded(words_of(own["status"]))
        return {
            **cell,
            "value": amount(own["value"], unit),
            "interval": measured_interval(own, unit),
            "n": own["n_clusters"],
            "status": status,
        }
    record = findings.record(model, probe)
    missing = say("not measured") if has_measured(record) else unmeasured_text(record)
    return {**cell, "value": None, "missing": missing}
