"""Paired comparisons between the models of an audit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.formats import amount, difference_unit, interval, p_value, slice_text, words_of
from reports.lookup import Findings
from reports.summary import place
from reports.words import later, recorded, say

_WAYS = {"higher": later("higher"), "lower": later("lower")}
_OPEN = later("not decided: the interval includes zero")


def comparisons(findings: Findings) -> dict[str, list[Any]]:
    """Describe paired differences: hypotheses named beforehand, and all others."""
    shown = [_comparison(findings, comparison) for comparison in findings.results["comparisons"]]
    return {
        "named": [comparison for comparison in shown if comparison["expect"]],
        "others": [comparison for comparison in shown if not comparison["expect"]],
        "unanswered": [recorded(hypothesis) for hypothesis in findings.results["unanswered"]],
    }


def _comparison(findings: Findings, comparison: Mapping[str, Any]) -> dict[str, Any]:
    metric = findings.metric(comparison["probe"], comparison["metric"])
    unit = difference_unit(metric["unit"])
    value = amount(comparison["value"], unit)
    return {
        **place(findings, comparison["probe"], comparison["metric"]),
        "models": say("{model} minus {other}", model=comparison["model"], other=comparison["against"]),
        "slice": slice_text(comparison["slice"]),
        "value": value,
        "interval": interval(comparison["low"], comparison["high"], unit),
        "p": p_value(comparison["p"]),
        "n": comparison["n_clusters"],
        "method": recorded(words_of(comparison["method"])),
        "expect": None if comparison["expect"] is None else say(_WAYS[comparison["expect"]]),
        "conclusion": _conclusion(comparison),
    }


def _conclusion(comparison: Mapping[str, Any]) -> str:
    low, high = (-float("inf") if comparison["low"] is None else comparison["low"]), comparison["high"]
    above, below = low > 0, high is not None and high < 0
    if comparison["expect"] is None:
        return say(_WAYS["higher" if above else "lower"]) if above or below else say(_OPEN)
    if not (above or below):
        return say(_OPEN)
    expected = above == (comparison["expect"] == "higher")
    return say("as expected") if expected else say("the opposite of what was expected")
