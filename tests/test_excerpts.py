"""Of very long texts results keep what changed and its surroundings; of others everything."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor import tasks
from auditor.engine.deriving import derived
from auditor.evaluation.judging import WorstCasesKept, judge
from auditor.text import excerpts
from auditor.text.excerpts import AROUND, CHANGED, WHOLE, beginning, excerpt
from auditor.types import Case, Example, ScoredCase, Span
from reports import marks

LETTERS = "".join(chr(0x4E00 + number) for number in range(20_000))
"""Twenty thousand characters, each another one."""


def test_texts_of_ordinary_length_stay_as_they_are() -> None:
    longest = LETTERS[:WHOLE]
    assert excerpt(longest, "x" + longest[1:]) == (longest, "x" + longest[1:])
    assert beginning(longest) == longest
    before, after = {"b": longest, "a": "one"}, {"a": "two", "b": longest}
    assert excerpts.excerpts(before, after) == (before, after)
    assert [list(fields) for fields in excerpts.excerpts(before, after)] == [["b", "a"], ["a", "b"]]


def test_a_change_in_a_long_text_stands_between_its_neighbours() -> None:
    """Ten characters from 5,000 on become two: 4,800 are left out before, 20,000 − 5,210 = 14,790 after."""
    old, new = excerpt(LETTERS, f"{LETTERS[:5000]}xy{LETTERS[5010:]}")
    head, tail = "… [4,800 characters left out] …", "… [14,790 characters left out] …"
    assert old == f"{head} {LETTERS[4800:5210]} {tail}"
    assert new == f"{head} {LETTERS[4800:5000]}xy{LETTERS[5010:5210]} {tail}"


def test_nothing_is_left_out_where_a_change_is_near_an_end() -> None:
    old, new = excerpt(LETTERS, "x" + LETTERS[1:])
    assert old == f"{LETTERS[:201]} … [19,799 characters left out] …"
    assert new == f"x{LETTERS[1:201]} … [19,799 characters left out] …"
    old, new = excerpt(LETTERS, LETTERS + "x")
    assert old == f"… [19,800 characters left out] … {LETTERS[19_800:]}"
    assert new == f"… [19,800 characters left out] … {LETTERS[19_800:]}x"


def test_of_a_great_change_the_beginning_is_kept() -> None:
    """The excerpt starts at 800 and ends after 200 + 3,000 characters.

    It leaves out 16,000 characters of one text and 1 of the other.
    """
    old, new = excerpt(LETTERS, LETTERS[:1000] + "x" * 3001)
    assert old == f"… [800 characters left out] … {LETTERS[800:4000]} … [16,000 characters left out] …"
    assert new == f"… [800 characters left out] … {LETTERS[800:1000]}{'x' * 3000} … [1 character left out] …"


def test_of_a_text_that_did_not_change_and_of_long_answers_the_beginning_is_kept() -> None:
    cut = f"{LETTERS[:CHANGED]} … [17,000 characters left out] …"
    assert beginning(LETTERS) == cut
    assert excerpt(LETTERS, LETTERS) == (cut, cut)
    assert excerpts.excerpts({"text": LETTERS}, {}) == ({"text": cut}, {})


@given(st.text("ab", max_size=40), st.text("ab", max_size=40))
def test_two_texts_that_differ_do_so_in_what_is_kept(before: str, after: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"WHOLE": 8, "CHANGED": 4, "AROUND": 2}.items():
            patch.setattr(excerpts, name, value)
        old, new = excerpt(before, after)
    assert (old == new) == (before == after)
    most = 4 + 2 * 2 + 2 * len("… [10 characters left out] … ")
    assert max(len(old), len(new)) <= most


@pytest.mark.parametrize("letters", ["good film ", "好电影"])
def test_it_takes_milliseconds(letters: str) -> None:
    text = letters * (600_000 // len(letters))
    began = time.process_time()
    for place in range(0, 500_000, 10_000):
        old, new = excerpt(text, f"{text[:place]}x{text[place + 1 :]}")
        assert max(len(old), len(new)) < 2 * AROUND + 100
    assert time.process_time() - began < 2


def test_the_page_says_how_much_is_left_out() -> None:
    words = " ".join(f"word{number}" for number in range(4000))
    old, new = excerpt(words, words.replace("word2000 ", "new "))
    parts = marks.marked(old, new)
    assert [kind for kind, _ in parts] == ["gap", "same", "del", "ins", "same", "same", "gap"]
    assert ("del", "word2000") in parts
    assert ("ins", "new") in parts
    gaps = [text for kind, text in parts if kind == "gap"]
    assert all(f", {left_out}" in gap for gap, left_out in zip(gaps, marks.CUT.findall(old), strict=True))
    # Words of nine characters with the blank: 200 characters hold 22 whole ones and the end of another.
    assert gaps[0].startswith("… 13 unchanged words, ")


@pytest.mark.parametrize("words", [9, 20_000], ids=["whole", "cut"])
def test_spans_of_a_text_that_is_cut_mark_no_other_words(words: int) -> None:
    task = tasks.create("ner", ("O", "B-PER", "I-PER"))
    tags, inputs = ("B-PER", *["O"] * (words - 1)), {"text": " ".join(["word"] * words)}
    missed = tuple((1.0, 0.0, 0.0) for _ in range(words))
    seen = ((0.0, 1.0, 0.0), *missed[1:])
    example = Example("home:1", inputs, tags)
    case = Case(example, {})
    scored = ScoredCase(case, derived(case, task), seen, missed, vacuous=False)
    kept = WorstCasesKept(task)
    kept.add(scored, judge(scored, task))
    (worst,) = kept.cases()
    gold = {"text": (Span(0, 1, "PER"),)}
    whole = {"gold": gold, "answer_before": gold, "answer_after": {"text": ()}}
    assert worst.marks == (whole if words == 9 else {})
