"""Second half of the page: details of each probe.

They include what it did, found and skipped, and its worst cases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from auditor.types import edge_of
from reports import (
    charts,
    distances,
    frontier,
    label_review,
    matrix,
    points,
    reliability,
    shown_cases,
    tables,
    weighted_texts,
)
from reports.formats import setting, slice_text, slice_value, words_of
from reports.lookup import (
    INAPPLICABLE,
    PERIOD,
    Findings,
    Measured,
    levels,
    limit_of,
    ordered_steps,
    same_slice,
    stepped_key,
)
from reports.missing import has_measured, unmeasured_text
from reports.tables import measured_at
from reports.words import recorded, say

CHARTS = 3
"""Maximum number of sliced metrics drawn for a probe; metrics that rules read come first."""


def probes(findings: Findings) -> list[dict[str, Any]]:
    """Describe each probe that measured something or crashed."""
    return [_probe(findings, probe) for probe in findings.probes if _has_outcome(findings, probe)]


def unmeasured(findings: Findings) -> list[dict[str, Any]]:
    """Describe the other probes, each with its reasons.

    A reason that all models share is given once.
    """
    listed = []
    for probe in findings.probes:
        if _has_outcome(findings, probe):
            continue
        models: dict[str, list[str]] = {}
        for record in findings.of_probe(probe):
            models.setdefault(unmeasured_text(record), []).append(record["model"])
        reasons = [
            {"text": text, "models": "" if len(models) == 1 else say(", ").join(names)}
            for text, names in models.items()
        ]
        listed.append({"name": probe, "anchor": findings.anchors[probe], "reasons": reasons})
    return listed


def _has_outcome(findings: Findings, probe: str) -> bool:
    return any(record["status"] == "failed" or has_measured(record) for record in findings.of_probe(probe))


def _probe(findings: Findings, probe: str) -> dict[str, Any]:
    records = findings.of_probe(probe)
    measured = any(map(has_measured, records))
    first, *rest = next((record["description"] for record in records if record["description"]), "").split("\n")
    groups = tables.grouped(findings, probe)
    return {
        "name": probe,
        "anchor": findings.anchors[probe],
        "summary": recorded(first),
        "method": recorded(" ".join(" ".join(rest).split())) if measured else "",
        "limitation": findings.limitation(probe),
        "unpreserved": findings.preservation(probe),
        "preservation_note": label_review.note(findings, probe),
        "borrowed": findings.borrowed(probe),
        "labelled": label_review.tables(findings, probe),
        "unmeasured": [
            {"model": record["model"], "text": unmeasured_text(record), "failed": record["status"] == "failed"}
            for record in records
            if not has_measured(record)
        ],
        "settings": _settings(records) if measured else [],
        "seed": findings.results["seed"],
        "counts": _counts(records),
        "charts": [
            *reliability.drawn(findings, probe),
            *_charts(findings, probe),
            *distances.drawn(findings, probe),
            *frontier.drawn(findings, probe),
        ],
        "matrices": list(matrix.drawn(findings, probe)),
        "open_groups": [table for table in groups if not table["folded"]],
        "folded_groups": [table for table in groups if table["folded"]],
        "tables": tables.by_slice(findings, probe),
        "skipped": _skipped(records),
        "long_skipped": len(_skipped(records)) > tables.LONG,
        "reviews": [table for record in records for table in shown_cases.tables(record)],
        "pairs": [group for record in records for group in shown_cases.pairs(record)],
        "weighted": [group for record in records for group in weighted_texts.weighted_texts(record)],
        "worst": [group for record in records for group in shown_cases.worst(record)],
    }


def _settings(records: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    settings: Mapping[str, Any] = next((record["settings"] for record in records if record["settings"]), {})
    return [{"name": recorded(words_of(name)), "value": setting(value)} for name, value in settings.items()]


def _counts(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    counted = [record for record in records if record["counts"]]
    names = list(dict.fromkeys(name for record in counted for name in record["counts"]))
    return {
        "names": [recorded(words_of(name)) for name in names],
        "rows": [
            {
                "model": record["model"],
                "cells": [f"{record['counts'][name]:,}" if name in record["counts"] else "–" for name in names],
            }
            for record in counted
        ],
    }


def _skipped(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """List skipped slices with their reasons.

    Models that skipped a slice for the same reason share an entry.
    """
    models: dict[tuple[str, str], list[str]] = {}
    for record in records:
        for gap in record["skipped"]:
            reason = recorded(gap["reason"])
            if not gap.get("applies", True):
                reason = say("{word}: {reason}", word=say(INAPPLICABLE), reason=reason)
            models.setdefault((slice_text(gap["slice"]), reason), []).append(record["model"])
    return [
        {"slice": slice_, "reason": reason, "models": say(", ").join(names)}
        for (slice_, reason), names in models.items()
    ]


def _charts(findings: Findings, probe: str) -> Iterator[dict[str, Any]]:
    """Draw curves for slices with steps, whiskers for all others.

    Steps are severities or numbers of labels.
    """
    for place, (name, rule) in enumerate(_drawn(findings, probe)):
        metric = findings.metric(probe, name)
        keys = _level(findings, probe, name, rule)
        measured = [
            (model, measurement)
            for model, measurement in measured_at(findings, probe, name, keys)
            if _finite(measurement)
        ]
        if not measured or not keys:
            continue
        slices = [measurement["slice"] for _, measurement in measured]
        ident = f"{findings.anchors[probe]}-{place}"
        if (step := stepped_key(slices)) is None:
            panels = _whiskers(findings, ident, metric, rule, measured)
        else:
            panels = _curves(findings, ident, metric, rule, measured, step)
        limited = any('class="limit"' in panel["svg"] for panel in panels)
        edged = any('class="edge"' in panel["svg"] for panel in panels)
        yield {"title": metric["title"], "limit": limited, "edge": edged, "note": "", "panels": panels}


def _drawn(findings: Findings, probe: str) -> list[tuple[str, Mapping[str, Any] | None]]:
    rules = {rule["metric"]: rule for _, rule in reversed(list(findings.rules_of(probe)))}
    own = findings.metrics(probe).keys() - reliability.METRICS - (distances.metrics(findings, probe) - rules.keys())
    names = [name for name in dict.fromkeys([*rules, *findings.metrics(probe)]) if name in own]
    return [(name, rules.get(name)) for name in names if _level(findings, probe, name, rules.get(name))][:CHARTS]


def _level(findings: Findings, probe: str, metric: str, rule: Mapping[str, Any] | None) -> frozenset[str]:
    """Return the keys of the slices to draw.

    These are the keys that the rule reads, else the smallest non-empty set of keys.
    """
    measured = [
        measurement
        for record in findings.of_probe(probe)
        for measurement in record["measurements"]
        if measurement["metric"] == metric
    ]
    present = levels(measured)
    if rule is not None and frozenset(rule["slice"]) in present:
        return frozenset(rule["slice"])
    return min((keys for keys in present if keys), key=len, default=frozenset())


def _finite(measurement: Measured) -> bool:
    return all(measurement[edge] is not None for edge in ("value", "low", "high"))


def _pick(
    findings: Findings, measured: Sequence[tuple[str, Measured]], slice_: Mapping[str, str], unit: str
) -> list[charts.Point | None]:
    """Return each model's point on one slice, None if not measured."""
    own = {model: measurement for model, measurement in measured if same_slice(measurement["slice"], slice_)}
    return [points.of(own[model], unit) if model in own else None for model in findings.models]


def _limits(rule: Mapping[str, Any] | None, unit: str) -> tuple[float | None, float | None]:
    """Return a rule's limit and its edge, if any, in chart units."""
    if rule is None or (limit := limit_of(rule)) is None:
        return None, None
    edge = edge_of(rule["max"], rule["min"], rule["margin"]) if rule.get("margin") else None
    return points.factor(unit) * limit, None if edge is None else points.factor(unit) * edge


def _read_by(rule: Mapping[str, Any], slice_: Mapping[str, str]) -> bool:
    """Tell whether the rule's pattern matches this slice."""
    pattern = rule["slice"]
    if set(pattern) != set(slice_):
        return False
    return all(
        value == "*" or slice_[key] == value or (not isinstance(value, str) and slice_[key] in value)
        for key, value in pattern.items()
    )


def _whiskers(
    findings: Findings,
    ident: str,
    metric: Mapping[str, Any],
    rule: Mapping[str, Any] | None,
    measured: Sequence[tuple[str, Measured]],
) -> list[dict[str, str]]:
    unit = metric["unit"]
    slices: dict[str, Mapping[str, str]] = {
        slice_text(measurement["slice"]): measurement["slice"] for _, measurement in measured
    }
    if len(slices) > charts.ROWS:
        return []
    rows = [(label, _pick(findings, measured, slice_, unit)) for label, slice_ in slices.items()]
    shared = rule is not None and all(_read_by(rule, slice_) for slice_ in slices.values())
    limit, edge = _limits(rule, unit) if shared else (None, None)
    drawn = charts.whiskers(
        ident, metric["title"], rows, findings.models, unit=points.label(unit), limit=limit, edge=edge
    )
    return [{"caption": "", "svg": drawn}]


def _curves(
    findings: Findings,
    ident: str,
    metric: Mapping[str, Any],
    rule: Mapping[str, Any] | None,
    measured: Sequence[tuple[str, Measured]],
    step: str,
) -> list[dict[str, str]]:
    """Draw a panel for each value of the other keys, equally scaled."""
    unit = metric["unit"]
    groups: dict[str, Mapping[str, str]] = {}
    for _, measurement in measured:
        rest: Mapping[str, str] = {key: value for key, value in measurement["slice"].items() if key != step}
        groups.setdefault(slice_text(rest) if rest else "", rest)
    drawn = [points.of(measurement, unit) for _, measurement in measured]
    limit, edge = _limits(rule, unit)
    ends = [end for point in drawn for end in (point.low, point.high)]
    scale = charts.axis([*ends, *(line for line in (limit, edge) if line is not None)], zero=unit != "share")
    given = [measurement["slice"][step] for _, measurement in measured]
    # Periods stand in the order of time, which their names need not follow.
    steps = list(dict.fromkeys(given)) if step == PERIOD else ordered_steps(given)
    panels: list[dict[str, str]] = []
    for number, (label, rest) in enumerate(groups.items()):
        named = [(slice_value(step, name), {**rest, step: name}) for name in steps]
        rows = [(name, _pick(findings, measured, slice_, unit)) for name, slice_ in named]
        read = [name for name, slice_ in named if rule is not None and _read_by(rule, slice_)]
        line = (read, limit) if read and limit is not None else None
        title = say("{metric} by {step}", metric=metric["title"], step=recorded(step))
        title = say("{title}: {slice}", title=title, slice=label) if label else title
        panel = charts.curve(
            f"{ident}-{number}",
            title,
            rows,
            findings.models,
            unit=points.label(unit),
            scale=scale,
            limit=line,
            edge=edge,
        )
        panels.append({"caption": label, "svg": panel})
    return panels
