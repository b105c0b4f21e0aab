"""The first screen: a row for each limitation, strips, and verdicts in plain words."""

from __future__ import annotations

import copy
import json
import re
import string
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from auditor.types import Conclusion, Regression, metric_words
from auditor.types.limitations import LIMITATIONS
from reports import glance, scorecard, sentences, strips, view
from reports.lookup import Findings, mark
from reports.words import catalogue

ROOT = Path(__file__).resolve().parent.parent
RESULTS: dict[str, Any] = json.loads((ROOT / "fixtures" / "results" / "results.json").read_text(encoding="utf-8"))
POLICIES = sorted((ROOT / "auditor" / "verdicts" / "policies").glob("*.toml"))
HOSTILE = "<b>x</b>\u202e"


def results() -> dict[str, Any]:
    return copy.deepcopy(RESULTS)


def rows(content: dict[str, Any], **kwargs: Any) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in view.build(content, **kwargs)["glance"]}


def set_outcome(content: dict[str, Any], probe: str, outcome: str, **numbers: Any) -> dict[str, Any]:
    for verdict in content["decision"]["verdicts"]:
        if verdict["probe"] == probe and verdict["value"] is not None:
            verdict.update(outcome=outcome, **numbers)
    return content


def test_every_limitation_has_a_row_after_plain_quality_the_worst_first() -> None:
    shown = view.build(RESULTS)["glance"]
    assert list(catalogue()["rows"])[1:] == [row.id for row in LIMITATIONS]
    assert sorted(row["name"] for row in shown) == sorted(catalogue()["rows"].values())
    names = [row["name"] for row in shown]
    assert names[:6] == ["Attacks", "Other domains", "Bias", "Plain quality", "Noise", "Fewer labels"]
    # Rows of the same kind keep the order of the limitations.
    assert names[6:] == [name for name in catalogue()["rows"].values() if name not in names[:6]]
    unmeasured = rows(RESULTS)["Label quality"]
    assert (unmeasured["mark"]["text"], unmeasured["text"], unmeasured["strip"]) == (
        "not measured",
        "No probe yet.",
        None,
    )


def test_a_row_shows_its_worst_required_number_in_words_on_a_strip() -> None:
    attacks = rows(RESULTS)["Attacks"]
    assert attacks["mark"]["kind"] == "fail"
    assert attacks["text"] == (
        "The attack deepwordbug turns 62.0 % of the right answers into wrong ones; at most 50.0 % allowed "
        "(60.0 % with its margin)."
    )
    assert attacks["numbers"] == "62.0 % [52.9, 71.1]"
    assert 'aria-label="62.0 % [52.9, 71.1], at most 50.0 % allowed (60.0 % with its margin)"' in attacks["strip"]
    # Of four families of noise that pass, typos are closest to the limit.
    assert "typos" in rows(RESULTS)["Noise"]["text"]


def test_a_row_without_a_rule_shows_its_first_number_and_a_crash_is_no_pass() -> None:
    few = rows(RESULTS)["Fewer labels"]
    assert (few["mark"]["text"], few["text"]) == ("measured", "Labels until 95 % of the full accuracy: 640.")
    content = results()
    record = next(
        record
        for record in content["records"]
        if record["probe"] == "noise" and record["model"] == content["candidate"]
    )
    record.update(status="failed", reason=HOSTILE, measurements=[], skipped=[])
    assert rows(content)["Noise"]["mark"]["text"] == "crashed"
    assert "<b>x" not in scorecard.render(content)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda file: file.stem)
def test_every_rule_that_is_shipped_has_a_sentence_of_keys_that_its_slices_have(policy: Path) -> None:
    known = {"value", "measure", "where"}
    for rule in tomllib.loads(policy.read_text(encoding="utf-8"))["rule"]:
        template = catalogue()["numbers"][f"{rule['probe']} {rule['metric']}"]
        fields = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
        assert fields <= known | set(rule.get("slice", {})), (rule["probe"], rule["metric"])
        assert "value" in fields


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ({"low": 0.11, "high": 0.2}, "Likely beyond that: its own interval [+11.0, +20.0] is, but not once all"),
        (
            {"low": 0.05, "high": 0.2},
            "Too uncertain: the interval [+5.0, +20.0] allows both. About 50 would decide it.",
        ),
        ({"low": None, "high": 0.2}, "Too uncertain: the interval [−∞, +20.0] allows both. About 50 would decide it."),
    ],
)
def test_an_inconclusive_number_says_what_its_interval_means_and_what_would_settle_it(
    numbers: dict[str, Any], said: str
) -> None:
    content = set_outcome(
        results(), "domain_shift", "inconclusive", reason="spans the limit; about 50 would decide it", **numbers
    )
    content["decision"]["exit_code"] = 3
    shown = [number for number in view.build(content)["numbers"]["numbers"] if number["probe"] == "domain_shift"]
    assert shown[0]["conclusion"].startswith(said)


def test_a_release_says_the_numbers_closest_to_their_limits_and_what_comes_next() -> None:
    content = results()
    content["decision"].update(exit_code=0, reasons=[])
    built = view.build(content)
    assert built["numbers"]["title"] == "Closest to their limits"
    assert len(built["numbers"]["numbers"]) == glance.CLOSEST
    assert all(number["mark"]["kind"] == "pass" for number in built["numbers"]["numbers"])
    assert built["decision"]["todo"] == catalogue()["todo"]["release"]


def test_more_deciding_numbers_than_fit_are_counted_and_linked() -> None:
    content = results()
    content["decision"]["exit_code"] = 3
    built = view.build(content)["numbers"]
    assert (len(built["numbers"]), built["more"]) == (glance.NUMBERS, 1)
    assert '1 more in <a href="#rules">' in scorecard.render(content)


def test_the_worst_comes_first_by_its_room_in_limits() -> None:
    content = set_outcome(results(), "noise", "fail", value=0.3)
    content["decision"]["exit_code"] = 1
    said = view.build(content)["numbers"]["numbers"]
    assert [number["probe"] for number in said][-1] == "adversarial"
    assert {number["probe"] for number in said[:-1]} == {"noise"}


def test_a_rule_of_a_users_policy_that_no_sentence_fits_is_said_by_its_title() -> None:
    content = results()
    number = next(place for place, rule in enumerate(content["policy"]["rules"]) if rule["probe"] == "adversarial")
    verdict = next(verdict for verdict in content["decision"]["verdicts"] if verdict["rule"] == number)
    found = Findings(content)
    assert sentences.sentence(found, {**verdict, "slice": {}}).startswith("Attack success rate: 62.0 %; at most")
    assert sentences.sentence(found, {**verdict, "slice": {"kind": "a", "rank": "1"}}).startswith(
        "Attack success rate (a, rank 1): 62.0 %"
    )
    content["policy"]["rules"][number]["max"] = None
    assert sentences.sentence(found, verdict).endswith("into wrong ones.")


def regression(conclusion: Conclusion, slice_: dict[str, str], value: float | None = -0.021) -> Regression:
    bounds = (None, None)
    metric = ("noise", "drop_over_changed_cases", slice_)
    return Regression(*metric, conclusion, "pass", True, 0.1, 0.1, value, *bounds, 0.05, True, "")


def test_the_trend_is_that_of_the_deciding_number_or_of_what_became_worse() -> None:
    typos = {"family": "typos", "severity": "middle"}
    assert {row["trend"] for row in view.build(RESULTS)["glance"]} == {""}
    same = [regression("better", slice_=typos)]
    assert rows(RESULTS, regressions=same)["Noise"]["trend"] == "▲ 2.1 points better than before"
    assert rows(RESULTS, regressions=same)["Bias"]["trend"] == ""
    worse = [regression("worse", value=0.03, slice_={"family": "words", "severity": "middle"}), *same]
    assert rows(RESULTS, regressions=worse)["Noise"]["trend"] == "▼ 3.0 points worse than before"
    assert "▼ 3.0 points worse than before" in scorecard.render(RESULTS, regressions=worse)
    unknown = [regression("cannot tell", value=None, slice_=typos)]
    assert rows(RESULTS, regressions=unknown)["Noise"]["trend"] == "? cannot tell from before"


def numbers_in(svg: str, kind: str) -> list[float]:
    """Numbers of the element of a class, in order."""
    element = re.search(rf'<[a-z]+ class="{kind}"[^>]*>', svg)
    assert element is not None
    return [float(number) for number in re.findall(r'="?(-?[\d.]+)"', element[0])]


def test_a_strip_places_its_numbers_to_scale() -> None:
    svg = strips.draw(strips.Strip(0.05, 0.0, 0.10, 0.10, 0.15, "pass"), "said")
    # The scale runs from 0 to 0.156 over 204 units from 8 on: 0.05 lies at 8 + 204 · 0.05 ÷ 0.156.
    assert numbers_in(svg, "value")[0] == pytest.approx(73.4, abs=0.05)
    assert numbers_in(svg, "limit")[0] == pytest.approx(138.8, abs=0.05)
    assert numbers_in(svg, "margin")[:1] == [138.8]
    assert numbers_in(svg, "interval")[0] == 8.0
    endless = strips.draw(strips.Strip(-0.2, None, float("inf"), -0.1, -0.1, "not_measured"), HOSTILE)
    assert (numbers_in(endless, "interval")[0], numbers_in(endless, "interval")[2]) == (0.0, strips.WIDTH)
    assert "<b>" not in endless
    assert "⟨U+202E⟩" in endless
    assert strips.draw(strips.Strip(0.0, 0.0, 0.0, 0.0, 0.0, "fail"), "") != ""


def test_an_advisory_number_is_grey() -> None:
    content = results()
    for rule in content["policy"]["rules"]:
        if rule["probe"] == "bias":
            rule["required"] = "never"
    bias = rows(content)["Bias"]
    assert (bias["mark"]["text"], 'class="strip advisory"' in bias["strip"]) == ("advisory", True)


def test_the_decision_is_said_as_an_instruction_with_the_numbers_that_decide() -> None:
    content = results()
    content["decision"].update(exit_code=1, headline="Hold: 1 of 22 required checks outside the limits.")
    page = scorecard.render(content)
    first = page[page.index('id="decision"') : page.index('id="glance"')]
    assert '<p class="headline">1 of 22 required checks outside the limits.</p>' in first
    assert "Do not release this model." in first
    assert "The attack deepwordbug turns 62.0 %" in first


def test_a_row_with_a_missing_required_number_is_no_pass() -> None:
    given = [{"failed": False, "numbers": [1], "mark": mark(outcome)} for outcome in ("pass", "not_measured")]
    for probes in (given, given[::-1]):
        shown = glance._mark({"probes": probes}, None)
        assert (shown["kind"], glance._rank(shown)) == ("not-measured", glance.WAITING)
    failed = {"failed": False, "numbers": [1], "mark": mark("fail")}
    assert glance._mark({"probes": [*given, failed]}, None)["kind"] == "fail"


def test_rules_of_a_probe_that_wait_for_the_same_reason_are_said_once() -> None:
    content = results()
    waiting = [verdict for verdict in content["decision"]["verdicts"] if verdict["probe"] in ("noise", "bias")]
    for verdict in content["decision"]["verdicts"]:
        verdict["outcome"] = "pass"
    for verdict in waiting:
        reason = "no training data given (--train)"
        verdict.update(outcome="not_measured", value=None, low=None, high=None, reason=reason)
    other = next(verdict for verdict in waiting if verdict["probe"] == "noise")
    other["reason"] = "no other domain given (--domain name=file)"
    content["decision"].update(exit_code=3, release=False)
    rules = [content["policy"]["rules"][verdict["rule"]] for verdict in waiting]
    required = {rule["probe"] for rule in rules if rule["required"] != "never"}
    assert required == {"noise", "bias"}
    built = glance.numbers(Findings(content), [v for v in waiting if v["outcome"] == "not_measured"])
    texts = [number["text"] for number in built["numbers"]]
    assert sorted(texts) == [
        "bias: no training data given (--train).",
        "noise: no other domain given (--domain name=file).",
        "noise: no training data given (--train).",
    ]
    assert built["more"] == 0


def test_reasons_of_probes_say_each_word_once() -> None:
    texts = ["does not apply: no labels", "not measured: no file", "does not apply: no spans", "not measured: no file"]
    assert glance._missing(texts) == "does not apply: no labels; no spans; not measured: no file"
    assert glance._missing([]) == ""


def test_of_many_labels_the_first_stand_under_the_title_and_a_single_name_is_none() -> None:
    content = results()
    content["task"]["labels"] = [f"intent_{place}" for place in range(150)]
    page = scorecard.render(content)
    assert "labels intent_0, " in page
    assert "intent_11 and 138 more." in page
    content["task"]["labels"] = ["number"]
    assert view.build(content)["labels"] == ""


def test_a_sentence_says_what_the_slice_is_of_and_metrics_have_names() -> None:
    content = results()
    content["task"]["metric"] = "micro_f1"
    assert "points of micro F1" in scorecard.render(content)
    rule = {"probe": "calibration", "metric": "confidence_gap", "max": 0.05, "min": None, "margin": 0.0}
    verdict = {"rule": 0, "slice": {"input": "home", "of": "words"}, "value": 0.1}
    findings = SimpleNamespace(rules=[rule], results=content, metric=lambda *_: {"unit": "points", "title": ""})
    said = "Of words, the confidence of the answers lies 10.0 points from how often they are right"
    assert sentences.sentence(findings, verdict).startswith(said)  # type: ignore[arg-type]
    assert [metric_words(name) for name in ("f1", "accuracy", "within_tolerance")] == [
        "F1",
        "accuracy",
        "the share within the tolerance",
    ]
