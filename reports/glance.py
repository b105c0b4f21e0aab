"""First screen: a row for each limitation, and the numbers that decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from auditor.types import Regression, edge_of
from reports import sentences, strips
from reports.formats import capitalised, difference_unit, in_a_row, interval, unsigned
from reports.lookup import OUTCOMES, Findings, limit_of, mark, same_slice
from reports.words import catalogue, later, recorded, say

NUMBERS = 6
"""Maximum number of deciding verdicts said in words."""
CLOSEST = 3
"""Number of passed verdicts said where nothing else decides."""
MEASURED, CRASHED, INAPPLICABLE, NO_PROBE = "measured", "crashed", "not-applicable", later("No probe yet.")
WAITING = "waiting"
"""Rank of a row with a required verdict that was not measured."""
ORDER = ("fail", CRASHED, "inconclusive", WAITING, "pass", MEASURED, "not-measured", INAPPLICABLE)
"""Kinds of marks from the first row to the last."""
ADVISORY = "advisory"
PLAIN = "plain"
"""Row of the probes without a limitation, in the catalogue."""
_Verdict = Mapping[str, Any]


def rows(
    findings: Findings,
    limitations: Sequence[Mapping[str, Any]],
    quality: Sequence[Any],
    regressions: Sequence[Regression] = (),
) -> list[dict[str, Any]]:
    """Describe a row for plain quality and for each limitation, worst first.

    ``limitations`` and ``quality``: as ``summary`` describes them. ``regressions``: against the last release.
    """
    first: dict[str, Any] = {"id": PLAIN, "limitation": "", "probes": quality, "missing": None}
    described = []
    for row in [*([first] if quality else []), *limitations]:
        probes = [probe["probe"] for probe in row["probes"]]
        deciding = _deciding(findings, probes)
        trend = _trend(findings, [regression for regression in regressions if regression.probe in probes], deciding)
        described.append({**_row(findings, row, deciding), "trend": trend})
    return sorted(described, key=lambda row: ORDER.index(_rank(row["mark"])))


def _rank(given: Mapping[str, str]) -> str:
    return given.get("rank", given["kind"])


def _trend(findings: Findings, regressions: Sequence[Regression], deciding: _Verdict | None) -> str:
    """Say how a row changed: what became worse, else its deciding number."""
    worse = [regression for regression in regressions if regression.conclusion == "worse"]
    same = [
        regression
        for regression in regressions
        if deciding is not None
        and regression.metric == findings.rules[deciding["rule"]]["metric"]
        and same_slice(regression.slice, deciding["slice"])
    ]
    chosen = next(iter([*sorted(worse, key=lambda regression: -abs(regression.value or 0.0)), *same]), None)
    if chosen is None:
        return ""
    unit = difference_unit(findings.metric(chosen.probe, chosen.metric)["unit"])
    change = "" if chosen.value is None else unsigned(abs(chosen.value), unit)
    return str(catalogue()["trend"][chosen.conclusion]).format(change=change)


def _row(findings: Findings, row: Mapping[str, Any], deciding: _Verdict | None) -> dict[str, Any]:
    said = {
        "anchor": None if row["id"] == PLAIN else f"row-{row['id']}",
        "name": catalogue()["rows"].get(row["id"], row["id"]),
        "mark": _mark(row, deciding),
        "text": _shown(row) if row["probes"] else say(NO_PROBE),
        "strip": None,
        "numbers": "",
    }
    if deciding is None or deciding["value"] is None:
        return {**said, "text": said["text"] if deciding is None else _begun(recorded(deciding["reason"]))}
    rule = findings.rules[deciding["rule"]]
    unit = findings.metric(rule["probe"], rule["metric"])["unit"]
    text = in_a_row(sentences.sentence(findings, deciding), _beside(row) if row["id"] == PLAIN else "")
    numbers = f"{unsigned(deciding['value'], unit)} {interval(deciding['low'], deciding['high'], unit)}"
    limit = limit_of(rule)
    if limit is None:
        return {**said, "text": text}
    edge = edge_of(rule["max"], rule["min"], rule.get("margin", 0.0))
    strip = strips.Strip(
        deciding["value"],
        deciding["low"],
        deciding["high"],
        limit,
        limit if edge is None else edge,
        ADVISORY if rule["required"] == "never" else deciding["outcome"],
    )
    drawn = strips.draw(strip, say(", ").join([numbers, sentences.allowance(rule, unit)]))
    return {**said, "text": text, "strip": drawn, "numbers": numbers}


def _shown(row: Mapping[str, Any]) -> str:
    """Say a row's first number, or why there is none."""
    for probe in row["probes"]:
        for number in probe["numbers"]:
            said = number["cells"][0]["value"]
            if said is not None:
                return _titled(number)
    return _begun(_missing([probe["missing"] for probe in row["probes"] if probe["missing"]]))


def _missing(texts: Sequence[str]) -> str:
    """Join why nothing was measured, ``word: reason``, each word once."""
    reasons: dict[str, dict[str, None]] = {}
    for text in texts:
        word, _, reason = text.partition(say(": "))
        reasons.setdefault(word, {})[reason] = None
    listed = ((word, say("; ").join(given)) for word, given in reasons.items())
    return say("; ").join(f"{word}{say(': ')}{given}" if given else word for word, given in listed)


def _titled(number: Mapping[str, Any]) -> str:
    """Say a number by its title."""
    said = {"title": capitalised(number["title"]), "slice": number["slice"], "value": number["cells"][0]["value"]}
    return say("{title} ({slice}): {value}.", **said) if number["slice"] else say("{title}: {value}.", **said)


def _beside(row: Mapping[str, Any]) -> str:
    """Say the number beside the deciding one: plain accuracy."""
    numbers = (number for probe in row["probes"] for number in probe["numbers"] if number["mark"] is None)
    number = next(numbers, None)
    return "" if number is None else _titled({**number, "slice": ""})


def _begun(text: str) -> str:
    """Write a text as a sentence."""
    return say("{sentence}.", sentence=capitalised(text)) if text else ""


def _mark(row: Mapping[str, Any], deciding: _Verdict | None) -> dict[str, str]:
    """Return the worst mark of the row; grey where nothing decides."""
    if any(probe["failed"] for probe in row["probes"]):
        return {**mark("not_measured", say("crashed")), "kind": CRASHED, "sign": "!"}
    marks = [probe["mark"] for probe in row["probes"] if probe["mark"]]
    required = [given for given in marks if given["kind"] != INAPPLICABLE]
    ranked = [{**given, "rank": WAITING} if given["kind"] == "not-measured" else given for given in required]
    if ranked:
        return min(ranked, key=lambda given: ORDER.index(_rank(given)))
    if any(probe["numbers"] for probe in row["probes"]):
        return {"kind": MEASURED, "sign": "·", "text": say("advisory") if deciding else say("measured")}
    return marks[0] if marks else mark("not_measured")


def _deciding(findings: Findings, probes: Sequence[str]) -> _Verdict | None:
    """Return the worst verdict of the probes, required before advisory."""
    own = [verdict for verdict in findings.verdicts if findings.rules[verdict["rule"]]["probe"] in probes]
    return min(own, key=lambda verdict: _order(findings, verdict), default=None)


def _order(findings: Findings, verdict: _Verdict) -> tuple[bool, bool, bool, int, float]:
    """Sort key: required first, then the worst outcome, then the least room.

    What does not apply comes last, and so does an advisory number that was not measured.
    """
    advisory = findings.rules[verdict["rule"]]["required"] == "never"
    inapplicable = verdict["outcome"] == "not_applicable" and verdict["value"] is None
    missing = advisory and verdict["value"] is None
    return inapplicable, advisory, missing, list(OUTCOMES).index(verdict["outcome"]), _room(findings, verdict)


def _room(findings: Findings, verdict: _Verdict) -> float:
    """Return the room up to the limit, as its share."""
    rule = findings.rules[verdict["rule"]]
    limit = limit_of(rule)
    if limit is None or verdict["value"] is None:
        return float("inf")
    distance = limit - verdict["value"] if rule["max"] is not None else verdict["value"] - limit
    return float(distance / (abs(limit) or 1.0))


def numbers(findings: Findings, deciding: Sequence[_Verdict]) -> dict[str, Any]:
    """Say the verdicts that decide, the worst first.

    ``deciding``: the verdicts that the decision rests on. Without any, those closest to their limits are said. Rules of
    a probe that wait for the same reason are said once.
    """
    passed = [
        verdict
        for verdict in findings.verdicts
        if findings.rules[verdict["rule"]]["required"] != "never" and verdict["outcome"] == "pass"
    ]
    listed = _each_once(findings, sorted(deciding or passed, key=lambda verdict: _order(findings, verdict)))
    return {
        "deciding": bool(deciding),
        "title": say("What decides, worst first") if deciding else say("Closest to their limits"),
        "numbers": list(_said(findings, listed[: NUMBERS if deciding else CLOSEST])),
        "more": max(0, len(listed) - NUMBERS) if deciding else 0,
    }


def _each_once(findings: Findings, verdicts: Sequence[_Verdict]) -> list[_Verdict]:
    """Return verdicts, those that wait for the same reason once."""
    said: dict[object, _Verdict] = {}
    for place, verdict in enumerate(verdicts):
        waits = (findings.rules[verdict["rule"]]["probe"], verdict["reason"])
        said.setdefault(place if verdict["value"] is not None else waits, verdict)
    return list(said.values())


def _said(findings: Findings, verdicts: Sequence[_Verdict]) -> Iterator[dict[str, Any]]:
    steps = [findings.next_step(verdict) for verdict in verdicts]
    for place, verdict in enumerate(verdicts):
        rule = findings.rules[verdict["rule"]]
        measured = verdict["value"] is not None
        said = sentences.sentence(findings, verdict) if measured else _reasoned(rule, verdict)
        yield {
            "mark": findings.mark(verdict),
            "anchor": findings.anchors.get(rule["probe"]),
            "probe": rule["probe"],
            "text": said,
            "brief": _brief(findings, verdict) if measured else said,
            "detail": _begun(findings.detail(rule, verdict["slice"])),
            "conclusion": _concluded(findings, verdict),
            "unpreserved": findings.preservation(rule["probe"], rule["metric"]),
            "next": None if steps[place] in steps[place + 1 : place + 2] else steps[place],
        }


def _brief(findings: Findings, verdict: _Verdict) -> str:
    """Say a measured verdict without margin and advice."""
    said = sentences.sentence(findings, verdict, margin=False)
    return in_a_row(said, sentences.conclusion(findings, verdict, advice=False))


def _reasoned(rule: Mapping[str, Any], verdict: _Verdict) -> str:
    """Say why nothing was measured."""
    return say("{probe}: {reason}.", probe=rule["probe"], reason=recorded(verdict["reason"]))


def _concluded(findings: Findings, verdict: _Verdict) -> str:
    """Say what the bounds mean, and the waiver that expired, if any."""
    said = sentences.conclusion(findings, verdict)
    waiver = verdict.get("waiver")
    return said if waiver is None else in_a_row(said, _begun(recorded(waiver["text"])))
