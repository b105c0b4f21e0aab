"""The second half of the page: what each probe did, found, skipped, and where it hurt most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reports import charts, frontier, spans, tables
from reports.formats import amount, measured_interval, setting, slice_text, words_of
from reports.lookup import (
    INAPPLICABLE,
    UNPRESERVED,
    Findings,
    Measured,
    levels,
    limit_of,
    ordered_steps,
    same_slice,
    stepped_key,
)
from reports.marks import marked_fields
from reports.summary import has_measured, unmeasured_text
from reports.tables import measured_at

CHARTS = 3
"""Metrics drawn for a probe, of those with slices: those that rules read first."""
ROWS = 30
"""A chart of more rows than this is left to the table."""
WORST = 5
"""Worst cases shown of a slice."""


def probes(found: Findings) -> list[dict[str, Any]]:
    """One section for each probe that measured something or crashed."""
    return [_probe(found, probe) for probe in found.probes if _ran(found, probe)]


def unmeasured(found: Findings) -> list[dict[str, Any]]:
    """The other probes, each with its reasons; said once where they are the same for all models."""
    listed = []
    for probe in found.probes:
        if _ran(found, probe):
            continue
        models: dict[str, list[str]] = {}
        for record in found.of_probe(probe):
            models.setdefault(unmeasured_text(record), []).append(record["model"])
        reasons = [
            {"text": text, "models": "" if len(models) == 1 else ", ".join(names)} for text, names in models.items()
        ]
        listed.append({"name": probe, "anchor": found.anchors[probe], "reasons": reasons})
    return listed


def _ran(found: Findings, probe: str) -> bool:
    return any(record["status"] == "failed" or has_measured(record) for record in found.of_probe(probe))


def _probe(found: Findings, probe: str) -> dict[str, Any]:
    records = found.of_probe(probe)
    measured = any(map(has_measured, records))
    first, *rest = next((record["description"] for record in records if record["description"]), "").split("\n")
    groups = tables.grouped(found, probe)
    return {
        "name": probe,
        "anchor": found.anchors[probe],
        "summary": first,
        "method": " ".join(" ".join(rest).split()) if measured else "",
        "limitation": found.limitation(probe),
        "unpreserved": UNPRESERVED if found.unpreserved(probe) else None,
        "unmeasured": [
            {"model": record["model"], "text": unmeasured_text(record), "failed": record["status"] == "failed"}
            for record in records
            if not has_measured(record)
        ],
        "settings": _settings(records) if measured else [],
        "seed": found.results["seed"],
        "counts": _counts(records),
        "charts": [*_charts(found, probe), *frontier.drawn(found, probe)],
        "open_groups": [table for table in groups if not table["folded"]],
        "folded_groups": [table for table in groups if table["folded"]],
        "tables": tables.by_slice(found, probe),
        "skipped": _skipped(records),
        "long_skipped": len(_skipped(records)) > tables.LONG,
        "worst": [group for record in records for group in _worst(record)],
    }


def _settings(records: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    given: Mapping[str, Any] = next((record["settings"] for record in records if record["settings"]), {})
    return [{"name": words_of(name), "value": setting(value)} for name, value in given.items()]


def _counts(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    counted = [record for record in records if record["counts"]]
    names = list(dict.fromkeys(name for record in counted for name in record["counts"]))
    return {
        "names": [words_of(name) for name in names],
        "rows": [
            {
                "model": record["model"],
                "cells": [f"{record['counts'][name]:,}" if name in record["counts"] else "–" for name in names],
            }
            for record in counted
        ],
    }


def _skipped(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Skipped slices with their reason; what was skipped alike for several models is said once."""
    models: dict[tuple[str, str], list[str]] = {}
    for record in records:
        for gap in record["skipped"]:
            reason = gap["reason"] if gap.get("applies", True) else f"{INAPPLICABLE}: {gap['reason']}"
            models.setdefault((slice_text(gap["slice"]), reason), []).append(record["model"])
    return [
        {"slice": slice_, "reason": reason, "models": ", ".join(names)} for (slice_, reason), names in models.items()
    ]


def _charts(found: Findings, probe: str) -> Iterator[dict[str, Any]]:
    """Curves where slices have steps (severities, numbers of labels), whiskers otherwise."""
    for place, (name, rule) in enumerate(_drawn(found, probe)):
        metric = found.metric(probe, name)
        keys = _level(found, probe, name, rule)
        measured = [(model, one) for model, one in measured_at(found, probe, name, keys) if _finite(one)]
        if not measured or not keys:
            continue
        slices = [one["slice"] for _, one in measured]
        ident = f"{found.anchors[probe]}-{place}"
        if (step := stepped_key(slices)) is None:
            panels = _whiskers(found, ident, metric, rule, measured)
        else:
            panels = _curves(found, ident, metric, rule, measured, step)
        limited = any('class="limit"' in panel["svg"] for panel in panels)
        yield {"title": metric["title"], "limit": limited, "note": "", "panels": panels}


def _drawn(found: Findings, probe: str) -> list[tuple[str, Mapping[str, Any] | None]]:
    rules = {rule["metric"]: rule for _, rule in reversed(list(found.rules_of(probe)))}
    names = dict.fromkeys([*rules, *found.metrics(probe)])
    named = [(name, rules.get(name)) for name in names if name in found.metrics(probe)]
    return [(name, rule) for name, rule in named if _level(found, probe, name, rule)][:CHARTS]


def _level(found: Findings, probe: str, metric: str, rule: Mapping[str, Any] | None) -> frozenset[str]:
    """The keys of the slices to draw: those that the rule reads, else the fewest that are any."""
    measured = [one for record in found.of_probe(probe) for one in record["measurements"] if one["metric"] == metric]
    present = levels(measured)
    if rule is not None and frozenset(rule["slice"]) in present:
        return frozenset(rule["slice"])
    return min((keys for keys in present if keys), key=len, default=frozenset())


def _finite(one: Measured) -> bool:
    return all(one[edge] is not None for edge in ("value", "low", "high"))


def _point(one: Measured, unit: str) -> charts.Point:
    factor = _factor(unit)
    text = f"{amount(one['value'], unit)} {measured_interval(one, unit)}"
    return charts.Point(factor * one["value"], factor * one["low"], factor * one["high"], text)


def _factor(unit: str) -> float:
    return 100.0 if unit in ("share", "points") else 1.0


def _unit(unit: str) -> str:
    return {"share": "%", "points": "points"}.get(unit, "")


def _pick(
    found: Findings, measured: Sequence[tuple[str, Measured]], slice_: Mapping[str, str], unit: str
) -> list[charts.Point | None]:
    """One point for each model on one slice, None where it has none."""
    own = {model: one for model, one in measured if same_slice(one["slice"], slice_)}
    return [_point(own[model], unit) if model in own else None for model in found.models]


def _limit(rule: Mapping[str, Any] | None, unit: str) -> float | None:
    limit = None if rule is None else limit_of(rule)
    return None if limit is None else _factor(unit) * limit


def _read_by(rule: Mapping[str, Any], slice_: Mapping[str, str]) -> bool:
    """Whether the rule's pattern takes this slice."""
    wanted = rule["slice"]
    if set(wanted) != set(slice_):
        return False
    return all(
        value == "*" or slice_[key] == value or (not isinstance(value, str) and slice_[key] in value)
        for key, value in wanted.items()
    )


def _whiskers(
    found: Findings,
    ident: str,
    metric: Mapping[str, Any],
    rule: Mapping[str, Any] | None,
    measured: Sequence[tuple[str, Measured]],
) -> list[dict[str, str]]:
    unit = metric["unit"]
    slices: dict[str, Mapping[str, str]] = {slice_text(one["slice"]): one["slice"] for _, one in measured}
    if len(slices) > ROWS:
        return []
    rows = [(label, _pick(found, measured, slice_, unit)) for label, slice_ in slices.items()]
    shared = rule is not None and all(_read_by(rule, slice_) for slice_ in slices.values())
    limit = _limit(rule, unit) if shared else None
    drawn = charts.whiskers(ident, metric["title"], rows, found.models, unit=_unit(unit), limit=limit)
    return [{"caption": "", "svg": drawn}]


def _curves(
    found: Findings,
    ident: str,
    metric: Mapping[str, Any],
    rule: Mapping[str, Any] | None,
    measured: Sequence[tuple[str, Measured]],
    step: str,
) -> list[dict[str, str]]:
    """A panel for each of the other keys' values, all on one scale."""
    unit = metric["unit"]
    groups: dict[str, Mapping[str, str]] = {}
    for _, one in measured:
        rest: Mapping[str, str] = {key: value for key, value in one["slice"].items() if key != step}
        groups.setdefault(slice_text(rest) if rest else "", rest)
    points = [_point(one, unit) for _, one in measured]
    limit = _limit(rule, unit)
    edges = [edge for point in points for edge in (point.low, point.high)]
    scale = charts.axis([*edges, *([] if limit is None else [limit])], zero=unit != "share")
    steps = ordered_steps([one["slice"][step] for _, one in measured])
    panels: list[dict[str, str]] = []
    for number, (label, others) in enumerate(groups.items()):
        rows = [(name, _pick(found, measured, {**others, step: name}, unit)) for name in steps]
        read = [name for name in steps if rule is not None and _read_by(rule, {**others, step: name})]
        line = (read[0], limit) if read and limit is not None else None
        title = f"{metric['title']} by {step}{f': {label}' if label else ''}"
        panel = charts.curve(f"{ident}-{number}", title, rows, found.models, unit=_unit(unit), scale=scale, limit=line)
        panels.append({"caption": label, "svg": panel})
    return panels


def _worst(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The worst cases of each slice of one model, the change marked."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for case in record["worst"]:
        groups.setdefault(slice_text(case["slice"]), []).append(case)
    if groups:
        slices = [{"slice": label, "cases": [_case(case) for case in cases[:WORST]]} for label, cases in groups.items()]
        yield {"model": record["model"], "n": sum(len(one["cases"]) for one in slices), "slices": slices}


def _case(case: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sentences": spans.sentences(case),
        "example": case["example"],
        "fields": marked_fields(case["before"], case["after"]),
        "changed": case["before"] != case["after"],
        "before": case["answer_before"],
        "after": case["answer_after"],
        "gold": case["gold"],
        "facts": [
            f"{words_of(name)} {f'{value:.4g}' if isinstance(value, float) else value}"
            for name, value in case["facts"].items()
        ],
    }
