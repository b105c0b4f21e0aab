"""Edits between two texts, words of a stretch of a text, and words that edits leave alone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_text import SPACES, WORD, edited, texts

from auditor import text
from auditor.text import Edit, Words, apply, split
from auditor.text.words import SPACE

STRETCHED = st.text(alphabet="aab \t\n", max_size=24)


@st.composite
def stretches(draw: st.DrawFn) -> tuple[str, int, int]:
    """A text, and where a stretch of it starts and ends: within words, in white space, nowhere."""
    value = draw(STRETCHED)
    start = draw(st.integers(0, len(value)))
    return value, start, draw(st.integers(start, len(value)))


@st.composite
def replacements(draw: st.DrawFn, size: int, fewest: int = 0) -> tuple[Edit, ...]:
    """Edits of so many words that do not overlap, each of one word or more."""
    edits, at = [], 0
    while at < size:
        start = at + draw(st.integers(0, 2))
        end = start + draw(st.integers(1, 2))
        if end > size:
            break
        new = tuple(draw(st.lists(WORD, min_size=fewest, max_size=3)))
        edits.append(Edit(start, end, new, tuple(draw(SPACES) for _ in new[1:])))
        at = end
    return tuple(edits)


@given(texts(), texts())
def test_edits_between_two_texts_make_exactly_the_second(before: Words, after: Words) -> None:
    """But for the white space at its ends, which stays as it was."""
    made = str(apply(before, text.edits_between(str(before), str(after))))
    if after.words:
        end = before.separators[-1] if before.words else ""
        assert made == f"{before.separators[0]}{str(after).strip(SPACE)}{end}"
    else:
        assert split(made).words == ()


@given(texts())
def test_between_a_text_and_itself_there_is_no_edit(words: Words) -> None:
    assert text.edits_between(str(words), str(words)) == ()


@pytest.mark.parametrize(
    ("before", "after", "edits"),
    [
        ("a good film", "a bad film", (Edit(1, 2, ("bad",)),)),
        ("a good film", "a film", (Edit(1, 2, ()),)),
        ("a film", "a good film", (Edit(1, 1, ("good",)),)),
        ("a  film", "a  good  film", (Edit(0, 1, ("a", "good"), ("  ",)),)),
        ("a\tgood film", "a good film", (Edit(0, 2, ("a", "good"), (" ",)),)),
        ("", "a film", (Edit(0, 0, ("a", "film"), (" ",)),)),
        (" a film\n", "a plot", (Edit(1, 2, ("plot",)),)),
    ],
)
def test_edits_between_texts_are_these(before: str, after: str, edits: tuple[Edit, ...]) -> None:
    assert text.edits_between(before, after) == edits


@given(stretches())
def test_a_part_has_the_words_of_its_stretch_where_they_stand(given_: tuple[str, int, int]) -> None:
    value, start, end = given_
    part, whole = text.part(value, start, end), text.words_of(value)
    assert str(part.words) == value[start:end]
    for place, word in enumerate(part.words.words):
        head = part.head if place == 0 else ""
        tail = part.tail if place == len(part.words.words) - 1 else ""
        assert whole[part.first + place] == f"{head}{word}{tail}"
    assert part.places(range(len(whole))) == frozenset(range(len(part.words.words)))


@given(st.data(), stretches())
def test_lifted_edits_change_the_stretch_and_nothing_else(data: st.DataObject, given_: tuple[str, int, int]) -> None:
    value, start, end = given_
    part = text.part(value, start, end)
    edits = data.draw(replacements(len(part.words.words), fewest=1))
    expected = f"{value[:start]}{apply(part.words, edits)}{value[end:]}"
    assert str(apply(split(value), part.lifted(edits))) == expected
    assert text.words_touched(part.lifted(edits)) == text.words_touched(edits)


@given(st.data(), stretches())
def test_words_are_removed_from_a_stretch_with_the_white_space_that_goes_with_them(
    data: st.DataObject, given_: tuple[str, int, int]
) -> None:
    value, start, end = given_
    part = text.part(value, start, end)
    size = len(part.words.words)
    edits = data.draw(replacements(size))
    made = apply(part.words, edits)
    removed = {place for edit in edits if not edit.words for place in range(edit.start, edit.end)}
    lifted = apply(split(value), part.lifted(edits))
    # Letters of a word that is cut through stay a word of their own.
    whole = size > 0 and not (0 in removed and part.head) and not (size - 1 in removed and part.tail)
    if whole:
        before, after = value[:start], value[end:]
        assert lifted.words == text.words_of(
            f"{before}{'' if part.head else ' '}{made}{'' if part.tail else ' '}{after}"
        )
    if whole and made.words:
        assert str(lifted) == f"{value[:start]}{made}{value[end:]}"
    assert split(str(lifted)).words == lifted.words


@pytest.mark.parametrize(
    ("stretch", "edits", "expected"),
    [
        ((0, 7), (Edit(1, 2, ()),), "one  three"),
        ((2, 9), (Edit(0, 1, ("x",)),), "onx two  three"),
        ((2, 9), (Edit(0, 1, ()),), "on two  three"),
        ((0, 10), (Edit(2, 3, ("x", "y"), (" ",)),), "one two  x yhree"),
        ((0, 10), (Edit(2, 3, ()),), "one two  hree"),
        ((1, 2), (Edit(0, 1, ("x",)),), "oxe two  three"),
        ((7, 9), (), "one two  three"),
        ((5, 5), (), "one two  three"),
    ],
)
def test_parts_begin_and_end_within_words(stretch: tuple[int, int], edits: tuple[Edit, ...], expected: str) -> None:
    value = "one two  three"
    part = text.part(value, *stretch)
    assert str(apply(split(value), part.lifted(edits))) == expected


def test_a_stretch_after_a_line_end_begins_a_word() -> None:
    part = text.part("ab\ncd", 3, 5)
    assert (part.first, part.head, part.tail) == (1, "", "")


def test_a_text_without_white_space_is_one_word_in_every_part() -> None:
    part = text.part("好电影" * 4, 3, 6)
    assert (part.words.words, part.first, part.head, part.tail) == (("好电影",), 0, "好电影", "好电影" * 2)
    assert part.places({0}) == {0}


def runs(places: Sequence[int]) -> list[list[int]]:
    """Places beside each other, together."""
    found: list[list[int]] = []
    for place in sorted(places):
        if found and found[-1][-1] == place - 1:
            found[-1].append(place)
        else:
            found.append([place])
    return found


@given(st.data(), edited())
def test_words_are_untouched_where_no_edit_is_and_stand_together_then(
    data: st.DataObject, given_: tuple[Words, tuple[Edit, ...]]
) -> None:
    words, edits = given_
    n = len(words.words)
    places = frozenset(data.draw(st.sets(st.integers(0, n - 1)))) if n else frozenset()
    untouched = text.untouched(words, edits, places)
    covered = {place for edit in edits for place in range(edit.start, edit.end)}
    parted = {edit.start for edit in edits if edit.start == edit.end and edit.words}
    if places.isdisjoint(covered) and not any(place in places and place - 1 in places for place in parted):
        assert untouched
    if untouched:
        after = apply(words, edits).words
        for run in runs(sorted(places)):
            kept = tuple(words.words[place] for place in run)
            assert any(after[at : at + len(kept)] == kept for at in range(len(after)))


@pytest.mark.parametrize(
    ("edit", "untouched"),
    [
        (Edit(0, 1, ("x",)), True),
        (Edit(1, 2, ("x",)), False),
        (Edit(2, 2, ("x",)), False),
        (Edit(1, 1, ("x",)), True),
        (Edit(3, 3, ("x",)), True),
        (Edit(1, 3, ("b", "c"), (" ",)), True),
        (Edit(1, 2, ()), False),
    ],
)
def test_two_words_side_by_side_are_untouched_or_not(edit: Edit, untouched: bool) -> None:
    assert text.untouched(split("a b c d"), [edit], frozenset({1, 2})) is untouched


def test_removed_words_may_say_what_white_space_is_left() -> None:
    assert str(apply(split("a b  c"), [Edit(1, 2, (), ("\n",))])) == "a\nc"
    for separators in ((" ", " "), (" ",)):
        with pytest.raises(ValueError, match="one separator fewer"):
            Edit(1, 1, (), separators)
