"""The picture of how far sets of rows, or periods, are from a reference."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import small_results
from fakes import LABELS, nowhere, plan_of, reviews, shipped
from test_drift import relabelled, right
from test_shift import ELSEWHERE, texts

from auditor import results
from auditor.evaluation import runner
from auditor.models.fake import FakeModel, hashed_words
from auditor.types import Example, ProbeRecord, Silent
from reports import charts, distances, scorecard, view
from reports.lookup import Findings


def record_of(probe: str, sets: Mapping[str, Sequence[Example]], later: Sequence[str] = ()) -> ProbeRecord:
    model = FakeModel(right, LABELS, name="candidate", embed=hashed_words)
    plan = plan_of(model, shipped(probe), examples=sets, time_slices=tuple(later))
    (record,) = runner.run(plan, nowhere, Silent())
    return record


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Results with the two probes that compare sets."""
    folder = small_results.write(tmp_path_factory.mktemp("small"))
    found: dict[str, Any] = json.loads((folder / "results.json").read_text("utf-8"))
    sets = {
        "home": texts(120, "home", seed=1),
        "<cars>": texts(90, "cars", seed=1, words=ELSEWHERE),
        "train": texts(150, "train", seed=1),
    }
    later = {"11": reviews(90, "11"), "9": relabelled(reviews(90, "9"))}
    records = (record_of("shift", sets), record_of("drift", {"home": reviews(120), **later}, tuple(later)))
    found["records"] += json.loads(json.dumps([results.record_dict(record) for record in records]))
    return found


def drawn(content: Mapping[str, Any], probe: str) -> dict[str, Any]:
    (detail,) = (each for each in view.build(content)["probes"] if each["name"] == probe)
    picture: dict[str, Any]
    (picture,) = (chart for chart in detail["charts"] if chart["title"] == distances.TITLE)
    return picture


def told(panel: Mapping[str, str]) -> str:
    """The panel's numbers in words."""
    description = ET.fromstring(panel["svg"]).find("desc")
    assert description is not None
    return str(description.text)


def places(svg: str, tag: str, name: str, *ends: str) -> list[tuple[float, ...]]:
    """Coordinates of the chart's elements of a class."""
    found = [each for each in ET.fromstring(svg).iter(tag) if each.get("class", "").split()[0] == name]
    return [tuple(float(each.get(end, "")) for end in ends) for each in found]


def test_each_set_stands_against_training_with_what_is_said_of_it(page: dict[str, Any]) -> None:
    panels = drawn(page, "shift")["panels"]
    assert [panel["caption"] for panel in panels] == [
        "distance of the label mix",
        "distance of the lengths",
        "share of words unknown to the reference, less that of a row of the reference to the others",
        "texts whose set a classifier of embeddings guesses (dashed line: chance)",
    ]
    labels = [
        [str(text.text) for text in ET.fromstring(panel["svg"]).iter("text") if text.get("class") == "label"]
        for panel in panels
    ]
    assert labels[3] == ["home against train: not told apart", "<cars> against train: told apart"]
    assert labels[2][1] == "<cars> against train: more"
    assert labels[0] == ["home against train: no difference shown", "<cars> against train: no difference shown"]


def test_every_number_is_in_the_words_of_the_picture(page: dict[str, Any]) -> None:
    (record,) = (each for each in page["records"] if each["probe"] == "shift")
    for name, panel in zip(distances.PANELS, drawn(page, "shift")["panels"], strict=True):
        own = [each for each in record["measurements"] if each["metric"] == name]
        assert len(own) == 2
        for each in own:
            sign = "+" if name == "more_unknown_words" and each["value"] > 0 else ""
            assert f"candidate {sign}{100 * each['value']:.1f} " in told(panel).replace("−", "-")
            assert each["detail"] in told(panel)


def test_the_line_of_chance_stands_at_half_on_the_axis_of_the_dots(page: dict[str, Any]) -> None:
    *others, apart = drawn(page, "shift")["panels"]
    assert all("chance" not in panel["svg"] for panel in others)
    ((x1, x2),) = places(apart["svg"], "line", "chance", "x1", "x2")
    assert x1 == x2
    (record,) = (each for each in page["records"] if each["probe"] == "shift")
    values = [each["value"] for each in record["measurements"] if each["metric"] == distances.APART]
    (home,), (cars,) = places(apart["svg"], "circle", "dot", "cx")
    # Two dots fix the axis; the line lies where one half does.
    assert x1 == pytest.approx(home + (0.5 - values[0]) / (values[1] - values[0]) * (cars - home), abs=0.2)
    assert "Chance 50 %." in told(apart)


def test_periods_are_steps_in_the_order_that_the_user_gives(page: dict[str, Any]) -> None:
    mix, apart = drawn(page, "drift")["panels"]
    (detail,) = (each for each in view.build(page)["probes"] if each["name"] == "drift")
    drop = next(chart["panels"][0] for chart in detail["charts"] if chart["title"].endswith("that in the period"))
    for panel in (mix, apart, drop):
        ticks = [str(text.text) for text in ET.fromstring(panel["svg"]).iter("text") if text.get("y") == "166.0"]
        assert ticks == ["11", "9"]
        assert panel["svg"].count("<polyline") == 1
    assert len(places(apart["svg"], "line", "chance", "y1")) == 1
    assert "Chance 50 %." in told(apart)


def test_no_other_chart_draws_them_unless_a_rule_reads_them(page: dict[str, Any]) -> None:
    def titles(content: Mapping[str, Any]) -> list[str]:
        (detail,) = (each for each in view.build(content)["probes"] if each["name"] == "shift")
        return [chart["title"] for chart in detail["charts"]]

    assert titles(page) == [distances.TITLE]
    rule = {"probe": "shift", "metric": distances.APART, "slice": {"rows": "*", "against": "train"}, "why": "w"}
    limit = {"max": 0.8, "min": None, "required": "never", "margin": 0.0}
    ruled = {**page, "policy": {**page["policy"], "rules": [*page["policy"]["rules"], {**rule, **limit}]}}
    assert titles(ruled) == ["texts whose set a classifier of embeddings guesses", distances.TITLE]


def test_a_metric_that_is_not_there_and_more_sets_than_can_be_read_have_no_panel(page: dict[str, Any]) -> None:
    (record,) = (each for each in page["records"] if each["probe"] == "shift")
    some = [each for each in record["measurements"] if each["metric"] == "length_distance"]
    few = {**page, "records": [{**record, "measurements": some}]}
    assert len(drawn(few, "shift")["panels"]) == 1
    many = [{**some[0], "slice": {"rows": str(place), "against": "a"}} for place in range(charts.ROWS + 1)]
    (detail,) = view.build({**page, "records": [{**record, "measurements": many}]})["probes"]
    assert detail["charts"] == []
    nothing = Findings({**page, "records": [{**record, "metrics": [], "measurements": []}]})
    assert list(distances.drawn(nothing, "shift")) == []


def test_the_page_holds_the_picture_and_escapes_the_names_of_sets(page: dict[str, Any]) -> None:
    html = scorecard.render(page)
    assert html.count(f"<h4>{distances.TITLE}</h4>") == 2
    assert "&lt;cars&gt; against train: told apart" in html
    assert "<cars>" not in html
