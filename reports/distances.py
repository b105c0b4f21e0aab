"""Pictures of how far sets of rows are from a reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from reports import charts, points
from reports.formats import slice_text, slice_value
from reports.lookup import Findings, Measured, stepped_key
from reports.words import later, recorded, say

APART = "inputs_told_apart"
PANELS = ("label_mix_distance", "length_distance", "more_unknown_words", APART)
"""Metrics with a panel each, in their order."""
DRAWN = frozenset({*PANELS, "unknown_words"})
"""Those, and the shares that ``more_unknown_words`` is the difference of."""
CHANCE = {APART: 50.0}
"""Metric → the value that chance gives, in per cent."""
TITLE = later("how far the rows are from the reference")
Row = tuple[Mapping[str, str], list[Measured | None]]
"""A slice, and each model's measurement of it."""


def metrics(findings: Findings, probe: str) -> frozenset[str]:
    """Return the probe's metrics that are drawn here.

    Another chart draws such a metric only where a rule reads it. The result is empty for a probe that compares no sets.
    """
    own = findings.metrics(probe).keys()
    return DRAWN & own if APART in own else frozenset()


def drawn(findings: Findings, probe: str) -> Iterator[dict[str, Any]]:
    """Draw each distance from the reference, a panel for each metric.

    Periods are steps of a curve, other sets are rows.
    """
    panels = []
    for number, name in enumerate(PANELS if metrics(findings, probe) else ()):
        rows = _rows(findings, probe, name)
        if 0 < len(rows) <= charts.ROWS:
            ident = f"{findings.anchors[probe]}-distance-{number}"
            panels.append(_panel(findings, ident, findings.metric(probe, name), rows))
    if panels:
        yield {"title": say(TITLE), "limit": False, "edge": False, "note": "", "panels": panels}


def _rows(findings: Findings, probe: str, metric: str) -> list[Row]:
    rows: dict[str, Row] = {}
    for lane, model in enumerate(findings.models):
        record = findings.record(model, probe)
        for measurement in [] if record is None else record["measurements"]:
            if measurement["metric"] == metric:
                slice_ = measurement["slice"]
                _, own = rows.setdefault(slice_text(slice_), (slice_, [None] * len(findings.models)))
                own[lane] = measurement
    return list(rows.values())


def _panel(findings: Findings, ident: str, metric: Mapping[str, Any], rows: Sequence[Row]) -> dict[str, str]:
    unit, chance = metric["unit"], CHANCE.get(metric["name"])
    step = stepped_key([slice_ for slice_, _ in rows])
    lines = [
        (_label(slice_, own) if step is None else slice_value(step, slice_[step]), [_point(each, unit) for each in own])
        for slice_, own in rows
    ]
    title, names, axis = metric["title"], findings.models, points.label(unit)
    caption = title if chance is None else say("{title} (dashed line: chance)", title=title)
    if step is None:
        return {"caption": caption, "svg": charts.whiskers(ident, title, lines, names, unit=axis, chance=chance)}
    ends = [end for _, own in lines for point in own if point is not None for end in (point.low, point.high)]
    scale = charts.axis([*ends, *([] if chance is None else [chance])], zero=chance is None)
    by = say("{metric} by {step}", metric=title, step=recorded(step))
    svg = charts.curve(ident, by, lines, names, unit=axis, scale=scale, chance=chance)
    return {"caption": caption, "svg": svg}


def _point(measurement: Measured | None, unit: str) -> charts.Point | None:
    """Return a point whose words tell what the measurement's detail says."""
    if measurement is None:
        return None
    point, detail = points.of(measurement, unit), recorded(measurement.get("detail", ""))
    return replace(point, text=say(", ").join([point.text, detail])) if detail else point


def _against(slice_: Mapping[str, str]) -> str:
    rows, against = (slice_value(key, slice_[key]) for key in ("rows", "against"))
    return say("{rows} against {against}", rows=rows, against=against)


def _label(slice_: Mapping[str, str], own: Sequence[Measured | None]) -> str:
    """Return a row's name, with what a single model's measurement says."""
    sets = {"rows", "against"} == set(slice_)
    name = _against(slice_) if sets else slice_text(slice_)
    said = [
        recorded(measurement.get("detail", "").partition(" (")[0]) for measurement in own if measurement is not None
    ]
    return f"{name}: {said[0]}" if len(said) == 1 and said[0] else name
