"""Section of a model card in Markdown: decision, numbers, gaps.

The same results give the same bytes. Text from data is escaped, so that it is never markup.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any

from auditor.types import HOME
from reports import summary
from reports.formats import visible
from reports.lookup import NO_STEPS, Findings

START, END = "<!-- auditor:start -->", "<!-- auditor:end -->"
"""What stands before and after the section in a file."""
_SPECIAL = re.compile(r"([\\`*_{}\[\]#|~@$]|:(?=\S)|(?<=www)\.)", re.IGNORECASE)
"""What may begin markup within a line, an address that becomes a link among it."""
_HEADER = ("question", "measured", "value", "95 % interval", "n", "limit", "verdict")


def render(results: Mapping[str, Any], next_steps: Mapping[int, str] = NO_STEPS) -> str:
    """Return the section with its markers and a final line break.

    It is plain CommonMark with a table as GitHub and the Hugging Face Hub show it.
    """
    findings = Findings(results, next_steps)
    decided = summary.decision(findings)
    parts = [
        f"{START}\n## Audit",
        f"**{escaped(decided['headline'])}**",
        "\n".join(f"- {line}" for line in _about(findings)),
    ]
    if decided["deciding"]:
        parts.append("\n".join(["What decided it:", "", *map(_deciding, decided["deciding"])]))
    rows = list(_rows(findings))
    if rows:
        parts.append("\n".join([_row(_HEADER), _row(("---",) * len(_HEADER)), *map(_row, rows)]))
    missing = list(_missing(findings))
    if missing:
        parts.append("\n".join(["Not measured:", "", *(f"- {line}" for line in missing)]))
    parts.append(
        "A number with a limit passes or fails by its bounds, not by its value. The audit assesses this checkpoint on "
        f"these data; it makes it neither robust nor fair.\n\n{END}"
    )
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is, in one line.

    Invisible characters are spelled out.
    """
    return _SPECIAL.sub(r"\\\1", html.escape(" ".join(visible(text).split()), quote=False))


def _about(findings: Findings) -> Iterator[str]:
    results = findings.results
    model = next(model for model in results["models"] if model["name"] == findings.candidate)
    print_ = (
        f", fingerprint `{model['fingerprint'][:16]}`" if re.fullmatch("[0-9a-f]{16,}", model["fingerprint"]) else ""
    )
    yield f"model: {escaped(findings.candidate)}{print_}"
    for dataset in results["data"]:
        rows = f"{dataset['used']:,} of {dataset['rows']:,} rows used"
        name = "data" if dataset["name"] == HOME else f"data, {escaped(dataset['name'])}"
        yield f"{name}: {escaped(dataset['path'].rpartition('/')[2])}, {rows}"
    yield f"task: {escaped(results['task']['name'])}; policy: {escaped(results['policy']['name'])}"
    yield f"auditor {escaped(results['auditor'])}, seed {results['seed']}"
    if results["partial"]:
        yield "not every probe was run"
    yield from map(escaped, results.get("doubts", ()))


def _deciding(verdict: Mapping[str, Any]) -> str:
    place = f" ({escaped(verdict['slice'])})" if verdict["slice"] else ""
    value = f" {verdict['value']}, limit {escaped(verdict['limit'])}:" if verdict["value"] else ":"
    step = f" → {escaped(verdict['next'])}" if verdict["next"] else ""
    line = f"{escaped(verdict['probe'])}, {escaped(verdict['metric'])}{place}"
    return f"- {line}{value} {verdict['mark']['text']}, {escaped(verdict['reason'])}{step}"


def _rows(findings: Findings) -> Iterator[tuple[str, ...]]:
    """Yield the cells of each number that the scorecard's first table has."""
    for question, probe in _probes(findings):
        for number in probe["numbers"]:
            cell = number["cells"][0]
            place = "; ".join(filter(None, (number["slice"], number["note"])))
            title = f"{number['title']} ({place})" if place else number["title"]
            verdict = "" if number["mark"] is None else number["mark"]["text"]
            advisory = " (advisory)" if number["advisory"] and verdict else ""
            name = f"{escaped(probe['probe'])}: {escaped(title)}"
            numbers = (cell["value"], cell["interval"], f"{cell['n']:,}", escaped(number["limit"] or ""))
            yield (escaped(question), name, *numbers, f"{verdict}{advisory}")


def _probes(findings: Findings) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each probe's summary with the question of its row."""
    for probe in summary.quality(findings):
        yield "How good is it?", probe
    for row in summary.limitations(findings):
        for probe in row["probes"]:
            yield row["question"], probe


def _missing(findings: Findings) -> Iterator[str]:
    """Yield each reason with its probes."""
    by_reason: dict[str, list[str]] = {}
    for _, probe in _probes(findings):
        if probe["missing"] is not None:
            by_reason.setdefault(probe["missing"].removeprefix("not measured: "), []).append(escaped(probe["probe"]))
    for reason, probes in by_reason.items():
        yield f"{', '.join(probes)}: {escaped(reason)}"


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
