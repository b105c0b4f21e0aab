"""Measurements as points of charts, in the charts' units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.charts import Point
from reports.formats import amount, measured_interval
from reports.words import later, say

_UNITS = {"share": later("%"), "points": later("points")}


def of(measurement: Mapping[str, Any], unit: str) -> Point:
    """Return a measurement as a point; ``unit``: its metric's unit."""
    value, low, high = (factor(unit) * measurement[edge] for edge in ("value", "low", "high"))
    return Point(value, low, high, f"{amount(measurement['value'], unit)} {measured_interval(measurement, unit)}")


def factor(unit: str) -> float:
    """Return the factor from a metric's unit to the chart's."""
    return 100.0 if unit in ("share", "points") else 1.0


def label(unit: str) -> str:
    """Return what an axis calls the unit; empty for a plain number."""
    return say(_UNITS[unit]) if unit in _UNITS else ""
