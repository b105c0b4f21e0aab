"""Verdicts as tests: pytest --audit-results, run by pytest itself."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pytest
import small_results

from auditor import load, results
from auditor.errors import AuditError
from auditor.results import verification
from auditor.types.waivers import Waived, Waiver, Waivers
from auditor.verdicts import waiving

pytest_plugins = ["pytester"]
ROOT = Path(__file__).resolve().parent.parent
PLUGIN = ("-p", "no:auditor", "-p", "auditor.pytest_plugin", "-p", "no:cacheprovider")
HEAVY = ("torch", "transformers", "pyarrow", "pandas", "scipy", "numpy", "auditor.results", "auditor.types")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audit of a good model, released."""
    return small_results.write(tmp_path_factory.mktemp("good") / "audit", "quality")


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audit of a model that knows no word of praise, held."""
    return small_results.write(tmp_path_factory.mktemp("bad") / "audit", "quality", "noise", known=("none",))


def names(content: str) -> set[str]:
    return {line.split("::", 1)[1] for line in content.splitlines() if "::" in line}


def test_a_release_passes_every_test(good: Path, pytester: pytest.Pytester) -> None:
    done = pytester.runpytest_inprocess(*PLUGIN, "--audit-results", str(good), "-v", "-rs")
    audited = verification.load(good)
    passed = [verdict for verdict in audited.decision.verdicts if verdict.outcome == "pass"]
    skipped = [verdict for verdict in audited.decision.verdicts if verdict.outcome == "not_applicable"]
    done.assert_outcomes(passed=len(passed) + 1, skipped=len(skipped))
    assert done.ret == 0
    done.stdout.fnmatch_lines(["*::quality gain_over_majority PASSED*", "*::decision PASSED*"])


def test_a_failed_rule_fails_with_its_reason_and_next_step(bad: Path, pytester: pytest.Pytester) -> None:
    done = pytester.runpytest_inprocess(*PLUGIN, "--audit-results", str(bad), "-k", "quality")
    assert done.ret == 1
    done.stdout.fnmatch_lines(
        ["*quality gain_over_majority: *limit 0.1*; fail: outside its limit*", "→ train longer or on more rows*"]
    )
    done.stdout.no_fnmatch_line("*Traceback*")
    done.stdout.no_fnmatch_line("*pytest_plugin.py*")


def test_undecided_fails_or_is_skipped(tmp_path: Path, pytester: pytest.Pytester) -> None:
    folder = small_results.write(tmp_path / "audit", "quality", n=18, known=("good", "great", "fine"))
    assert verification.load(folder).decision.exit_code == 3
    for words, code in (((), 1), (("--audit-undecided=fail",), 1), (("--audit-undecided=skip",), 0)):
        done = pytester.runpytest_inprocess(*PLUGIN, "--audit-results", str(folder), *words, "-rs")
        assert done.ret == code
        done.stdout.fnmatch_lines(["*inconclusive: *"])
    assert done.parseoutcomes().get("passed", 0) == sum(
        verdict.outcome == "pass" for verdict in verification.load(folder).decision.verdicts
    )


def test_an_advisory_failure_and_what_does_not_apply_are_skipped(bad: Path, pytester: pytest.Pytester) -> None:
    policy = pytester.path / "advisory.toml"
    rule = '[[rule]]\nprobe = "quality"\nmetric = "{metric}"\n{limit}\nrequired = "{required}"\nwhy = "For readers."\n'
    policy.write_text(
        rule.format(metric="gain_over_majority", limit="min = 0.9", required="never")
        + rule.format(metric="accuracy", limit="min = 0.1", required="always"),
        encoding="utf-8",
    )
    done = pytester.runpytest_inprocess(
        *PLUGIN, "--audit-results", str(bad), "--audit-policy", str(policy), "-rs", "-v"
    )
    done.assert_outcomes(passed=2, skipped=1)
    done.stdout.fnmatch_lines(["*advisory: quality gain_over_majority*fail*"])


def test_a_crashed_probe_fails(good: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    audited = verification.load(good)
    crashed = replace(audited.records[0], status="failed", reason="ValueError: \x1b[31mno")
    monkeypatch.setattr(verification, "load", lambda *_, **__: replace(audited, records=(crashed,)))
    done = pytester.runpytest_inprocess(*PLUGIN, "--audit-results", str(good))
    done.stdout.fnmatch_lines(["*the probe crashed: ValueError: \\x1b[[]31mno*"])
    assert done.parseoutcomes()["failed"] == 1


@pytest.mark.parametrize("state", ["in force", "expired"])
def test_a_waiver_in_force_skips_and_an_expired_one_fails(
    state: Literal["in force", "expired"], bad: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    audited = verification.load(bad)
    failed = next(verdict for verdict in audited.decision.verdicts if verdict.outcome == "fail")
    waived = replace(failed, waiver=Waived(0, state, "waived until 2027-03-01: known (search team)"))
    decision = replace(audited.decision, verdicts=(waived,))
    monkeypatch.setattr(verification, "load", lambda *_, **__: replace(audited, decision=decision))
    done = pytester.runpytest_inprocess(*PLUGIN, "--audit-results", str(bad), "-rs", "-k", "not decision")
    done.stdout.fnmatch_lines(["*waived until 2027-03-01: known (search team): quality gain_over_majority*"])
    assert done.ret == (0 if state == "in force" else 1)


WAIVED = """
def test_results(audit_results):
    assert audit_results.decision.exit_code == {code}
"""


@pytest.mark.parametrize(("today", "decided", "code"), [("2026-03-01", 3, 0), ("2026-03-02", 1, 1)])
def test_waivers_are_judged_on_the_current_day(
    today: str, decided: int, code: int, tmp_path: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiver = Waiver("quality", "gain_over_majority", {}, "known", "search team", date(2026, 3, 1))
    waivers = Waivers("waivers.toml", "0" * 64, date(2026, 2, 1), (waiver,))
    folder = small_results.write(tmp_path / "audit", "quality", known=("none",), waivers=waivers)
    monkeypatch.setattr(waiving, "today", lambda: date.fromisoformat(today))
    pytester.makepyfile(WAIVED.format(code=decided))
    done = pytester.runpytest_inprocess(*PLUGIN, "--audit-results", str(folder), "-k", "gain or test_results")
    outcomes = done.parseoutcomes()
    assert (done.ret, outcomes.get("failed", 0), outcomes["passed"]) == (code, code, 1)


@pytest.mark.parametrize("kind", ["missing", "changed", "policy"])
def test_what_is_no_results_folder_is_a_usage_error(kind: str, tmp_path: Path, pytester: pytest.Pytester) -> None:
    folder = tmp_path / "audit"
    words = []
    if kind != "missing":
        small_results.write(folder, "quality")
    if kind == "changed":
        small_results.edit(folder, lambda content: content["decision"].update(headline="Release."), seal=True)
    if kind == "policy":
        words = ["--audit-policy", str(tmp_path / "none.toml")]
    with pytest.raises(AuditError) as caught:
        verification.load(folder, Path(words[1]) if words else None)
    done = pytester.runpytest_inprocess(*PLUGIN, "--audit-results", str(folder), *words)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert caught.value.line in done.stderr.str() + done.stdout.str()


FIXTURE = """
def test_results(audit_results):
    assert audit_results.decision.release
    assert {record.probe for record in audit_results.records} == {"quality"}
"""
# pytester forgets the modules that a run imports first: a class of theirs would exist twice.
assert load.__module__ == "auditor.api.loading"


def test_the_fixture_gives_the_results_that_load_gives(good: Path, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(FIXTURE)
    done = pytester.runpytest_inprocess(*PLUGIN, "--audit-results", str(good), "-k", "test_results")
    done.assert_outcomes(passed=1, deselected=len(verification.load(good).decision.verdicts) + 1)
    done = pytester.runpytest_inprocess(*PLUGIN, "-rs")
    done.assert_outcomes(skipped=1)
    done.stdout.fnmatch_lines(["*no results given (--audit-results DIR)*"])


def test_names_are_unique_and_repeat(bad: Path, pytester: pytest.Pytester) -> None:
    collected = [
        pytester.runpytest_inprocess(*PLUGIN, "--audit-results", str(bad), "--collect-only", "-q").stdout.str()
        for _ in range(2)
    ]
    first, second = map(names, collected)
    assert first == second
    assert len(first) == len(verification.load(bad).decision.verdicts) + 1


def installed(folder: Path) -> dict[str, str]:
    """An environment in which pytest finds the plug-in by its entry point, as an installed auditor has it."""
    info = folder / "auditor_entry-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: auditor-entry\nVersion: 0\n", encoding="utf-8")
    entry = "[pytest11]\nauditor_results = auditor.pytest_plugin\n"
    (info / "entry_points.txt").write_text(entry, encoding="utf-8")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}


def test_without_the_flag_it_is_inert_and_loads_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text(
        f"import sys\ndef test_nothing():\n    assert 'auditor.pytest_plugin' in sys.modules\n"
        f"    assert [name for name in {HEAVY!r} if name in sys.modules] == []\n",
        encoding="utf-8",
    )
    words = ["-W", "error", "-p", "no:cacheprovider", "-q", "--rootdir", str(tmp_path), str(tmp_path)]
    # Plug-ins of others, such as hypothesis, may load numpy.
    environment = {**installed(tmp_path), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done: Any = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "auditor_results", *words],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_the_entry_point_is_declared() -> None:
    import tomllib

    project: Any = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"auditor": "auditor.pytest_plugin"}
    assert results.RESULTS == "results.json"
