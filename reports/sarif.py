"""Verdicts as SARIF 2.1.0, the OASIS format of code scanning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from auditor.types import Regression
from reports.checks import Check, checks, exit_code, waivers
from reports.formats import amount, number
from reports.lookup import NO_STEPS
from reports.plain import json_text, markdown, plain, slice_key

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
HEAD = f'{{\n  "$schema": "{SCHEMA}"'
"""How every file begins."""
_KINDS = {
    "pass": "pass",
    "fail": "fail",
    "error": "fail",
    "inconclusive": "open",
    "not_measured": "open",
    "not_applicable": "notApplicable",
}
"""Outcome → kind of result; every kind but ``fail`` has the level ``none``."""
FINGERPRINTS = ("auditor/v1", "primaryLocationLineHash")
"""The second is the one that GitHub's code scanning reads."""
_ESCAPES = str.maketrans({"\\": "\\\\", "[": "\\[", "]": "\\]", "{": "{{", "}": "}}"})


def render(
    results: Mapping[str, Any],
    regressions: Sequence[Regression] | None = None,
    next_steps: Mapping[int, str] = NO_STEPS,
) -> str:
    """Render a result for each verdict, regression and crashed probe.

    Undecided verdicts are ``open``, and waived ones are suppressed: accepted until their date, rejected after it.
    """
    every = checks(results, regressions, next_steps)
    rules: dict[str, list[Check]] = {}
    for check in every:
        rules.setdefault(check.rule, []).append(check)
    places = {rule: place for place, rule in enumerate(rules)}
    where = _location(results)
    suppressed = bool(waivers(results))
    code = exit_code(results, regressions)
    run = {
        "tool": {
            "driver": {
                "name": "auditor",
                "version": plain(results["auditor"]),
                "rules": [_rule(rule, own) for rule, own in rules.items()],
            }
        },
        "automationDetails": {"id": "audit/"},
        "invocations": [_invocation(every, code)],
        "results": [_result(check, places[check.rule], where, suppressed=suppressed) for check in every],
        "properties": {
            "headline": plain(results["decision"]["headline"]),
            "waivers": [f"{state}: {text}" for state, text in waivers(results)],
        },
    }
    return json_text({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _message(text: str) -> str:
    """Escape what a message takes for link or placeholder."""
    return text.translate(_ESCAPES)


def _rule(rule: str, own: Sequence[Check]) -> dict[str, Any]:
    reasons = list(dict.fromkeys(check.why for check in own))
    first = own[0]
    about = [first.about] if first.about else []
    return {
        "id": rule,
        "shortDescription": {"text": _message(first.title)},
        "fullDescription": {"text": _message(" ".join(reasons))},
        "help": {
            "text": _message("\n\n".join([*reasons, *about])),
            "markdown": "\n\n".join([f"**Why:** {markdown(' '.join(reasons))}", *map(markdown, about)]),
        },
        "defaultConfiguration": {"level": "error" if any(check.required for check in own) else "note"},
    }


def _invocation(every: Sequence[Check], code: int) -> dict[str, Any]:
    crashes = [check for check in every if check.outcome == "error"]
    return {
        "executionSuccessful": code != 2,
        "exitCode": code,
        "toolExecutionNotifications": [
            {"level": "error", "message": {"text": _message(f"{check.rule}: {check.reason}")}} for check in crashes
        ],
    }


def _result(check: Check, place: int, where: Mapping[str, Any], *, suppressed: bool) -> dict[str, Any]:
    # An expired waiver fails whatever the outcome of its verdict.
    kind = "fail" if check.holds and not check.is_undecided else _KINDS[check.outcome]
    inside = "" if check.slice is None else slice_key(check.slice)
    logical = {"fullyQualifiedName": f"{check.rule}{inside}", "kind": "member"}
    numbers = {key: value for key in ("value", "low", "high") if (value := getattr(check, key)) is not None}
    return {
        "ruleId": check.rule,
        "ruleIndex": place,
        "kind": kind,
        "level": ("error" if check.required else "note") if kind == "fail" else "none",
        "message": {"text": _message(_words(check))},
        "locations": [{**where, "logicalLocations": [logical]}],
        "partialFingerprints": dict.fromkeys(FINGERPRINTS, check.fingerprint),
        **({"suppressions": _suppressions(check)} if suppressed else {}),
        "properties": {
            "outcome": check.outcome,
            "required": check.required,
            "slice": None if check.slice is None else {plain(key): plain(text) for key, text in check.slice.items()},
            **numbers,
            "limit": check.limit,
        },
    }


def _words(check: Check) -> str:
    measured = ""
    if check.value is not None:
        low = "−∞" if check.low is None else number(check.low, check.unit)
        bounds = f"bounds {low} to {number(check.high, check.unit)}"
        measured = f" {amount(check.value, check.unit)}, {bounds}, {check.limited};"
    waiver = "" if check.waiver is None else f"; {check.waiver}"
    step = "" if check.next is None else f" Next: {check.next}."
    return f"{check.title}, {check.place}:{measured} {check.words}: {check.reason}{waiver}.{step}"


def _suppressions(check: Check) -> list[dict[str, str]]:
    if check.waiver is None:
        return []
    status = "accepted" if check.is_waived else "rejected"
    return [{"kind": "external", "status": status, "justification": check.waiver}]


def _location(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return the candidate's place; code scanning asks for a line, too."""
    named = (model["path"] for model in results["models"] if model["name"] == results["candidate"])
    path = quote(plain(next(named, results["candidate"])))
    return {"physicalLocation": {"artifactLocation": {"uri": path}, "region": {"startLine": 1}}}
