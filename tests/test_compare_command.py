"""``audit compare`` and ``audit gate --against``: lines, JSON, page and exit codes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import small_results
from two_audits import ACCURACY, DROP, FLIPS, NEITHER, measured, record, rows, rule, yes
from two_audits import audit as audited

import auditor
from auditor import results
from auditor.cli import compare as command
from auditor.cli import regressions as lines
from auditor.cli.main import main
from auditor.errors import AuditError, ResultsError, one_line
from auditor.results import comparing
from auditor.types import Decision, Regression
from auditor.verdicts import pairs
from reports import comparison

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "fixtures" / "results"
HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e=cmd()|\n\x00"
CHANGE: dict[str, Any] = {
    **{"probe": str, "metric": str, "title": str, "unit": str, "better": str, "slice": dict, "required": bool},
    **{"conclusion": str, "old": float, "new": float, "value": float, "low": float, "high": float},
    **{"tolerance": float, "paired": bool, "p": (float, type(None)), "mcnemar": (dict, type(None))},
    **{"clusters": int, "clusters_old": int, "clusters_new": int, "cluster_unit": (str, type(None))},
    **{"method": str, "reason": str},
}
"""Key of a change in the JSON → its type."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("compared")
    made = {"old": small_results.write(root / "old"), "new": small_results.write(root / "new", known=("good", "great"))}
    made["seed"] = shutil.copytree(made["new"], root / "seed")
    small_results.edit(made["seed"], lambda content: content.update(seed=1), seal=True)
    return made


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    output = capsys.readouterr()
    return code, output.out, output.err


def document(name: str = "release-2", **slices: str) -> dict[str, Any]:
    """A comparison with every conclusion, of synthetic audits."""
    given = {
        "worse": (ACCURACY, yes(360, 400), yes(300, 400)),
        "better": (FLIPS, yes(90, 400), yes(20, 400)),
        "alike": (FLIPS, yes(40, 400), yes(42, 400)),
        "few": (FLIPS, yes(4, 40), yes(6, 30)),
    }
    sides = [
        [
            measured(metric, rows(values[side]), {"part": slices.get(part, part)})
            for part, (metric, *values) in given.items()
        ]
        for side in (0, 1)
    ]
    for side, measurements in enumerate(sides):
        own = rows([0.9, 0.8, 1.0] * 20, "first", count=3.0) + rows(
            [0.6 - side / 5, 0.5, 0.9] * 20, "second", count=3.0
        )
        measurements.append(measured(DROP, own))
    lone = measured(NEITHER, rows(yes(5, 50)))
    rules = [rule(metric="accuracy", max=None, min=0.5, slice={"part": "*"}), rule(slice={"part": "*"})]
    old, new = (
        audited(record(*side, lone), rules=rules, fingerprint=fingerprint)
        for side, fingerprint in zip(sides, ("a1" * 8, "b2" * 8), strict=True)
    )
    new.results["candidate"] = new.results["models"][0]["name"] = name
    new.records = tuple(type(one)(**{**fields(one), "model": name}) for one in new.records)
    for verified in (old, new):
        verified.decision = Decision(0, True, "Release: 4 required verdicts, all within the limits.", ())  # type: ignore[attr-defined]
    matched = pairs.match(old, new, paired=True)
    return comparing.Compared(old, new, matched).document()  # type: ignore[arg-type]


def fields(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__slots__}


# ---- the page --------------------------------------------------------------------------------------------------


def test_the_golden_page_is_reproduced_byte_for_byte() -> None:
    """``python tests/test_compare_command.py`` writes document and page anew."""
    recorded = json.loads((FIXTURES / "comparison.json").read_text(encoding="utf-8"))
    golden = (FIXTURES / "comparison.html").read_text(encoding="utf-8")
    assert comparison.render(recorded) == golden
    assert comparison.render(json.loads(json.dumps(document()))) == golden


def test_the_page_runs_no_script_loads_nothing_and_closes_every_tag() -> None:
    page = comparison.render(document())
    assert not re.search(r"<script|javascript:|\son\w+=|<link|<img|https?://|url\(", page)
    assert "default-src 'none'" in page
    ids = re.findall(r'id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)
    for tag in ("section", "table", "tr", "td", "ul", "li", "div", "p", "h2"):
        assert len(re.findall(rf"<{tag}[ >]", page)) == page.count(f"</{tag}>"), tag


def test_every_conclusion_has_its_section_and_the_numbers_are_there() -> None:
    page = comparison.render(document())
    for words in ("worse", "better", "no difference shown", "cannot tell", "30 common of 40 old, 30 new"):
        assert words in page
    assert "(McNemar: 0 only new, 60 only old)" in page
    assert "neither higher nor lower values are better" in page


def test_long_sections_are_folded_but_for_what_is_worse() -> None:
    content = document()
    for change in content["changes"]:
        repeated = [change] * 20
        page = comparison.render({**content, "changes": repeated})
        assert ("<details" in page) == (change["conclusion"] != "worse")


def test_nothing_compared_makes_a_page_too() -> None:
    content = {**document(), "changes": [], "not_compared": [], "counts": dict.fromkeys(document()["counts"], 0)}
    page = comparison.render(content)
    assert page.count("No slice.") == 4
    assert "Everything that both audits measured is compared." in page


def test_hostile_text_is_harmless_on_page_and_terminal() -> None:
    content = document(HOSTILE, worse=HOSTILE)
    page = comparison.render(content)
    assert "<script" not in page
    assert not set("\x1b\u202e\x00") & set(page)
    for _, line in command.lines(content):
        assert one_line(line).isprintable()


def test_many_slices_of_a_conclusion_are_cut_on_the_terminal_and_counted() -> None:
    content = document()
    better = [change for change in content["changes"] if change["conclusion"] == "better"] * 14
    shown = [line for _, line in command.lines({**content, "changes": better, "counts": {"better": 14}})]
    assert sum("p flips" in line for line in shown) == command.SHOWN
    assert "better  … 4 more: --json and --out list them" in "\n".join(shown)


# ---- the command -----------------------------------------------------------------------------------------------


def test_a_folder_compared_with_itself_shows_nothing(
    folders: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "compare", folders["old"], folders["old"])
    assert (code, err) == (0, "")
    assert "(one model, by its fingerprint)" in out
    assert re.search(r"\d+ slices compared: 0 worse, 0 cannot tell, \d+ no difference shown, 0 better\n$", out)
    content = json.loads(run(capsys, "compare", folders["old"], folders["old"], "--json")[1])
    assert {change["conclusion"] for change in content["changes"]} == {"no difference shown"}
    assert {change["value"] for change in content["changes"]} == {0.0}


def test_what_became_worse_comes_first(folders: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "compare", folders["old"], folders["new"])
    assert code == 0
    first, second, *_ = out.splitlines()
    assert first == "candidate compared with candidate; differences are new − old"
    assert second.strip().startswith("worse  quality ")
    assert "  worse  quality accuracy 1.000 → 0.700, -0.300 (95 % interval " in out
    assert "McNemar p = 7.63e-06): worse at 95 %" in out
    assert "better" in run(capsys, "compare", folders["new"], folders["old"])[1]


def test_the_json_keeps_its_form(folders: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    content = json.loads(run(capsys, "compare", folders["old"], folders["new"], "--json")[1])
    assert list(content) == [
        *("schema", "old", "new", "paired", "same_model", "task", "policy", "counts", "changes", "not_compared")
    ]
    assert content["schema"] == 1
    assert list(content["counts"]) == ["worse", "cannot tell", "no difference shown", "better"]
    assert sum(content["counts"].values()) == len(content["changes"])
    for change in (*content["changes"], *document()["changes"]):
        assert list(change) == list(CHANGE)
        for key, kind in CHANGE.items():
            assert isinstance(change[key], kind), (key, change[key])
    for side in ("old", "new"):
        keys = ["candidate", "path", "fingerprint", "auditor", "seed", "data", "decision"]
        assert list(content[side]) == keys
    for item in (*content["not_compared"], *document()["not_compared"]):
        assert list(item) == ["probe", "metric", "reason", "required", "slices", "slice"]


def test_the_page_is_written_whole_and_is_that_of_python(
    folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "page.html"
    code, printed, _ = run(capsys, "compare", folders["old"], folders["new"], "--out", out)
    assert code == 0
    assert printed.endswith(f"{out}\n")
    found = auditor.compare(folders["old"], folders["new"])
    assert out.read_text(encoding="utf-8") == found.html()
    assert repr(found).startswith("<Comparison of candidate with candidate: ")
    assert (found.exit_code, len(found.regressions)) == (1, 1)
    assert (found.regressions[0].outcome, found.regressions[0].metric) == ("fail", "gain_over_majority")
    code, _, err = run(capsys, "compare", folders["old"], folders["new"], "--out", tmp_path / "page.txt")
    assert (code, not (tmp_path / "page.txt").exists()) == (2, True)
    assert "is not a page (name a file that ends in .html)" in err


def test_other_cases_are_refused_in_one_line_or_compared_unpaired(
    folders: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    old, seed = folders["old"], folders["seed"]
    for arguments in (("compare", old, seed), ("gate", seed, "--against", old)):
        code, out, err = run(capsys, *arguments)
        assert (code, out) == (2, "")
        assert "other cases than in the old audit: seed 1, not 0" in err
        assert err.count("\n") == 1
        code, out, err = run(capsys, *arguments, "--unpaired")
        assert code in (0, 1)
        assert err == ""
        assert "unpaired" in out
    code, out, _ = run(capsys, "compare", folders["old"], folders["seed"], "--unpaired", "--json")
    content = json.loads(out)
    assert not content["paired"]
    assert {(change["paired"], change["p"]) for change in content["changes"]} == {(False, None)}
    page = comparison.render(content)
    assert page.count("unpaired") >= len(content["changes"])
    assert "(unpaired)</h1>" in page


@pytest.mark.parametrize("place", ["old", "new"])
def test_a_folder_that_is_missing_or_changed_is_refused(
    folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    changed = shutil.copytree(folders["old"], tmp_path / "changed")
    small_results.edit(changed, lambda content: content["records"][0].update(status="failed"), seal=False)
    for bad, words in ((tmp_path / "none", "no results.json here"), (changed, "does not match its digest")):
        sides = (bad, folders["old"]) if place == "old" else (folders["old"], bad)
        code, out, err = run(capsys, "compare", *sides)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert words in err
        assert run(capsys, "gate", sides[1], "--against", sides[0])[0] == 2


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--tolerance", "accuracy"], "--tolerance: 'accuracy' is not METRIC=NUMBER"),
        (["--tolerance", "accuracy=x"], "is not METRIC=NUMBER"),
        (["--tolerance", "accuracy=-1"], "accuracy = -1 is not a number from 0 on"),
        (["--tolerance", "acuracy=1"], "did you mean 'accuracy'?"),
        (["--tolerance", "accuracy=1", "--tolerance", "accuracy=2"], "'accuracy' is named twice"),
    ],
)
def test_a_wrong_tolerance_is_one_line(
    folders: dict[str, Path], capsys: pytest.CaptureFixture[str], flags: list[str], words: str
) -> None:
    code, _, err = run(capsys, "compare", folders["old"], folders["new"], *flags)
    assert (code, err.count("\n")) == (2, 1)
    assert words in err


@pytest.mark.parametrize("flag", [["--tolerance", "accuracy=0.1"], ["--unpaired"]])
def test_what_says_how_to_compare_needs_an_audit_to_compare_with(
    folders: dict[str, Path], capsys: pytest.CaptureFixture[str], flag: list[str]
) -> None:
    for reading in ("gate", "report"):
        code, _, err = run(capsys, reading, folders["old"], *flag)
        assert code == 2
        assert err.endswith(f"{flag[0]}: says how audits are compared (add --against OLD)\n")


def test_a_page_against_an_earlier_audit_says_how_its_rows_changed(
    folders: dict[str, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    assert run(capsys, "report", folders["new"], "--against", folders["old"], "--out", page)[0] == 0
    assert "▼ 30.0 points worse than before" in page.read_text("utf-8")
    assert run(capsys, "report", folders["new"], "--out", page)[0] == 0
    assert "than before" not in page.read_text("utf-8")


# ---- the gate --------------------------------------------------------------------------------------------------


def test_the_gate_fails_what_became_worse_within_the_absolute_limit(
    folders: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    absolute, _, _ = run(capsys, "gate", folders["new"])
    code, out, err = run(capsys, "gate", folders["new"], "--against", folders["old"])
    assert (absolute, code, err) == (0, 1, "")
    assert "  pass  quality gain_over_majority 0.200" in out
    assert "  fail  against old: quality gain_over_majority 0.500 → 0.200, -0.300 (95 % interval " in out
    assert out.endswith("Worse than the old audit: 1 slice beyond the tolerance.\n")
    quiet = run(capsys, "gate", folders["new"], "--against", folders["old"], "--quiet")[1]
    assert len(quiet.splitlines()) == 2


def test_the_gate_passes_one_model_against_itself(folders: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "gate", folders["old"], "--against", folders["old"])
    assert code == 0
    assert out.endswith("No worse than the old audit: 1 slice within the tolerance.\n")
    wide = run(capsys, "gate", folders["new"], "--against", folders["old"], "--tolerance", "gain_over_majority=0.6")
    assert wide[0] == 0


def test_the_gates_json_has_the_code_of_both(folders: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "gate", folders["new"], "--against", folders["old"], "--json")
    content = json.loads(out)
    assert (code, content["exit_code"], content["release"]) == (1, 1, False)
    assert content["against"]["exit_code"] == 1
    (judged,) = content["against"]["regressions"]
    assert list(judged) == [
        *("probe", "metric", "slice", "conclusion", "outcome", "required", "old", "new", "value", "low", "high"),
        *("tolerance", "paired", "reason"),
    ]
    assert content["against"]["not_compared"] == []
    assert "against" not in json.loads(run(capsys, "gate", folders["new"], "--json")[1])


def test_outputs_for_ci_hold_what_became_worse(
    folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {flag: tmp_path / name for flag, name in (("--junit", "junit.xml"), ("--summary", "summary.md"))}
    flags = [word for pair in files.items() for word in pair]
    assert run(capsys, "gate", folders["new"], "--against", folders["old"], *flags)[0] == 1
    for file in files.values():
        assert "worse by more than the tolerance" in file.read_text(encoding="utf-8")


def test_a_slice_that_new_lacks_is_undecided(capsys: pytest.CaptureFixture[str]) -> None:
    lines.show([Regression(**{**dict.fromkeys(("old", "new", "value", "low", "high")), **MISSING})], quiet=False)
    printed = capsys.readouterr().out.splitlines()
    assert printed == [
        "  not measured  against old (unpaired): p flips [part a], tolerance 0.05: only the old audit measured it",
        "Undecided against the old audit: 1 slice inconclusive or not measured.",
    ]


def test_what_is_not_compared_has_its_line_and_joins_the_json(capsys: pytest.CaptureFixture[str]) -> None:
    item = {"probe": "p", "metric": "neither", "reason": "because", "required": True, "slices": 2, "slice": None}
    lines.show([], [item, {**item, "slices": 1, "slice": {"part": "a"}}], quiet=False)
    assert capsys.readouterr().out.splitlines() == [
        "  not compared  against old: p neither (2 slices): because; only its limit judges it",
        "  not compared  against old: p neither [part a]: because; only its limit judges it",
        "Undecided against the old audit: no slice of a required rule is compared. Not compared: 2 required numbers.",
    ]
    assert lines.as_json([], [item])["against"]["not_compared"] == [item]


MISSING: dict[str, Any] = {
    **{"probe": "p", "metric": "flips", "slice": {"part": "a"}, "conclusion": "cannot tell"},
    **{"outcome": "not_measured", "required": True, "tolerance": 0.05, "paired": False},
    "reason": "only the old audit measured it",
}


def test_neither_command_loads_torch_and_the_gate_takes_less_than_a_second(folders: dict[str, Path]) -> None:
    heavy = ("torch", "transformers", "textattack", "nlpaug", "sklearn", "pandas")
    old, new = (str(folders[name]) for name in ("old", "new"))
    for arguments in (["compare", old, new], ["gate", new, "--against", old]):
        code = (
            "import sys\nfrom auditor.cli.main import main\n"
            f"main({arguments!r})\n"
            f"sys.exit(', '.join(name for name in {heavy!r} if name in sys.modules) or 0)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
        assert done.returncode == 0, done.stderr
    began = time.process_time()
    main(["gate", new, "--against", old, "--quiet"])
    assert time.process_time() - began < 1.0


def test_the_python_function_raises_what_the_command_prints(folders: dict[str, Path]) -> None:
    with pytest.raises(ResultsError, match="seed 1, not 0"):
        auditor.compare(folders["old"], folders["seed"])
    with pytest.raises(AuditError, match="no metric is called"):
        auditor.compare(folders["old"], folders["new"], tolerances={"x": 0.1})
    found = auditor.compare(folders["old"], folders["seed"], unpaired=True, policy=None)
    assert not found.content["paired"]
    same = auditor.compare(folders["old"], folders["old"])
    assert (same.exit_code, {one.outcome for one in same.regressions}) == (0, {"pass"})


def test_another_policy_says_what_is_required(folders: dict[str, Path], tmp_path: Path) -> None:
    policy = tmp_path / "strict.toml"
    text = '[[rule]]\nprobe = "quality"\nmetric = "accuracy"\nmin = 0.1\nmargin = 0.02\nwhy = "because"\n'
    policy.write_text(text, encoding="utf-8")
    found = auditor.compare(folders["old"], folders["new"], policy=policy)
    assert [(one.metric, one.tolerance, one.outcome) for one in found.regressions] == [("accuracy", 0.02, "fail")]


if __name__ == "__main__":
    content = document()
    results.write_json(FIXTURES / "comparison.json", content)
    (FIXTURES / "comparison.html").write_text(comparison.render(content), encoding="utf-8")
