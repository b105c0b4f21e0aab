"""The documentation: what is made from the code is as the code is, links lead somewhere, examples run."""

from __future__ import annotations

import inspect
import re
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest
from fakes import script
from tiny import tiny_checkpoint

from auditor import data, metrics, tasks, types
from auditor.cli.main import main
from auditor.plugins import registry
from auditor.testing import check_probe, check_task
from auditor.types import Example, limitations

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")])
LINK = re.compile(r"\]\(([^)#]+)(#[^)]*)?\)")


UNSAID = {"Cell", "Finding", "FloatArray", "Model", "Request", "Status"}
"""Names that the reference for probes mentions without a section of their own."""
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
    # What follows the first file belongs into it too.
    if page == "write-a-probe.md":
        (tmp_path / "question_marks.py").write_text("\n\n".join(before), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    named: dict[str, Any] = {}
    exec(code, named)
    (test,) = (named[name] for name in named if name.startswith("test_"))
    test()
    sys.modules.pop("question_marks", None)


def test_the_metrics_by_slice_of_the_how_to_leave_unedited_texts_out(tmp_path: Path) -> None:
    first, second, _ = blocks("how-to/write-a-probe.md", "python")
    (tmp_path / "endings.py").write_text(f"{first}\n\n{second}", encoding="utf-8")
    named = runpy.run_path(str(tmp_path / "endings.py"))
    task = tasks.create("text-classification", ("negative", "positive"))
    rows = [Example(f"home:{n}", {"text": f"film {n}{'?' if n % 4 == 0 else '.'}"}, "positive") for n in range(40)]
    record = check_probe(named["Endings"](), task, examples={"home": rows})
    counted = {(each.metric, each.slice["ending"]): each.n_cases for each in record.measurements}
    assert counted == {("accuracy", "own"): 40, ("accuracy", "question mark"): 30, ("changed", "question mark"): 30}


def test_the_how_to_names_every_limitation() -> None:
    page = (ROOT / "docs" / "how-to" / "write-a-probe.md").read_text(encoding="utf-8")
    (said,) = re.findall(r"^- `limitation` is a row of the scorecard: (.*?)\.$", page, flags=re.M | re.S)
    assert tuple(re.findall(r"`([^`]+)`", said)) == limitations.IDS


def test_help_and_how_to_name_the_probes_that_a_budget_does_not_limit(generated: dict[str, str]) -> None:
    own = sorted(probe.name for probe in registry.discover() if "available" in vars(type(probe)))
    commands = " ".join(generated["commands.md"].split())
    (said,) = re.findall(
        r"use at most N examples per data set and probe; it does not limit the sentences of ([\w, ]+ and \w+)", commands
    )
    assert said.replace(" and ", ", ") == ", ".join(own)
    page = (ROOT / "docs" / "how-to" / "long-runs.md").read_text(encoding="utf-8")
    (said,) = re.findall(r"The probes (.*?) have sentences of their own", page)
    assert re.findall(r"`(\w+)`", said) == own


def test_the_reference_for_probes_gives_every_field_and_metric_a_meaning(generated: dict[str, str]) -> None:
    page = generated["probe-api.md"]
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) > 100
    assert [row for row in rows if row.endswith("|  |")] == []
    entries = [line for line in page.splitlines() if line.startswith("- `")]
    assert [line for line in entries if line.endswith("`: ")] == []
    functions = [name for name in metrics.__all__ if inspect.isfunction(getattr(metrics, name))]
    assert [name for name in functions if f"- `{name}(" not in page] == []


def test_the_types_in_the_signatures_of_the_reference_for_probes_stand_there_too(generated: dict[str, str]) -> None:
    page = generated["probe-api.md"]
    said = set(re.findall(r"^#### `(\w+)`", page, flags=re.M)) | set(re.findall(r"^\| `([A-Z]\w+)`", page, flags=re.M))
    signatures = " ".join(re.findall(r"^(?:- |\| `\w+` \| )`([^`]+)`", page, flags=re.M))
    named = {name for name in types.__all__ if name[0].isupper() and re.search(rf"\b{name}\b", signatures)}
    assert named - said == UNSAID


def test_the_how_to_names_every_member_of_a_task() -> None:
    page = (ROOT / "docs" / "how-to" / "write-a-task.md").read_text(encoding="utf-8")
    members, _ = page.split("It is built as `Task(labels, mapping, settings)`")
    assert set(tasks.CONTRACT) - set(re.findall(r"`(\w+)(?:\([\w, ]*\))?`", members)) == set()


def test_the_task_of_the_how_to_keeps_its_contract() -> None:
    named: dict[str, Any] = {}
    exec(blocks("how-to/write-a-task.md", "python")[0], named)
    rows = [
        {"question": f"which colour, {n}?", "context": f"it is {label}", "label": [label, *more]}
        for n, more in enumerate(([], ["green"]))
        for label in ("blue", "red")
    ]
    task = check_task(named["TASK"], rows, labels=("blue", "red", "green"))
    assert (task.name, task.show_gold(["blue", "green"])) == ("toy-qa", "blue or green")
    read = [example.gold for example in data.load(data.source(rows, "data"), name="home", task=task).examples]
    assert read == [["blue"], ["red"], ["blue", "green"], ["red", "green"]]


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
