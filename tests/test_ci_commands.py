"""Outputs for CI from the commands, and a release rehearsed: run, gate, waive, expire."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import small_results
from fakes import reviews
from test_waivers import POLICY, WAIVERS
from tiny import tiny_checkpoint

from auditor import results
from auditor.cli import ci
from auditor.cli.main import main
from auditor.results import outputs

NAMES = {"junit.xml", "audit.sarif", "summary.md", "metrics.json", "metrics.csv", "badge.svg"}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_results.write(tmp_path_factory.mktemp("results") / "audit")


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "audit"))


def gate(folder: Path, *words: object) -> int:
    return main(["gate", str(folder), *map(str, words)])


def test_every_output_goes_to_the_folder_of_ci_and_is_the_same_every_time(folder: Path, tmp_path: Path) -> None:
    assert gate(folder, "--ci", tmp_path / "ci") == 0
    written = {file.name: file.read_bytes() for file in (tmp_path / "ci").iterdir()}
    assert set(written) == NAMES
    assert gate(folder, "--ci", tmp_path / "ci") == 0
    assert {file.name: file.read_bytes() for file in (tmp_path / "ci").iterdir()} == written
    moved = folder.rename(tmp_path / "moved")
    assert gate(moved, "--ci", tmp_path / "again", "--quiet") == 0
    assert {file.name: file.read_bytes() for file in (tmp_path / "again").iterdir()} == written


@pytest.mark.parametrize("flag", ci.FLAGS)
def test_each_output_has_a_flag_and_is_the_one_of_ci(
    flag: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gate(folder, "--ci", tmp_path / "ci") == 0
    capsys.readouterr()
    for name in ci.FLAGS[flag][0]:
        file = tmp_path / "deep" / "er" / name
        assert gate(folder, f"--{flag}", file) == 0
        assert file.read_bytes() == (tmp_path / "ci" / name).read_bytes()
        assert capsys.readouterr().err == f"{flag}: {file}\n"


def test_an_undecided_verdict_may_be_skipped(folder: Path, tmp_path: Path) -> None:
    rules = tmp_path / "policy.toml"
    shown = '[[rule]]\nprobe = "quality"\nmetric = "accuracy"\nslice = { class = "none" }\nmin = 0.5\nwhy = "so"\n'
    rules.write_text(shown, encoding="utf-8")
    for words, tag in ((("--undecided", "skipped"), "<skipped"), ((), "<failure")):
        assert gate(folder, "--policy", rules, "--junit", tmp_path / "junit.xml", *words) == 3
        text = (tmp_path / "junit.xml").read_text(encoding="utf-8")
        assert text.count(tag) == 1
        assert text.count("<skipped") + text.count("<failure") == 1


def test_the_summary_is_appended_to_that_of_the_job(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    step = tmp_path / "step.md"
    step.write_text("before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(step))
    assert gate(folder) == 0
    assert step.read_text(encoding="utf-8") == "before\n"
    assert gate(folder, "--summary", tmp_path / "summary.md") == 0
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert step.read_text(encoding="utf-8") == f"before\n{summary}"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    capsys.readouterr()
    assert gate(folder, "--summary", tmp_path / "summary.md") == 0
    assert f"GITHUB_STEP_SUMMARY: {tmp_path}: cannot be written" in capsys.readouterr().err


# Where they may go.

PLACES = ("junit.xml", "report.xml", "ci/deep/junit.xml")


@pytest.mark.parametrize("place", PLACES)
def test_an_output_inside_a_results_folder_breaks_nothing(place: str, folder: Path) -> None:
    assert gate(folder, "--junit", folder / place) == 0
    assert gate(folder, "--junit", folder / place) == 0
    assert main(["report", str(folder)]) == 0
    assert results.is_ours(folder)
    (folder / place).write_text("mine", encoding="utf-8")
    assert not results.is_ours(folder)


def test_files_of_the_user_beside_outputs_keep_the_folder_from_being_replaced(folder: Path) -> None:
    assert gate(folder, "--ci", folder / "ci") == 0
    assert results.is_ours(folder)
    (folder / "ci" / "notes.txt").write_text("mine", encoding="utf-8")
    assert not results.is_ours(folder)
    (folder / "ci" / "notes.txt").unlink()
    (folder / "ci" / "link").symlink_to(folder / "ci" / "junit.xml")
    assert not results.is_ours(folder)
    (folder / "ci" / "link").unlink()
    (folder / "empty").mkdir()
    assert not results.is_ours(folder)
    (folder / "empty").rmdir()
    for text in ("[]", "{", "[1"):
        (folder / outputs.LIST).write_text(text, encoding="utf-8")
        assert not results.is_ours(folder)
    (folder / outputs.LIST).unlink()
    shutil.rmtree(folder / "ci")
    assert results.is_ours(folder)


BAD = {
    "ending": (("--junit", "junit.txt"), "--junit junit.txt: the name must end in .xml"),
    "two endings": (("--metrics", "m.xml"), "--metrics m.xml: the name must end in .json or .csv"),
    "one file twice": (("--sarif", "a.json", "--metrics", "a.json"), "--metrics a.json: --sarif writes that file too"),
    "one of ci": (("--ci", "ci", "--junit", "ci/junit.xml"), "--junit ci/junit.xml: --ci writes that file too"),
    "a folder": (("--junit", "folder.xml"), "folder.xml: exists and is not a file"),
    "a file as folder": (("--ci", "data.csv"), "--ci data.csv: exists and is not a folder"),
    "in a file": (
        ("--junit", "data.csv/junit.xml"),
        "data.csv/junit.xml: cannot be written: data.csv is no folder to write to",
    ),
    "data": (("--metrics", "data.csv"), "data.csv: exists and was not written by this flag (name another file)"),
    "results": (("--metrics", "audit/results.json"), "exists and was not written by this flag"),
    "results as SARIF": (("--sarif", "audit/results.json"), "exists and was not written by this flag"),
    "another tool's": (("--junit", "pytest.xml"), "pytest.xml: exists and was not written by this flag"),
    "no JUnit": (("--undecided", "skipped"), "--undecided is about JUnit XML (give --junit FILE or --ci DIR too)"),
}


@pytest.mark.parametrize("kind", BAD)
def test_an_output_that_cannot_be_written_is_one_line_and_changes_nothing(
    kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder.parent)
    Path("folder.xml").mkdir()
    Path("data.csv").write_text("text,label\n", encoding="utf-8")
    Path("pytest.xml").write_text('<?xml version="1.0"?><testsuites><testsuite name="pytest"/>', encoding="utf-8")
    before = {file: file.read_bytes() for file in Path().rglob("*") if file.is_file()}
    words, said = BAD[kind]
    assert gate(Path("audit"), *words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert {file: file.read_bytes() for file in Path().rglob("*") if file.is_file()} == before


def test_an_empty_file_may_be_filled(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "junit.xml").touch()
    assert gate(folder, "--junit", tmp_path / "junit.xml") == 0
    assert (tmp_path / "junit.xml").stat().st_size > 0


# A release.


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that guesses, its data, a policy of which it keeps one rule, and waivers of the other."""
    place = tmp_path_factory.mktemp("project")
    tiny_checkpoint(place / "ckpt")
    rows = [f'"{row.inputs["text"]} {n}",{row.gold}' for n, row in enumerate(reviews(40))]
    (place / "test.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    kept = '[[rule]]\nprobe = "quality"\nmetric = "accuracy"\nmin = 0.01\nwhy = "it answers"\n\n'
    (place / "policy.toml").write_text(kept + POLICY.replace("min = 0.1\n", 'required = "never"\n'), encoding="utf-8")
    waivers = WAIVERS.format(rule="quality gain_over_majority")
    (place / "waivers.toml").write_text(waivers, encoding="utf-8")
    return place


def run(project: Path, *words: str) -> int:
    files = ("--model", str(project / "ckpt"), "--data", str(project / "test.csv"))
    return main(["run", *files, "--policy", str(project / "policy.toml"), "--probe", "quality", *words])


def waivers(project: Path, on: str) -> tuple[str, ...]:
    return ("--waivers", str(project / "waivers.toml"), "--on", on)


def test_a_release_is_held_waived_and_held_again_when_the_waiver_expires(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "step.md"))
    out = tmp_path / "audit"
    assert run(project, "--out", "audit", "--ci", "audit/ci") == 1
    assert {file.name for file in (out / "ci").iterdir()} == NAMES
    assert "waivers" not in json.loads((out / "results.json").read_bytes())
    before = (out / "results.json").read_bytes()
    assert gate(out, "--junit", "held.xml") == 1
    assert gate(out, *waivers(project, "2026-12-01"), "--junit", "waived.xml", "--badge", "b.svg") == 0
    assert gate(out, *waivers(project, "2027-03-02"), "--junit", "expired.xml") == 1
    assert "1 waiver expired" in capsys.readouterr().out
    failures = {name: Path(f"{name}.xml").read_text().count("<failure") for name in ("held", "waived", "expired")}
    assert failures == {"held": 1, "waived": 0, "expired": 1}
    assert "release, 1 waived" in Path("b.svg").read_text()
    assert (out / "results.json").read_bytes() == before
    # The folder with outputs in it is replaced by the next audit.
    assert run(project, "--out", "audit", "--ci", "audit/ci", *waivers(project, "2026-12-01")) == 0
    recorded = json.loads((out / "results.json").read_bytes())
    assert recorded["waivers"]["on"] == "2026-12-01"
    assert "Waivers, judged on 2026-12-01" in (out / "scorecard.html").read_text(encoding="utf-8")
    assert gate(out, "--on", "2026-12-01") == 0
    assert gate(out, "--on", "2027-03-02") == 1
    assert Path("step.md").read_text(encoding="utf-8").count("# Audit: hold\n") == 1
    # Without waivers the same inputs give the same bytes.
    assert run(project, "--out", "audit") == 1
    assert (out / "results.json").read_bytes() == before


def test_the_next_release_is_audited_compared_and_held_where_it_became_worse(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("last", "next"):
        assert run(project, "--out", name) == 1
    assert main(["compare", "last", "next", "--out", "same.html"]) == 0
    assert "worse" not in [line.split(":")[0].strip() for line in capsys.readouterr().out.splitlines()]
    assert gate(Path("next"), "--against", "last", *waivers(project, "2026-12-01")) == 0
    small_results.write(tmp_path / "good")
    small_results.write(tmp_path / "worse", known=("good", "great"))
    assert gate(Path("worse")) == 0
    capsys.readouterr()
    assert main(["compare", "good", "worse", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["worse"] > 0
    assert gate(Path("worse"), "--against", "good", "--junit", "worse.xml") == 1
    assert Path("worse.xml").read_text(encoding="utf-8").count("<failure") == 1


def test_the_config_names_waivers_from_its_own_folder(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(project / "waivers.toml", tmp_path / "w.toml")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "audit.toml").write_text('[audit]\nwaivers = "../w.toml"\n', encoding="utf-8")
    assert run(project, "--config", "c/audit.toml", "--out", "audit", "--on", "2026-12-01") == 0
    content = json.loads(Path("audit/results.json").read_bytes())
    assert content["config"]["audit"]["waivers"] == "w.toml"
    assert [use["state"] for use in content["decision"]["waivers"]] == ["in force", "matches nothing"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--on", "2026-12-01"), "there are no waivers to judge"),
        (("--waivers", "none.toml"), "none.toml: no such file of waivers"),
        (("--junit", "x.txt"), "--junit x.txt: the name must end in .xml"),
    ],
)
def test_wrong_flags_end_a_run_before_any_work(
    words: tuple[str, ...],
    said: str,
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(project, "--out", "audit", *words) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_gate_with_every_output_is_fast_and_loads_nothing_heavy(original: Path, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom auditor.cli.main import main\n"
        f"assert main(['gate', {str(original)!r}, '--quiet', '--ci', {str(tmp_path / 'ci')!r}]) == 0\n"
        "heavy = {'torch', 'transformers', 'textattack', 'nlpaug', 'pandas', 'jinja2', 'rich', 'lxml'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True)
    assert time.monotonic() - began < 30
