"""An audit in a model card: a section shown as it is, metadata that the Hub reads, nothing else changed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import small_results
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import model_index_to_eval_results
from markdown_it import MarkdownIt

from auditor.cli.main import main
from auditor.errors import ResultsError
from auditor.results import model_card as cards
from reports import model_card as page

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "results"
MARKERS = cards.Markers(page.START, page.END)


def recorded() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIXTURES / "results.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_results.write(tmp_path_factory.mktemp("card") / "audit", "quality")


@pytest.fixture(scope="module")
def section(audit: Path) -> str:
    return page.render(small_results.read(audit))


def written(card: str, results: dict[str, Any] | None = None, section: str = f"{page.START}\nx\n{page.END}\n") -> str:
    content = cards.with_audit(card.encode(), section, results or recorded(), MARKERS, "README.md")
    return content.decode()


def test_the_section_says_decision_numbers_and_gaps(audit: Path, section: str) -> None:
    results = small_results.read(audit)
    assert section.startswith(f"{page.START}\n## Audit\n\n**{results['decision']['headline']}**\n")
    assert section.endswith(f"\n{page.END}\n")
    table = [line.split(" | ") for line in section.splitlines() if line.startswith("|")]
    assert {len(cells) for cells in table} == {7}
    (row,) = [cells for cells in table if cells[1] == "quality: accuracy"]
    (measured,) = [
        each
        for record in results["records"]
        if (record["model"], record["probe"]) == ("candidate", "quality")
        for each in record["measurements"]
        if each["metric"] == "accuracy" and not each["slice"]
    ]
    assert row[2] == f"{100 * measured['value']:.1f} %"
    assert "data: test.csv, 90 of 90 rows used" in section
    assert "TODO" not in section
    assert "More Information Needed" not in section


def test_a_hold_names_what_decided_it_and_the_next_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = small_results.write(tmp_path / "audit", "quality", known=("none",))
    assert main(["card", str(folder)]) == 0
    section = capsys.readouterr().out
    assert "**Hold: " in section
    assert "\n- quality, gain over the majority answer (all) 0.0 points, limit ≥ 10.0 points" in section
    assert "→ train longer or on more rows" in section


def test_the_recorded_results_render_and_stay_one_table() -> None:
    section = page.render(recorded())
    html = MarkdownIt("commonmark").enable("table").render(section)
    assert html.count("<table>") == 1
    assert html.count("<h2>") == 1


PLAIN = page.render(recorded())
HOSTILE = (
    "[a](https://evil.example)",
    "![a](x.png)",
    "<script>alert(1)</script>",
    "<!-- auditor:end -->",
    "<https://evil.example>",
    "https://evil.example",
    "www.evil.example",
    "WWW.evil.example",
    "a@evil.example",
    "| b | c |",
    "`code` **bold** _it_ ~~x~~ $x$ {{x}}",
    "line\n# break\n\n- list",
    "&lt;b&gt; \\",
    ":smile: :+1:",
    "tail \u202e right to left",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_data_is_never_markup(text: str) -> None:
    results = recorded()
    home = next(dataset for dataset in results["data"] if dataset["name"] == "home")
    home["path"] = f"{text.replace('/', ' ')}.csv"
    results["policy"]["name"] = text
    results["doubts"] = [text]
    for record in results["records"]:
        for metric in record["metrics"]:
            metric["title"] = text
        record["reason"] = text if record["status"] != "measured" else record["reason"]
    section = page.render(results)
    assert section.count("<!--") == section.count("-->") == 2
    assert "\u202e" not in section
    html = MarkdownIt("gfm-like", {"linkify": False}).render(section)
    assert html.count("<table>") == 1
    assert PLAIN.count("\n| ") == section.count("\n| ")
    for tag in ("<a ", "<img", "<script", "<strong>bold", "<em>", "<s>", "<h1"):
        assert tag not in html
    assert html.count("<code") <= 1
    shown = page.escaped(text)
    assert "\n" not in shown
    assert not re.search(r"(?<!\\)://", shown)
    assert "www." not in shown.casefold()


def test_metadata_are_what_the_hub_reads(audit: Path, tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text("---\nlicense: mit\n---\n# My model\n", encoding="utf-8")
    assert main(["card", str(audit), "--into", str(file)]) == 0
    card = ModelCard.load(file)
    assert card.data.license == "mit"
    (result,) = card.data.eval_results
    results = small_results.read(audit)
    quality = next(each for each in results["records"] if each["role"] == "quality" and each["model"] == "candidate")
    accuracy = next(each for each in quality["measurements"] if each["metric"] == "accuracy" and not each["slice"])
    assert card.data.model_name == "candidate"
    assert (result.task_type, result.dataset_name, result.metric_type) == (
        "text-classification",
        "test.csv",
        "accuracy",
    )
    assert result.metric_value == accuracy["value"]
    assert result.metric_args == {
        "tool": "auditor",
        "version": results["auditor"],
        "low": accuracy["low"],
        "high": accuracy["high"],
        "level": 0.95,
        "n": accuracy["n_clusters"],
        "method": accuracy["method"],
    }


def test_the_hub_has_its_own_name_for_entities() -> None:
    results = recorded()
    results["task"]["name"] = "ner"
    assert {each.task_type for each in cards.metrics(results)} == {"token-classification"}


def metrics_in(card: str) -> list[tuple[str, str]]:
    """Metric and data of each result that the Hub reads."""
    data: Any = ModelCard(card).data
    index = data.to_dict().get("model-index")
    return [(each.metric_type, each.dataset_name) for each in model_index_to_eval_results(index)[1]] if index else []


CARDS = {
    "empty": "",
    "text alone": "# My model\n\nIt reads  reviews. \n",
    "no line break at the end": "# My model",
    "metadata": "---\nlicense: mit   # chosen\ntags: [a,  b]\n---\n# My model\n",
    "metadata and nothing else": "---\nlicense: mit\n---\n",
    "metadata that end the file": "---\nlicense: mit\n---",
    "blank metadata": "---\n\n---\ntext\n",
    "comment alone": "---\n# nothing yet\n---\ntext\n",
    "lines of Windows": "---\r\nlicense: mit\r\n---\r\n# My model\r\n\r\ntext\r\n",
    "an empty index": "---\nmodel-index: []  # none yet\nlicense: mit\n---\ntext\n",
    "an index of others": (
        "---\nlicense: mit\nmodel-index:\n- name: mine\n  results:\n  - task:\n      type: text-classification\n"
        "    dataset:\n      type: imdb\n      name: IMDb\n    metrics:\n    - type: f1\n      value: 0.5\n"
        "# the tags\n\ntags:\n- a\n---\ntext\n"
    ),
    "a section in the middle": f"before\n\n{page.START}\nold\n{page.END}\n\nafter  \n",
    "a line in the text": "---\nlicense: mit\n---\ntext\n\n---\n\nmore\n",
    "other letters": "---\nlanguage: de\n---\nÄpfel \U0001f34f\n",
    "late index": (
        "---\nmodel-index:\n- name: mine\n  results:\n  - task:\n      type: x\n    dataset:\n      type: y\n"
        "      name: z\n    metrics:\n    - type: f1\n      value: 0.5\n---\ntext\n"
    ),
}


@pytest.mark.parametrize("kind", CARDS)
def test_everything_else_stays_and_a_second_time_changes_nothing(kind: str) -> None:
    card = CARDS[kind]
    first = written(card)
    assert written(first) == first
    # Without the section and the index the same bytes remain.
    line_break = "\r\n" if "\r\n" in card else "\n"
    assert f"{page.START}{line_break}x{line_break}{page.END}" in first
    kept = [line for line in card.splitlines() if line and "model-index" not in line and line != "old"]
    there = first.splitlines()
    for line in kept:
        assert line in there
        there = there[there.index(line) + 1 :] if "index" not in kind else there
    own = [(each.metric_type, each.dataset_name) for each in cards.metrics(recorded())]
    assert metrics_in(first) == [*metrics_in(card), *own]
    if "\r\n" in card:
        assert first.count("\n") == first.count("\r\n")


@pytest.mark.parametrize("kind", ["metadata", "lines of Windows", "a line in the text", "other letters"])
def test_what_is_before_the_index_and_between_it_and_the_section_is_byte_for_byte(kind: str) -> None:
    card = CARDS[kind]
    line_break = "\r\n" if "\r\n" in card else "\n"
    closing = card.index("---", 4)
    first = written(card)
    assert first.startswith(card[:closing])
    assert card[closing:] + line_break + page.START in first


def test_a_section_is_replaced_in_its_place() -> None:
    card = f"before\n\n{page.START}\nold\n{page.END} \n\nafter  \n"
    assert written(card).endswith(f"before\n\n{page.START}\nx\n{page.END} \n\nafter  \n")


def test_without_a_measured_quality_earlier_metrics_of_an_audit_go() -> None:
    results = recorded()
    first = written("---\nlicense: mit\n---\ntext\n")
    results["records"] = [record for record in results["records"] if record.get("role") != "quality"]
    again = written(first, results)
    assert again.startswith("---\nlicense: mit\n---\n")
    assert written("text\n", results).startswith("text\n")


BAD = {
    "not UTF-8": (b"a \xff", "byte at offset 2 is not UTF-8"),
    "a byte-order mark": (b"\xef\xbb\xbftext", "begins with a byte-order mark"),
    "no YAML": (b"---\na: [\n---\n", "its front matter is not YAML"),
    "a tab": (b"---\na:\n\tb: c\n---\n", "its front matter is not YAML"),
    "a text": (b"---\njust text\n---\n", "its front matter is no block of keys"),
    "braces": (b"---\n{license: mit}\n---\n", "its front matter is no block of keys"),
    "an object of Python": (b"---\na: !!python/object:os.system x\n---\n", "its front matter is not YAML"),
    "an index of words": (b"---\nmodel-index: soon\n---\n", "its model-index is not valid"),
    "an index without metrics": (b"---\nmodel-index:\n- name: x\n---\n", "its model-index is not valid"),
    "two models": (
        b"---\nmodel-index:\n- {name: x, results: []}\n- {name: y, results: []}\n---\n",
        "its model-index has 2 models",
    ),
    "one marker": (f"{page.START}\n".encode(), "has 1 of <!-- auditor:start --> and 0 of <!-- auditor:end -->"),
    "markers the wrong way": (f"{page.END}\n{page.START}\n".encode(), "has 1 of <!-- auditor:start --> and 1 of"),
    "two sections": (2 * f"{page.START}{page.END}\n".encode(), "has 2 of <!-- auditor:start -->"),
    "a key that is no word": (b"---\n1: a\n---\n", "the Hub would not read its metadata"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_card_that_cannot_be_changed_is_refused_in_one_line_and_stays(
    kind: str, audit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, message = BAD[kind]
    file = tmp_path / "README.md"
    file.write_bytes(content)
    assert main(["card", str(audit), "--into", str(file)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"audit card: {file}")
    assert message in line
    assert file.read_bytes() == content


def test_a_folder_is_refused(audit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", str(audit), "--into", str(tmp_path)]) == 2
    assert "is a folder, not a file" in capsys.readouterr().err
    with pytest.raises(ResultsError):
        written("---\na: [\n---\n")


def test_a_new_file_is_made(audit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "new" / "README.md"
    assert main(["card", str(audit), "--into", str(file)]) == 0
    first = file.read_bytes()
    assert ModelCard.load(file).data.eval_results
    assert main(["card", str(audit), "--into", str(file)]) == 0
    assert file.read_bytes() == first
    assert capsys.readouterr().out == f"{file}\n{file}\n"


def test_what_was_not_measured_stands_there_with_its_reason(tmp_path: Path) -> None:
    folder = small_results.write(tmp_path / "audit", "quality", "domain_shift", "kept_cases")
    section = page.render(small_results.read(folder))
    assert "Not measured:\n\n- domain\\_shift: no other domain given (--domain name=file)\n" in section
    assert "- kept\\_cases: no kept cases given (--cases)\n" in section
