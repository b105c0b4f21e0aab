"""The scorecard's first screen as a fragment of HTML: what a notebook shows of results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports import scorecard, summary
from reports.lookup import NO_STEPS, Findings

SHOWN = 8
"""Slices that are listed of those that decided."""


def render(results: Mapping[str, Any], next_steps: Mapping[int, str] = NO_STEPS) -> str:
    """The decision, what decided it and the verdicts by outcome; no script, no links, every text escaped."""
    findings = Findings(results, next_steps)
    decision = summary.decision(findings)
    more = len(decision["deciding"]) - SHOWN
    view = {
        "candidate": findings.candidate,
        "task": results["task"],
        "decision": {**decision, "deciding": decision["deciding"][:SHOWN]},
        "more": max(more, 0),
    }
    return scorecard.environment().get_template("notebook.html.j2").render(view)
