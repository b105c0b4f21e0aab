"""Lengths and distances are in words, and in characters of languages without blanks between words."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from auditor import languages, tasks
from auditor.languages import catalogue, detection
from auditor.testing import FakeAudit
from auditor.types import Case, Example, GoldAnswer, Task
from probes import _lengths, _row_properties, coverage, distractors, domain_shift, relation_cues
from probes._cue_table import Table

PROBES = Path(distractors.__file__).parent
UNSPACED = ("zh", "ja", "th", "lo", "km", "my", "bo", "dz")
MARKED = {
    "zh": "<e1>小明</e1>昨天坐火车去了<e2>北京</e2>。",
    "en": "<e1>Ann</e1> took the train to <e2>Rome</e2> .",
}
"""Seven characters, or four words, between two entities."""
RELATIONS = tasks.create("relation-extraction", ("Other", "In(e1,e2)", "In(e2,e1)"))


def audit(task: Task, rows: list[Example], language: str, settings: object = None) -> FakeAudit:
    return FakeAudit({"home": rows}, settings, task, language=language)


@pytest.mark.parametrize("code", languages.codes())
def test_the_unit_follows_the_language(code: str) -> None:
    unit = _lengths.of_language(code)
    assert unit.name == ("words" if languages.of(code).spaced else "characters")
    assert unit.is_word == languages.of(code).spaced
    assert (code in UNSPACED) <= (unit.name == "characters")


@pytest.mark.parametrize("script", sorted(catalogue.BY_CHARACTER | catalogue.UNDIVIDED))
def test_letters_of_every_script_without_blanks_are_counted_each(script: str) -> None:
    letters = [letter for letter in map(chr, range(0x4E20)) if detection.script_of(letter) == script]
    assert len(letters) > 30
    assert _lengths.CHARACTERS.count("".join(letters)) == len(letters)


@pytest.mark.parametrize(
    ("code", "text", "length"),
    [
        ("zh", "我 喜欢 AI 模型。", 7),
        ("ja", "電車が遅れた", 6),
        ("th", "รถไฟ", 4),
        ("de", "Der Zug kam", 3),
        ("ko", "기차가 왔다", 2),
    ],
)
def test_lengths_by_hand(code: str, text: str, length: int) -> None:
    assert _lengths.of_language(code).count(text) == length


def test_words_with_labels_have_blanks_in_every_language() -> None:
    ner = tasks.create("ner", ("O", "B-PER", "I-PER"))
    assert _lengths.unit(audit(ner, [], "zh")).name == "words"


@pytest.mark.parametrize(
    ("code", "key", "value"),
    [
        ("zh", "characters between the entities", "5 to 10"),
        ("en", "words between the entities", "3 to 5"),
    ],
)
def test_distances_between_entities(code: str, key: str, value: str) -> None:
    columns = {"text": "text", "label": "label"}
    inputs, gold = RELATIONS.read({"text": MARKED[code], "label": "In(e1,e2)"}, columns)
    made = relation_cues.PROBE.cases(
        audit(RELATIONS, [Example("home:1", inputs, gold)], code, relation_cues.Settings())
    )
    far = [case.slice for case in made if isinstance(case, Case) and key in case.slice]
    assert far == [{key: value}]


@pytest.mark.parametrize(
    ("code", "context", "value"),
    [
        ("zh", "字" * 150, "up to 200 characters"),
        ("zh", "字" * 201, "201 to 400 characters"),
        ("zh", "字" * 401, "more than 400 characters"),
        ("en", "word " * 150, "101 to 200 words"),
    ],
)
def test_lengths_of_contexts(code: str, context: str, value: str) -> None:
    row = Example("home:1", {"question": "?", "context": context}, (GoldAnswer(context[:1], 0, 0),))
    slices = list(distractors._kinds(row, _lengths.of_language(code), code if code == "en" else None))
    assert slices[-1] == {"context": value}


def texts(code: str) -> list[Example]:
    own = ("字" * n if code == "zh" else "w " * n for n in range(1, 25))
    return [Example(f"home:{n}", {"text": text.strip()}, "ab"[n % 2]) for n, text in enumerate(own)]


@pytest.mark.parametrize(("code", "unit"), [("zh", "characters"), ("en", "words")])
def test_lengths_of_rows_differ_and_name_their_unit(code: str, unit: str) -> None:
    task = tasks.create("text-classification", ("a", "b"))
    given = audit(task, texts(code), code, coverage.Settings())
    (lengths,) = (each for each in _row_properties.declared(given, 5, 4) if each.name == "length")
    assert len(lengths.slices) == 4
    assert all(value.endswith(f" {unit}") for value in lengths.slices)
    table = Table(texts(code), ("text",), lambda row: row.gold, code)
    values = {feature.value for row in table.rows for feature in table.of(row) if feature.name == "length"}
    assert len(values) > 1
    assert all(value.endswith(f" {unit}") for value in values)


def test_no_probe_counts_words_by_blanks_itself() -> None:
    """``len(text.split())`` is 1 of most Chinese texts: lengths come from ``_lengths``, or say why not here."""
    own = {
        "_lengths.py": "the words themselves",
        "_question_sentences.py": "answers of English questions",
    }
    counting = set()
    for file in sorted(PROBES.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "len" and node.args:
                (inner,) = node.args
                if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and inner.func.attr == "split":
                    counting.add(file.name)
    assert counting == own.keys()
    assert "_lengths.unit(audit)" in Path(domain_shift.__file__).read_text(encoding="utf-8")
