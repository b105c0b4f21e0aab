"""Matrices: quality on each value of each property, cell by cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reports.formats import amount, measured_interval, slice_value, words_of
from reports.lookup import Findings, Measured
from reports.words import recorded, say

INNER_KEYS = ("value", "kind")
"""The key of a two-key slice that makes its cell; the key beside it makes the row."""
STEP = 0.05
"""How much worse than the rest of the rows each darker shade is."""
DARKEST = 4
Cell = tuple[str, str]
"""Row and cell of a matrix, in words."""


def drawn(findings: Findings, probe: str) -> Iterator[dict[str, Any]]:
    """Describe a matrix of the candidate's slices for each share.

    A row is a property, a capability or a column, and a cell one of its values. Yields nothing for probes whose slices
    have other keys.
    """
    record = findings.record(findings.candidate, probe)
    if record is None:
        return
    metrics, measurements = findings.metrics(probe), record["measurements"]
    drops = {
        place: measurement
        for name, metric in metrics.items()
        if metric["kind"] == "difference"
        for place, measurement in _cells(measurements, name).items()
    }
    for name, metric in metrics.items():
        if metric["unit"] != "share":
            continue
        rows: dict[str, list[dict[str, Any]]] = {}
        for (row, value), measurement in _cells(measurements, name).items():
            rows.setdefault(row, []).append(_cell(value, measurement, drops.get((row, value)), metric))
        if len(rows) > 1:
            listed = [{"name": row, "cells": cells} for row, cells in rows.items()]
            yield {"title": metric["title"], "rows": listed, "shaded": _what(metric, drops)}


def _cells(measurements: list[Measured], metric: str) -> dict[Cell, Measured]:
    cells: dict[Cell, Measured] = {}
    for measurement in measurements:
        place = _place(measurement["slice"])
        if measurement["metric"] == metric and place is not None:
            cells[place] = measurement
    return cells


def _place(slice_: Mapping[str, str]) -> Cell | None:
    inner = next((key for key in INNER_KEYS if key in slice_), None)
    outer = [key for key in slice_ if key != inner]
    if inner is None or len(outer) != 1:
        return None
    key = outer[0]
    row = slice_value(key, slice_[key])
    return (row if key in ("property", "capability") else f"{recorded(words_of(key))} {row}"), slice_value(
        inner, slice_[inner]
    )


def _cell(value: str, measurement: Measured, drop: Measured | None, metric: Mapping[str, Any]) -> dict[str, Any]:
    of_itself = measurement["value"] if metric["better"] == "lower" else 0.0
    worse = of_itself if drop is None else drop["value"]
    return {
        "label": value,
        "value": amount(measurement["value"], "share"),
        "interval": measured_interval(measurement, "share"),
        "n": f"{measurement['n_clusters']:,}",
        "against": "" if drop is None else amount(-drop["value"], "points"),
        "shade": max(0, min(DARKEST, int(worse / STEP + 1e-9))),
    }


def _what(metric: Mapping[str, Any], drops: Mapping[Cell, Measured]) -> str:
    if drops:
        return say("darker: further below the rest of the rows; beside each value, its difference from the rest")
    return say("darker: higher") if metric["better"] == "lower" else ""
