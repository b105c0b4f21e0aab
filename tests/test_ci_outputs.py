"""Outputs for CI: valid, in agreement with the gate, the same every time, and harmless whatever the data say."""

from __future__ import annotations

import copy
import csv
import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from lxml import etree
from markdown_it import MarkdownIt

from auditor.errors import one_line
from auditor.types import Regression
from auditor.verdicts import advice
from reports import badge, checks, flat, junit, markdown, plain, sarif

TESTS = Path(__file__).resolve().parent
FIXTURES = TESTS.parent / "fixtures" / "results"
RESULTS: dict[str, Any] = json.loads((FIXTURES / "results.json").read_text(encoding="utf-8"))
SCHEMA = jsonschema.Draft4Validator(json.loads((TESTS / "schemas" / "sarif-2.1.0-rtm.5.json").read_bytes()))
XSD = etree.XMLSchema(etree.parse(str(TESTS / "schemas" / "junit-10.xsd")))


def change(probe: str, metric: str, outcome: Any, *numbers: float | None, **given: Any) -> Regression:
    """``numbers``: old, new, value, low, high."""
    facts: dict[str, Any] = {"slice": {}, "conclusion": "cannot tell", "required": True, "paired": True}
    named = dict(zip(("old", "new", "value", "low", "high"), numbers or (0.0,) * 5, strict=True))
    facts |= {"tolerance": 0.02, "reason": "so", **named, **given}
    return Regression(probe=probe, metric=metric, outcome=outcome, **facts)


TYPOS = {"family": "typos", "severity": "middle"}
UNKNOWN = (None, None, None, None, None)
REGRESSIONS = (
    change("noise", "drop_over_changed_cases", "fail", 0.03, 0.11, 0.08, 0.04, 0.12, slice=TYPOS, conclusion="worse"),
    change("quality", "accuracy", "inconclusive", 0.8, 0.79, -0.01, -0.04, 0.02, paired=False),
    change("quality", "recall", "pass", 0.8, 0.8, 0.0, None, None, slice={"class": "positive"}, required=False),
    change("shift_of_mine", "gap", "not_measured", *UNKNOWN, required=False),
)
Render = Callable[[dict[str, Any], tuple[Regression, ...]], str]


def steps(results: dict[str, Any]) -> dict[int, str]:
    return advice.next_steps(results)


OUTPUTS: dict[str, Render] = {
    "junit.xml": lambda results, changes: junit.render(results, changes, steps(results)),
    "audit.sarif": lambda results, changes: sarif.render(results, changes, steps(results)),
    "summary.md": lambda results, changes: markdown.render(results, changes, steps(results)),
    "metrics.json": flat.as_json,
    "metrics.csv": flat.as_csv,
    "badge.svg": badge.render,
}
HEADS = {
    "junit.xml": junit.HEAD,
    "audit.sarif": sarif.HEAD,
    "summary.md": markdown.HEAD,
    "metrics.json": flat.HEAD_JSON,
    "metrics.csv": flat.HEAD_CSV,
    "badge.svg": badge.HEAD,
}


def content() -> dict[str, Any]:
    return copy.deepcopy(RESULTS)


def without_crash() -> dict[str, Any]:
    """The recorded results as if no probe had crashed: an attack broke its limit."""
    results = content()
    results["decision"].update(exit_code=1, headline="Hold: 1 slice outside the limits.")
    for record in results["records"]:
        if record["status"] == "failed":
            record["status"] = "measured"
    return results


def waived(state: str = "in force") -> dict[str, Any]:
    """The same, with a waiver of the failure, and others that are used by nothing."""
    results = without_crash()
    text = "waived until 2027-03-01: known (search team)"
    if state == "expired":
        text = "waiver expired on 2027-03-01: known (search team)"
    else:
        results["decision"].update(exit_code=3, headline="Undecided: 7 required verdicts open; 1 waived.")
    for verdict in results["decision"]["verdicts"]:
        if verdict["outcome"] == "fail":
            verdict["waiver"] = {"entry": 0, "state": state, "text": text}
    results["waivers"] = {"name": "waivers.toml", "sha256": "0" * 64, "on": "2026-12-01", "entries": []}
    results["decision"]["waivers"] = [
        {"state": state, "text": f"adversarial attack_success_rate: {text}; 1 verdict"},
        {"state": "matches nothing", "text": "noise drop: waived until 2027-03-01: why (team); matches nothing"},
    ]
    return results


VARIANTS = {
    "as recorded": content(),
    "without crash": without_crash(),
    "waived": waived(),
    "expired": waived("expired"),
}


# Form.


@pytest.mark.parametrize("name", OUTPUTS)
def test_the_golden_output_is_reproduced_byte_for_byte(name: str) -> None:
    assert (FIXTURES / name).read_bytes() == OUTPUTS[name](RESULTS, ()).encode(), "python tests/test_ci_outputs.py"
    assert OUTPUTS[name](content(), ()).startswith(HEADS[name])


def check_junit(text: str) -> etree._Element:
    root = etree.fromstring(text.encode())
    XSD.assertValid(root)
    return root


def check_sarif(text: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text)
    assert [error.message for error in SCHEMA.iter_errors(document)] == []
    return document


@pytest.mark.parametrize("changes", [(), REGRESSIONS], ids=["alone", "with regressions"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_output_is_valid(variant: str, changes: tuple[Regression, ...]) -> None:
    texts = {name: render(VARIANTS[variant], changes) for name, render in OUTPUTS.items()}
    check_junit(texts["junit.xml"])
    check_sarif(texts["audit.sarif"])
    json.loads(texts["metrics.json"])
    assert len(set(map(len, csv.reader(io.StringIO(texts["metrics.csv"]))))) == 1
    ElementTree.fromstring(texts["badge.svg"])
    assert all(
        text.endswith("\n") and text == OUTPUTS[name](VARIANTS[variant], changes) for name, text in texts.items()
    )


def test_an_audit_without_rules_is_valid_too() -> None:
    results = content()
    results["records"] = []
    results["decision"].update(exit_code=3, headline="Undecided: no rule passed.", reasons=[], verdicts=[])
    texts = {name: render(results, ()) for name, render in OUTPUTS.items()}
    assert check_junit(texts["junit.xml"]).get("tests") == "1"
    assert check_sarif(texts["audit.sarif"])["runs"][0]["results"][0]["ruleId"] == "decision"
    assert "undecided" in texts["badge.svg"]


# Agreement.


def cases(text: str) -> dict[tuple[str, str, str], str]:
    """Suite, class and name of a test → how it ended."""
    root = check_junit(text)
    ends = {}
    for suite in root:
        for case in suite.findall("testcase"):
            key = (str(suite.get("name")), str(case.get("classname")), str(case.get("name")))
            assert key not in ends
            ends[key] = {"system-out": "pass"}.get(str(case[0].tag), str(case[0].tag))
    return ends


OUTCOMES = {"pass": "pass", "fail": "failure", "inconclusive": "failure", "not_measured": "failure"}


@pytest.mark.parametrize("undecided", ["failure", "skipped"])
def test_a_test_case_stands_for_each_verdict_and_fails_where_it_holds_the_release(undecided: Any) -> None:
    results = content()
    ends = list(cases(junit.render(results, undecided=undecided)).items())
    assert ends[0] == (("probes", "bias/probe_crashed", "model fgm"), "error")
    for verdict, (key, end) in zip(results["decision"]["verdicts"], ends[1:], strict=True):
        required = results["policy"]["rules"][verdict["rule"]]["required"] != "never"
        expected = OUTCOMES.get(verdict["outcome"], "skipped")
        if verdict["outcome"] in ("inconclusive", "not_measured"):
            expected = undecided
        if not required and expected != "pass":
            expected = "skipped"
        assert end == expected, key
        assert key[:2] == ("rules", f"{verdict['probe']}/{verdict['metric']}")


def test_counts_of_suites_are_those_of_their_cases() -> None:
    root = check_junit(junit.render(RESULTS, REGRESSIONS))
    for suite in root:
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(str(suite.get(name))) == len(suite.findall(f"testcase/{tag}"))
        assert int(str(suite.get("tests"))) == len(suite.findall("testcase"))
    assert int(str(root.get("tests"))) == len(root.findall("testsuite/testcase"))


def test_an_advisory_failure_fails_no_test_and_is_a_note() -> None:
    results = without_crash()
    verdict = next(each for each in results["decision"]["verdicts"] if each["outcome"] == "pass")
    results["policy"]["rules"][verdict["rule"]]["required"] = "never"
    verdict["outcome"] = "fail"
    key = ("rules", "quality/gain_over_majority", "all")
    text = junit.render(results)
    assert cases(text)[key] == "skipped"
    assert 'message="advisory fail: within its limit' in text
    result = next(r for r in sarif_results(results) if r["ruleId"] == "quality/gain_over_majority")
    assert (result["kind"], result["level"]) == ("fail", "note")


def sarif_results(results: dict[str, Any], changes: tuple[Regression, ...] = ()) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = check_sarif(sarif.render(results, changes, steps(results)))["runs"][0]["results"]
    return found


KINDS = {
    "pass": ("pass", "none"),
    "fail": ("fail", "error"),
    "inconclusive": ("open", "none"),
    "not_measured": ("open", "none"),
    "not_applicable": ("notApplicable", "none"),
}


def test_kinds_of_sarif_are_those_of_the_outcomes() -> None:
    crash, *rest = sarif_results(content())
    assert (crash["ruleId"], crash["kind"], crash["level"]) == ("bias/probe_crashed", "fail", "error")
    for verdict, result in zip(RESULTS["decision"]["verdicts"], rest, strict=True):
        assert (result["kind"], result["level"]) == KINDS[verdict["outcome"]]
        assert "suppressions" not in result
    run = check_sarif(sarif.render(RESULTS))["runs"][0]
    assert run["invocations"][0]["exitCode"] == 2
    assert run["invocations"][0]["executionSuccessful"] is False
    assert len(run["invocations"][0]["toolExecutionNotifications"]) == 1


def test_rules_of_sarif_have_one_id_each_with_why_and_what_the_probe_does() -> None:
    rules = check_sarif(sarif.render(RESULTS))["runs"][0]["tool"]["driver"]["rules"]
    ids = [rule["id"] for rule in rules]
    assert len(set(ids)) == len(ids)
    noise = next(rule for rule in rules if rule["id"] == "noise/drop_over_changed_cases")
    whys = [rule["why"] for rule in RESULTS["policy"]["rules"] if rule["probe"] == "noise"]
    about = next(record["description"] for record in RESULTS["records"] if record["probe"] == "noise")
    assert all(why in noise["help"]["text"] for why in whys)
    assert about.split("\n\n")[0].split(".")[0].split("``")[0] in noise["help"]["text"]


def fingerprints(results: dict[str, Any]) -> list[str]:
    return [result["partialFingerprints"]["auditor/v1"] for result in sarif_results(results)]


def test_fingerprints_stay_where_rule_and_slice_do_and_are_all_different() -> None:
    results = content()
    before = fingerprints(results)
    assert len(set(before)) == len(before)
    for verdict in results["decision"]["verdicts"]:
        verdict.update(outcome="pass", reason="another", value=0.5, low=0.4, high=0.6)
        if verdict["slice"]:
            verdict["slice"] = dict(reversed(verdict["slice"].items()))
    for rule in results["policy"]["rules"]:
        rule["why"] = "another"
    results["seed"] = 7
    assert fingerprints(results) == before
    results["decision"]["verdicts"][1]["slice"]["family"] = "new"
    assert [at for at, (a, b) in enumerate(zip(before, fingerprints(results), strict=True)) if a != b] == [2]


def test_two_rules_on_one_slice_have_names_and_fingerprints_of_their_own() -> None:
    results = content()
    results["decision"]["verdicts"].insert(1, copy.deepcopy(results["decision"]["verdicts"][0]))
    assert len(set(fingerprints(results))) == len(results["decision"]["verdicts"]) + 1
    assert ("rules", "quality/gain_over_majority", "all (2)") in cases(junit.render(results))


def test_a_waived_failure_fails_nothing_and_is_suppressed_until_its_date() -> None:
    results = waived()
    text = "waived until 2027-03-01: known (search team)"
    key = ("rules", "adversarial/attack_success_rate", "recipe deepwordbug")
    assert cases(junit.render(results))[key] == "skipped"
    suppressions = [result["suppressions"] for result in sarif_results(results)]
    accepted = {"kind": "external", "status": "accepted", "justification": text}
    assert sorted(map(len, suppressions)) == [0] * 26 + [1]
    assert [accepted] in suppressions
    (row,) = [row for row in rows(flat.as_csv(results)) if row["waiver"]]
    assert (row["outcome"], row["waiver"]) == ("fail", text)
    summary = markdown.render(results)
    assert "## Waivers, judged on 2026-12-01" in summary
    assert "- matches nothing: noise drop" in summary
    assert "| fail (waived) |" in summary
    assert "undecided, 1 waived" in badge.render(results)


def test_an_expired_waiver_fails_whatever_is_asked_of_undecided_verdicts() -> None:
    results = waived("expired")
    verdict = next(each for each in results["decision"]["verdicts"] if "waiver" in each)
    verdict["outcome"] = "inconclusive"
    key = ("rules", "adversarial/attack_success_rate", "recipe deepwordbug")
    assert cases(junit.render(results, undecided="skipped"))[key] == "failure"
    statuses = [entry["status"] for result in sarif_results(results) for entry in result["suppressions"]]
    assert statuses == ["rejected"]
    assert "waiver expired on 2027\\-03\\-01".replace("\\-", "-") in markdown.render(results)


def test_regressions_have_a_suite_and_rules_of_their_own_and_hold_where_required() -> None:
    results = without_crash()
    own = {key[1:]: end for key, end in cases(junit.render(results, REGRESSIONS)).items() if key[0] == "regressions"}
    assert own == {
        ("regression/noise/drop_over_changed_cases", "family typos, severity middle"): "failure",
        ("regression/quality/accuracy", "all"): "failure",
        ("regression/quality/recall", "class positive"): "pass",
        ("regression/shift_of_mine/gap", "all"): "skipped",
    }
    ids = [result["ruleId"] for result in sarif_results(results, REGRESSIONS)]
    assert [name for name in ids if name.startswith("regression/")] == [name for name, _ in own]
    changes = [row for row in rows(flat.as_csv(results, REGRESSIONS)) if row["kind"] == "regression"]
    assert [(row["value"], row["low"], row["outcome"]) for row in changes] == [
        ("0.08", "0.04", "fail"),
        ("-0.01", "-0.04", "inconclusive"),
        ("0.0", "", "pass"),
        ("", "", "not_measured"),
    ]
    assert "## Against the audit before" in markdown.render(results, REGRESSIONS)


@pytest.mark.parametrize(
    ("code", "outcome", "expected"),
    [
        (0, "pass", "release"),
        (0, "inconclusive", "undecided"),
        (0, "not_measured", "undecided"),
        (0, "fail", "hold"),
        (3, "fail", "hold"),
        (3, "pass", "undecided"),
        (1, "inconclusive", "hold"),
        (2, "fail", "not completed"),
    ],
)
def test_the_decision_is_the_worse_of_gate_and_required_regressions(code: int, outcome: Any, expected: str) -> None:
    results = without_crash()
    results["decision"]["exit_code"] = code
    both = (change("quality", "accuracy", outcome), change("quality", "accuracy", "fail", required=False))
    assert checks.decision_words(results, both) == expected
    assert f">audit: {expected}<" in badge.render(results, both)
    assert markdown.render(results, both).startswith(f"# Audit: {expected}\n")
    assert json.loads(flat.as_json(results, both))["decision"] == expected


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_flat_rows_are_those_of_every_measurement_and_numbers_stay_numbers() -> None:
    measured = [(record, item) for record in RESULTS["records"] for item in record["measurements"]]
    flat_rows = json.loads(flat.as_json(RESULTS))["rows"]
    for (record, item), row, line in zip(measured, flat_rows, rows(flat.as_csv(RESULTS)), strict=True):
        assert (row["model"], row["probe"], row["metric"]) == (record["model"], record["probe"], item["metric"])
        assert json.loads(row["slice"]) == json.loads(line["slice"]) == item["slice"]
        for name in ("value", "low", "high"):
            assert row[name] == item[name]
            assert (float(line[name]) if line[name] else None) == item[name]
        assert (row["n"], int(line["n"])) == (item["n_clusters"], item["n_clusters"])
    read = {(row["probe"], row["metric"], row["slice"]) for row in flat_rows if row["outcome"]}
    judged = [
        verdict
        for verdict in RESULTS["decision"]["verdicts"]
        if verdict["value"] is not None and verdict["slice"] is not None
    ]
    assert len(read) == len(judged)
    assert all(row["model"] == RESULTS["candidate"] for row in flat_rows if row["outcome"])


def test_a_summary_names_at_most_so_many_and_counts_the_rest() -> None:
    results = without_crash()
    verdict = next(each for each in results["decision"]["verdicts"] if each["outcome"] == "fail")
    results["decision"]["verdicts"] = [{**verdict, "slice": {"recipe": str(n)}} for n in range(300)]
    text = markdown.render(results)
    assert "- … and 280 more" in text
    assert "… and 100 more rows" in text
    results["doubts"] = ["labels swapped?"]
    assert "## Numbers that are hard to believe\n\n- labels swapped?" in markdown.render(results)


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("colour", [*badge.COLOURS.values(), badge.GREY])
def test_the_badge_has_enough_contrast_and_a_title(colour: str) -> None:
    assert 1.05 / (luminance(colour) + 0.05) >= 4.5
    root = ElementTree.fromstring(badge.render(RESULTS))
    assert root.findtext("{http://www.w3.org/2000/svg}title") == "audit: not completed"
    assert root.get("role") == "img"


# Hostile text.

HOSTILE = {
    "markup": '<b onclick="x()">&amp;</b>',
    "script": "<script>alert(1)</script>",
    "direction": "abc\u202edcba\u2066x",
    "terminal": "\x1b[31mred\x1b]0;title\x07\x9b2J",
    "null": "a\x00b\x0bc\x7f\ufffe\uffff",
    "cdata": "a]]>b<![CDATA[c",
    "comment": "--> <!-- x",
    "entity": "&lt;!ENTITY x SYSTEM 'file:///etc/passwd'> &x;",
    "long": "x" * 100_000,
    "surrogate": "a\ud800b\udfff",
    "link": "[click](javascript:alert(1)) ![i](http://evil/x.png) <http://evil> http://evil www.evil.com",
    "table": "a | b\n|---|\n| c",
    "code": "`` ` ``` ~~~ **bold** __b__ # head",
    "mention": "@everyone #1 $x$",
    "lines": "a\r\nb\nc\u2028d\x85e",
    "workflow": "::set-output name=x::y",
    "workflow after a break": "x\n::error file=a::b\r::stop-commands::t",
    "old workflow": "x ##[error]y ##[add-mask]z",
    "formula": "=cmd|' /C calc'!A0",
    "plus": "+1+cmd|'x'!A0",
    "minus": "-1+1",
    "at": "@SUM(1)",
    "tab": "\t=1+1",
    "blank formula": "  =1+1",
    "wide formula": "＝1+1",
    "placeholder": "{0} {{1}} %s ${x} {{ 7*7 }}",
    "backslash": "\\[x\\](y) \\",
    "quotes": "\"'`,;",
}
LEFT = {"schema", "exit_code", "outcome", "status", "kind", "unit", "state", "required", "id", "limitation", "sha256"}
"""Keys whose values are words of auditor's own."""


def hostile(text: str) -> tuple[dict[str, Any], tuple[Regression, ...]]:
    """Results in which the text stands wherever data, a user or a plug-in may put one."""
    probes: dict[str, str] = {}

    def renamed(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            if key == "slice":
                return {f"{name}{text}": f"{text}{inner}" for name, inner in value.items()}
            return {name: renamed(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [renamed(inner, key) for inner in value]
        if isinstance(value, str) and key not in LEFT:
            return probes.setdefault(value, f"{text}{value}{text}")
        return value

    results = renamed({**waived(), "limitations": []})
    results["records"][1]["status"] = "failed"
    for record in results["records"]:
        record["limitation"] = None
    return results, (change(text, text, "fail", slice={text: text}, reason=text),)


CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


@pytest.fixture(params=HOSTILE, scope="module")
def attacked(request: pytest.FixtureRequest) -> tuple[str, dict[str, str]]:
    text = HOSTILE[request.param]
    results, changes = hostile(text)
    assert any(text in record["reason"] for record in results["records"] if record["reason"])
    return text, {name: render(results, changes) for name, render in OUTPUTS.items()}


def test_no_output_holds_control_characters_surrogates_or_commands(attacked: tuple[str, dict[str, str]]) -> None:
    for name, text in attacked[1].items():
        assert CONTROL.search(text) is None, name
        text.encode("utf-8")
        assert len(text) < 5_000_000, name
        if name != "metrics.csv":  # text of a test report; a runner reads what is printed
            assert not any(line.lstrip().startswith("::") for line in text.splitlines()), name


def test_hostile_text_stays_text_in_xml(attacked: tuple[str, dict[str, str]]) -> None:
    root = check_junit(attacked[1]["junit.xml"])
    known = {"testsuites", "testsuite", "properties", "property", "testcase", *("failure", "error", "skipped")}
    assert {str(element.tag) for element in root.iter()} <= known | {"system-out"}
    assert "<!ENTITY" not in attacked[1]["junit.xml"]
    assert "]]>" not in attacked[1]["junit.xml"]
    reasons = "".join(str(element.get("message", "")) for element in root.iter())
    assert plain.plain(attacked[0])[:500] in reasons


def test_hostile_text_stays_text_in_sarif(attacked: tuple[str, dict[str, str]]) -> None:
    run = check_sarif(attacked[1]["audit.sarif"])["runs"][0]
    assert "##[" not in attacked[1]["audit.sarif"]
    for result in run["results"]:
        said = result["message"]["text"]
        assert re.search(r"(?<!\\)(\\\\)*[\[\]]", said) is None, said
        assert re.search(r"(?<!\{)\{(\{\{)*(?!\{)", said) is None, said
        assert re.fullmatch(r"[\w.~%/'-]*", result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])


def test_hostile_text_stays_text_in_markdown(attacked: tuple[str, dict[str, str]]) -> None:
    text = attacked[1]["summary.md"]
    for block in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text):
        assert block.type not in ("html_block", "fence", "code_block", "blockquote_open", "hr"), block
        inline = {child.type for child in block.children or ()}
        assert inline <= {"text", "text_special", "strong_open", "strong_close"}, inline
    text = text.replace("**", "  ")
    active = re.compile(r"(?<!\\)(?:\\\\)*([<>\[\]`&@~$*_]|://|www\.)")
    assert active.search(text) is None
    for line in text.splitlines():
        assert line == "" or line.startswith(("  ", "# Audit: ", "## ", "- ", "| ", "|---", "… and ")), line
        if line.startswith("| "):
            assert len(re.findall(r"(?<!\\)\|", line)) == 7, line


def test_hostile_text_stays_text_in_csv(attacked: tuple[str, dict[str, str]]) -> None:
    lines = list(csv.reader(io.StringIO(attacked[1]["metrics.csv"])))
    assert {len(line) for line in lines} == {len(flat.COLUMNS)}
    numbers = {"value", "low", "high", "n", "n_cases"}
    for line in lines[1:]:
        for name, text in zip(flat.COLUMNS, line, strict=True):
            if name in numbers:
                assert text == "" or isinstance(float(text), float)
            else:
                assert not text.lstrip().startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "|", "%")), text


def test_hostile_text_does_not_reach_the_badge(attacked: tuple[str, dict[str, str]]) -> None:
    root = ElementTree.fromstring(attacked[1]["badge.svg"])
    assert {element.tag.partition("}")[2] for element in root.iter()} == {"svg", "title", "rect", "g", "text"}
    assert root.find("{http://www.w3.org/2000/svg}title") is not None


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_commands_neither_terminal_nor_runner(name: str) -> None:
    for before in ("", "  ", "hold: "):
        said = one_line(f"{before}{HOSTILE[name]}")
        assert CONTROL.search(said) is None
        assert "\n" not in said
        assert not said.lstrip().startswith("::")
        assert "##[" not in said


if __name__ == "__main__":
    for file, rendered in OUTPUTS.items():
        (FIXTURES / file).write_text(rendered(RESULTS, ()), encoding="utf-8")
        sys.stdout.write(f"{FIXTURES / file}\n")


def test_a_comparison_of_nothing_is_undecided_and_no_comparison_changes_nothing() -> None:
    release = copy.deepcopy(RESULTS)
    release["decision"]["exit_code"] = 0
    assert [checks.exit_code(release, regressions) for regressions in (None, ())] == [0, 3]
    assert json.loads(flat.as_json(release, ()))["exit_code"] == 3


def test_where_no_check_holds_a_check_of_the_decision_does() -> None:
    waived = copy.deepcopy(RESULTS)
    for rule in waived["policy"]["rules"]:
        rule["required"] = "never"
    waived["records"] = [record for record in waived["records"] if record["status"] != "failed"]
    waived["decision"].update(exit_code=3, headline="Undecided: no rule passed, and no verdict is not a release.")
    last = checks.checks(waived)[-1]
    assert (last.rule, last.outcome, last.holds) == ("decision", "not_measured", True)
    root = check_junit(junit.render(waived))
    assert (root.get("failures"), root.findall("testsuite")[-1].get("name")) == ("1", "decision")
    assert check_sarif(sarif.render(waived))["runs"][0]["results"][-1]["kind"] == "open"
    assert "## Decision" in markdown.render(waived)
    assert json.loads(flat.as_json(waived))["exit_code"] == 3
    waived["decision"]["exit_code"] = 0
    assert checks.checks(waived)[-1].rule != "decision"
    assert checks.checks(waived, ())[-1].reason.endswith(
        "no slice of a required rule is compared with the audit before"
    )


def test_an_expired_waiver_of_an_undecided_verdict_fails_in_sarif() -> None:
    content = copy.deepcopy(RESULTS)
    verdict = next(verdict for verdict in content["decision"]["verdicts"] if verdict["outcome"] == "inconclusive")
    place = content["decision"]["verdicts"].index(verdict)
    verdict["waiver"] = {"state": "expired", "entry": 0, "text": "waiver expired on 2026-12-01: x (y)"}
    result = check_sarif(sarif.render(content))["runs"][0]["results"][place + 1]
    assert (result["kind"], result["level"]) == ("fail", "error")
