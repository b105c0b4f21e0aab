"""Texts of hundreds of thousands of words take no more work than what is read, changed or shown of them."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.text import Edit, apply, diff, edited, share_touched, split
from auditor.text import words as texts
from reports import marks

SECONDS = 20.0
"""Comparing every word with every other takes minutes."""


@pytest.fixture(autouse=True)
def alarm() -> Iterator[None]:
    def late(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def a_long_text() -> list[str]:
    """120,000 words, of which there are twenty kinds."""
    draw = random.Random(1)
    return [f"word{draw.randrange(20)}" for _ in range(120_000)]


def test_a_change_in_a_long_text_is_found_where_it_is() -> None:
    words = a_long_text()
    changed = [*words[:300], "new", *words[301:310], "one", "more", *words[310:]]
    before, after = split(" ".join(words)), split(" ".join(changed))
    edits = diff(before, after)
    assert [(edit.start, edit.end, edit.words) for edit in edits] == [(300, 301, ("new",)), (310, 310, ("one", "more"))]
    assert apply(before, edits).words == after.words
    assert share_touched(len(before.words), edits) == 2 / 120_000
    assert diff(before, before) == ()


def test_the_page_shows_a_change_in_a_long_text_with_its_neighbours() -> None:
    words = a_long_text()
    changed = [*words[:300], "new", *words[301:]]
    kinds = [kind for kind, _ in marks.marked(" ".join(words), " ".join(changed))]
    assert kinds == ["gap", "same", "del", "ins", "same", "same", "gap"]
    assert marks.marked(" ".join(words), " ".join(words))[1] == ("gap", "… 119940 unchanged words …")
    assert [kind for kind, _ in marks.marked(" ".join(words), "")] == ["del", "same"]


@given(st.lists(st.sampled_from("ab"), max_size=8), st.lists(st.sampled_from("ab"), max_size=8))
def test_what_is_true_of_short_texts_is_true_of_long_ones(old: list[str], new: list[str]) -> None:
    """Every text is long to it here: the edits turn one into the other, and mark the words that they replace."""
    before, after = split(" ".join(old)), split(" ".join(new))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "LONG", -1)
        patch.setattr(marks, "LONG", -1)
        edits = diff(before, after)
        codes = marks._codes(old, new)
    assert apply(before, edits).words == after.words
    assert [word for tag, i, j, _, _ in codes if tag == "equal" for word in old[i:j]] == [
        word for tag, _, _, k, end in codes if tag == "equal" for word in new[k:end]
    ]
    assert [i for _, i, _, _, _ in codes] == [0, *(j for _, _, j, _, _ in codes)][: len(codes)]
    assert [k for _, _, _, k, _ in codes] == [0, *(end for _, _, _, _, end in codes)][: len(codes)]
    assert (codes[-1][2], codes[-1][4]) == (len(old), len(new)) if codes else not (old or new)


def test_an_edit_near_the_beginning_of_a_long_text_looks_at_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    value = " ".join(["film"] * 120_000)
    parted: list[int] = []
    original = texts.apply

    def noted(given: texts.Words, edits: Iterable[Edit]) -> texts.Words:
        parted.append(len(given.words))
        return original(given, edits)

    monkeypatch.setattr(texts, "apply", noted)
    after, alignment = edited({"text": value}, {"text": (Edit(3, 4, ("plot",)), Edit(1, 2, ()))})
    assert after["text"] == f"film film plot {value[20:]}"
    assert parted == [5]
    assert "text" in alignment.origins
    assert alignment.origins["text"][:5] == (0, 2, 3, 4, 5)
    assert len(alignment.origins["text"]) == 119_999
