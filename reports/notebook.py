"""HTML fragment of the scorecard's first screen, for notebooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditor.types import LabelReview
from reports import scorecard, summary
from reports.lookup import NO_STEPS, Findings

SHOWN = 8
"""Maximum number of deciding verdicts listed."""


def render(
    results: Mapping[str, Any], next_steps: Mapping[int, str] = NO_STEPS, review: LabelReview | None = None
) -> str:
    """Render the decision, its reasons and the verdicts by outcome.

    The fragment has no script and no links, and every text is escaped.
    """
    findings = Findings(results, next_steps, review)
    decision = summary.decision(findings)
    more = len(decision["deciding"]) - SHOWN
    view = {
        "candidate": findings.candidate,
        "task": results["task"],
        "decision": {**decision, "deciding": decision["deciding"][:SHOWN]},
        "more": max(more, 0),
    }
    return scorecard.environment().get_template("notebook.html.j2").render(view)
