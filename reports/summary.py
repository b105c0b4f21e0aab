"""The first half of the page: the decision, plain quality, the twelve rows, the rules, the comparisons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reports.formats import amount, difference_unit, interval, measured_interval, p_value, slice_text, words_of
from reports.lookup import INAPPLICABLE, OUTCOMES, UNPRESERVED, Findings, Measured, applies, limit_of, mark

KEY_NUMBERS = 4
"""Numbers shown in a row of the summary for a probe that no rule reads."""
_CODES = {
    0: ("release", "✓", "Release"),
    1: ("hold", "✗", "Hold"),
    2: ("incomplete", "!", "Not completed"),
    3: ("undecided", "?", "Undecided"),
}
_DECIDING = {0: (), 1: ("fail",), 2: ("fail",), 3: ("inconclusive", "not_measured")}


def decision(found: Findings) -> dict[str, Any]:
    """The verdict in words, what decided it, and how many verdicts came out how."""
    given = found.results["decision"]
    kind, sign, word = _CODES[given["exit_code"]]
    deciding = [
        verdict
        for verdict in found.verdicts
        if verdict["outcome"] in _DECIDING[given["exit_code"]] and found.rules[verdict["rule"]]["required"] != "never"
    ]
    return {
        "kind": kind,
        "sign": sign,
        "word": word,
        "headline": given["headline"],
        "exit_code": given["exit_code"],
        "deciding": _with_steps(found, deciding),
        # The gate's reasons end with one line for each of these verdicts: said once is enough.
        "reasons": given["reasons"][: max(0, len(given["reasons"]) - len(deciding))],
        "counts": _counts(found),
    }


def _counts(found: Findings) -> list[dict[str, Any]]:
    rows = []
    for title, advisory in (("required rules", False), ("rules that only show", True)):
        outcomes = [
            verdict["outcome"]
            for verdict in found.verdicts
            if (found.rules[verdict["rule"]]["required"] == "never") == advisory
        ]
        cells = [{"mark": mark(outcome), "n": outcomes.count(outcome)} for outcome in OUTCOMES]
        rows.append({"title": title, "cells": cells, "total": len(outcomes)})
    return rows


def _place(found: Findings, probe: str, metric: str) -> dict[str, Any]:
    return {
        "probe": probe,
        "anchor": found.anchors.get(probe),
        "metric": found.metric(probe, metric)["title"],
        "unpreserved": UNPRESERVED if found.unpreserved(probe) else None,
    }


def _verdict(found: Findings, verdict: Mapping[str, Any]) -> dict[str, Any]:
    rule = found.rules[verdict["rule"]]
    unit = found.metric(rule["probe"], rule["metric"])["unit"]
    measured = verdict["value"] is not None
    return {
        **_place(found, rule["probe"], rule["metric"]),
        "slice": None if verdict["slice"] is None else slice_text(verdict["slice"]),
        "mark": found.mark(verdict),
        "reason": verdict["reason"],
        "detail": found.detail(rule, verdict["slice"]),
        "value": amount(verdict["value"], unit) if measured else None,
        "bounds": interval(verdict["low"], verdict["high"], unit) if measured else None,
        "limit": limit_text(rule, unit),
    }


def _with_steps(found: Findings, verdicts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Verdicts as they are shown, the next step once for neighbours that share it: below the last."""
    steps = [found.next_step(verdict) for verdict in verdicts]
    return [
        {**_verdict(found, verdict), "next": None if step in steps[at + 1 : at + 2] else step}
        for at, (verdict, step) in enumerate(zip(verdicts, steps, strict=True))
    ]


def limit_text(rule: Mapping[str, Any], unit: str) -> str:
    """``≤ 10.0 points``, ``≥ 80.0 %`` or ``no limit``."""
    limit = limit_of(rule)
    return (
        "no limit"
        if limit is None
        else f"{'≤' if rule['max'] is not None else '≥'} {amount(limit, unit).removeprefix('+')}"
    )


def rules(found: Findings) -> list[dict[str, Any]]:
    """Each rule with its reason and its verdicts."""
    required = {"always": "required", "when_input_given": "required when its input is given", "never": "shown only"}
    listed = []
    for number, rule in enumerate(found.rules):
        verdicts = _with_steps(found, [verdict for verdict in found.verdicts if verdict["rule"] == number])
        listed.append(
            {
                **_place(found, rule["probe"], rule["metric"]),
                "required": required[rule["required"]],
                "why": rule["why"],
                "limit": limit_text(rule, found.metric(rule["probe"], rule["metric"])["unit"]),
                "verdicts": verdicts,
            }
        )
    return listed


def quality(found: Findings) -> list[dict[str, Any]]:
    """The probes that answer for no limitation, plain quality among them."""
    return [_probe(found, probe) for probe in found.probes if found.limitation(probe) is None]


def limitations(found: Findings) -> list[dict[str, Any]]:
    """Every row of the scorecard, measured or not; it can lose no row, for it goes by the rows and not the probes."""
    rows = []
    for row in found.results["limitations"]:
        probes = [_probe(found, probe) for probe in found.probes if found.limitation(probe) == row["id"]]
        rows.append(
            {
                "id": row["id"],
                "limitation": row["limitation"],
                "question": row["question"],
                "probes": probes,
                "missing": None if probes else "not measured: no probe yet",
            }
        )
    return rows


def _probe(found: Findings, probe: str) -> dict[str, Any]:
    record = found.record(found.candidate, probe)
    summary: dict[str, Any] = {
        "probe": probe,
        "anchor": found.anchors[probe],
        "mark": found.badge(probe),
        "shown": any(True for _ in found.rules_of(probe)),
        "unpreserved": UNPRESERVED if found.unpreserved(probe) and has_measured(record) else None,
        "numbers": [],
        "missing": None,
        "failed": False,
    }
    if not has_measured(record):
        summary["failed"] = record is not None and record["status"] == "failed"
        summary["missing"] = unmeasured_text(record)
    elif record is not None:
        summary["numbers"] = [_number(found, probe, *entry) for entry in _key_numbers(found, probe, record)]
    return summary


def has_measured(record: Mapping[str, Any] | None) -> bool:
    """Whether there is any number: a probe may have run and skipped every slice."""
    return record is not None and record["status"] == "measured" and bool(record["measurements"])


def unmeasured_text(record: Mapping[str, Any] | None) -> str:
    """``not measured: reason``; for a crash ``failed: reason``, for a probe of another task ``does not apply: reason``."""
    if record is None:
        return "not measured: not run on this model"
    word = "failed" if record["status"] == "failed" else "not measured" if applies(record) else INAPPLICABLE
    if record["status"] == "measured":
        reasons = "; ".join(dict.fromkeys(gap["reason"] for gap in record["skipped"]))
        return f"{word}: {reasons or 'no slice could be measured'}"
    return f"{word}: {record['reason'] or 'no reason recorded'}"


_Entry = tuple[Measured, str, int | None]
"""A measurement, a note on which of how many it is, and the rule that reads it."""


def _key_numbers(found: Findings, probe: str, record: Mapping[str, Any]) -> Iterator[_Entry]:
    """What a reader needs first: the worst slice of every rule; without rules, of the first metrics."""
    measurements = record["measurements"]
    read: set[str] = set()
    for number, rule in found.rules_of(probe):
        slices = [verdict["slice"] for verdict in found.verdicts if verdict["rule"] == number]
        read_here = [one for one in measurements if one["metric"] == rule["metric"] and one["slice"] in slices]
        if read_here:
            worst = _worst(read_here, found.metric(probe, rule["metric"]), rule)
            yield worst, _of(len(read_here)), number
            read.add(rule["metric"])
    if read and found.limitation(probe) is not None:
        return
    names = [name for name in dict.fromkeys(one["metric"] for one in measurements) if name not in read]
    fewest = min(len(one["slice"]) for one in measurements)
    short = [
        name for name in names if any(one["metric"] == name and len(one["slice"]) == fewest for one in measurements)
    ]
    for name in (short + [name for name in names if name not in short])[:KEY_NUMBERS]:
        own = [one for one in measurements if one["metric"] == name]
        level = min(len(one["slice"]) for one in own)
        own = [one for one in own if len(one["slice"]) == level]
        yield _worst(own, found.metric(probe, name), None), _of(len(own)), None


def _of(slices: int) -> str:
    return "" if slices == 1 else f"the worst of {slices} slices"


def _worst(measurements: Sequence[Measured], metric: Mapping[str, Any], rule: Mapping[str, Any] | None) -> Measured:
    lower_is_worse = metric["better"] == "higher" or (rule is not None and rule["min"] is not None)
    sign = -1.0 if lower_is_worse else 1.0
    readable = [one for one in measurements if one["status"] == "ok"] or list(measurements)
    return max(readable, key=lambda one: sign * (one["value"] if one["value"] is not None else float("inf")))


def _number(found: Findings, probe: str, measured: Measured, note: str, rule: int | None) -> dict[str, Any]:
    metric = found.metric(probe, measured["metric"])
    verdict = None if rule is None else found.verdict(rule, measured["slice"])
    return {
        "title": metric["title"],
        "slice": slice_text(measured["slice"]) if measured["slice"] else "",
        "note": note,
        "limit": None if rule is None else limit_text(found.rules[rule], metric["unit"]),
        "mark": None if verdict is None else found.mark(verdict),
        "advisory": rule is not None and found.rules[rule]["required"] == "never",
        "detail": str(measured.get("detail", "")),
        "cells": [_cell(found, model, probe, measured, metric["unit"]) for model in found.models],
    }


def _cell(found: Findings, model: str, probe: str, measured: Measured, unit: str) -> dict[str, Any]:
    own = found.measured(model, probe, measured["metric"], measured["slice"])
    cell: dict[str, Any] = {"model": model, "lane": found.models.index(model)}
    if own is not None:
        status = "" if own["status"] == "ok" else words_of(own["status"])
        return {
            **cell,
            "value": amount(own["value"], unit),
            "interval": measured_interval(own, unit),
            "n": own["n_clusters"],
            "status": status,
        }
    record = found.record(model, probe)
    missing = "not measured" if has_measured(record) else unmeasured_text(record)
    return {**cell, "value": None, "missing": missing}


def comparisons(found: Findings) -> dict[str, list[Any]]:
    """Paired differences: the hypotheses named beforehand, and all others."""
    shown = [_comparison(found, one) for one in found.results["comparisons"]]
    return {
        "named": [one for one in shown if one["expect"]],
        "others": [one for one in shown if not one["expect"]],
        "unanswered": found.results["unanswered"],
    }


def _comparison(found: Findings, given: Mapping[str, Any]) -> dict[str, Any]:
    metric = found.metric(given["probe"], given["metric"])
    unit = difference_unit(metric["unit"])
    value = amount(given["value"], unit)
    return {
        **_place(found, given["probe"], given["metric"]),
        "models": f"{given['model']} minus {given['against']}",
        "slice": slice_text(given["slice"]),
        "value": value,
        "interval": interval(given["low"], given["high"], unit),
        "p": p_value(given["p"]),
        "n": given["n_clusters"],
        "method": words_of(given["method"]),
        "expect": given["expect"],
        "said": _said(given),
    }


def _said(given: Mapping[str, Any]) -> str:
    low, high = (-float("inf") if given["low"] is None else given["low"]), given["high"]
    above, below = low > 0, high is not None and high < 0
    if given["expect"] is None:
        return "higher" if above else "lower" if below else "not decided: the interval holds zero"
    if not (above or below):
        return "not decided: the interval holds zero"
    return "as expected" if above == (given["expect"] == "higher") else "the opposite of what was expected"
