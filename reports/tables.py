"""Tables of measurements: each metric by slice, and groups side by side.

A table of groups shows all metrics measured on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from auditor.types import GROUPED
from reports.formats import amount, measured_interval, slice_text, words_of
from reports.lookup import Findings, Measured, is_full, levels
from reports.words import later, recorded, say

LONG = 12
"""Tables with more rows than this are folded."""
WORST = 10
"""Slices of a long table that stand above it, such as classes: the candidate's worst first."""
_STATUS = {
    "ok": later("ok"),
    "too_few": later("too few clusters"),
    "removed_by_tokenizer": later("removed by the tokenizer"),
}
_BETTER = {"higher": later("higher is better"), "lower": later("lower is better")}


def measured_at(findings: Findings, probe: str, metric: str, keys: frozenset[str]) -> list[tuple[str, Measured]]:
    """Return a metric's (model, measurement) pairs on slices with these keys.

    They are ordered by slice, with the candidate first.
    """
    own = [
        (model, measurement)
        for model in findings.models
        if (record := findings.record(model, probe)) is not None
        for measurement in record["measurements"]
        if measurement["metric"] == metric and frozenset(measurement["slice"]) == keys
    ]
    order = list(dict.fromkeys(slice_text(measurement["slice"]) for _, measurement in own))
    return sorted(own, key=lambda pair: order.index(slice_text(pair[1]["slice"])))


def by_slice(findings: Findings, probe: str) -> list[dict[str, Any]]:
    """Build a table for each metric and set of slice keys.

    Groups have tables of their own.
    """
    level = levels([measurement for record in findings.of_probe(probe) for measurement in record["measurements"]])
    plain = [keys for keys in level if keys.isdisjoint(GROUPED)]
    return [table for keys in plain for table in _of_level(findings, probe, keys, is_full(keys, level))]


def _of_level(findings: Findings, probe: str, keys: frozenset[str], full: bool) -> Iterator[dict[str, Any]]:
    for name, metric in findings.metrics(probe).items():
        measured = measured_at(findings, probe, name, keys)
        if not measured:
            continue
        names = list(measured[0][1]["slice"])
        caption = _caption(metric["title"], names)
        worst = _worst(measured, metric) if len(names) == 1 else []
        if worst:
            slices = len({slice_text(measurement["slice"]) for _, measurement in measured})
            first = say("{table}: the worst {n} of {slices}", table=caption, n=WORST, slices=slices)
            yield _table(findings, metric, first, worst, folded=False)
        yield _table(findings, metric, caption, measured, folded=full or len(measured) > LONG)


def _table(
    findings: Findings, metric: Mapping[str, Any], caption: str, own: Sequence[tuple[str, Measured]], *, folded: bool
) -> dict[str, Any]:
    return {
        "caption": caption,
        "note": metric_note(metric),
        "folded": folded,
        "rows": [_row(findings, model, measurement, metric["unit"]) for model, measurement in own],
    }


def _worst(measured: Sequence[tuple[str, Measured]], metric: Mapping[str, Any]) -> list[tuple[str, Measured]]:
    """Return the worst slices of a long table, the candidate's worst first.

    Empty for a short one, and where neither more nor less is better.
    """
    by_slice: dict[str, list[tuple[str, Measured]]] = {}
    for model, measurement in measured:
        by_slice.setdefault(slice_text(measurement["slice"]), []).append((model, measurement))
    if len(by_slice) <= LONG or metric["better"] is None:
        return []
    sign = 1 if metric["better"] == "higher" else -1
    ordered = sorted(by_slice.values(), key=lambda own: sign * own[0][1]["value"])
    return [pair for own in ordered[:WORST] for pair in own]


def _caption(title: str, keys: Sequence[str]) -> str:
    """Say what a table of a metric is by."""
    if not keys:
        return title
    return say("{metric}, by {keys}", metric=title, keys=say(" and ").join(recorded(key) for key in keys))


def metric_note(metric: Mapping[str, Any]) -> str:
    """Describe the kind of number and the better direction."""
    parts = [say("descriptive: no rule may read it")] if metric["kind"] == "descriptive" else []
    if metric["better"] is not None:
        parts.append(say(_BETTER[metric["better"]]))
    if not metric["comparable"]:
        parts.append(say("not comparable between models: its denominator differs"))
    return say("; ").join(parts)


def _row(findings: Findings, model: str, measurement: Measured, unit: str) -> dict[str, Any]:
    return {
        "slice": slice_text(measurement["slice"]),
        "model": model,
        "lane": findings.models.index(model),
        "value": amount(measurement["value"], unit),
        "interval": measured_interval(measurement, unit),
        "cases": f"{measurement['n_cases']:,}",
        "clusters": f"{measurement['n_clusters']:,}",
        "vacuous": amount(measurement["vacuous"], "share"),
        "method": recorded(words_of(measurement["method"])),
        "status": say(_STATUS[measurement["status"]]),
        "ok": measurement["status"] == "ok",
    }


def grouped(findings: Findings, probe: str) -> list[dict[str, Any]]:
    """Build the tables of groups, and of pairs of groups.

    Rows are groups by model, columns are metrics. Each value of the other keys, such as an axis, has its own table. A
    table is open if a verdict on it is a fail, and folded otherwise.
    """
    cells: dict[tuple[str, str], dict[tuple[str, str], dict[str, Measured]]] = {}
    rests: dict[tuple[str, str], Mapping[str, str]] = {}
    for record in findings.of_probe(probe):
        for measurement in record["measurements"]:
            key = next((name for name in measurement["slice"] if name in GROUPED), None)
            if key is None:
                continue
            rest = {name: value for name, value in measurement["slice"].items() if name != key}
            place = (key, slice_text(rest))
            rests[place] = rest
            row = cells.setdefault(place, {}).setdefault((measurement["slice"][key], record["model"]), {})
            row[measurement["metric"]] = measurement
    return [_grouped(findings, probe, key, rests[key, of], rows) for (key, of), rows in cells.items()]


def _grouped(
    findings: Findings,
    probe: str,
    key: str,
    rest: Mapping[str, str],
    cells: Mapping[tuple[str, str], Mapping[str, Measured]],
) -> dict[str, Any]:
    present = {name for row in cells.values() for name in row}
    metrics = [metric for name, metric in findings.metrics(probe).items() if name in present]
    groups = list(dict.fromkeys(group for group, _ in cells))
    rows = [
        {
            "group": group,
            "model": model,
            "cells": [_cell(cells[group, model].get(metric["name"]), metric["unit"]) for metric in metrics],
            "clusters": f"{max(measurement['n_clusters'] for measurement in cells[group, model].values()):,}",
        }
        for group in groups
        for model in findings.models
        if (group, model) in cells
    ]
    broken = any(
        verdict["outcome"] == "fail" and (verdict["slice"] or {}).items() <= rest.items()
        for number, _ in findings.rules_of(probe)
        for verdict in findings.verdicts
        if verdict["rule"] == number and verdict["slice"]
    )
    return {
        "caption": say(", ").join([say("Pairs of groups") if key == "pair" else say("Groups"), slice_text(rest)]),
        "key": recorded(key),
        "columns": [metric["title"] for metric in metrics],
        "folded": not broken,
        "rows": rows,
    }


def _cell(measurement: Measured | None, unit: str) -> dict[str, str]:
    if measurement is None:
        return {"value": "–", "interval": ""}
    return {"value": amount(measurement["value"], unit), "interval": measured_interval(measurement, unit)}
