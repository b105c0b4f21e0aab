"""The documentation: what is made from the code is as the code is, links lead somewhere, examples run."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from fakes import script
from tiny import tiny_checkpoint

from auditor.cli.main import main

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")])
LINK = re.compile(r"\]\(([^)#]+)(#[^)]*)?\)")


GENERATOR = script("docs/generate.py")


@pytest.fixture(scope="module")
def generated() -> dict[str, str]:
    return dict(GENERATOR.pages())


def test_every_page_of_the_reference_is_made() -> None:
    names = {file.name for file in (ROOT / "docs" / "reference").iterdir()}
    assert names == set(GENERATOR.PAGES)


@pytest.mark.parametrize("name", sorted(GENERATOR.PAGES))
def test_the_reference_is_as_the_code_is(name: str, generated: dict[str, str]) -> None:
    file = ROOT / "docs" / "reference" / name
    assert file.read_text(encoding="utf-8") == generated[name], "python docs/generate.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    for target, _ in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_the_readme_is_a_screen() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= 600


def blocks(page: str, language: str) -> list[str]:
    content = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", content, flags=re.M | re.S)


@pytest.mark.parametrize("page", ["write-a-probe.md", "write-a-task.md", "write-a-recipe.md"])
def test_the_test_of_a_how_to_passes(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    *before, code = blocks(f"how-to/{page}", "python")
    for probe in before:
        (tmp_path / "question_marks.py").write_text(probe, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    named: dict[str, Any] = {}
    exec(code, named)
    (test,) = (named[name] for name in named if name.startswith("test_"))
    test()
    sys.modules.pop("question_marks", None)


def test_the_probe_of_the_how_to_runs_and_is_gated_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_checkpoint(tmp_path / "ckpt")
    (tmp_path / "question_marks.py").write_text(blocks("how-to/write-a-probe.md", "python")[0], encoding="utf-8")
    (tmp_path / "limits.toml").write_text(blocks("how-to/write-a-probe.md", "toml")[0], encoding="utf-8")
    rows = "".join(f"good film number {number},{'positive' if number % 2 else 'negative'}\n" for number in range(40))
    (tmp_path / "test.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
    words = ["--model", "ckpt", "--data", "test.csv", "--probe", "question_marks.py", "--probe", "question_marks"]
    assert main(["run", *words, "--policy", "limits.toml", "--device", "cpu"]) in (0, 1, 3)
    said = capsys.readouterr()
    assert "question_marks flip_rate [field text]" in said.out + said.err
    assert main(["probes", "--probe", "question_marks.py"]) == 0
    assert "question_marks (row: noise): Texts that end with a question mark." in capsys.readouterr().out
