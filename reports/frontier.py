"""Pareto charts: recipes by what they gain and what that costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports import charts
from reports.formats import amount, measured_interval
from reports.lookup import Findings, Measured

COSTS = ("relative_time", "relative_work")
"""Metrics of cost, the one that says most first."""


@dataclass(frozen=True, slots=True)
class Side:
    """One axis: a metric, and its value for each recipe."""

    metric: Mapping[str, Any]
    values: Mapping[str, Measured]

    @property
    def sign(self) -> float:
        """Times the value, more is better."""
        return -1.0 if self.metric["better"] == "lower" else 1.0

    @property
    def factor(self) -> float:
        return 100.0 if self.metric["unit"] in ("share", "points") else 1.0

    def words(self, recipe: str) -> str:
        one = self.values[recipe]
        return f"{amount(one['value'], self.metric['unit'])} {measured_interval(one, self.metric['unit'])}"


def drawn(found: Findings, probe: str) -> Iterator[dict[str, Any]]:
    """Each measure of robustness against clean quality and against cost; nothing for probes without recipes."""
    record = found.record(found.candidate, probe)
    sides = {} if record is None else _sides(found, probe, record["measurements"])
    cost = next((sides[name] for name in COSTS if name in sides), None)
    shares = [side for name, side in sides.items() if not name.startswith("relative_")]
    if cost is None or len(shares) < 2:
        return
    clean, *robust = shares
    for number, side in enumerate(robust):
        ident = f"{found.anchors[probe]}-frontier-{number}"
        yield {
            "title": f"{side.metric['title']} against quality and cost",
            "limit": False,
            "note": "Each number is a recipe; a dot is filled where no other recipe is as good in both and better in one. A model "
            "that learned nothing loses nothing either: read the side of quality first.",
            "panels": [_panel(f"{ident}-{place}", across, side) for place, across in enumerate((clean, cost))],
        }


def _sides(found: Findings, probe: str, measurements: Sequence[Measured]) -> dict[str, Side]:
    """Metric → its side, of those that are measured by recipe alone and have a better end."""
    by_metric: dict[str, dict[str, Measured]] = {}
    for one in measurements:
        if set(one["slice"]) == {"recipe"} and one["value"] is not None:
            by_metric.setdefault(one["metric"], {})[one["slice"]["recipe"]] = one
    metrics = {name: found.metric(probe, name) for name in by_metric}
    return {name: Side(metrics[name], values) for name, values in by_metric.items() if metrics[name]["better"]}


def _panel(ident: str, across: Side, along: Side) -> dict[str, str]:
    recipes = [name for name in along.values if name in across.values]
    best = frontier([(across.sign * across.values[n]["value"], along.sign * along.values[n]["value"]) for n in recipes])
    points = [
        charts.Spot(
            across.factor * across.values[name]["value"],
            along.factor * along.values[name]["value"],
            place in best,
            f"{name}: {across.metric['title']} {across.words(name)}, {along.metric['title']} {along.words(name)}",
        )
        for place, name in enumerate(recipes)
    ]
    title = f"{along.metric['title']} against {across.metric['title']}"
    legend = ", ".join(f"{place + 1} {name}{' ●' if place in best else ''}" for place, name in enumerate(recipes))
    svg = charts.scatter(ident, title, points, across=_axis(across), along=_axis(along))
    return {"caption": legend, "svg": svg}


def _axis(side: Side) -> str:
    unit = {"share": ", %", "points": ", points"}.get(side.metric["unit"], "")
    return f"{side.metric['title']}{unit} ({'↓' if side.sign < 0 else '↑'} better)"


def frontier(points: Sequence[tuple[float, float]]) -> frozenset[int]:
    """Indices of the Pareto-optimal points: none other is at least as good in both and better in one."""
    return frozenset(
        index
        for index, (x, y) in enumerate(points)
        if not any(a >= x and b >= y and (a, b) != (x, y) for a, b in points)
    )
