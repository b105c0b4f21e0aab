"""Sentences of named entity recognition on the page: gold against answers, words marked, nothing trusted."""

from __future__ import annotations

from typing import Any

import pytest

from reports import entities


def case(**changes: Any) -> dict[str, Any]:
    plain = {
        "before": {"text": "Ann Lee saw Paris"},
        "after": {"text": "Ann Lee saw Paris"},
        "gold": "B-PER I-PER O B-LOC",
        "answer_before": "B-PER O O B-LOC",
        "answer_after": "B-PER O O B-LOC",
    }
    return {**plain, **changes}


def test_gold_and_answer_stand_below_each_other() -> None:
    assert entities.sentences(case()) == [
        {"title": "gold", "parts": [("Ann Lee", "PER"), ("saw", ""), ("Paris", "LOC")]},
        {"title": "answer", "parts": [("Ann", "PER"), ("Lee saw", ""), ("Paris", "LOC")]},
    ]


def test_a_changed_sentence_has_an_answer_before_and_after() -> None:
    found = entities.sentences(case(after={"text": "Ann Lee saw Pa ris"}, answer_after="B-PER I-PER O O S-LOC"))
    assert [one["title"] for one in found] == ["gold", "answer before", "answer after"]
    assert found[2]["parts"] == [("Ann Lee", "PER"), ("saw Pa", ""), ("ris", "LOC")]


@pytest.mark.parametrize(
    ("changes", "titles"),
    [
        ({"gold": None}, ["answer"]),
        ({"before": {}, "after": {}}, []),
        ({"gold": "O"}, ["answer"]),
    ],
)
def test_what_does_not_fit_is_left_out(changes: dict[str, Any], titles: list[str]) -> None:
    assert [one["title"] for one in entities.sentences(case(**changes))] == titles


def test_entities_side_by_side_are_two_and_hidden_characters_are_shown() -> None:
    found = entities.sentences(
        case(before={"text": "a b\u202e c"}, after={"text": "a b\u202e c"}, gold="B-X B-X I-X", answer_before="O O O")
    )
    assert [kind for _, kind in found[0]["parts"]] == ["X", "X"]
    assert "\u202e" not in str(found)
