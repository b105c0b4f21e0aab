"""A decision on the terminal: order, next steps, groups, colours; and what --probe left out."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from test_gate import FLIPS, decide, flips, record, rule

from auditor import metrics, results
from auditor.cli import decision as shown
from auditor.types import (
    LEFT_OUT,
    NO_RETRAINING,
    NOT_SELECTED,
    SKIPPED,
    Decision,
    Measurement,
    Metric,
    ProbeRecord,
    Row,
    Rule,
    Skipped,
)
from auditor.verdicts import advice, gate
from auditor.verdicts.policy import Policy

GAP = Metric("gap", "gap", "gap", "points", 0.0, 1.0, "lower")
MEANS = {"old": 0.2, "middle": 0.5, "young": 0.9}


def gap(axis: str = "age", **means: float) -> Measurement:
    """A gap whose groups have these means over fifty sentences."""
    rows = [Row(f"s{i}", f"positive/{name}", mean, 1.0) for i in range(50) for name, mean in (means or MEANS).items()]
    return metrics.measurement(GAP, {"axis": axis}, rows, n_cases=150)


def content(decision: Decision, policy: Policy, records: Sequence[ProbeRecord]) -> dict[str, Any]:
    """As much of results.json as next steps read."""
    return {
        "candidate": "m",
        "task": {"metric": "accuracy"},
        "config": {},
        "models": [{"name": "m", "training": None}],
        "records": [results.record_dict(item) for item in records],
        "policy": results.policy_dict(policy),
        "decision": results.decision_dict(decision, policy),
    }


def noise(*measured: Measurement) -> ProbeRecord:
    """A probe whose failures on typos have a remedy."""
    drop = Metric("drop_over_changed_cases", "drop", "mean", "share", -1.0, 1.0, "lower")
    return record(*measured, probe="noise", role="robustness", limitation="noise", metrics=(FLIPS, drop))


def printed(
    capsys: pytest.CaptureFixture[str], rules: list[Rule], *records: ProbeRecord, **how: Any
) -> tuple[Decision, list[str]]:
    policy = Policy("test", "0", tuple(rules))
    decision = gate.decide(policy, records, "m")
    steps = advice.next_steps(content(decision, policy, records), "my audit")
    shown.show(decision, policy, records, steps=steps, **{"as_json": False, **how})
    return decision, capsys.readouterr().out.splitlines()


def test_passes_come_first_then_what_is_undecided_and_failures_last_above_the_decision(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = record(
        flips(80, 200, {"axis": "bad"}),
        flips(5, 60, {"axis": "open"}),
        flips(2, 200, {"axis": "good"}),
        flips(0, 200, {"axis": "gone"}, vacuous=0.9),
        limitation="noise",
    )
    advisory = rule(slice={"axis": "bad"}, required="never")
    wrong = rule(slice={"axis": "nowhere"})
    _, lines = printed(capsys, [rule(), advisory, wrong], found)
    marks = [" ".join(line.split()[:2]) for line in lines]
    assert marks == [
        "pass p",
        "not applicable",
        "not measured",
        "inconclusive p",
        "fail (advisory)",
        "fail p",
        "→ add",
        "Hold: 1",
    ]
    assert "[axis bad] 0.400 (limit 0.1): outside its limit" in lines[5]


def test_an_advice_stands_once_below_the_failures_that_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    two = noise(flips(80, 200, {"family": "typos"}), flips(90, 200, {"family": "case"}))
    other = record(flips(80, 200, {"family": "c"}), probe="domain_shift")
    rules = [rule(probe=name, slice={"family": "*"}) for name in ("noise", "domain_shift")]
    _, lines = printed(capsys, rules, two, other)
    assert [line.split()[0] for line in lines] == ["fail", "fail", "→", "fail", "→", "Hold:"]
    assert "audit remedy 'my audit' proposes" in lines[2]


def test_a_failed_gap_names_its_groups(capsys: pytest.CaptureFixture[str]) -> None:
    measured = replace(gap(), detail="largest: young 0.900; smallest: old \x1b[31m0.200")
    _, lines = printed(capsys, [rule(probe="bias", metric="gap")], record(measured, probe="bias", metrics=(GAP,)))
    said = "fail  bias gap [axis age] 0.700 (limit 0.1); largest: young 0.900; smallest: old \\x1b[31m0.200: "
    assert lines[0].startswith(f"          {said}")
    assert lines[1].strip().startswith("→ ")


def test_programs_are_told_every_group_of_a_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    young = replace(flips(5, 60, {"axis": "age", "group": "young"}), metric="rate")
    found = record(replace(gap(), detail="young against old"), young, probe="bias", metrics=(GAP,))
    rules = [rule(probe="bias", metric="gap")]
    decision = gate.decide(Policy("p", "0", tuple(rules)), [found], found.model)
    shown.show(decision, Policy("p", "0", tuple(rules)), [found], steps={}, as_json=True)
    (verdict,) = json.loads(capsys.readouterr().out)["verdicts"]
    assert verdict["detail"] == "young against old"
    (group,) = verdict["groups"]
    assert (group["group"], group["metric"], group["n_clusters"]) == ("young", "rate", young.n_clusters)
    assert group["low"] <= group["value"] <= group["high"]


def test_programs_are_told_the_next_step_of_every_failure_and_of_nothing_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = noise(
        flips(80, 200, {"family": "case"}), flips(90, 200, {"family": "typos"}), flips(2, 200, {"family": "words"})
    )
    other = record(flips(80, 200, {"axis": "a"}), probe="theirs", limitation="calibration")
    rules = [rule(probe="noise", slice={"family": "*"}), rule(probe="theirs", required="never")]
    decision, lines = printed(capsys, rules, found, other, as_json=True)
    verdicts = json.loads("\n".join(lines))["verdicts"]
    assert [(one["outcome"], one.get("next")) for one in verdicts] == [
        ("fail", "audit remedy 'my audit' proposes a training recipe"),
        ("fail", "audit remedy 'my audit' proposes a training recipe"),
        ("pass", None),
        ("fail", "fit a temperature on validation rows"),
    ]
    assert ["next" in one for one in verdicts] == [one.outcome == "fail" for one in decision.verdicts]


def test_a_value_that_is_shown_without_a_limit_is_said_to_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    _, lines = printed(capsys, [rule(max=None, required="never")], record(flips(5, 60, {"axis": "a"})))
    assert lines[0] == "         shown (advisory)  p flips [axis a] 0.083: shown without a limit"


def test_what_was_not_measured_stands_in_one_block_below_the_decision(capsys: pytest.CaptureFixture[str]) -> None:
    found = record(flips(2, 200, {"axis": "a"}), skipped=(Skipped({"axis": "b"}, "no list of them"),))
    _, lines = printed(capsys, [rule(slice={"axis": ("a", "b")})], found)
    assert lines[1:] == [
        "Undecided: 1 of 2 required checks inconclusive or not measured.",
        "not measured:",
        "  p [b] (required) – no list of them",
    ]


def test_advisory_rules_that_nothing_answers_share_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    advisory = rule(slice={"axis": ("x", "y")}, required="never")
    _, lines = printed(capsys, [rule(), advisory], record(flips(2, 200, {"axis": "a"})))
    assert [line.split()[0] for line in lines] == ["pass", "Release:", "not", "p"]
    assert lines[3] == "  p [x; y] (advisory) – no slice of this probe matches the rule"


def test_quiet_is_the_decision_alone(capsys: pytest.CaptureFixture[str]) -> None:
    decision, lines = printed(capsys, [rule()], record(flips(80, 200, {"axis": "a"})), quiet=True)
    assert lines == [decision.headline]


def test_a_crash_is_named_below_the_decision(capsys: pytest.CaptureFixture[str]) -> None:
    crashed = record(status="failed", reason="ValueError: no\x1b[2J")
    _, lines = printed(capsys, [rule()], crashed)
    assert lines == [
        "The audit could not be completed: 1 probe crashed.",
        "  m: probe p crashed: ValueError: no\\x1b[2J",
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, True),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({}, False),
    ],
)
def test_colours_are_for_terminals_that_show_them_and_users_who_want_them(
    variables: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    terminal, policy = Terminal(), Policy("test", "0", (rule(),))
    records = (record(flips(80, 200, {"axis": "bad"}), flips(2, 200, {"axis": "good"})),)
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", terminal)
        shown.show(gate.decide(policy, records, "m"), policy, records, steps={0: "wait"}, as_json=False)
    lines = terminal.getvalue().splitlines()
    assert [line.startswith("\x1b[32m") for line in lines] == [coloured, False, False, False]
    assert [line.startswith("\x1b[31m") for line in lines] == [False, coloured, False, coloured]
    assert ("\x1b" in terminal.getvalue()) is coloured


def test_a_file_gets_no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert not shown.has_colours()


def test_json_is_the_whole_decision(capsys: pytest.CaptureFixture[str]) -> None:
    decision, lines = printed(capsys, [rule()], record(flips(80, 200, {"axis": "a"})), as_json=True, quiet=True)
    found = json.loads("\n".join(lines))
    assert (found["policy"], found["headline"]) == ("test", decision.headline)


NOISE, BIAS, QUALITY = (rule(probe=name) for name in ("noise", "bias", "quality"))
SHIFT = rule(probe="domain_shift", required="when_input_given")


def left_out(probe: str, *missing: str) -> ProbeRecord:
    return record(probe=probe, status="not_applicable", reason=NOT_SELECTED, missing=missing)


@pytest.mark.parametrize(
    ("events", "code", "headline"),
    [
        (
            2,
            3,
            "Undecided: only noise was measured, within the limits; "
            "required rules of bias and quality were left out by --probe.",
        ),
        (80, 1, "Hold: 1 of 4 required checks outside the limits."),
        (
            20,
            3,
            "Undecided: 1 of 4 required checks inconclusive or not measured; "
            "required rules of bias and quality were left out by --probe.",
        ),
    ],
)
def test_what_probe_left_out_is_said_in_one_clause_and_releases_nothing(events: int, code: int, headline: str) -> None:
    measured = record(flips(events, 200, {"axis": "a"}), probe="noise")
    found = decide(
        [NOISE, BIAS, QUALITY, rule(probe="bias", slice={"axis": "x"}), SHIFT],
        *(measured, left_out("bias"), left_out("quality"), left_out("domain_shift", "domains")),
    )
    assert (found.exit_code, found.headline) == (code, headline)
    assert sum("left out by --probe" in reason for reason in found.reasons) == (code == 3)


def test_each_flag_is_named_with_the_probes_that_it_left_out() -> None:
    measured = record(flips(2, 200, {"axis": "a"}), probe="noise")
    skipped = (replace(left_out(probe), reason=SKIPPED) for probe in ("bias", "triggers"))
    rules = [NOISE, *(rule(probe=probe) for probe in ("bias", "quality", "triggers", "low_resource"))]
    found = decide(
        rules,
        *(measured, left_out("quality"), replace(left_out("low_resource"), reason=NO_RETRAINING), *skipped),
    )
    assert (found.exit_code, found.headline) == (
        3,
        "Undecided: only noise was measured, within the limits; required rules of quality were left out by --probe, "
        "and of bias and triggers were left out by --skip, and of low_resource were left out by --fast.",
    )


@pytest.mark.parametrize("reason", LEFT_OUT)
def test_a_rule_of_what_was_left_out_and_lacks_its_input_is_not_open(reason: str) -> None:
    measured = record(flips(2, 200, {"axis": "a"}), probe="noise")
    found = decide([NOISE, SHIFT], measured, replace(left_out("domain_shift", "domains"), reason=reason))
    assert (found.exit_code, found.verdicts[1].outcome) == (0, "not_applicable")


def test_a_domain_that_was_not_given_is_never_asked_for_by_the_gate(capsys: pytest.CaptureFixture[str]) -> None:
    measured = record(flips(2, 200, {"axis": "a"}), probe="noise")
    found = decide([NOISE, SHIFT], measured, left_out("domain_shift", "domains"))
    assert found.exit_code == 0
    verdict = found.verdicts[1]
    assert (verdict.outcome, verdict.reason) == ("not_applicable", "no other domain given (--domain name=file)")
    _, lines = printed(capsys, [NOISE, SHIFT], measured, replace(left_out("domain_shift", "domains"), reason="no"))
    assert not any("required" in line for line in lines if "domain_shift" in line)


def test_a_domain_that_was_given_and_left_out_is_open() -> None:
    measured = record(flips(2, 200, {"axis": "a"}), probe="noise")
    found = decide([NOISE, SHIFT], measured, left_out("domain_shift"))
    assert found.headline == (
        "Undecided: only noise was measured, within the limits; "
        "required rules of domain_shift were left out by --probe."
    )


def test_a_policy_that_asks_only_for_what_was_selected_decides() -> None:
    measured = record(flips(2, 200, {"axis": "a"}), probe="noise")
    assert decide([NOISE], measured, left_out("bias")).exit_code == 0


def test_without_any_measured_probe_nothing_is_said_to_be_measured() -> None:
    assert decide([BIAS], left_out("bias")).headline == (
        "Undecided: nothing was measured; required rules of bias were left out by --probe."
    )
