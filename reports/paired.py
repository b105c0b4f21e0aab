"""Paired comparisons between the models of an audit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.formats import amount, difference_unit, interval, p_value, slice_text, words_of
from reports.lookup import Findings
from reports.summary import place


def comparisons(findings: Findings) -> dict[str, list[Any]]:
    """Describe paired differences: hypotheses named beforehand, and all others."""
    shown = [_comparison(findings, comparison) for comparison in findings.results["comparisons"]]
    return {
        "named": [comparison for comparison in shown if comparison["expect"]],
        "others": [comparison for comparison in shown if not comparison["expect"]],
        "unanswered": findings.results["unanswered"],
    }


def _comparison(findings: Findings, comparison: Mapping[str, Any]) -> dict[str, Any]:
    metric = findings.metric(comparison["probe"], comparison["metric"])
    unit = difference_unit(metric["unit"])
    value = amount(comparison["value"], unit)
    return {
        **place(findings, comparison["probe"], comparison["metric"]),
        "models": f"{comparison['model']} minus {comparison['against']}",
        "slice": slice_text(comparison["slice"]),
        "value": value,
        "interval": interval(comparison["low"], comparison["high"], unit),
        "p": p_value(comparison["p"]),
        "n": comparison["n_clusters"],
        "method": words_of(comparison["method"]),
        "expect": comparison["expect"],
        "conclusion": _conclusion(comparison),
    }


def _conclusion(comparison: Mapping[str, Any]) -> str:
    low, high = (-float("inf") if comparison["low"] is None else comparison["low"]), comparison["high"]
    above, below = low > 0, high is not None and high < 0
    if comparison["expect"] is None:
        return "higher" if above else "lower" if below else "not decided: the interval includes zero"
    if not (above or below):
        return "not decided: the interval includes zero"
    return "as expected" if above == (comparison["expect"] == "higher") else "the opposite of what was expected"
