"""Pareto charts of recipes."""

from __future__ import annotations

import copy
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from test_reports import results

from reports import charts, frontier, view
from reports.lookup import Findings


@pytest.mark.parametrize(
    ("points", "best"),
    [
        ([], set()),
        ([(1.0, 1.0)], {0}),
        ([(1.0, 3.0), (2.0, 2.0), (3.0, 1.0), (1.0, 2.0)], {0, 1, 2}),
        ([(2.0, 2.0), (1.0, 1.0), (2.0, 1.0)], {0}),
        # Equals are both kept.
        ([(1.0, 1.0), (1.0, 1.0)], {0, 1}),
    ],
)
def test_the_frontier_holds_what_nothing_else_beats(points: list[tuple[float, float]], best: set[int]) -> None:
    assert frontier.frontier(points) == best


METRICS = (
    ("accuracy", "share", "higher"),
    ("mean_drop_under_noise", "points", "lower"),
    ("relative_work", "ratio", "lower"),
    ("difference", "points", None),
)
VALUES = {
    "accuracy": {"standard": 0.8, "fgm": 0.82, "<b>": 0.7},
    "mean_drop_under_noise": {"standard": 0.1, "fgm": 0.05, "<b>": 0.2},
    "relative_work": {"standard": 1.0, "fgm": 2.0, "<b>": 0.9},
    "difference": {"fgm": 0.02},
}


def compared() -> dict[str, Any]:
    found = results()
    record = copy.deepcopy(next(one for one in found["records"] if one["status"] == "measured"))
    shared = {"n_cases": 3, "n_clusters": 1, "method": "words", "status": "ok", "vacuous": 0.0}
    metric = record["metrics"][0]
    record |= {
        "model": found["candidate"],
        "probe": "training_strategy",
        "limitation": "training-strategy",
        "worst": [],
        "skipped": [],
        "metrics": [
            {
                **metric,
                "name": name,
                "title": name.replace("_", " "),
                "unit": unit,
                "better": better,
                "kind": "descriptive",
            }
            for name, unit, better in METRICS
        ],
        "measurements": [
            {**shared, "metric": name, "slice": {"recipe": recipe}, "value": value, "low": value, "high": value}
            for name, values in VALUES.items()
            for recipe, value in values.items()
        ],
    }
    found["records"] = [one for one in found["records"] if one["probe"] != "training_strategy"] + [record]
    return found


def test_robustness_is_drawn_against_quality_and_against_cost() -> None:
    found = compared()
    (chart,) = frontier.drawn(Findings(found), "training_strategy")
    assert chart["title"] == "mean drop under noise against quality and cost"
    quality, cost = chart["panels"]
    # fgm is better than standard in both; on the side of cost the cheapest stays, whatever it gives.
    assert quality["caption"] == "1 standard, 2 fgm ●, 3 <b>"
    assert cost["caption"] == "1 standard ●, 2 fgm ●, 3 <b> ●"
    root = ET.fromstring(quality["svg"])
    assert [one.get("class") for one in root.iter("circle")] == ["ring m0", "dot m0", "ring m0"]
    description = root.find("desc")
    assert description is not None
    assert "fgm: accuracy 82.0 %" in str(description.text)
    assert "mean drop under noise +5.0 points" in str(description.text)
    page = next(one for one in view.build(found)["probes"] if one["name"] == "training_strategy")
    assert page["charts"][-1]["note"].startswith("Each number is a recipe")


def test_other_probes_have_no_such_chart() -> None:
    found = results()
    assert not [chart for probe in Findings(found).probes for chart in frontier.drawn(Findings(found), probe)]


def test_without_a_cost_nothing_is_drawn() -> None:
    found = compared()
    record = found["records"][-1]
    record["measurements"] = [one for one in record["measurements"] if one["metric"] != "relative_work"]
    assert not list(frontier.drawn(Findings(found), "training_strategy"))


def test_dots_stay_inside_the_chart() -> None:
    spots = [charts.Spot(x, y, True, f"{x}") for x, y in ((0.0, 0.0), (10.0, -5.0))]
    root = ET.fromstring(charts.scatter("i", "t", spots, across="a", along="b"))
    for one in root.iter("circle"):
        assert 0 < float(one.get("cx", "")) < charts.WIDTH
        assert 0 < float(one.get("cy", "")) < 195
