"""Spans of words on the page: gold against answers, words marked, nothing trusted."""

from __future__ import annotations

from typing import Any

import pytest

from reports import shown_cases, spans

PLAIN = {"text": "Ann Lee saw Paris"}
GOLD, ANSWER = [[0, 2, "PER"], [3, 4, "LOC"]], [[0, 1, "PER"], [3, 4, "LOC"]]


def case(**changes: Any) -> dict[str, Any]:
    marks = {"gold": {"text": GOLD}, "answer_before": {"text": ANSWER}, "answer_after": {"text": ANSWER}}
    return {"before": PLAIN, "after": PLAIN, "marks": {**marks, **changes.pop("marks", {})}, **changes}


def test_gold_and_answer_stand_below_each_other() -> None:
    assert spans.sentences(case()) == [
        {"title": "gold", "parts": [("Ann Lee", "PER"), ("saw", ""), ("Paris", "LOC")]},
        {"title": "answer", "parts": [("Ann", "PER"), ("Lee saw", ""), ("Paris", "LOC")]},
    ]


def test_a_changed_sentence_has_an_answer_before_and_after() -> None:
    after = {"answer_after": {"text": [[0, 2, "PER"], [4, 5, "LOC"]]}}
    sentences = spans.sentences(case(after={"text": "Ann Lee saw Pa ris"}, marks=after))
    assert [sentence["title"] for sentence in sentences] == ["gold", "answer before", "answer after"]
    assert sentences[2]["parts"] == [("Ann Lee", "PER"), ("saw Pa", ""), ("ris", "LOC")]


def test_a_case_without_marks_is_left_to_its_answers_in_words() -> None:
    assert spans.sentences({"before": PLAIN, "after": PLAIN}) == []
    assert spans.sentences(case(before={}, after={})) == []


def test_an_answer_alone_is_shown_where_there_is_no_gold() -> None:
    marks: dict[str, Any] = {"answer_before": {"text": []}, "answer_after": {"text": []}}
    unlabelled = {"before": PLAIN, "after": PLAIN, "marks": marks}
    assert spans.sentences(unlabelled) == [{"title": "answer: none", "parts": [("Ann Lee saw Paris", "")]}]


def test_of_several_fields_each_is_named() -> None:
    texts = {"question": "who", "context": "Ann Lee"}
    marks = {"gold": {"question": [], "context": [[0, 2, "answer"]]}}
    sentences = spans.sentences({"before": texts, "after": texts, "marks": marks})
    assert sentences == [
        {"title": "gold, question: none", "parts": [("who", "")]},
        {"title": "gold, context", "parts": [("Ann Lee", "answer")]},
    ]


@pytest.mark.parametrize(
    ("marks", "parts"),
    [
        ([[0, 1, "X"], [1, 3, "X"]], [("Ann", "X"), ("Lee saw", "X"), ("Paris", "")]),
        ([[2, 9, "X"]], [("Ann Lee", ""), ("saw Paris", "X")]),
        ([[5, 9, "X"]], [("Ann Lee saw Paris", "")]),
        ([[3, 1, "X"]], [("Ann Lee saw Paris", "")]),
        ([[0, 3, "X"], [1, 2, "Y"]], [("Ann Lee saw", "X"), ("Paris", "")]),
    ],
    ids=["side by side", "beyond the end", "outside", "backwards", "within another"],
)
def test_every_word_is_shown_once_whatever_the_spans(marks: list[Any], parts: list[Any]) -> None:
    assert spans.sentences(case(marks={"gold": {"text": marks}}))[0]["parts"] == parts


def test_hidden_characters_are_shown() -> None:
    hidden = {"text": "a b\u202e c"}
    sentences = spans.sentences(case(before=hidden, after=hidden))
    assert "\u202e" not in str(sentences)


def shown(**changes: Any) -> dict[str, Any]:
    """The page's view of a worst case."""
    given = {"example": "home:7", "slice": {}, "answer_before": "", "answer_after": "", "gold": "", "facts": {}}
    record = {"model": "m", "worst": [{**given, **case(**changes)}]}
    [group] = shown_cases.worst(record)
    entry: dict[str, Any] = group["slices"][0]["cases"][0]
    return entry


def test_an_unchanged_case_shows_the_texts_that_have_no_spans() -> None:
    texts = {"question": "who", "context": "Ann Lee saw Paris"}
    marks = {name: {"context": GOLD, "text": []} for name in ("gold", "answer_before", "answer_after")}
    unchanged = shown(before=texts, after=texts, marks={**marks, "gold": {"context": GOLD}})
    assert unchanged["fields"] == [{"name": "question", "parts": [("same", "who")]}]
    changed = shown(before=texts, after={**texts, "context": "Ann Lee saw paris"}, marks=marks)
    assert [field["name"] for field in changed["fields"]] == ["question", "context"]
    assert shown()["fields"] == []


def test_facts_of_a_case_are_those_that_tell_a_reader_something() -> None:
    facts = {"row": "7", "words_touched": 0.25, "confidence": 1.0, "queries": 9.0, "class": "LOC"}
    sums = {"attacked": 1.0, "claimed": 1.0, "constant_numerator": 0.0, "constant_denominator": 2.0}
    said = ["words touched 25.0 %", "confidence 100.0 %", "queries 9", "class LOC"]
    assert shown(facts={**facts, **sums})["facts"] == said
    assert shown(facts={"row": "home:7"})["facts"] == []
    assert shown(facts={"row": "8"})["facts"] == ["row 8"]
