"""A summary in Markdown, for a job's page or a comment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from auditor.types import Regression
from reports.checks import Check, checks, decision_words, waivers
from reports.formats import amount, interval
from reports.lookup import NO_STEPS
from reports.plain import markdown

HEAD = "# Audit: "
"""How every file begins."""
DECIDING = 20
"""Deciding checks that are listed; the table names the rest."""
ROWS = 200
"""Rows of a table; GitHub cuts a summary off at 1 MiB."""
_ORDER = ("error", "fail", "inconclusive", "not_measured", "pass", "not_applicable")
_TITLES = {
    "rules": "Rules",
    "regressions": "Against the audit before",
    "probes": "Crashed probes",
    "decision": "Decision",
}


def render(
    results: Mapping[str, Any],
    regressions: Sequence[Regression] | None = None,
    next_steps: Mapping[int, str] = NO_STEPS,
) -> str:
    """Render decision, deciding checks, next steps, waivers and tables."""
    every = checks(results, regressions, next_steps)
    blocks = [
        f"{HEAD}{decision_words(results, regressions)}",
        f"**{markdown(results['decision']['headline'])}** Candidate: {markdown(results['candidate'])}; "
        f"policy: {markdown(results['policy']['name'])}.",
        *_deciding(every),
        *_doubts(results),
        *_waivers(results),
        *(block for suite in _TITLES for block in _table(suite, [check for check in every if check.suite == suite])),
    ]
    return "\n\n".join(blocks) + "\n"


def _deciding(every: Sequence[Check]) -> Iterator[str]:
    holding = sorted((check for check in every if check.holds), key=lambda check: _ORDER.index(check.outcome))
    if not holding:
        return
    lines = [_line(check) for check in holding[:DECIDING]]
    if len(holding) > DECIDING:
        lines.append(f"- … and {len(holding) - DECIDING:,} more")
    yield "## What holds it"
    yield "\n".join(lines)
    steps = list(dict.fromkeys(check.next for check in holding if check.next))
    if steps:
        yield "## What to do next"
        yield "\n".join(f"- {markdown(step)}" for step in steps[:DECIDING])


def _line(check: Check) -> str:
    numbers = f" **{amount(check.value, check.unit)}**" if check.value is not None else ""
    bounds = f" {markdown(interval(check.low, check.high, check.unit))}, {markdown(check.limited)};"
    measured = f"{numbers}{bounds}" if numbers else ""
    waiver = "" if check.waiver is None else f"; {check.waiver}"
    place = f" ({markdown(check.place)})" if check.slice else ""
    return f"- {check.words}: {markdown(check.rule)}{place}:{measured} {markdown(check.reason + waiver)}"


def _doubts(results: Mapping[str, Any]) -> Iterator[str]:
    if results.get("doubts"):
        yield "## Numbers that are hard to believe"
        yield "\n".join(f"- {markdown(doubt)}" for doubt in results["doubts"])


def _waivers(results: Mapping[str, Any]) -> Iterator[str]:
    given = waivers(results)
    if given:
        yield f"## Waivers, judged on {markdown(results['waivers']['on'])}"
        yield "\n".join(f"- {state}: {markdown(text)}" for state, text in given)


def _table(suite: str, own: Sequence[Check]) -> Iterator[str]:
    if not own:
        return
    shown = sorted(own, key=lambda check: (not check.holds, _ORDER.index(check.outcome)))
    rows = [
        "| outcome | rule | slice | value | bounds | limit |",
        "|---|---|---|---:|---:|---|",
        *(_row(check) for check in shown[:ROWS]),
    ]
    yield f"## {_TITLES[suite]}"
    yield "\n".join(rows)
    if len(shown) > ROWS:
        yield f"… and {len(shown) - ROWS:,} more rows, on the scorecard."


def _row(check: Check) -> str:
    value = "–" if check.value is None else amount(check.value, check.unit)
    bounds = "–" if check.value is None else interval(check.low, check.high, check.unit)
    cells = (check.words, markdown(check.rule), markdown(check.place), value, markdown(bounds), markdown(check.limit))
    return f"| {' | '.join(cells)} |"
