"""Reliability charts: how often answers are right, by how sure they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reports import charts
from reports.formats import amount, measured_interval, slice_text
from reports.lookup import Findings, Measured
from reports.words import later, say

CONFIDENCE, ACCURACY = METRICS = ("confidence_in_bin", "accuracy_in_bin")
"""Metrics of each bin that are drawn here, and in no other chart."""
BIN = "bin"
"""The key of a slice that holds the bin."""
TITLE = later("accuracy by confidence (on the diagonal answers are right as often as they are sure)")


def drawn(findings: Findings, probe: str) -> Iterator[dict[str, Any]]:
    """Draw accuracy against confidence, a panel for each slice with bins.

    Yields nothing for probes without bins.
    """
    panels: dict[str, list[list[tuple[float, charts.Point]]]] = {}
    for lane, model in enumerate(findings.models):
        record = findings.record(model, probe)
        for label, place, point in [] if record is None else _points(model, record["measurements"]):
            panels.setdefault(label, [[] for _ in findings.models])[lane].append((place, point))
    if panels:
        yield {
            "title": say(TITLE),
            "limit": False,
            "edge": False,
            "note": "",
            "panels": [
                {"caption": label, "svg": _panel(f"{findings.anchors[probe]}-reliability-{number}", label, series)}
                for number, (label, series) in enumerate(panels.items())
            ],
        }


def _points(model: str, measurements: list[Measured]) -> Iterator[tuple[str, float, charts.Point]]:
    """Yield each bin: its slice, confidence and accuracy."""
    by_bin: dict[str, dict[str, Measured]] = {}
    for measurement in measurements:
        if measurement["metric"] in METRICS:
            by_bin.setdefault(slice_text(measurement["slice"]), {})[measurement["metric"]] = measurement
    for pair in by_bin.values():
        if len(pair) < len(METRICS):
            continue
        sure, right = pair[CONFIDENCE], pair[ACCURACY]
        rest: Mapping[str, str] = {key: value for key, value in sure["slice"].items() if key != BIN}
        accuracy = f"{amount(right['value'], 'share')} {measured_interval(right, 'share')}"
        text = say(
            "{model}, {slice}: confidence {confidence}, accuracy {accuracy}",
            model=model,
            slice=slice_text(sure["slice"]),
            confidence=amount(sure["value"], "share"),
            accuracy=accuracy,
        )
        value, low, high = (100 * right[edge] for edge in ("value", "low", "high"))
        yield slice_text(rest), 100 * sure["value"], charts.Point(value, low, high, text)


def _panel(ident: str, label: str, series: list[list[tuple[float, charts.Point]]]) -> str:
    title = say("accuracy against confidence, {slice}", slice=label)
    return charts.diagonal(ident, title, series, across=say("mean confidence, %"), along=say("accuracy, %"))
