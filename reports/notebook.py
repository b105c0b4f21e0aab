"""HTML fragment of the scorecard's first screen, for notebooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditor.types import LabelReview
from reports import scorecard, summary
from reports.lookup import NO_STEPS, Findings
from reports.words import ENGLISH, speaking

SHOWN = 8
"""Maximum number of deciding verdicts listed."""


def render(
    results: Mapping[str, Any],
    next_steps: Mapping[int, str] = NO_STEPS,
    review: LabelReview | None = None,
    language: str = ENGLISH,
) -> str:
    """Render the decision, its reasons and the verdicts by outcome.

    The fragment has no script and no links, and every text is escaped. ``language``: code of a language that has words.
    """
    with speaking(language):
        findings = Findings(results, next_steps, review)
        return scorecard.environment().get_template("notebook.html.j2").render(_view(findings))


def _view(findings: Findings) -> dict[str, Any]:
    decision = summary.decision(findings)
    more = len(decision["deciding"]) - SHOWN
    return {
        "candidate": findings.candidate,
        "task": findings.results["task"],
        "decision": {**decision, "deciding": decision["deciding"][:SHOWN]},
        "more": max(more, 0),
    }
