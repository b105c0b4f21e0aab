"""Waivers: what a file may say, what they change of a decision, and that they cannot be slipped in."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import small_results
from small_results import edit, leaves, read
from test_gate import flips, record, rule

from auditor import results
from auditor.cli.main import main
from auditor.errors import AuditError, PolicyError
from auditor.results import verification
from auditor.types import Decision, ProbeRecord, Rule, Waiver, Waivers
from auditor.verdicts import gate, policy, waiving
from auditor.verdicts.policy import Policy
from reports import scorecard

ON = date(2026, 12, 1)
GOOD = 'rule = "p flips"\nreason = "known"\nowner = "search team"\nexpires = 2027-03-01\n'
RULES = Policy("test", "0", (rule(), rule(probe="q", required="never"), rule(probe="q", slice={})))


def load(tmp_path: Path, text: str) -> Waivers:
    file = tmp_path / "waivers.toml"
    file.write_text(text, encoding="utf-8")
    return waiving.load(file, RULES, ON)


def test_a_file_says_rule_reason_owner_date_and_slice(tmp_path: Path) -> None:
    found = load(
        tmp_path, f'[[waiver]]\n{GOOD}\n[[waiver]]\n{GOOD.replace(" flips", "/flips")}slice = {{axis = "b"}}\n'
    )
    plain = Waiver("p", "flips", {}, "known", "search team", date(2027, 3, 1))
    assert found.entries == (plain, Waiver("p", "flips", {"axis": "b"}, "known", "search team", date(2027, 3, 1)))
    assert (found.name, found.on, len(found.sha256)) == ("waivers.toml", ON, 64)
    assert found.entries[1].rule == "p flips [axis=b]"


def test_an_empty_file_holds_no_waivers(tmp_path: Path) -> None:
    assert load(tmp_path, "").entries == ()


BAD = {
    "unknown rule": (GOOD.replace("flips", "flip"), "waiver 1: the policy test has no rule 'p flip' (did you mean"),
    "unknown probe": (GOOD.replace('"p', '"noise'), "has no rule 'noise flips'"),
    "rule of one word": (
        GOOD.replace("p flips", "flips"),
        "rule = 'flips' is not a probe and a metric (a probe and its",
    ),
    "no rule": (GOOD.replace("rule", "slice.a"), "rule is missing or empty"),
    "unknown key": (GOOD + "until = 2027-01-01\n", "unknown key 'until' (known: rule, slice, reason, owner, expires)"),
    "near key": (GOOD.replace("owner", "ownr"), "unknown key 'ownr' (did you mean 'owner'?)"),
    "no expiry": (GOOD.replace("expires = 2027-03-01", ""), "expires is missing (the last day it is in force"),
    "quoted date": (GOOD.replace("2027-03-01", '"2027-03-01"'), "expires = '2027-03-01' is not a date (the last day"),
    "a time": (GOOD.replace("2027-03-01", "2027-03-01T00:00:00"), "expires = '2027-03-01T00:00:00' is not a date"),
    "a number": (GOOD.replace("2027-03-01", "2027"), "expires = 2027 is not a date"),
    "no such day": (GOOD.replace("2027-03-01", "2027-02-30"), "not valid TOML"),
    "empty reason": (GOOD.replace('"known"', '" "'), "reason is missing or empty (say why"),
    "reason of a number": (GOOD.replace('"known"', "1"), "reason is missing or empty"),
    "long reason": (GOOD.replace("known", "x" * 1001), "reason has 1,001 characters; at most 1,000"),
    "no owner": (GOOD.replace('owner = "search team"', ""), "owner is missing or empty (a role that answers"),
    "slice of a word": (GOOD + 'slice = "typos"\n', "slice = 'typos' is not a table (slice = { family"),
    "slice of a number": (GOOD + "slice = { severity = 1 }\n", "slice.severity = 1 is not a word (in quotes)"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_waiver_is_one_line_with_place_and_hint(kind: str, tmp_path: Path) -> None:
    text, words = BAD[kind]
    with pytest.raises(PolicyError) as caught:
        load(tmp_path, f"[[waiver]]\n{text}")
    assert words in caught.value.line
    assert str(tmp_path / "waivers.toml") in caught.value.line
    assert "\n" not in caught.value.line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[waivers]]\n", "unknown key 'waivers' (did you mean 'waiver'?)"),
        ("[[rule]]\n", "unknown key 'rule' (waivers are [[waiver]])"),
        ("waiver = 1\n", "waiver is not a list of tables (write [[waiver]]"),
        ("waiver = [1]\n", "waiver 1: not a table (write [[waiver]])"),
        ("=", "not valid TOML"),
    ],
)
def test_a_bad_file_is_one_line(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(PolicyError) as caught:
        load(tmp_path, text)
    assert words in caught.value.line


def test_a_missing_file_is_one_line_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "waivers.toml").touch()
    with pytest.raises(PolicyError, match=r"waiver\.toml: no such file of waivers \(did you mean 'waivers\.toml'\?\)"):
        waiving.load(tmp_path / "waiver.toml", RULES, ON)


# What they change.


def waiver(expires: str = "2027-03-01", slice_: dict[str, str] | None = None, metric: str = "flips") -> Waiver:
    return Waiver("p", metric, slice_ or {}, "known", "search team", date.fromisoformat(expires))


def decide(records: Sequence[ProbeRecord], *entries: Waiver, rules: Sequence[Rule] = (rule(),)) -> Decision:
    waivers = Waivers("waivers.toml", "0" * 64, ON, entries) if entries else None
    return gate.decide(Policy("test", "0", tuple(rules)), records, "m", waivers=waivers)


PASSING, FAILING, OPEN = (
    flips(2, 200, {"axis": "a"}),
    flips(80, 200, {"axis": "b"}),
    flips(5, 60, {"axis": "c"}),
)


def states(decision: Decision) -> list[str]:
    return [use.state for use in decision.waivers]


def test_a_waived_failure_does_not_hold_the_release_and_stays_a_failure() -> None:
    decision = decide([record(PASSING, FAILING)], waiver())
    assert (decision.exit_code, decision.release) == (0, True)
    assert decision.headline == "Release: 1 required check, all within the limits; 1 waived."
    assert [verdict.outcome for verdict in decision.verdicts] == ["pass", "fail"]
    marked = decision.verdicts[1].waiver
    assert marked is not None
    assert (marked.state, marked.text) == ("in force", "waived until 2027-03-01: known (search team)")
    assert decision.verdicts[0].waiver is None
    assert decision.waivers[0].text == "p flips: waived until 2027-03-01: known (search team); 1 verdict"


def test_a_waived_undecided_verdict_does_not_hold_the_release() -> None:
    assert decide([record(PASSING, OPEN)]).exit_code == 3
    assert decide([record(PASSING, OPEN)], waiver()).exit_code == 0
    missing = [rule(), rule(slice={"axis": "z"})]
    assert decide([record(PASSING)], rules=missing).exit_code == 3
    assert decide([record(PASSING)], waiver(slice_={"axis": "z"}), rules=missing).exit_code == 0


@pytest.mark.parametrize(
    ("on", "code"),
    [("2027-02-28", 0), ("2027-03-01", 0), ("2027-03-02", 1)],
    ids=["before", "the last day", "the day after"],
)
def test_a_waiver_is_in_force_to_the_end_of_its_day(on: str, code: int) -> None:
    waivers = Waivers("w", "0", date.fromisoformat(on), (waiver(),))
    decision = gate.decide(Policy("test", "0", (rule(),)), [record(PASSING, FAILING)], "m", waivers=waivers)
    assert decision.exit_code == code


@pytest.mark.parametrize("held", [FAILING, OPEN], ids=["fail", "undecided"])
def test_an_expired_waiver_that_is_needed_fails_the_gate(held: Any) -> None:
    decision = decide([record(PASSING, held)], waiver("2026-11-30"))
    assert (decision.exit_code, decision.release) == (1, False)
    assert decision.headline.endswith("1 waiver expired.")
    assert decision.headline.startswith("Hold: ")
    assert decision.reasons[0].endswith("; waiver expired on 2026-11-30: known (search team)")
    assert states(decision) == ["expired"]


def test_an_expired_waiver_that_is_not_needed_is_only_said() -> None:
    decision = decide([record(PASSING)], waiver("2026-11-30"), waiver("2026-11-30", {"axis": "z"}))
    assert decision.exit_code == 0
    assert states(decision) == ["not needed", "matches nothing"]
    assert "no longer needed: no required verdict that it matches is open" in decision.waivers[0].text
    assert decision.waivers[1].text.endswith("; matches nothing")


@pytest.mark.parametrize(
    ("slice_", "matched"),
    [
        ({}, True),
        ({"axis": "b"}, True),
        ({"axis": "b", "label": "x"}, True),
        ({"label": "x"}, True),
        ({"axis": "a"}, False),
        ({"axis": "b", "label": "y"}, False),
        ({"other": "b"}, False),
    ],
)
def test_a_waiver_matches_the_exact_slice_or_one_with_more_keys(slice_: dict[str, str], matched: bool) -> None:
    held = flips(80, 200, {"axis": "b", "label": "x"})
    decision = decide([record(PASSING, held)], waiver(slice_=slice_), rules=[rule(), rule(slice=dict(held.slice))])
    assert decision.exit_code == (0 if matched else 1)
    assert states(decision) == [
        "in force" if matched else "matches nothing" if slice_ != {"axis": "a"} else "not needed"
    ]


def test_a_renewed_waiver_covers_what_the_expired_one_did() -> None:
    decision = decide([record(PASSING, FAILING)], waiver("2026-11-30"), waiver())
    assert decision.exit_code == 0
    assert states(decision) == ["not needed", "in force"]
    assert "another waiver covers what it matches" in decision.waivers[0].text


def test_a_waiver_of_another_rule_or_of_an_advisory_one_changes_nothing() -> None:
    assert decide([record(PASSING, FAILING)], waiver(metric="drop")).exit_code == 1
    rules = [rule(), rule(slice={"kind": "*"}, required="never")]
    records = [record(PASSING, flips(80, 200, {"kind": "k"}))]
    decision = decide(records, waiver(slice_={"kind": "k"}), rules=rules)
    assert (decision.exit_code, states(decision)) == (0, ["not needed"])
    assert all(verdict.waiver is None for verdict in decision.verdicts)


def test_waivers_excuse_no_crash_and_release_nothing_by_themselves() -> None:
    crashed = record(probe="q", status="failed", reason="KeyError: 'x'")
    assert decide([record(PASSING, FAILING), crashed], waiver()).exit_code == 2
    alone = decide([record(FAILING)], waiver())
    assert alone.exit_code == 3
    assert alone.headline == "Undecided: no rule passed, and no verdict is not a release; 1 waived."


def test_waivers_of_two_failures_may_cover_a_part() -> None:
    other = flips(90, 200, {"axis": "d"})
    decision = decide([record(PASSING, FAILING, other)], waiver(slice_={"axis": "b"}))
    assert decision.exit_code == 1
    assert decision.headline == "Hold: 1 of 3 required checks outside the limits; 1 waived."
    assert len(decision.reasons) == 1
    assert "axis d" in decision.reasons[0]


# Results folders.


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results without waivers."""
    return small_results.write(tmp_path_factory.mktemp("held") / "audit")


WAIVERS = """\
[[waiver]]
rule = "{rule}"
reason = "known: <b>fixed</b> in the next version"
owner = "search team"
expires = 2027-03-01

[[waiver]]
rule = "quality accuracy"
slice = {{ class = "none" }}
reason = "an old one"
owner = "search team"
expires = 2027-03-01
"""
POLICY = """\
[[rule]]
probe = "quality"
metric = "gain_over_majority"
min = 0.1
why = "it does its job"

[[rule]]
probe = "quality"
metric = "accuracy"
required = "never"
why = "shown"

[[rule]]
probe = "quality"
metric = "gain_over_majority"
min = 0.99
why = "it is nearly perfect"
"""


def in_folder(folder: Path, on: str = "2026-12-01") -> tuple[Path, Path]:
    """A policy that the results fail, and waivers of the failure, both as files."""
    rules, file = folder / "policy.toml", folder / "waivers.toml"
    rules.write_text(POLICY, encoding="utf-8")
    file.write_text(WAIVERS.format(rule="quality gain_over_majority"), encoding="utf-8")
    assert waiving.load(file, policy.load(rules), date.fromisoformat(on))
    return rules, file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with waivers in it, as audit run writes one."""
    rules, file = in_folder(tmp_path)
    by = policy.load(rules)
    return small_results.write(tmp_path / "recorded", by=by, waivers=waiving.load(file, by, ON))


def test_recorded_waivers_are_judged_again_and_stand(folder: Path) -> None:
    content = read(folder)
    assert content["waivers"]["on"] == "2026-12-01"
    assert content["decision"]["exit_code"] == 0
    assert verification.load(folder).results == content
    later = verification.load(folder, on=date(2027, 3, 2))
    assert (later.decision.exit_code, later.results["waivers"]["on"]) == (1, "2027-03-02")


BY_DIGEST_ALONE = {("waivers", "name"), ("waivers", "sha256"), ("waivers", "on")}
"""The name and digest of a file that may be gone, and a day on which the same waivers were in force."""


def test_every_edit_of_recorded_waivers_is_noticed_with_digests_written_anew(folder: Path) -> None:
    document = read(folder)
    own = [
        path
        for path in leaves(document)
        if path[0] == "waivers" or path[:2] == ("decision", "waivers") or "waiver" in path
    ]
    assert len(own) > 15
    unnoticed = set()
    for path in own:
        found = copy.deepcopy(document)
        place: Any = found
        for key in path[:-1]:
            place = place[key]
        value = place[path[-1]]
        place[path[-1]] = value + 1 if isinstance(value, int) else {"x": "y"} if value == {} else later(value)
        results.write(folder, found)
        with contextlib.suppress(AuditError):
            verification.load(folder)
            unnoticed.add(path)
    assert unnoticed <= BY_DIGEST_ALONE


def later(value: str) -> str:
    """Another word of the same form: a day stays a day."""
    return value.replace("2027", "2028").replace("2026-12", "2026-11") if value[:2] == "20" else value + "x"


@pytest.mark.parametrize("seal", [False, True], ids=["as it is", "with digests written anew"])
@pytest.mark.parametrize("part", ["waivers alone", "verdict alone", "no day", "no owner", "an empty list", "gone"])
def test_a_waiver_added_or_removed_by_hand_is_refused(part: str, seal: bool, folder: Path) -> None:
    waivers = read(folder)["waivers"]

    def change(content: dict[str, Any]) -> None:
        if part == "waivers alone":
            content["decision"] = {key: value for key, value in content["decision"].items() if key != "waivers"}
            content["decision"]["verdicts"] = [
                {key: value for key, value in verdict.items() if key != "waiver"}
                for verdict in content["decision"]["verdicts"]
            ]
        elif part == "verdict alone":
            del content["waivers"]
        elif part == "no day":
            content["waivers"] = {**waivers, "on": "2026-13-45"}
        elif part == "no owner":
            content["waivers"]["entries"][0]["owner"] = " "
        elif part == "an empty list":
            content["waivers"]["entries"] = []
        else:
            del content["waivers"], content["decision"]["waivers"]

    edit(folder, change, seal=seal)
    assert main(["gate", str(folder)]) == 2


def test_the_page_lists_every_waiver_and_marks_what_is_waived(folder: Path) -> None:
    page = scorecard.render(read(folder))
    assert "Waivers, judged on 2026-12-01:" in page
    assert "<strong>in force</strong>: quality gain_over_majority: waived until 2027-03-01" in page
    assert "<strong>matches nothing</strong>" in page
    assert "fail, waived" in page
    assert "&lt;b&gt;fixed&lt;/b&gt;" in page
    assert "<b>fixed" not in page
    late = verification.load(folder, on=date(2027, 3, 2)).results
    assert "What decides, worst first" in scorecard.render(late)
    assert "Waiver expired on 2027-03-01: known: &lt;b&gt;" in scorecard.render(late)
    assert "What decides, worst first" not in page


def test_the_report_is_judged_on_the_recorded_day(folder: Path) -> None:
    assert main(["report", str(folder)]) == 0
    assert "Waivers, judged on 2026-12-01:" in (folder / results.PAGE).read_text(encoding="utf-8")


# The command.


def gate_of(folder: Path, *more: object) -> int:
    return main(["gate", str(folder), *map(str, more)])


def test_the_gate_prints_every_waiver_and_the_day(
    held: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules, file = in_folder(tmp_path)
    words = ("--policy", rules, "--waivers", file)
    assert gate_of(held, "--policy", rules) == 1
    assert gate_of(held, *words, "--on", "2027-03-01") == 0
    assert gate_of(held, *words, "--on", "2027-03-02") == 1
    said = capsys.readouterr().out.split("policy: ")
    assert "waiver" not in said[1]
    assert "; waivers judged on 2027-03-01" in said[2]
    assert "waived until 2027-03-01: known" in said[2]
    assert "waivers:\n  in force: quality gain_over_majority: " in said[2]
    assert "  matches nothing: quality accuracy [class=none]: " in said[2]
    assert "Hold: 1 of 2 required checks outside the limits; 1 waiver expired." in said[3]
    assert "  expired: quality gain_over_majority: waiver expired on 2027-03-01: " in said[3]


def test_json_has_waivers_and_the_verdicts_that_they_cover(
    held: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules, file = in_folder(tmp_path)
    assert gate_of(held, "--policy", rules, "--waivers", file, "--on", "2026-12-01", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert [use["state"] for use in said["waivers"]] == ["in force", "matches nothing"]
    assert [verdict["waiver"]["entry"] for verdict in said["verdicts"] if "waiver" in verdict] == [0]


def test_recorded_waivers_are_judged_on_the_current_day_and_may_be_replaced(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiving, "today", lambda: date(2027, 3, 1))
    assert gate_of(folder) == 0
    monkeypatch.setattr(waiving, "today", lambda: date(2027, 3, 2))
    assert gate_of(folder) == 1
    assert gate_of(folder, "--on", "2026-12-01") == 0
    none = tmp_path / "none.toml"
    none.touch()
    assert gate_of(folder, "--waivers", none, "--on", "2026-12-01") == 1


def test_today_is_a_day() -> None:
    assert isinstance(waiving.today(), date)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--on", "2026-12-01"), "--on 2026-12-01: there are no waivers to judge (give --waivers FILE)"),
        (("--waivers", "missing.toml"), "missing.toml: no such file of waivers"),
    ],
)
def test_flags_without_waivers_are_one_line(
    words: tuple[str, ...], said: str, held: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gate_of(held, *words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_word_that_is_no_day_is_one_line(held: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        gate_of(held, "--on", "tomorrow")
    assert "tomorrow is not a date such as 2026-12-01" in capsys.readouterr().err


def test_words_of_a_waiver_command_neither_terminal_nor_page(
    held: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules, file = in_folder(tmp_path)
    hostile = r"x\n::error::y \u001b[31m \u202e ##[add-mask]z <script>"
    file.write_text(file.read_text().replace("known: <b>fixed</b>", hostile), encoding="utf-8")
    words = ("--policy", rules, "--waivers", file, "--on", "2026-12-01")
    assert gate_of(held, *words) == 0
    assert gate_of(held, *words, "--json") == 0
    said = capsys.readouterr().out
    assert not any(character in said for character in ("\x1b", "\u202e", "##["))
    assert not any(line.lstrip().startswith("::") for line in said.splitlines())
    content = verification.load(held, rules, waivers_file=file, on=ON).results
    page = scorecard.render(content)
    assert "<script" not in page
    assert "\u202e" not in page
