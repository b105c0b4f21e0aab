"""The page says what the results say, safely, and the same every time."""

from __future__ import annotations

import copy
import itertools
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from jinja2 import Environment, StrictUndefined, UndefinedError
from markupsafe import Markup

from auditor.types import INPUT_NEEDS, NEEDS, TASK_NEEDS, limitations
from auditor.verdicts import advice
from reports import charts, formats, lookup, marks, scorecard, summary, tables, view

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "results"
RESULTS: dict[str, Any] = json.loads((FIXTURES / "results.json").read_text(encoding="utf-8"))
STEPS = advice.next_steps(RESULTS)
PAGE = scorecard.render(RESULTS, STEPS)
CSS = (scorecard.TEMPLATES / "scorecard.css").read_text(encoding="utf-8")


def results() -> dict[str, Any]:
    return copy.deepcopy(RESULTS)


def emptied() -> dict[str, Any]:
    found = results()
    for key in ("records", "comparisons", "models", "data", "resources"):
        found[key] = []
    found["policy"]["rules"] = []
    found["decision"].update(exit_code=3, headline="Undecided: no rule passed.", reasons=[], verdicts=[])
    return found


class Tags(HTMLParser):
    """Open tags with their attributes, and tags closed in order."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_golden_page_is_reproduced_byte_for_byte() -> None:
    assert (FIXTURES / "scorecard.html").read_bytes() == PAGE.encode("utf-8")


def test_the_same_results_in_another_order_of_keys_give_the_same_decision_and_no_state_is_kept() -> None:
    assert scorecard.render(results(), STEPS) == PAGE


def test_every_limitation_has_its_row_with_its_question() -> None:
    for row in limitations.LIMITATIONS:
        assert f'id="row-{row.id}"' in PAGE
        assert str(row.limitation) in PAGE
    assert PAGE.count("not measured: no probe yet") == 8


def test_every_tag_is_closed_and_every_id_is_used_once() -> None:
    tags = Tags(PAGE)
    assert tags.open == []
    ids = [attributes["id"] for _, attributes in tags.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {str(attributes["href"])[1:] for tag, attributes in tags.found if tag == "a"}
    assert targets <= set(ids)


def test_the_page_runs_no_script_and_loads_nothing() -> None:
    for tag, attributes in Tags(PAGE).found:
        assert tag not in {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
        assert not any(name.startswith("on") or name in {"src", "srcset", "style"} for name in attributes)
        assert str(attributes.get("href", "#")).startswith("#")
    assert "://" not in PAGE
    assert "url(" not in PAGE
    assert "default-src 'none'" in PAGE


def test_headings_go_down_one_step_at_a_time_and_there_is_one_first_one() -> None:
    depths = [int(tag[1]) for tag, _ in Tags(PAGE).found if re.fullmatch(r"h[1-6]", tag)]
    assert depths[0] == 1
    assert depths.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(depths))


def test_every_table_has_a_caption_and_the_page_a_language_and_a_skip_link() -> None:
    assert PAGE.count("<table") == PAGE.count("<caption")
    assert '<html lang="en">' in PAGE
    assert 'name="viewport"' in PAGE
    assert 'class="skip" href="#content"' in PAGE


def test_code_in_a_description_is_marked_up_and_escaped() -> None:
    content = results()
    content["records"][0]["description"] = "Reads ``a<b``.\n\nWith ``priors`` and without."
    page = scorecard.render(content, STEPS)
    assert "<strong>Reads <code>a&lt;b</code>.</strong>" in page
    assert "With <code>priors</code> and without." in page
    assert "``" not in page


def test_hostile_text_is_escaped_wherever_it_stands() -> None:
    hostile = "<script>alert(1)</script>\u202e"
    found = results()
    found["candidate"] = hostile
    found["models"][1]["name"] = hostile
    found["decision"]["headline"] = hostile
    for record in found["records"]:
        record["model"] = hostile if record["model"] == "standard" else record["model"]
        record["description"] = record["reason"] = hostile
        for metric in record["metrics"]:
            metric["title"] = hostile
    page = scorecard.render(found)
    assert "<script" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;⟨U+202E⟩" in page
    assert Tags(page).open == []


def test_invisible_characters_of_worst_cases_are_spelt_out() -> None:
    for code in ("U+200B", "U+200D", "U+2060", "U+202E", "U+FEFF"):
        assert f"⟨{code}⟩" in PAGE
    assert not any(character in PAGE for character in "\u200b\u200d\u2060\u202e\u202c\ufeff")


def test_a_lone_surrogate_does_not_keep_the_page_from_being_written() -> None:
    found = results()
    found["records"][1]["worst"][0]["after"]["text"] = "a \ud800 b"
    assert "⟨U+D800⟩" in scorecard.render(found).encode("utf-8").decode("utf-8")


def test_a_failed_probe_is_told_before_the_rows_with_its_reason() -> None:
    assert PAGE.index('id="failed"') < PAGE.index('id="quality"')
    assert "A crashed probe is not a pass." in PAGE


def test_label_preservation_is_said_to_be_unmeasured_beside_perturbation_and_attack_rates_only() -> None:
    found = view.build(RESULTS)
    told = {one["name"]: one["unpreserved"] for one in found["probes"]}
    assert {name for name, text in told.items() if text} == {"noise", "adversarial"}
    for one in (*found["rules"], *found["comparisons"]["named"]):
        assert bool(one["unpreserved"]) == (one["probe"] in {"noise", "adversarial"})


def test_the_decision_comes_first_and_says_what_kind_of_bounds_it_read() -> None:
    assert PAGE.index('id="decision"') < PAGE.index('id="quality"') < PAGE.index('id="limitations"')
    assert PAGE.index('id="limitations"') < PAGE.index('id="rules"') < PAGE.index('id="details"')
    for words in (
        "one-sided bounds shown beside them: at 95 %",
        "Westfall and Young",
        "two-sided 95 %",
        "Exit code 2.",
    ):
        assert words in PAGE


@pytest.mark.parametrize(
    ("code", "word", "outcomes"),
    [
        (0, "Release", set()),
        (1, "Hold", {"fail"}),
        (2, "Not completed", {"fail"}),
        (3, "Undecided", {"inconclusive", "not measured"}),
    ],
)
def test_what_decided_it_are_the_required_verdicts_of_that_exit_code(code: int, word: str, outcomes: set[str]) -> None:
    found = results()
    found["decision"]["exit_code"] = code
    decision = view.build(found)["decision"]
    assert decision["word"] == word
    assert {one["mark"]["text"] for one in decision["deciding"]} == outcomes


def test_a_reason_that_a_verdict_already_tells_is_not_repeated() -> None:
    decision = view.build(RESULTS)["decision"]
    assert [one["probe"] for one in decision["deciding"]] == ["adversarial"]
    assert len(decision["reasons"]) == 1
    assert "crashed" in decision["reasons"][0]


def with_failures() -> dict[str, Any]:
    """The recorded results with failures of noise, of typos and of words, before that of adversarial."""
    found = results()
    for verdict in found["decision"]["verdicts"]:
        if verdict["probe"] == "noise" and verdict["slice"]["family"] in ("typos", "words"):
            verdict["outcome"] = "fail"
    return found


def test_below_a_failure_stands_what_to_do_next_once_for_neighbours_with_the_same_step() -> None:
    found = with_failures()
    remedy, rows = (
        "audit remedy FOLDER proposes a training recipe",
        "add training rows with this kind of noise, and train again",
    )
    built = view.build(found, advice.next_steps(found))
    deciding = [(one["probe"], one["slice"], one["next"]) for one in built["decision"]["deciding"]]
    assert deciding == [
        ("noise", "family typos, severity middle", remedy),
        ("noise", "family words, severity middle", rows),
        ("adversarial", "recipe deepwordbug", remedy),
    ]
    shown = [one["next"] for rule in built["rules"] for one in rule["verdicts"] if one["mark"]["kind"] == "fail"]
    assert shown == [remedy, rows, remedy]
    said = [number["next"] for number in built["numbers"]["numbers"]]
    assert said == [None, remedy, rows]  # by their room: adversarial, typos, words
    assert scorecard.render(found, advice.next_steps(found)).count("What to do next: ") == 5
    same = view.build(found, dict.fromkeys(advice.next_steps(found), "wait"))
    assert [one["next"] for one in same["decision"]["deciding"]] == [None, None, "wait"]


def test_results_of_an_earlier_auditor_know_no_roles_and_show_the_advice_of_the_limitation() -> None:
    found = with_failures()
    for record in found["records"]:
        record.pop("role", None)
    steps = set(advice.next_steps(found).values())
    assert steps == {advice.BY_LIMITATION["noise"], advice.BY_LIMITATION["attack"]}
    page = scorecard.render(found, advice.next_steps(found))
    assert all(step in page for step in steps)


def test_what_to_do_next_is_as_text_on_the_page_and_stands_below_no_verdict_that_did_not_fail() -> None:
    found = with_failures()
    page = scorecard.render(found, dict.fromkeys(advice.next_steps(found), "<b>run</b>\u202e"))
    assert "What to do next: &lt;b&gt;run&lt;/b&gt;⟨U+202E⟩" in page
    assert "What to do next" not in scorecard.render(found)
    for verdict in found["decision"]["verdicts"]:
        verdict["outcome"] = "pass"
    assert advice.next_steps(found) == {}


def test_verdicts_are_counted_by_outcome_required_apart_from_shown() -> None:
    required, shown = view.build(RESULTS)["decision"]["counts"]
    assert {cell["mark"]["text"]: cell["n"] for cell in required["cells"]} == {
        "fail": 1,
        "inconclusive": 6,
        "not measured": 1,
        "pass": 13,
        "not applicable": 1,
    }
    assert (required["total"], shown["total"]) == (22, 5)


def test_empty_results_render_with_all_rows_unmeasured() -> None:
    page = scorecard.render(emptied())
    assert page.count("not measured: no probe yet") == 13
    assert "No probe was run." in page
    assert Tags(page).open == []


@pytest.mark.parametrize(
    ("looks", "words"), [(1, "one look, at most 64 of 1,066"), (3, "3 looks, at most 64 of 1,066")]
)
def test_an_audit_until_decided_says_how_much_was_drawn(looks: int, words: str) -> None:
    found = copy.deepcopy(RESULTS)
    found["until_decided"] = {"looks": looks, "clusters": 64, "available": 1066, "slices": [], "saved": 0.94}
    page = scorecard.render(found)
    assert 'id="drawn"' in page
    assert words in page
    assert "94% of the available examples were not needed" in page
    assert 'id="drawn"' not in PAGE


def test_an_audit_until_decided_counts_groups_of_rows_where_those_were_drawn() -> None:
    found = copy.deepcopy(RESULTS)
    record = next(record for record in found["records"] if record["measurements"])
    slice_ = {"probe": record["probe"], "metric": "accuracy", "slice": {}, "clusters": 64, "available": 1066}
    for design, words in (("sequential", "1,066 groups of rows"), ("fixed", "1,066 examples")):
        record["measurements"][0]["cluster_unit"] = "group of rows"
        drawn = {"looks": 2, "clusters": 64, "available": 1066, "saved": 0.94}
        found["until_decided"] = {**drawn, "slices": [{**slice_, "design": design}]}
        page = scorecard.render(found)
        assert f"at most 64 of {words}; 94%" in page


def test_a_partial_run_says_so() -> None:
    found = emptied()
    found["partial"] = True
    assert 'id="partial"' in scorecard.render(found)
    assert 'id="partial"' not in PAGE


def test_one_measured_record_renders_alone_and_its_probe_without_slices_is_unmeasured() -> None:
    found = results()
    found["records"] = [copy.deepcopy(RESULTS["records"][0])]
    found["records"][0]["measurements"] = []
    found["policy"]["rules"], found["decision"]["verdicts"], found["comparisons"] = [], [], []
    built = view.build(found)
    assert built["quality"][0]["missing"] == "not measured: no slice could be measured"
    assert "The policy has no rule." in scorecard.render(found)


def test_a_rule_on_a_probe_without_record_is_still_listed() -> None:
    found = emptied()
    found["policy"]["rules"] = [
        {"probe": "gone", "metric": "some_rate", "slice": {}, "max": 0.1, "min": None, "required": "always"}
        | {"why": "because", "text": "gone some_rate ≤ 0.1"}
    ]
    verdict = {"rule": 0, "slice": None, "outcome": "not_measured", "reason": "no such record"}
    found["decision"]["verdicts"] = [{**verdict, "value": None, "low": None, "high": None, "more_examples": None}]
    page = scorecard.render(found)
    assert "gone: some rate" in page
    assert "no such record" in page


def test_a_comparator_that_lacks_the_slice_or_the_record_says_so() -> None:
    found = results()
    found["records"] = [record for record in found["records"] if (record["model"], record["probe"]) != ("fgm", "noise")]
    quality = next(record for record in found["records"] if (record["model"], record["probe"]) == ("fgm", "quality"))
    del quality["measurements"][1:]
    page = scorecard.render(found)
    assert "not measured: not run on this model" in page
    assert '<span class="soft">not measured</span>' in page


def test_a_probe_that_only_a_comparator_ran_is_unmeasured_for_the_candidate() -> None:
    found = results()
    found["records"] = [
        record for record in found["records"] if (record["model"], record["probe"]) != ("standard", "bias")
    ]
    row = next(row for row in view.build(found)["limitations"] if row["id"] == "bias")
    assert row["probes"][0]["missing"] == "not measured: not run on this model"


def test_a_probe_of_an_unknown_row_comes_last_and_still_has_its_detail() -> None:
    found = results()
    for record in found["records"]:
        record["limitation"] = "elsewhere" if record["probe"] == "low_resource" else record["limitation"]
    assert view.build(found)["probes"][-1]["name"] == "low_resource"


def test_a_wider_chart_than_can_be_read_is_left_to_the_table() -> None:
    found = results()
    record = next(record for record in found["records"] if record["probe"] == "domain_shift")
    one = next(one for one in record["measurements"] if one["metric"] == "drop_against_home")
    record["measurements"] = [{**one, "slice": {"domain": f"d{number}"}} for number in range(31)]
    detail = next(probe for probe in view.build(found)["probes"] if probe["name"] == "domain_shift")
    drawn = next(chart for chart in detail["charts"] if chart["title"] == "drop against the home domain")
    assert drawn["panels"] == []


def test_the_named_hypotheses_are_reported_whatever_they_say() -> None:
    named = view.build(RESULTS)["comparisons"]["named"]
    assert [one["conclusion"] for one in named] == ["not decided: the interval includes zero", "as expected"]
    assert named[1]["value"] == "−2.2 points"
    assert named[1]["interval"] == "[−3.7, −0.7]"


@pytest.mark.parametrize(
    ("low", "high", "expect", "said"),
    [
        (0.01, 0.02, "higher", "as expected"),
        (0.01, 0.02, "lower", "the opposite of what was expected"),
        (-0.02, -0.01, "lower", "as expected"),
        (-0.02, 0.01, "lower", "not decided: the interval includes zero"),
        (0.01, None, None, "higher"),
        (None, -0.01, None, "lower"),
        (None, None, None, "not decided: the interval includes zero"),
    ],
)
def test_a_comparison_is_judged_by_its_interval(
    low: float | None, high: float | None, expect: str | None, said: str
) -> None:
    found = results()
    found["comparisons"] = [{**found["comparisons"][0], "low": low, "high": high, "expect": expect}]
    (one,) = itertools.chain(*view.build(found)["comparisons"].values())
    assert one["conclusion"] == said


def test_a_row_shows_the_worst_slice_of_each_rule_beside_the_comparator() -> None:
    rows = {row["id"]: row for row in view.build(RESULTS)["limitations"]}
    number = rows["noise"]["probes"][0]["numbers"][0]
    assert number["slice"] == "family typos, severity middle"
    assert number["limit"] == "≤ 10.0 points, margin 5.0 points"
    assert [(cell["model"], cell["value"]) for cell in number["cells"]] == [
        ("standard", "+7.8 points"),
        ("fgm", "+5.6 points"),
    ]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.8125, "share", "81.2 %"),
        (0.031, "points", "+3.1 points"),
        (-0.004, "points", "−0.4 points"),
        (-0.0001, "points", "0.0 points"),
        (24.0, "count", "24"),
        (1234.5, "count", "1,234.5"),
        (3.5, "words", "3.5 words"),
        (-0.416, "ratio", "−0.42"),
        (None, "count", "∞"),
    ],
)
def test_numbers_read_as_people_write_them(value: float | None, unit: str, text: str) -> None:
    assert formats.amount(value, unit) == text


def test_an_unbounded_interval_says_so() -> None:
    assert formats.interval(None, None, "count") == "[−∞, ∞]"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        (True, "yes"),
        (False, "no"),
        ([1, 2], "1, 2"),
        ([], "none"),
        ({"a": 0.1}, "a: 0.1"),
        ({}, "none"),
    ],
)
def test_a_setting_is_one_line(value: object, text: str) -> None:
    assert formats.setting(value) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 漢 \n\t", "plain é 漢 \n\t"),
        ("a\u00a0b", "a⟨U+00A0⟩b"),
        ("a\u0007b", "a⟨U+0007⟩b"),
        ("a\u3164b", "a⟨U+3164⟩b"),
        ("a\ufe0fb", "a⟨U+FE0F⟩b"),
        ("a\U000e0061b", "a⟨U+E0061⟩b"),
    ],
)
def test_what_draws_nothing_is_spelt_out(text: str, shown: str) -> None:
    assert formats.visible(text) == shown


def test_a_change_is_marked_word_by_word() -> None:
    assert marks.marked("a good film", "a g00d film") == [
        ("same", "a "),
        ("del", "good"),
        ("ins", "g00d"),
        ("same", " "),
        ("same", "film"),
    ]


def test_added_and_removed_words_and_changed_spaces_are_marked() -> None:
    assert ("ins", "b") in marks.marked("a c", "a b c")
    assert ("del", "b") in marks.marked("a b c", "a c")
    assert ("ins", "a␣␣") in marks.marked("a b", "a  b")
    assert ("ins", "a⇥") in marks.marked("a b", "a\tb")


def test_long_unchanged_stretches_are_left_out_and_counted() -> None:
    words = [f"w{number}" for number in range(100)]
    changed = [*words[:50], "X", *words[51:]]
    parts = marks.marked(" ".join(words), " ".join(changed))
    assert [text for kind, text in parts if kind == "gap"] == ["… 40 unchanged words …", "… 39 unchanged words …"]
    assert marks.marked(" ".join(words), " ".join(words))[1] == ("gap", "… 40 unchanged words …")
    twice = ["X", *words[1:99], "Y"]
    assert [text for kind, text in marks.marked(" ".join(words), " ".join(twice)) if kind == "gap"] == [
        "… 78 unchanged words …"
    ]


def test_fields_are_named_only_when_there_are_several() -> None:
    assert marks.marked_fields({"text": "a"}, {"text": "a"}) == [{"name": "", "parts": [("same", "a")]}]
    both = marks.marked_fields({"premise": "a"}, {"premise": "a", "hypothesis": "b"})
    assert [one["name"] for one in both] == ["premise", "hypothesis"]


def test_ticks_are_round_hold_all_values_and_zero() -> None:
    assert charts.axis([3.0, 17.0]).ticks == (0.0, 5.0, 10.0, 15.0, 20.0)
    assert charts.axis([80.0, 95.0], zero=False).ticks == (80.0, 85.0, 90.0, 95.0)
    assert charts.axis([-3.0, 1.0]).ticks[0] <= -3.0
    assert charts.axis([]).ticks[0] == 0.0
    assert charts.axis([0.0]).place(2.0, 0.0, 100.0) == 100.0


def test_a_chart_is_valid_and_tells_its_numbers_in_words() -> None:
    point = charts.Point(5.0, 2.0, 8.0, "+5.0 points [+2.0, +8.0]")
    drawn = charts.whiskers("c", "drop <i>", [("typos", [point, None])], ["a", "b"], unit="points", limit=10.0)
    tree = ElementTree.fromstring(drawn)
    assert tree.attrib["aria-labelledby"] == "c-title c-desc"
    assert [child.text for child in tree if child.tag in {"title", "desc"}] == [
        "drop <i>",
        "typos: a +5.0 points [+2.0, +8.0]; b not measured. Limit 10 points.",
    ]
    assert len(tree.findall("circle")) == 1
    assert 'class="limit"' in drawn


def test_the_limit_with_its_margin_is_a_second_line_and_is_said() -> None:
    point = charts.Point(10.0, 5.0, 14.0, "+10.0 points")
    drawn = charts.whiskers("c", "t", [("typos", [point])], ["a"], unit="points", limit=10.0, edge=15.0)
    assert (drawn.count('class="limit"'), drawn.count('class="edge"')) == (1, 1)
    assert "Limit 10 points. Limit with its margin 15 points.</desc>" in drawn
    scale = charts.axis([5.0, 15.0], zero=True)
    drawn = charts.curve(
        "c", "t", [("middle", [point])], ["a"], unit="%", scale=scale, limit=(["middle"], 10.0), edge=15
    )
    assert (drawn.count('class="limit"'), drawn.count('class="edge"')) == (1, 1)


@pytest.mark.parametrize(
    ("limit", "unit", "words"),
    [
        ({"max": 0.1, "min": None, "margin": 0.05}, "share", "≤ 10.0 %, margin 5.0 points"),
        ({"max": None, "min": 0.1, "margin": 0.05}, "points", "≥ 10.0 points, margin 5.0 points"),
        ({"max": 0.1, "min": None}, "points", "≤ 10.0 points"),
        ({"max": None, "min": None}, "points", "no limit"),
    ],
)
def test_a_limit_is_shown_with_its_margin(limit: dict[str, Any], unit: str, words: str) -> None:
    assert summary.limit_text(limit, unit) == words


def test_a_curve_joins_its_points_and_marks_the_limit_at_its_step() -> None:
    one, two = charts.Point(1.0, 0.0, 2.0, "1"), charts.Point(3.0, 2.0, 4.0, "3")
    steps: list[tuple[str, list[charts.Point | None]]] = [
        ("mild", [one, None]),
        ("middle", [two, one]),
        ("x" * 60, [None, None]),
    ]
    scale = charts.axis([0.0, 4.0])
    drawn = charts.curve("c", "t", steps, ["a", "b"], unit="%", scale=scale, limit=(["middle"], 2.0))
    assert drawn.count("<polyline") == 1
    assert drawn.count('class="limit"') == 1
    assert "…" in drawn
    assert "limit" not in charts.curve("c", "t", steps[:2], ["a", "b"], unit="%", scale=scale).split("<desc")[1]


def test_steps_are_ordered_by_size_or_as_they_came() -> None:
    assert lookup.ordered_steps(["1,000", "30", "100", "30"]) == ["30", "100", "1,000"]
    assert lookup.ordered_steps(["mild", "strong"]) == ["mild", "strong"]
    assert lookup.stepped_key([]) is None
    assert lookup.stepped_key([{"labels": size} for size in ("30", "100", "300")]) == "labels"
    assert lookup.stepped_key([{"axis": "age"}]) is None
    assert lookup.stepped_key([{"period": "2002 Q1"}, {"period": "2002 Q2"}]) == "period"
    assert lookup.stepped_key([{"labels": size} for size in ("30", "100", "300", "all")]) == "labels"
    assert lookup.stepped_key([{"labels": size} for size in ("30", "100", "all")]) is None
    assert lookup.ordered_steps(["all", "1,000", "30"]) == ["30", "1,000", "all"]


def test_a_descriptive_number_without_an_interval_shows_none() -> None:
    assert formats.measured_interval({"low": 0.1, "value": 0.1, "high": 0.1}, "share") == "–"
    assert formats.measured_interval({"low": 0.1, "value": 0.1, "high": 0.2}, "share") == "[10.0, 20.0]"


def test_the_page_says_what_each_statistical_method_is() -> None:
    assert "Korn–Graubard (1998)" in PAGE


def test_every_foreground_has_enough_contrast_in_light_and_dark() -> None:
    light, dark = re.findall(r":root \{ (?:color-scheme: light dark; )?(--bg[^}]*)\}", CSS)
    for theme in (light, dark):
        colours = dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", theme))
        for name in ("fg", "soft", "link", "pass", "fail", "open", "none", "m0", "m1", "m2", "m3"):
            for behind in ("bg", "panel"):
                assert _contrast(colours[name], colours[behind]) >= 4.5, (name, behind)
        for name in ("ins", "del"):
            assert _contrast(colours[f"{name}-fg"], colours[name]) >= 4.5


def _contrast(one: str, other: str) -> float:
    """WCAG 2.1: ratio of relative luminances."""

    def luminance(colour: str) -> float:
        parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_a_template_that_names_what_is_missing_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "scorecard.html.j2").write_text("{{ no_such_thing }}", encoding="utf-8")
    monkeypatch.setattr(scorecard, "TEMPLATES", tmp_path)
    with pytest.raises(UndefinedError):
        scorecard.render(RESULTS)
    assert Environment(undefined=StrictUndefined).undefined is StrictUndefined


def test_the_page_speaks_of_assessing() -> None:
    assert not re.search(r"debias|prov(e|ing|en) fair|is fair\b", PAGE, flags=re.IGNORECASE)


def required_verdicts(found: dict[str, Any], probe: str) -> list[dict[str, Any]]:
    rules = found["policy"]["rules"]
    return [
        verdict
        for verdict in found["decision"]["verdicts"]
        if rules[verdict["rule"]]["probe"] == probe and rules[verdict["rule"]]["required"] != "never"
    ]


def row_of(found: dict[str, Any], probe: str) -> dict[str, Any]:
    built = view.build(found)
    every = [*built["quality"], *itertools.chain.from_iterable(row["probes"] for row in built["limitations"])]
    return next(one for one in every if one["probe"] == probe)


@pytest.mark.parametrize("outcome", ["fail", "inconclusive", "not_measured"])
def test_a_rule_that_only_shows_does_not_decide_the_badge_of_its_row(outcome: str) -> None:
    found = results()
    for verdict in required_verdicts(found, "adversarial"):
        verdict["outcome"] = "pass"
    shown = [
        verdict
        for verdict in found["decision"]["verdicts"]
        if found["policy"]["rules"][verdict["rule"]]["probe"] == "adversarial"
        and found["policy"]["rules"][verdict["rule"]]["required"] == "never"
    ]
    assert shown
    for verdict in shown:
        verdict["outcome"] = outcome
    assert row_of(found, "adversarial")["mark"]["text"] == "pass"
    for verdict in required_verdicts(found, "adversarial"):
        verdict["outcome"] = outcome
    assert row_of(found, "adversarial")["mark"]["text"] == outcome.replace("_", " ")


def test_a_row_that_only_shown_rules_read_has_no_verdict() -> None:
    found = results()
    for rule in found["policy"]["rules"]:
        if rule["probe"] == "noise":
            rule["required"] = "never"
    assert row_of(found, "noise")["mark"] is None
    assert "measured, advisory" in scorecard.render(found)


def not_run(found: dict[str, Any], probe: str, reason: str, *missing: str) -> dict[str, Any]:
    """The results with a probe that was not measured of any model, and required rules' verdicts that say so."""
    for record in found["records"]:
        if record["probe"] == probe:
            emptied: dict[str, Any] = {"measurements": [], "skipped": [], "worst": [], "counts": {}}
            record.update(emptied, status="not_applicable", reason=reason, missing=list(missing))
    rules, decision = found["policy"]["rules"], found["decision"]
    own = {number for number, rule in enumerate(rules) if rule["probe"] == probe}
    decision["verdicts"] = [verdict for verdict in decision["verdicts"] if verdict["rule"] not in own]
    unread = {"slice": None, "reason": reason, "value": None, "low": None, "high": None, "more_examples": None}
    for number in sorted(own):
        given = rules[number]["required"] == "when_input_given"
        decision["verdicts"].append(
            {**unread, "rule": number, "outcome": "not_applicable" if given else "not_measured"}
        )
    return found


@pytest.mark.parametrize("need", sorted(TASK_NEEDS))
def test_a_probe_for_another_kind_of_task_does_not_apply(need: str) -> None:
    found = not_run(results(), "low_resource", NEEDS[need], need)
    row = row_of(found, "low_resource")
    assert row["mark"]["text"] == "does not apply"
    assert row["missing"] == f"does not apply: {NEEDS[need]}"
    assert [one["reasons"] for one in view.build(found)["unmeasured"]] == [
        [{"text": f"does not apply: {NEEDS[need]}", "models": ""}]
    ]


def test_needs_of_the_task_and_of_the_user_are_told_apart_as_the_gate_does() -> None:
    assert set(NEEDS) == TASK_NEEDS | INPUT_NEEDS
    assert {
        *("train", "domains", "base", "earlier", "columns", "periods"),
        *("out_of_scope", "listed", "cases"),
    } == INPUT_NEEDS


def test_a_domain_that_was_not_given_says_so() -> None:
    found = results()
    for rule in found["policy"]["rules"]:
        if rule["probe"] == "domain_shift":
            rule["required"] = "when_input_given"
    found = not_run(found, "domain_shift", NEEDS["domains"], "domains")
    assert row_of(found, "domain_shift")["mark"]["text"] == "not given"


def test_a_skipped_slice_that_is_nothing_to_ask_of_the_model_does_not_apply() -> None:
    found = results()
    record = next(record for record in found["records"] if (record["model"], record["probe"]) == ("standard", "bias"))
    record["skipped"] = [{"slice": {"axis": "places"}, "reason": "no such type", "applies": False}]
    verdict = {"slice": {"axis": "places"}, "outcome": "not_applicable", "reason": "no such type"}
    rule = next(n for n, one in enumerate(found["policy"]["rules"]) if one["metric"] == "counterfactual_flip_rate")
    empty = {"value": None, "low": None, "high": None, "more_examples": None}
    found["decision"]["verdicts"].append({**verdict, **empty, "rule": rule})
    built = view.build(found)
    assert built["rules"][rule]["verdicts"][-1]["mark"]["text"] == "does not apply"
    probe = next(one for one in built["probes"] if one["name"] == "bias")
    assert [gap["reason"] for gap in probe["skipped"]] == ["does not apply: no such type"]


def test_what_was_not_measured_has_no_paragraph_of_its_method_and_its_reason_is_said_once() -> None:
    found = results()
    description = next(record["description"] for record in found["records"] if record["probe"] == "noise")
    method = " ".join(description.partition("\n")[2].split())
    assert Markup.escape(method) in PAGE
    page = scorecard.render(not_run(found, "noise", "not selected"))
    assert Markup.escape(method) not in page
    assert Markup.escape(description.split("\n")[0]) not in page
    assert '<li id="probe-4"><strong>noise</strong>: not measured: not selected</li>' in page


def test_a_probe_that_skipped_everything_says_why_and_stands_with_those_not_measured() -> None:
    found = results()
    for record in found["records"]:
        if record["probe"] == "low_resource":
            record.update(status="measured", measurements=[], skipped=[{"slice": {}, "reason": "nothing to read"}])
    assert row_of(found, "low_resource")["missing"] == "not measured: nothing to read"
    assert [one["name"] for one in view.build(found)["unmeasured"]] == ["low_resource"]


def test_the_table_of_contents_leads_to_every_section_and_probe() -> None:
    for found in (results(), emptied(), not_run(results(), "noise", "not selected")):
        page = scorecard.render(found)
        contents = page[page.index('<nav class="toc"') : page.index("</nav>")]
        targets = set(re.findall(r'href="#([^"]+)"', contents))
        sections = set(re.findall(r'<section[^>]* aria-labelledby="([^"]+)"', page)) - {"decision"}
        articles = set(re.findall(r'<article id="([^"]+)"', page))
        assert sections | articles <= targets
        assert targets <= set(re.findall(r' id="([^"]+)"', page))


def test_under_the_title_stand_model_data_rows_seed_and_policy() -> None:
    head = PAGE[PAGE.index("<h1>") : PAGE.index('id="decision"')]
    facts = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", head)
    assert facts == [
        ("model", "ckpt/standard"),
        ("data", "data/test.csv, 1,054 of 1,066 rows used; also read: imdb, train"),
        ("seed", "0"),
        ("policy", "default"),
    ]


def test_long_tables_are_folded_and_short_ones_are_not() -> None:
    for name, folded in (("noise", True), ("domain_shift", False)):
        probe = next(one for one in view.build(RESULTS)["probes"] if one["name"] == name)
        assert {table["folded"] for table in probe["tables"]} == {folded}, name
    # A table stands open, or within the fold that says how many rows it has.
    for folded_table in re.findall(r'<details class="table">.*?</details>', PAGE, flags=re.DOTALL):
        rows = int(re.search(r"(\d+) rows?\)", folded_table)[1])  # type: ignore[index]
        assert folded_table.count('<th scope="row">') == rows
    for open_table in re.findall(r"<table>.*?</table>", re.sub(r"<details.*?</details>", "", PAGE, flags=re.DOTALL)):
        assert open_table.count('<th scope="row">') <= tables.LONG


def test_only_the_statistical_methods_that_were_used_are_explained() -> None:
    found = results()
    for record in found["records"]:
        for one in record["measurements"]:
            one["method"] = "rises_and_falls"
    assert [name for name, _ in view.build(found)["provenance"]["methods"]] == ["rises and falls"]


def with_groups() -> dict[str, Any]:
    """The recorded results with the groups of two axes; the one of gender breaks its limit."""
    found = results()
    rule = next(number for number, one in enumerate(found["policy"]["rules"]) if one["metric"] == "score_gap")
    found["policy"]["rules"][rule]["slice"] = {"axis": "*"}
    record = next(record for record in found["records"] if (record["model"], record["probe"]) == ("standard", "bias"))
    score = next(metric for metric in record["metrics"] if metric["name"] == "score_gap")
    record["metrics"] += [
        {**score, "name": name, "title": title, "kind": "mean", "unit": "share", "better": None}
        for name, title in (("group_score", "mean probability"), ("group_rate", "rate"), ("pair_flip_rate", "flips"))
    ]
    base = next(one for one in record["measurements"] if one["metric"] == "score_gap")
    found["decision"]["verdicts"] = [one for one in found["decision"]["verdicts"] if one["rule"] != rule]
    record["measurements"] = [one for one in record["measurements"] if one["metric"] != "score_gap"]
    for axis, outcome in (("gender", "fail"), ("age", "pass")):
        gap = {**base, "slice": {"axis": axis}, "value": 0.2, "detail": f"highest <b>{axis}\u202e"}
        record["measurements"].append(gap)
        verdict = {"rule": rule, "slice": gap["slice"], "outcome": outcome, "reason": "as it is", "more_examples": None}
        found["decision"]["verdicts"].append({**verdict, "value": 0.2, "low": 0.1, "high": 0.3})
        for group, score_value, rate in (("one", 0.7, 0.8), ("other", 0.5, 0.25)):
            slice_ = {"axis": axis, "label": "positive", "group": group}
            for metric, value in (("group_score", score_value), ("group_rate", rate)):
                edges = {"value": value, "low": value - 0.05, "high": value + 0.05}
                record["measurements"].append({**base, **edges, "metric": metric, "slice": slice_, "n_clusters": 200})
        pair = {"slice": {"axis": axis, "pair": "one / other"}, "metric": "pair_flip_rate", "value": 0.1}
        record["measurements"].append({**base, **pair, "low": 0.0, "high": 0.2})
    found["decision"]["exit_code"] = 1
    return found


def test_a_bias_failure_names_the_groups_and_shows_their_table_open() -> None:
    found = with_groups()
    page = scorecard.render(found)
    decision = page[page.index('id="glance"') : page.index("</section>", page.index('id="glance"'))]
    assert "Highest &lt;b&gt;gender⟨U+202E⟩" in decision
    assert "&lt;b&gt;age" not in decision
    probe = next(one for one in view.build(found)["probes"] if one["name"] == "bias")
    assert [table["caption"] for table in probe["open_groups"]] == [
        "Groups, axis gender, label positive",
        "Pairs of groups, axis gender",
    ]
    assert [table["caption"] for table in probe["folded_groups"]] == [
        "Groups, axis age, label positive",
        "Pairs of groups, axis age",
    ]
    groups = probe["open_groups"][0]
    assert groups["columns"] == ["mean probability", "rate"]
    assert [(row["group"], row["model"], row["clusters"]) for row in groups["rows"]] == [
        ("one", "standard", "200"),
        ("other", "standard", "200"),
    ]
    assert [cell["value"] + " " + cell["interval"] for cell in groups["rows"][1]["cells"]] == [
        "50.0 % [45.0, 55.0]",
        "25.0 % [20.0, 30.0]",
    ]
    # What stands in the table of groups stands in no other one.
    assert not any("group" in table["caption"] and "positive" in table["caption"] for table in probe["tables"])
    assert Tags(page).open == []


def test_a_group_that_one_metric_lacks_has_a_dash() -> None:
    found = with_groups()
    record = next(record for record in found["records"] if (record["model"], record["probe"]) == ("standard", "bias"))
    record["measurements"] = [
        one for one in record["measurements"] if not (one["metric"] == "group_rate" and one["slice"]["group"] == "one")
    ]
    probe = next(one for one in view.build(found)["probes"] if one["name"] == "bias")
    assert probe["open_groups"][0]["rows"][0]["cells"][1] == {"value": "–", "interval": ""}


def test_a_limit_is_drawn_only_where_the_rule_reads_every_slice_of_the_chart() -> None:
    found = results()
    for rule in found["policy"]["rules"]:
        if rule["probe"] == "domain_shift":
            rule["slice"] = {"place": "*"}
    detail = next(probe for probe in view.build(found)["probes"] if probe["name"] == "domain_shift")
    drawn = next(chart for chart in detail["charts"] if chart["title"] == "drop against the home domain")
    assert "limit" not in drawn["panels"][0]["svg"]


@pytest.mark.parametrize("need", sorted(TASK_NEEDS))
@pytest.mark.parametrize("reason", ["not selected", "any other reason"])
def test_what_does_not_apply_says_what_the_task_lacks_selected_or_not(need: str, reason: str) -> None:
    page = scorecard.render(not_run(results(), "noise", reason, "base", need))
    assert f"does not apply: {Markup.escape(NEEDS[need])}" in page
    assert f"does not apply: {reason}" not in page
