"""Tables of measurements: each metric by slice, and groups side by side with all that was measured of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from auditor.types import GROUPED
from reports.formats import amount, measured_interval, slice_text, words_of
from reports.lookup import Findings, Measured, is_full, levels

LONG = 12
"""A table of more rows than this is folded."""
_STATUS = {"ok": "ok", "too_few": "too few clusters", "removed_by_tokenizer": "removed by the tokenizer"}


def measured_at(found: Findings, probe: str, metric: str, keys: frozenset[str]) -> list[tuple[str, Measured]]:
    """(model, measurement) of one metric on slices with these keys, slice by slice, the candidate first."""
    own = [
        (model, one)
        for model in found.models
        if (record := found.record(model, probe)) is not None
        for one in record["measurements"]
        if one["metric"] == metric and frozenset(one["slice"]) == keys
    ]
    order = list(dict.fromkeys(slice_text(one["slice"]) for _, one in own))
    return sorted(own, key=lambda pair: order.index(slice_text(pair[1]["slice"])))


def by_slice(found: Findings, probe: str) -> list[dict[str, Any]]:
    """One table for each metric and set of slice keys, those of groups apart."""
    level = levels([one for record in found.of_probe(probe) for one in record["measurements"]])
    plain = [keys for keys in level if keys.isdisjoint(GROUPED)]
    return [table for keys in plain for table in _of_level(found, probe, keys, is_full(keys, level))]


def _of_level(found: Findings, probe: str, keys: frozenset[str], full: bool) -> Iterator[dict[str, Any]]:
    for name, metric in found.metrics(probe).items():
        measured = measured_at(found, probe, name, keys)
        if not measured:
            continue
        names = list(measured[0][1]["slice"])
        yield {
            "caption": ", by ".join([metric["title"], *([" and ".join(names)] if names else [])]),
            "note": metric_note(metric),
            "folded": full or len(measured) > LONG,
            "rows": [_row(found, model, one, metric["unit"]) for model, one in measured],
        }


def metric_note(metric: Mapping[str, Any]) -> str:
    """What kind of number it is, and which direction is better."""
    better = {"higher": "higher is better", "lower": "lower is better", None: ""}[metric["better"]]
    parts = ["descriptive: no rule may read it" if metric["kind"] == "descriptive" else "", better]
    if not metric["comparable"]:
        parts.append("not comparable between models: its denominator differs")
    return "; ".join(part for part in parts if part)


def _row(found: Findings, model: str, one: Measured, unit: str) -> dict[str, Any]:
    return {
        "slice": slice_text(one["slice"]),
        "model": model,
        "lane": found.models.index(model),
        "value": amount(one["value"], unit),
        "interval": measured_interval(one, unit),
        "cases": f"{one['n_cases']:,}",
        "clusters": f"{one['n_clusters']:,}",
        "vacuous": f"{100 * one['vacuous']:.1f} %",
        "method": words_of(one["method"]),
        "status": _STATUS[one["status"]],
        "ok": one["status"] == "ok",
    }


def grouped(found: Findings, probe: str) -> list[dict[str, Any]]:
    """Tables of groups, and of pairs of them: a row for each group and model, a column for each metric.

    One for each of the other keys' values, such as an axis; open where a verdict on it is a fail, folded elsewhere.
    """
    cells: dict[tuple[str, str], dict[tuple[str, str], dict[str, Measured]]] = {}
    rests: dict[tuple[str, str], Mapping[str, str]] = {}
    for record in found.of_probe(probe):
        for one in record["measurements"]:
            key = next((name for name in one["slice"] if name in GROUPED), None)
            if key is None:
                continue
            rest = {name: value for name, value in one["slice"].items() if name != key}
            place = (key, slice_text(rest))
            rests[place] = rest
            row = cells.setdefault(place, {}).setdefault((one["slice"][key], record["model"]), {})
            row[one["metric"]] = one
    return [_grouped(found, probe, key, rests[key, of], rows) for (key, of), rows in cells.items()]


def _grouped(
    found: Findings,
    probe: str,
    key: str,
    rest: Mapping[str, str],
    cells: Mapping[tuple[str, str], Mapping[str, Measured]],
) -> dict[str, Any]:
    present = {name for row in cells.values() for name in row}
    metrics = [metric for name, metric in found.metrics(probe).items() if name in present]
    groups = list(dict.fromkeys(group for group, _ in cells))
    rows = [
        {
            "group": group,
            "model": model,
            "cells": [_cell(cells[group, model].get(metric["name"]), metric["unit"]) for metric in metrics],
            "clusters": f"{max(one['n_clusters'] for one in cells[group, model].values()):,}",
        }
        for group in groups
        for model in found.models
        if (group, model) in cells
    ]
    broken = any(
        verdict["outcome"] == "fail" and (verdict["slice"] or {}).items() <= rest.items()
        for number, _ in found.rules_of(probe)
        for verdict in found.verdicts
        if verdict["rule"] == number and verdict["slice"]
    )
    return {
        "caption": f"{'Pairs of groups' if key == 'pair' else 'Groups'}, {slice_text(rest)}",
        "key": key,
        "columns": [metric["title"] for metric in metrics],
        "folded": not broken,
        "rows": rows,
    }


def _cell(one: Measured | None, unit: str) -> dict[str, str]:
    if one is None:
        return {"value": "–", "interval": ""}
    return {"value": amount(one["value"], unit), "interval": measured_interval(one, unit)}
