"""Pareto charts: what each recipe gains and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports import charts
from reports.formats import amount, measured_interval
from reports.lookup import Findings, Measured
from reports.words import later, say

COSTS = ("relative_time", "relative_work")
"""Metrics of cost, the most informative first."""
NOTE = later(
    "Each number is a recipe. A dot is filled if no other is at least as good in both and better in one. A model that "
    "learned nothing loses nothing either: read the quality axis first."
)
_AXES = {"share": later(", %"), "points": later(", points")}


@dataclass(frozen=True, slots=True)
class Side:
    """One axis of a chart: a metric, with a value per recipe."""

    metric: Mapping[str, Any]
    values: Mapping[str, Measured]

    @property
    def sign(self) -> float:
        """Factor that makes larger values better."""
        return -1.0 if self.metric["better"] == "lower" else 1.0

    @property
    def factor(self) -> float:
        """Factor from the metric's values to the chart's unit."""
        return 100.0 if self.metric["unit"] in ("share", "points") else 1.0

    def words(self, recipe: str) -> str:
        """Format a recipe's value with its interval."""
        measurement = self.values[recipe]
        return (
            f"{amount(measurement['value'], self.metric['unit'])} {measured_interval(measurement, self.metric['unit'])}"
        )


def drawn(findings: Findings, probe: str) -> Iterator[dict[str, Any]]:
    """Draw each measure of robustness against clean quality and cost.

    Yields nothing for probes without recipes.
    """
    record = findings.record(findings.candidate, probe)
    sides = {} if record is None else _sides(findings, probe, record["measurements"])
    cost = next((sides[name] for name in COSTS if name in sides), None)
    shares = [side for name, side in sides.items() if not name.startswith("relative_")]
    if cost is None or len(shares) < 2:
        return
    clean, *robust = shares
    for number, side in enumerate(robust):
        ident = f"{findings.anchors[probe]}-frontier-{number}"
        yield {
            "title": say("{metric} against quality and cost", metric=side.metric["title"]),
            "limit": False,
            "edge": False,
            "note": say(NOTE),
            "panels": [_panel(f"{ident}-{place}", across, side) for place, across in enumerate((clean, cost))],
        }


def _sides(findings: Findings, probe: str, measurements: Sequence[Measured]) -> dict[str, Side]:
    """Map each metric to its axis.

    Only metrics that are measured by recipe alone and have a better direction count.
    """
    by_metric: dict[str, dict[str, Measured]] = {}
    for measurement in measurements:
        if set(measurement["slice"]) == {"recipe"} and measurement["value"] is not None:
            by_metric.setdefault(measurement["metric"], {})[measurement["slice"]["recipe"]] = measurement
    metrics = {name: findings.metric(probe, name) for name in by_metric}
    return {name: Side(metrics[name], values) for name, values in by_metric.items() if metrics[name]["better"]}


def _panel(ident: str, across: Side, along: Side) -> dict[str, str]:
    recipes = [name for name in along.values if name in across.values]
    best = frontier([(across.sign * across.values[n]["value"], along.sign * along.values[n]["value"]) for n in recipes])
    points = [
        charts.Spot(
            across.factor * across.values[name]["value"],
            along.factor * along.values[name]["value"],
            place in best,
            say("{recipe}: {values}", recipe=name, values=say(", ").join([_said(across, name), _said(along, name)])),
        )
        for place, name in enumerate(recipes)
    ]
    title = say("{metric} against {other}", metric=along.metric["title"], other=across.metric["title"])
    legend = say(", ").join(f"{place + 1} {name}{' ●' if place in best else ''}" for place, name in enumerate(recipes))
    svg = charts.scatter(ident, title, points, across=_axis(across), along=_axis(along))
    return {"caption": legend, "svg": svg}


def _said(side: Side, recipe: str) -> str:
    return f"{side.metric['title']} {side.words(recipe)}"


def _axis(side: Side) -> str:
    unit = side.metric["unit"]
    title = side.metric["title"] + (say(_AXES[unit]) if unit in _AXES else "")
    return say("{title} (↓ better)", title=title) if side.sign < 0 else say("{title} (↑ better)", title=title)


def frontier(points: Sequence[tuple[float, float]]) -> frozenset[int]:
    """Return the indices of the Pareto-optimal points.

    No other point is at least as good in both coordinates and better in one.
    """
    return frozenset(
        index
        for index, (x, y) in enumerate(points)
        if not any(a >= x and b >= y and (a, b) != (x, y) for a, b in points)
    )
