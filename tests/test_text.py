"""Words, separators and edits of words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.text import Edit, Words, apply, diff, origins, share_touched, split, words_of
from auditor.text import edited as edited_texts

SPACES = st.text(alphabet=" \t\n\r", min_size=1, max_size=3)
WORD = st.text(alphabet="abA.'é\u200b\u00a0\u2028\x0b", min_size=1, max_size=3)
WORDS = st.lists(WORD, max_size=8)


@st.composite
def texts(draw: st.DrawFn) -> Words:
    """A text in words and the white space that splitting would find."""
    words = tuple(draw(WORDS))
    inner = tuple(draw(SPACES) for _ in words[1:])
    ends = (draw(SPACES | st.just("")), draw(SPACES | st.just("")))
    return Words(words, (ends[0], *inner, ends[1]) if words else ends[:1])


@st.composite
def edited(draw: st.DrawFn) -> tuple[Words, tuple[Edit, ...]]:
    """A text, and edits of it that do not overlap."""
    words = draw(texts())
    n = len(words.words)
    places = sorted(draw(st.lists(st.integers(0, n), max_size=6)))
    edits = []
    for start, end in zip(places[::2], places[1::2], strict=False):
        new = tuple(draw(st.lists(WORD, max_size=3)))
        edits.append(Edit(start, end, new, tuple(draw(SPACES) for _ in new[1:])))
    return words, tuple(edits)


@given(st.text())
def test_a_split_text_gives_the_text_back(text: str) -> None:
    assert str(split(text)) == text


@given(st.text())
def test_words_are_what_stands_between_blanks_tabs_and_line_ends(text: str) -> None:
    parted = text.replace("\t", " ").replace("\r", " ").replace("\n", " ").split(" ")
    assert split(text).words == words_of(text) == tuple(word for word in parted if word)


@given(texts())
def test_splitting_undoes_putting_together(words: Words) -> None:
    assert split(str(words)) == words


@given(texts(), texts())
def test_the_edits_between_two_texts_turn_one_into_the_other(before: Words, after: Words) -> None:
    assert apply(before, diff(before, after)).words == after.words


@given(texts())
def test_no_edits_change_nothing(words: Words) -> None:
    assert diff(words, words) == ()
    assert apply(words, ()) == words


@given(edited())
def test_edited_words_stay_apart(given_: tuple[Words, tuple[Edit, ...]]) -> None:
    words, edits = given_
    made = apply(words, edits)
    assert split(str(made)).words == made.words


@given(edited())
def test_edits_replace_their_words_and_no_others(given_: tuple[Words, tuple[Edit, ...]]) -> None:
    words, edits = given_
    expected = list(words.words)
    for edit in reversed(edits):
        expected[edit.start : edit.end] = edit.words
    assert list(apply(words, edits).words) == expected


@given(edited())
def test_a_text_is_edited_as_all_its_words_are(given_: tuple[Words, tuple[Edit, ...]]) -> None:
    words, edits = given_
    after, alignment = edited_texts({"text": str(words)}, {"text": edits})
    assert after == {"text": str(apply(split(str(words)), edits))}
    assert alignment.origins["text"] == origins(split(str(words)), edits)


@given(edited())
def test_the_share_touched_is_a_share(given_: tuple[Words, tuple[Edit, ...]]) -> None:
    words, edits = given_
    assert 0.0 <= share_touched(len(words.words), edits) <= 1.0


@pytest.mark.parametrize(
    ("text", "edits", "expected"),
    [
        (" a  b\tc ", [Edit(1, 2, ("x",))], " a  x\tc "),
        ("a  b\tc", [Edit(1, 2, ("x", "y"), ("-",))], "a  x-y\tc"),
        ("a  b\tc", [Edit(0, 2, ("ab",))], "ab\tc"),
        ("a  b\tc", [Edit(1, 2, ())], "a  c"),
        (" a  b\tc ", [Edit(0, 1, ())], " b\tc "),
        (" a  b\tc\n", [Edit(2, 3, ())], " a  b\n"),
        (" a  b\n", [Edit(0, 2, ())], "\n"),
        ("a  b", [Edit(1, 1, ("x",))], "a  x b"),
        ("a  b\n", [Edit(2, 2, ("x", "y"), ("\t",))], "a  b x\ty\n"),
        (" a", [Edit(0, 0, ("x",))], " x a"),
        ("", [Edit(0, 0, ("x",))], "x"),
        ("a b", [Edit(1, 2, ("y",)), Edit(0, 1, ("x",))], "x y"),
        ("a b", [Edit(1, 2, ()), Edit(2, 2, ("x",))], "a x"),
    ],
)
def test_edits_keep_the_white_space_around_them(text: str, edits: list[Edit], expected: str) -> None:
    assert str(apply(split(text), edits)) == expected


@pytest.mark.parametrize(
    "edits",
    [
        [Edit(0, 2, ("x",)), Edit(1, 2, ("y",))],
        [Edit(2, 3, ("x",))],
        [Edit(-1, 1, ("x",))],
        [Edit(1, 0, ("x",))],
    ],
)
def test_edits_that_overlap_or_lie_outside_are_refused(edits: list[Edit]) -> None:
    with pytest.raises(ValueError, match="overlaps another edit or lies outside"):
        apply(split("a b"), edits)


def test_an_edit_has_one_separator_fewer_than_words() -> None:
    with pytest.raises(ValueError, match="one separator fewer"):
        Edit(0, 1, ("x", "y"))


def test_a_text_has_one_separator_more_than_words() -> None:
    with pytest.raises(ValueError, match="one separator more"):
        Words(("a",), ("",))


def test_a_difference_keeps_the_new_white_space_between_new_words() -> None:
    assert diff(split("a b c"), split("a x\ty c d")) == (Edit(1, 2, ("x", "y"), ("\t",)), Edit(3, 3, ("d",)))


def test_the_share_touched_counts_replaced_words_and_an_insertion_as_one() -> None:
    words = split("a b c d e")
    assert share_touched(len(words.words), (Edit(0, 2, ("x",)), Edit(4, 4, ("y", "z"), (" ",)))) == 3 / 5
    assert share_touched(len(split("  ").words), (Edit(0, 0, ("x",)),)) == 0.0
