"""Entities as spans: schemes, strict and lenient reading, and how they follow edits of their words."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import BILOU, IOB1, IOB2, IOBES, Entities

from auditor import text
from auditor.errors import DataError
from auditor.perturbations.catalogue import NOISE, perturb
from auditor.text import spans
from auditor.types import Span

TYPES = ("PER", "LOC")
WORDS = st.lists(
    st.sampled_from(("the", "John", "Smith", "lives", "in", "New", "York", "don't", "9")), min_size=1, max_size=9
)

SCHEMES = ("IOB1", "IOB2", "IOBES", "BILOU")


@st.composite
def entities(draw: st.DrawFn, words: int | None = None) -> tuple[int, tuple[Span, ...]]:
    """A number of words, and spans of them that do not overlap."""
    size = draw(st.integers(1, 12)) if words is None else words
    found, at = [], 0
    while at < size:
        start = at + draw(st.integers(0, 3))
        end = start + draw(st.integers(1, 3))
        if end > size:
            break
        found.append(Span(start, end, draw(st.sampled_from(TYPES))))
        at = end
    return size, tuple(found)


def written(size: int, found: Sequence[Span], scheme: str) -> list[str]:
    """The tags of spans in a scheme, spelled out by hand."""
    tags = ["O"] * size
    before: Span | None = None
    for span in found:
        start, end, kind = span
        if scheme == "IOB1":
            tags[start:end] = [f"I-{kind}"] * (end - start)
            if before is not None and before.end == start and before.type == kind:
                tags[start] = f"B-{kind}"
        elif scheme == "IOB2":
            tags[start:end] = [f"B-{kind}"] + [f"I-{kind}"] * (end - start - 1)
        else:
            last, single = ("E", "S") if scheme == "IOBES" else ("L", "U")
            inner = [f"B-{kind}", *[f"I-{kind}"] * (end - start - 2), f"{last}-{kind}"]
            tags[start:end] = inner if end - start > 1 else [f"{single}-{kind}"]
        before = span
    return tags


@pytest.mark.parametrize("scheme", SCHEMES)
@given(st.lists(entities(), min_size=1, max_size=4))
def test_every_scheme_is_recognised_and_converted(scheme: str, sentences: list[tuple[int, tuple[Span, ...]]]) -> None:
    every = [written(size, found, scheme) for size, found in sentences]
    seen = spans.scheme(every)
    for tags, (size, found) in zip(every, sentences, strict=True):
        assert spans.illegal(tags, seen) is None
        assert spans.converted(tags) == spans.tags_of(found, size)
        assert spans.spans(spans.converted(tags)) == found


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_name_of_a_scheme_needs_an_entity_that_shows_it(scheme: str) -> None:
    found = (Span(0, 2, "PER"), Span(2, 3, "PER"), Span(4, 5, "LOC"))
    assert spans.scheme([written(6, found, scheme)]) == scheme
    assert spans.scheme([["O", "O"]]) == "IOB2"


LIBRARY = {"IOB1": IOB1, "IOB2": IOB2, "IOBES": IOBES, "BILOU": BILOU}


@given(st.lists(st.sampled_from(("O", "B-PER", "I-PER", "B-LOC", "I-LOC")), min_size=1, max_size=10))
def test_strict_and_lenient_reading_are_seqevals(tags: list[str]) -> None:
    strict = [Span(one.start, one.end, one.tag) for one in Entities([tags], IOB2).entities[0]]
    assert list(spans.spans(tags)) == strict
    lenient = [Span(start, end + 1, kind) for kind, start, end in get_entities(tags)]
    assert list(spans.spans(tags, strict=False)) == lenient


@pytest.mark.parametrize("scheme", ["IOBES", "BILOU"])
@given(entities())
def test_legal_tags_with_ends_are_read_as_seqeval_does(scheme: str, one: tuple[int, tuple[Span, ...]]) -> None:
    tags = written(*one, scheme)
    strict = [Span(e.start, e.end, e.tag) for e in Entities([tags], LIBRARY[scheme]).entities[0]]
    assert list(spans.spans(tags)) == strict == list(one[1])


@pytest.mark.parametrize(
    ("tags", "scheme", "found"),
    [
        (["B-PER", "O", "I-PER"], "IOB2", (2, "I-PER follows O: an entity begins with B-")),
        (["B-PER", "I-LOC"], "IOB2", (1, "I-LOC follows B-PER: an entity begins with B-")),
        (["O", "I-PER", "B-PER"], "IOB1", None),
        (["B-PER", "O"], "IOBES", (1, "B-PER is followed by O: an entity ends with E-")),
        (["S-PER", "B-PER", "I-PER"], "IOBES", (2, "I-PER is followed by O: an entity ends with E-")),
        (["O", "E-PER"], "IOBES", (1, "E-PER follows O: an entity begins with B- or S-")),
        (["U-PER", "L-PER"], "BILOU", (1, "L-PER follows U-PER: an entity begins with B- or S-")),
    ],
)
def test_what_may_not_stand_where_it_does_is_found(tags: list[str], scheme: str, found: object) -> None:
    assert spans.illegal(tags, scheme) == found


@pytest.mark.parametrize("tag", ["PER", "-PER", "X-PER", "BI-PER", "b-PER", ""])
def test_a_tag_without_prefix_is_refused(tag: str) -> None:
    with pytest.raises(DataError) as caught:
        spans.scheme([["O", tag]])
    assert caught.value.line.startswith(f"tag {tag!r} has no prefix (tags are O, or a prefix (B, I, E, S, L, U)")


@st.composite
def sentences(draw: st.DrawFn) -> tuple[text.Words, tuple[Span, ...]]:
    words = draw(WORDS)
    _, found = draw(entities(len(words)))
    return text.split(" ".join(words)), found


@given(sentences())
def test_without_edits_everything_stays(one: tuple[text.Words, tuple[Span, ...]]) -> None:
    words, found = one
    assert text.origins(words, ()) == tuple(range(len(words.words)))
    assert spans.followed(found, text.origins(words, ())) == found


@given(sentences(), st.data())
def test_an_inserted_word_moves_what_follows_and_lengthens_what_it_stands_in(
    one: tuple[text.Words, tuple[Span, ...]], data: st.DataObject
) -> None:
    words, found = one
    place = data.draw(st.integers(0, len(words.words)))
    edits = [text.Edit(place, place, ("indeed",))]
    wanted = tuple(Span(start + (start >= place), end + (end > place), kind) for start, end, kind in found)
    assert spans.followed(found, text.origins(words, edits)) == wanted


@given(sentences(), st.data())
def test_a_deleted_word_moves_what_follows_and_shortens_what_it_stood_in(
    one: tuple[text.Words, tuple[Span, ...]], data: st.DataObject
) -> None:
    words, found = one
    place = data.draw(st.integers(0, len(words.words) - 1))
    moved = [Span(start - (start > place), end - (end > place), kind) for start, end, kind in found]
    origins = text.origins(words, [text.Edit(place, place + 1, ())])
    assert spans.followed(found, origins) == tuple(span for span in moved if span.end > span.start)


@given(sentences(), st.data())
def test_a_split_word_is_longer_and_merged_ones_are_shorter(
    one: tuple[text.Words, tuple[Span, ...]], data: st.DataObject
) -> None:
    words, found = one
    place = data.draw(st.integers(0, len(words.words) - 1))
    split = text.origins(words, [text.Edit(place, place + 1, ("a", "b"), (" ",))])
    wanted = tuple(Span(start + (start > place), end + (end > place), kind) for start, end, kind in found)
    assert spans.followed(found, split) == wanted
    inner = [span for span in found if span.end - span.start > 1]
    for span in inner:
        merged = text.origins(words, [text.Edit(span.start, span.start + 2, ("ab",))])
        after = spans.followed(found, merged)
        assert after is not None
        assert Span(span.start, span.end - 1, span.type) in after


@settings(deadline=None)  # nlpaug is imported by the first
@given(sentences(), st.sampled_from(sorted(one.name for one in NOISE)), st.integers(0, 1000))
def test_whatever_a_perturbation_does_the_labels_are_those_of_the_words(
    one: tuple[text.Words, tuple[Span, ...]], name: str, seed: int
) -> None:
    words, found = one
    edits = perturb(words, name, 0.4, random.Random(seed))
    after, origins = text.apply(words, edits), text.origins(words, edits)
    assert len(origins) == len(after.words)
    touched = {index for edit in edits for index in range(edit.start, edit.end)}
    for word, origin in zip(after.words, origins, strict=True):
        if origin >= 0 and origin not in touched:
            assert word == words.words[origin]
    moved = spans.followed(found, origins)
    if moved is None:
        assert any(edit.end - edit.start > 1 for edit in edits), (words, edits)
        return
    if not spans.joined(spans.tags_of(found, len(words.words)), edits):
        # No word of an entity ends up outside of it, or outside of all.
        for place, origin in enumerate(origins):
            before = [span.type for span in found if span.start <= origin < span.end]
            assert [span.type for span in moved if span.start <= place < span.end][: len(before)] == before
    for span in moved:
        kinds = {
            other.type
            for other in found
            for index in origins[span.start : span.end]
            if other.start <= index < other.end
        }
        assert kinds == {span.type}


@settings(deadline=None)
@given(sentences(), st.sampled_from(sorted(one.name for one in NOISE)), st.integers(0, 1000))
def test_a_perturbation_of_the_context_leaves_the_entities_as_they_are(
    one: tuple[text.Words, tuple[Span, ...]], name: str, seed: int
) -> None:
    words, found = one
    kept = frozenset(place for span in found for place in range(span.start, span.end))
    edits = perturb(words, name, 0.6, random.Random(seed), kept)
    after, moved = text.apply(words, edits), spans.followed(found, text.origins(words, edits))
    assert moved is not None
    assert [after.words[a.start : a.end] for a in moved] == [words.words[b.start : b.end] for b in found]


def test_words_joined_across_the_border_of_an_entity_have_no_right_tag() -> None:
    words = text.split("met John Smith")
    tags = ("O", "B-PER", "I-PER")
    assert spans.joined(tags, [text.Edit(0, 2, ("metJohn",))])
    assert not spans.joined(tags, [text.Edit(1, 3, ("JohnSmith",))])
    assert not spans.joined(tags, [text.Edit(0, 1, ())])
    assert not spans.joined(tags, [text.Edit(0, 1, ("m", "et"), (" ",))])
    assert spans.joined(("B-LOC", "B-ORG"), [text.Edit(0, 2, ("ParisFrance",))])
    assert spans.follow(tags, text.origins(words, [text.Edit(1, 3, ("JohnSmith",))])) == ("O", "B-PER")


def test_a_word_swapped_out_of_its_entity_breaks_it() -> None:
    words = text.split("the John Smith")
    out = [text.Edit(0, 2, ("John", "the"), (" ",))]
    assert text.origins(words, out) == (1, 0, 2)
    assert spans.followed((Span(1, 3, "PER"),), text.origins(words, out)) is None
    within = [text.Edit(1, 3, ("Smith", "John"), (" ",))]
    assert spans.followed((Span(1, 3, "PER"),), text.origins(words, within)) == (Span(1, 3, "PER"),)
    assert spans.follow(("O", "B-PER", "I-PER"), text.origins(words, out)) is None
