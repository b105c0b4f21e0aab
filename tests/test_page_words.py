"""Words of the page in each language."""

from __future__ import annotations

import ast
import copy
import json
import re
import sys
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
import small_results
from babel.messages.extract import extract_python
from jinja2 import Environment, nodes
from jinja2.ext import babel_extract

import auditor
from auditor import audit_run
from auditor.cli import arguments, languages, run
from auditor.cli.main import main
from auditor.config import Config
from auditor.errors import UsageError
from auditor.types import (
    Controls,
    CorrectedRate,
    Interval,
    LabelReview,
    Preserved,
    Regression,
    RunningCost,
)
from auditor.verdicts import advice
from reports import charts, comparison, formats, notebook, scorecard, words

REPORTS = Path(words.__file__).parent.parent
FIXTURES = REPORTS.parent / "fixtures" / "results"
RESULTS: dict[str, Any] = json.loads((FIXTURES / "results.json").read_text(encoding="utf-8"))
COMPARED: dict[str, Any] = json.loads((FIXTURES / "comparison.json").read_text(encoding="utf-8"))
MODULES = sorted(REPORTS.rglob("*.py"))
TEMPLATES = sorted((REPORTS / "templates").glob("*.j2"))
OTHERS = [code for code in words.languages() if code != words.ENGLISH]
NAMED = ("rows", "todo", "conclusions", "trend", "numbers")
"""Sections of sentences that have a name."""
SAYERS = {"say": 1, "later": 1, "say_counted": 2}
"""Function → number of its first arguments that are texts."""
NO_LITERAL = {"say(name)": "summary.py", "say(text": "scorecard.py", "say(singular": "__init__.py", "_said(": ""}
"""Calls of a text that another call has marked, and their module."""
IDENTIFIERS = frozenset(
    {
        *(
            "auditor",
            "json",
            "txt",
            "results",
            "timings",
            "errors",
            "schema",
            "time",
            "limit",
            "audit",
            "run",
            "remedy",
        ),
        *(
            "Westfall",
            "Young",
            "McNemar",
            "min",
            "SHA",
            "GPU",
            "Python",
            "until",
            "decided",
            "NEW",
            "OLD",
            "against",
            "gate",
        ),
        *("text", "classification"),
    }
)
"""Words that stay as they are in any language: names of files, commands, settings, people."""


def file_of(language: str) -> dict[str, Any]:
    with words.speaking(language):
        return dict(words.catalogue())


def extracted(file: Path) -> Iterator[tuple[str, str]]:
    """Yield each text that a module or template says, and the function that says it."""
    extract: Any = babel_extract if file.suffix == ".j2" else extract_python
    options = {"trim_blocks": "true", "lstrip_blocks": "true"} if file.suffix == ".j2" else {}
    for _, function, given, _ in extract(BytesIO(file.read_bytes()), list(SAYERS), [], options):
        texts = [given] if isinstance(given, str | None) else list(given)
        yield from ((text, function) for text in texts[: SAYERS[function]] if text is not None)


def said() -> set[str]:
    return {text for file in (*MODULES, *TEMPLATES) for text, _ in extracted(file)}


def words_in(text: str) -> set[str]:
    """Return the Latin words of a text, but for invisible characters that are spelled out."""
    return set(re.findall(r"[A-Za-z]{3,}", re.sub(r"⟨U\+[0-9A-F]+⟩", "", text)))


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def calls(module: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAYERS:
            yield node


def is_constant(node: ast.expr) -> bool:
    """Tell whether it is a constant of a module, or an entry of one: ``TITLE``, ``_STATUS[status]``."""
    named = node.value if isinstance(node, ast.Subscript) else node
    return isinstance(named, ast.Name) and named.id.isupper()


def test_a_text_is_said_in_the_spoken_language() -> None:
    assert words.say("Skip to the content") == "Skip to the content"
    with words.speaking("zh"):
        assert words.say("Skip to the content") == "跳到正文"
    assert words.spoken() == words.ENGLISH


def test_a_language_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="no words in 'xx': there are en, zh"), words.speaking("xx"):
        pass


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_of_the_page_has_words_and_no_words_are_unused(language: str) -> None:
    assert set(file_of(language)["page"]) == said()


@pytest.mark.parametrize("language", OTHERS)
def test_words_have_the_fields_of_their_text(language: str) -> None:
    for text, translated in file_of(language)["page"].items():
        assert fields(translated) == fields(text), text
        assert re.findall(r"</?\w+[^>]*>", translated) == re.findall(r"</?\w+[^>]*>", text), text
        assert translated.count("``") == text.count("``"), text


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_the_named_sentences_with_their_fields(language: str) -> None:
    english, other = file_of(words.ENGLISH), file_of(language)
    assert set(english) == set(NAMED)
    for section in NAMED:
        assert list(other[section]) == list(english[section]), section
        for name, sentence in english[section].items():
            assert fields(other[section][name]) == fields(sentence), name
            assert other[section][name].count("``") == sentence.count("``"), name


def test_modules_say_literal_texts_or_constants_of_marked_ones() -> None:
    texts = said()
    for module in MODULES:
        for call in calls(module):
            for given in call.args[: SAYERS[call.func.id]]:  # type: ignore[attr-defined]
                if isinstance(given, ast.Constant):
                    # Babel sees no call within an f-string.
                    assert str(given.value) in texts, f"{module.name}:{call.lineno}: {given.value!r}"
                elif not is_constant(given):
                    begins = [start for start in NO_LITERAL if ast.unparse(call).startswith(start)]
                    begins += ["say_counted"] if ast.unparse(given) in ("singular if n == 1 else plural",) else []
                    assert begins, f"{module.name}:{call.lineno}: {ast.unparse(call)}"


def test_templates_say_literal_texts() -> None:
    for template in TEMPLATES:
        for call in Environment().parse(template.read_text(encoding="utf-8")).find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name in SAYERS:
                for given in call.args[: SAYERS[call.node.name]]:
                    assert isinstance(given, nodes.Const), f"{template.name}:{call.lineno}"


def test_templates_have_no_words_beside_those_they_say() -> None:
    for template in TEMPLATES:
        source = re.sub(r"\{[%{#].*?[#}%]\}", "", template.read_text(encoding="utf-8"), flags=re.DOTALL)
        for text in (text for kind, text in Page(source).texts if kind != "code"):
            assert words_in(text) <= IDENTIFIERS, f"{template.name}: {text}"


class Page(HTMLParser):
    """Tags of a page, and its texts with the element that holds each."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.language: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.language = given.pop("lang", self.language)
        label = given.pop("aria-label", None)
        if label is not None:
            self.texts.append(("aria-label", label))
        self.tags.append((tag, tuple(given.items())))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.tags.append((f"/{tag}", ()))
        if self._open:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        held = next((tag for tag in ("style", "pre", "code") if tag in self._open), self._open[-1:] or [""])
        if data.strip() and held not in ("style", "pre", "code"):
            self.texts.append((str(held), data.strip()))


REVIEW = LabelReview(
    results="0" * 64,
    candidate="standard",
    controls=Controls(20, 18, 2, Interval(0.9, 0.7, 0.98)),
    preserved=(
        Preserved("noise", "changed texts", {}, 40, 34, 2, 0.9, Interval(0.85, 0.7, 0.94)),
        Preserved("noise", "changed texts", {"family": "typos"}, 10, 8, 0, 0.4, Interval(0.8, 0.5, 0.96)),
    ),
    corrected=(CorrectedRate("noise", "flips", "flip rate", {}, Interval(0.2, 0.1, 0.3), Interval(0.17, 0.08, 0.28)),),
    method="exact",
)
COSTS = {"standard": RunningCost(100, 0.01, 0.02, 64, 250.0, 2_000_000_000, "device"), "fgm": RunningCost(1, 0.01)}
REGRESSIONS = (
    Regression(
        probe="noise",
        metric="drop_over_changed_cases",
        slice={"family": "typos", "severity": "middle"},
        conclusion="cannot tell",
        outcome="inconclusive",
        required=True,
        old=0.05,
        new=0.09,
        value=0.04,
        low=-0.1,
        high=0.2,
        tolerance=0.05,
        paired=True,
        reason="the interval spans the tolerance",
    ),
)


def pages(language: str, folder: Path) -> dict[str, str]:
    """Every kind of page, with all that it may show."""
    small = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    waived = waivers_and_looks()
    return {
        "golden": scorecard.render(RESULTS, advice.next_steps(RESULTS), language=language),
        "more": scorecard.render(waived, {}, COSTS, REGRESSIONS, REVIEW, language),
        "small": scorecard.render(small, advice.next_steps(small), language=language),
        "comparison": comparison.render(COMPARED, language),
        "unpaired": comparison.render({**COMPARED, "paired": False, "same_model": True, "changes": []}, language),
        "notebook": notebook.render(RESULTS, advice.next_steps(RESULTS), language=language),
    }


def waivers_and_looks() -> dict[str, Any]:
    """The golden results with waivers, looks, doubts, and a run of some probes only."""
    content = copy.deepcopy(RESULTS)
    content["decision"]["waivers"] = [{"state": "in force", "text": "waived until 2027-03-01: known (an owner)"}]
    content["waivers"] = {"on": "2026-12-01"}
    content["doubts"] = ["labels swapped?"]
    content["partial"] = True
    once = {"probe": "bias", "reason": "its cases are not of the rows that it takes"}
    content["drawn"] = {
        **{"planned": 3, "looks": 2, "stopped": True, "clusters": 1000, "available": 2000, "saved": 0.5},
        "slices": [once],
    }
    return content


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_results.write(
        tmp_path_factory.mktemp("small") / "audit", "quality", "noise", "coverage", "calibration"
    )


def placeholder(text: str) -> str:
    """Stand for what results.json says, so that only the page's own words are left."""
    return "记录" if text and words.spoken() != words.ENGLISH else text


@pytest.mark.parametrize("language", OTHERS)
def test_a_page_says_its_language_and_has_the_same_structure(language: str, folder: Path) -> None:
    english = pages(words.ENGLISH, folder)
    for name, page in pages(language, folder).items():
        other, same = Page(page), Page(english[name])
        assert other.language == (None if name == "notebook" else language)
        assert other.tags == same.tags, name


def texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from texts_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_of(inner)


def of_data(content: Mapping[str, Any]) -> set[str]:
    """Words that are of the data and of the settings, and those that name probes and models."""
    found = [
        *texts_of(
            [
                content["models"],
                content["data"],
                content["policy"]["name"],
                content["policy"]["sha256"],
                content["task"],
            ]
        )
    ]
    found += texts_of(content["environment"])
    for record in content["records"]:
        found += [record["probe"], record["model"], record["reason"] or ""]
        found += texts_of(
            [list(record["settings"].values()), record.get("pairs", []), record.get("weighted_texts", [])]
        )
        found += (value for measured in record["measurements"] for value in measured["slice"].values())
        found += (value for gap in record["skipped"] for value in (gap["slice"] or {}).values())
        for case in record["worst"]:
            found += texts_of(
                [case[key] for key in ("example", "before", "after", "answer_before", "answer_after", "gold")]
            )
            found += texts_of([*case["facts"].values(), case.get("marks", {}), list(case["slice"].values())])
        for table in record.get("tables", ()):
            found += [table["name"], "csv", *texts_of(table["rows"])]
    return words_in(" ".join(found))


@pytest.mark.parametrize("language", OTHERS)
def test_no_word_of_the_pages_own_stays_english(language: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith("reports.") and name != "reports.words" and hasattr(module, "recorded"):
            monkeypatch.setattr(module, "recorded", placeholder)
    small = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    compared = {
        *("release", "home", "train", "ckpt", "test", "few", "alike", "flips", "drop", "neither", "worse", "better"),
        *("yes", "part"),
    }
    known = {
        "golden": of_data(RESULTS),
        "more": of_data(RESULTS),
        "notebook": of_data(RESULTS),
        "small": of_data(small),
    }
    for name, page in pages(language, folder).items():
        for kind, text in Page(page).texts:
            left = words_in(text) - known.get(name, compared) - IDENTIFIERS
            assert not left, f"{name}, {kind}: {text[:200]}"


HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.mark.parametrize("language", words.languages())
def test_text_of_the_data_is_escaped_in_every_language(language: str) -> None:
    content = copy.deepcopy(RESULTS)
    content["policy"]["name"] = HOSTILE
    content["task"]["labels"] = [HOSTILE, "{n}"]
    for record in content["records"]:
        for case in record["worst"]:
            case["gold"] = HOSTILE
    page = scorecard.render(content, language=language)
    assert "<img" not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") > 6
    assert "{n}" in page


@pytest.mark.parametrize("language", OTHERS)
def test_data_that_equal_a_text_of_the_page_stay_as_they_are(language: str) -> None:
    content = copy.deepcopy(RESULTS)
    content["task"]["labels"] = ["pass", "not measured"]
    content["policy"]["name"] = "none"
    worst = next(record for record in content["records"] if record["worst"])["worst"][0]
    worst.update(gold="Release", example="Hold")
    worst["before"] = worst["after"] = {"text": "Skip to the content"}
    page = scorecard.render(content, language=language)
    shown = {text for _, text in Page(page).texts}
    assert {"Skip to the content", "none"} <= shown
    for kept in ("pass", "not measured", "Release", "Hold"):
        assert any(kept in text for text in shown), kept


@pytest.mark.parametrize("language", OTHERS)
def test_values_of_slices_are_words_only_where_a_probe_names_them(
    language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "recorded", lambda text: f"<{text}>")
    with words.speaking(language):
        assert formats.slice_value("severity", "middle") == "<middle>"
        assert formats.slice_value("domain", "home") == "<home>"
        assert formats.slice_value("domain", "middle") == "middle"
        assert formats.slice_value("label", "home") == "home"
        assert [formats.slice_value(key, "all") for key in ("kind", "category", "label")] == ["<all>", "<all>", "all"]
        assert formats.slice_value("kind", "near") == "near"
        assert formats.slice_text({}) != "all"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("", ""), ("a" * 48, "a" * 48), ("a" * 49, "a" * 47 + "…"), ("中" * 24, "中" * 24), ("中" * 25, "中" * 23 + "…")],
)
def test_a_label_of_a_chart_is_cut_to_its_columns(text: str, shown: str) -> None:
    assert formats.shortened(text, charts.LABEL) == shown


def test_the_flag_names_the_languages_that_have_words() -> None:
    assert languages.known() == list(words.languages())


def test_report_writes_the_page_in_a_language(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "zh.html"
    assert main(["report", str(folder), "--language", "zh", "--out", str(out)]) == 0
    assert Page(out.read_text(encoding="utf-8")).language == "zh"
    assert main(["report", str(folder), "--out", str(tmp_path / "en.html")]) == 0
    assert Page((tmp_path / "en.html").read_text(encoding="utf-8")).language == "en"
    capsys.readouterr()
    with pytest.raises(SystemExit, match="2"):
        main(["report", str(folder), "--language", "xx"])
    (line,) = capsys.readouterr().err.splitlines()
    assert "argument --language: invalid choice: 'xx'" in line


def test_compare_writes_the_page_in_a_language(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "compared.html"
    given = ["compare", str(folder), str(folder), "--language", "zh"]
    assert main([*given, "--out", str(out)]) == 0
    assert Page(out.read_text(encoding="utf-8")).language == "zh"
    capsys.readouterr()
    assert main(given) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "audit compare: --language zh: no page is written (--out comparison.html)"


def test_results_in_python_show_themselves_in_a_language(folder: Path, tmp_path: Path) -> None:
    loaded = auditor.load(folder, language="zh")
    assert Page(loaded.html()).language == "zh"
    assert "规则" in loaded._repr_html_()
    saved = loaded.save(tmp_path / "saved")
    assert Page((saved / "scorecard.html").read_text(encoding="utf-8")).language == "zh"
    assert (saved / "results.json").read_bytes() == (
        auditor.load(folder).save(tmp_path / "en") / "results.json"
    ).read_bytes()
    assert Page(auditor.compare(folder, folder, language="zh").html()).language == "zh"
    refused = "language: 'xx': no page speaks it"
    with pytest.raises(UsageError, match=refused):
        auditor.load(folder, language="xx")
    with pytest.raises(UsageError, match=refused):
        auditor.audit("nowhere", language="xx")


def test_run_writes_the_page_alone_in_a_language(folder: Path, tmp_path: Path) -> None:
    options = arguments.parser().parse_args(["run", "--model", "ckpt", "--language", "zh"])
    assert run._request(options, Config(), None).language == "zh"
    content = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    for language in ("en", "zh"):
        (tmp_path / language).mkdir()
        audit_run._write(tmp_path / language, content, {}, [], language)
        assert Page((tmp_path / language / "scorecard.html").read_text(encoding="utf-8")).language == language
    assert (tmp_path / "en" / "results.json").read_bytes() == (tmp_path / "zh" / "results.json").read_bytes()
