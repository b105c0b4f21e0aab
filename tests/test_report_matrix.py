"""The matrix of a probe's slices: rows are properties, cells their values."""

from __future__ import annotations

from typing import Any

import pytest

from reports import matrix

SHARE = {"title": "accuracy on the slice", "unit": "share", "kind": "mean", "better": "higher"}
DROP = {"title": "drop", "unit": "points", "kind": "difference", "better": "lower"}
FAILURES = {"title": "failures", "unit": "share", "kind": "mean", "better": "lower"}


class Page:
    """What ``matrix.drawn`` reads of a page's findings."""

    candidate = "a model"

    def __init__(self, metrics: dict[str, Any], measurements: list[dict[str, Any]]) -> None:
        self._metrics, self._measurements = metrics, measurements

    def metrics(self, _probe: str) -> dict[str, Any]:
        return self._metrics

    def record(self, _model: str, _probe: str) -> dict[str, Any] | None:
        return {"measurements": self._measurements} if self._measurements else None


def measured(metric: str, value: float, /, **slice_: str) -> dict[str, Any]:
    return {
        "metric": metric,
        "slice": slice_,
        "value": value,
        "low": value - 0.1,
        "high": value + 0.1,
        "n_clusters": 1200,
    }


def drawn(metrics: dict[str, Any], measurements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list(matrix.drawn(Page(metrics, measurements), "a probe"))  # type: ignore[arg-type]


def test_each_property_is_a_row_and_each_of_its_values_a_cell_with_its_difference_from_the_rest() -> None:
    (picture,) = drawn(
        {"drop": DROP, "accuracy": SHARE},
        [
            measured("drop", 0.12, property="length", value="short"),
            measured("accuracy", 0.7, property="length", value="short"),
            measured("drop", -0.12, property="length", value="long"),
            measured("accuracy", 0.82, property="length", value="long"),
            measured("accuracy", 0.5, column="source", value="web"),
            measured("accuracy", 0.9, discovered="slice 1"),
        ],
    )
    assert [(row["name"], [cell["label"] for cell in row["cells"]]) for row in picture["rows"]] == [
        ("length", ["short", "long"]),
        ("column source", ["web"]),
    ]
    short, long = picture["rows"][0]["cells"]
    assert short == {
        "label": "short",
        "value": "70.0 %",
        "interval": "[60.0, 80.0]",
        "n": "1,200",
        "against": "−12.0 points",
        "shade": 2,
    }
    assert (long["against"], long["shade"]) == ("+12.0 points", 0)
    assert picture["rows"][1]["cells"][0]["against"] == ""
    assert "rest" in picture["shaded"]


@pytest.mark.parametrize(("rate", "shade"), [(0.0, 0), (0.049, 0), (0.05, 1), (0.15, 3), (0.9, 4)])
def test_failures_by_capability_and_kind_are_darker_where_they_are_many(rate: float, shade: int) -> None:
    (picture,) = drawn(
        {"failures": FAILURES},
        [
            measured("failures", rate, capability="negation", kind="invariance"),
            measured("failures", 0.0, capability="intensity", kind="direction"),
        ],
    )
    assert [row["name"] for row in picture["rows"]] == ["negation", "intensity"]
    assert picture["rows"][0]["cells"][0]["shade"] == shade
    assert picture["shaded"] == "darker: higher"


@pytest.mark.parametrize(
    "measurements",
    [
        [],
        [measured("accuracy", 0.9, property="length", value="short")],
        [measured("accuracy", 0.9, family="typos", severity="low"), measured("accuracy", 0.9, family="case")],
    ],
    ids=["nothing measured", "a single row", "slices with other keys"],
)
def test_there_is_no_matrix_of(measurements: list[dict[str, Any]]) -> None:
    assert drawn({"accuracy": SHARE}, measurements) == []
