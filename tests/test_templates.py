"""What probes with templates share: sound lists, rings, rows by group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from auditor import metrics
from auditor.errors import ConfigError
from auditor.types import Judged, Measurement, Row, Score
from probes import _person_sentences, _templates, bias, entity_bias

FILES = {
    "bias": bias._axes(),
    "bias.de": bias._axes("de"),
    "entity_bias": {axis: own["groups"] for axis, own in entity_bias._axes().items()},
}
"""Probe → axis → group → its terms."""


OF_NO_GROUPS = {"capabilities", "entailment_bias", "pair_shortcuts", "stereotyped_answers"}
"""Probes whose sentences are of no groups: the tests of each read them."""


@pytest.mark.parametrize("probe", sorted({*FILES, *OF_NO_GROUPS} - {"capabilities"}))
def test_the_lists_state_their_source_and_licence(probe: str) -> None:
    head = (_templates.DATA / f"{probe}.toml").read_text(encoding="utf-8").partition("\n\n")[0]
    assert "Source:" in head
    assert "Licence: Apache-2.0" in head


def test_every_file_of_templates_is_tested_here() -> None:
    assert {file.stem for file in _templates.DATA.glob("*.toml")} == {*FILES, *OF_NO_GROUPS}


@pytest.mark.parametrize("axes", FILES.values(), ids=FILES)
def test_no_group_holds_the_character_that_parts_family_and_group(
    axes: Mapping[str, Mapping[str, Sequence[str]]],
) -> None:
    assert [group for groups in axes.values() for group in groups if "/" in group] == []


@pytest.mark.parametrize("axes", FILES.values(), ids=FILES)
def test_the_groups_of_an_axis_have_as_many_terms_and_none_twice(
    axes: Mapping[str, Mapping[str, Sequence[str]]],
) -> None:
    for groups in axes.values():
        assert len(groups) >= 2
        assert len({len(terms) for terms in groups.values()}) == 1
        every = [term for terms in groups.values() for term in terms]
        assert len(set(every)) == len(every)


def test_two_groups_make_one_pair_and_more_make_a_ring() -> None:
    assert _templates.ring(("a", "b")) == [("a", "b")]
    assert _templates.ring(("a", "b", "c")) == [("a", "b"), ("b", "c"), ("c", "a")]


@pytest.mark.parametrize(
    ("axis", "hint"), [("agee", "did you mean 'age'?"), ("zzz", "known: age, gender")], ids=["near", "far"]
)
def test_an_axis_that_is_not_in_the_lists_is_one_line(axis: str, hint: str) -> None:
    _templates.check_axes(("gender", "age"), ("age", "gender"))
    with pytest.raises(ConfigError) as caught:
        _templates.check_axes(("gender", axis), ("age", "gender"))
    assert caught.value.line == f"no axis is called {axis!r} ({hint})"


def test_cases_come_axis_by_axis() -> None:
    cases = [
        Judged({"axis": axis}, str(n), None, None, True, False, {}, {}, {}) for n, axis in enumerate(("x", "x", "y"))
    ]
    clusters = [(axis, [judged.cluster for judged in own]) for axis, own in _templates.by_axis(cases)]
    assert clusters == [("x", ["0", "1"]), ("y", ["2"])]


def test_a_row_is_the_share_of_a_group_in_a_cluster_by_hand() -> None:
    scores = [
        ("s1", "recall", "a", Score(1, 2)),
        ("s1", "recall", "b", Score(0, 1)),
        ("s1", "recall", "a", Score(2, 2)),
        ("s2", "recall", "a", Score(1, 1)),
    ]
    rows = [Row("s1", "recall/a", 0.75, 1.0), Row("s1", "recall/b", 0.0, 1.0), Row("s2", "recall/a", 1.0, 1.0)]
    assert _templates.group_rows(scores) == rows
    assert _templates.means(rows) == {"recall": {"a": 0.875, "b": 0.0}}


def test_the_widest_family_names_the_two_groups_that_stand_out() -> None:
    rows = [Row("s", "so/so/a", 0.5, 1.0), Row("s", "so/so/b", 0.25, 1.0), Row("s", "good/a", 0.5, 1.0)]
    rows += [Row("s", "good/b", 1.0, 1.0), Row("s", "good/c", 0.75, 1.0)]
    assert _templates.means(rows) == {"so/so": {"a": 0.5, "b": 0.25}, "good": {"a": 0.5, "b": 1.0, "c": 0.75}}
    assert _templates.widest(_templates.means(rows)) == "good"
    gap = Measurement("gap", {}, 0.5, 0.0, 1.0, 5, 1, "by hand")
    named = _templates.naming_extremes(gap, rows, "share of {family}")
    assert named.detail == "share of good: highest b 100.0 %, lowest a 50.0 %"
    level = [Row("s", "good/a", 0.5, 1.0), Row("s", "good/b", 0.5, 1.0)]
    assert _templates.naming_extremes(gap, level, "share of {family}") is gap


def test_each_group_of_the_family_alone_is_measured() -> None:
    rows = [Row(f"s{n}", f"{family}/{group}", n % 2, 1.0) for n in range(12) for family in "xy" for group in "ab"]
    measured = list(
        _templates.of_each(bias.GROUP_RATE, {"axis": "i"}, rows, {"a": 7, "b": 8}, family="x", vacuous=0.25)
    )
    assert [(each.slice, each.value, each.n_cases, each.n_clusters, each.vacuous) for each in measured] == [
        ({"axis": "i", "group": "a"}, 0.5, 7, 12, 0.25),
        ({"axis": "i", "group": "b"}, 0.5, 8, 12, 0.25),
    ]


def test_totals_add_up_by_key_in_the_order_of_the_first() -> None:
    scores = [("b", Score(1, 2)), ("a", Score(0, 3)), ("b", Score(3, 4))]
    assert list(metrics.totals(scores).items()) == [("b", Score(4, 6)), ("a", Score(0, 3))]
    assert metrics.summed(scores, "arm") == [Row("b", "arm", 4, 6), Row("a", "arm", 0, 3)]


@pytest.mark.parametrize(
    ("settings", "key", "most"),
    [
        (bias.Settings, "sentences", len(_person_sentences.contents())),
        (bias.Settings, "bare_sentences", len(_person_sentences.bare())),
        (
            bias.Settings,
            "pairs_per_sentence",
            min(len(own) for axis in FILES["bias"].values() for own in axis.values()),
        ),
        (
            entity_bias.Settings,
            "names_per_sentence",
            min(len(own) for axis in FILES["entity_bias"].values() for own in axis.values()),
        ),
    ],
)
def test_settings_may_ask_for_all_that_the_lists_serve_and_no_more(settings: Any, key: str, most: int) -> None:
    assert getattr(settings(**{key: most}), key) == most
    with pytest.raises(ConfigError, match=rf"{key} = {most + 1} must be from [01] to {most}$"):
        settings(**{key: most + 1})
