"""Verdicts in plain words: what was measured, and what is allowed."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from auditor.types import edge_of, metric_words
from reports.formats import capitalised, in_a_row, interval, slice_value, unsigned, words_of
from reports.lookup import Findings, limit_of
from reports.words import catalogue, recorded, say

KEYS_SAID = frozenset({"severity", "position", "rank", "period", "content", "change"})
"""Keys of a slice that are said with their value, which means nothing alone."""


def sentence(findings: Findings, verdict: Mapping[str, Any], *, margin: bool = True) -> str:
    """Say a measured verdict: value, and what is allowed.

    A metric that the catalogue does not know is said by its title. ``margin``: whether the limit's margin is said too.
    """
    rule = findings.rules[verdict["rule"]]
    metric = findings.metric(rule["probe"], rule["metric"])
    slice_ = verdict["slice"] or {}
    value = unsigned(verdict["value"], metric["unit"])
    words = {
        **{name.replace(" ", "_"): slice_value(name, text) for name, text in slice_.items()},
        "value": value,
        "measure": recorded(metric_words(findings.results["task"]["metric"])),
        "where": where(slice_),
    }
    named, name = catalogue()["numbers"], f"{rule['probe']} {rule['metric']}"
    template = next((named[own] for key in slice_ if (own := f"{name} {key}") in named), named.get(name))
    said = _plainly(metric["title"], slice_, value)
    if template is not None:
        with contextlib.suppress(KeyError):  # a rule of a user's policy may read a slice of other keys
            said = template.format(**words)
    allowed = allowance(rule if margin else {**rule, "margin": 0.0}, metric["unit"])
    if not allowed:
        return say("{sentence}.", sentence=capitalised(said))
    return say("{sentence}; {allowance}.", sentence=capitalised(said), allowance=allowed)


def conclusion(findings: Findings, verdict: Mapping[str, Any], *, advice: bool = True) -> str:
    """Say what a verdict's bounds mean, and what would settle it.

    ``advice``: whether the latter is said. It is empty for a pass, and where nothing was measured.
    """
    rule = findings.rules[verdict["rule"]]
    limit = limit_of(rule)
    if verdict["value"] is None or limit is None or verdict["outcome"] not in ("fail", "inconclusive"):
        return ""
    words = catalogue()["conclusions"]
    unit = findings.metric(rule["probe"], rule["metric"])["unit"]
    near = verdict["low"] if rule["max"] is not None else verdict["high"]
    beyond = near is not None and (near > limit if rule["max"] is not None else near < limit)
    if verdict["outcome"] == "fail":
        return str(words["fail"]).format(near="" if near is None else unsigned(near, unit)) if beyond else ""
    bounds = interval(verdict["low"], verdict["high"], unit)
    said = str(words["likely" if beyond else "open"]).format(bounds=bounds)
    # The gate's reason names first what the bounds show, then what would decide.
    _, _, settles = verdict["reason"].partition("; ")
    if not settles or not advice:
        return said
    return in_a_row(said, say("{sentence}.", sentence=capitalised(recorded(settles))))


def where(slice_: Mapping[str, str]) -> str:
    """Say a slice by its values: ``typos, severity middle``."""
    values = {key: slice_value(key, value) for key, value in slice_.items()}
    return say(", ").join(
        f"{recorded(words_of(key))} {value}" if key in KEYS_SAID else value for key, value in values.items()
    )


def _plainly(title: str, slice_: Mapping[str, str], value: str) -> str:
    """Say a number by its title."""
    if not slice_:
        return say("{title}: {value}", title=title, value=value)
    return say("{title} ({where}): {value}", title=title, where=where(slice_), value=value)


def allowance(rule: Mapping[str, Any], unit: str) -> str:
    """Say what a rule allows, such as ``at most 10.0 points allowed``.

    It is empty without a limit.
    """
    limit = limit_of(rule)
    if limit is None:
        return ""
    edge = edge_of(rule["max"], rule["min"], rule.get("margin", 0.0))
    said = {"limit": unsigned(limit, unit), "edge": unsigned(edge, unit)}
    if edge is None or edge == limit:
        return (
            say("at most {limit} allowed", **said)
            if rule["max"] is not None
            else say("at least {limit} needed", **said)
        )
    if rule["max"] is not None:
        return say("at most {limit} allowed ({edge} with its margin)", **said)
    return say("at least {limit} needed ({edge} with its margin)", **said)
