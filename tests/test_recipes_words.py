"""Recipes that generate texts, for tasks in which words have labels.

They attack the context of entities, or translate the words between entities.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_ner import TAGS, TASK, response, sentences
from test_recipes_paraphrasing import FakeDevice, by_hand, translator
from test_recipes_trained import TABLES

from auditor import text
from auditor.errors import AuditError
from auditor.models.fake import FakeModel
from auditor.perturbations import paraphrases
from auditor.testing import started
from auditor.text import spans
from auditor.training import recipes
from auditor.training.recipes import _perturbed_rows
from auditor.types import Example, Request, Tag

WORDS = frozenset({"the", "there", "that", "it"})
GOLD = ("O", "O", "O", "B-PER", "I-PER", "O", "O", "B-LOC", "O", "O", "O", "O")
ROW = Example("train:1", {"text": "yesterday it rained Ann Lee left for Paris and never came back"}, GOLD)


TOKENIZED = paraphrases.BackTranslation(tokenized=True, vocabulary=WORDS)


def stretches_of(row: Example) -> list[str]:
    return TOKENIZED.stretches(text.split(row.inputs["text"]), TASK.protected(row)["text"])


def reworded(row: Example, wordings: Mapping[str, str]) -> Example | None:
    words = text.split(row.inputs["text"])
    edits = TOKENIZED.by(wordings).edits(words, 1.0, random.Random(0), TASK.protected(row)["text"])
    return _perturbed_rows.edited(row, TASK, {"text": edits})


def test_the_stretches_between_entities_are_told_from_short_ones() -> None:
    assert stretches_of(ROW) == ["yesterday it rained", "and never came back"]
    assert stretches_of(replace(ROW, inputs={"text": "Ann Lee"}, gold=("B-PER", "I-PER"))) == []
    assert stretches_of(replace(ROW, inputs={"text": "no name here"}, gold=("O", "O", "O"))) == ["no name here"]


def test_entities_stand_as_they_stood_and_labels_follow() -> None:
    known = {"yesterday it rained": "There was rain yesterday.", "and never came back": "and did not return"}
    found = reworded(ROW, known)
    assert found is not None
    # The translator made a sentence of a fragment: its capital and its full stop go.
    assert found.inputs["text"] == "there was rain yesterday Ann Lee left for Paris and did not return"
    assert found.gold == ("O", "O", "O", "O", "B-PER", "I-PER", "O", "O", "B-LOC", "O", "O", "O", "O")
    assert found.id == ROW.id
    assert reworded(ROW, {}) is None
    assert reworded(ROW, {"and never came back": "and never came back", "yesterday it rained": " "}) is None


def test_a_sentence_keeps_its_full_stop_and_words_are_told_from_punctuation() -> None:
    row = Example("a", {"text": 'Ann , who is old , said " no " .'}, ("B-PER", *["O"] * 10))
    (stretch,) = stretches_of(row)
    assert TOKENIZED.spoken(stretch) == ', who is old, said "no".'
    found = reworded(row, {stretch: ', an old woman, didn\'t say "yes".'})
    assert found is not None
    assert found.inputs["text"] == 'Ann , an old woman , did n\'t say " yes " .'
    assert found.gold == ("B-PER", *["O"] * 12)


@pytest.mark.parametrize(
    "stretch",
    [
        "I can't go to",
        "see https://t.co/abc and then",
        "email me @ noon #fun in",
        "cannot wanna gonna",
        'is nice , " he said after the',
        "and \" they \" did n't , he 's ( sure ) .",
        "rose 3.5 % to $ 4 ; U.S. rules",
    ],
)
def test_a_translation_that_comes_back_as_it_was_is_no_copy(stretch: str) -> None:
    row = Example("a", {"text": stretch}, ("O",) * len(stretch.split()))
    for back in (TOKENIZED.spoken(stretch), stretch):
        assert reworded(row, {stretch: back}) is None


def test_what_the_data_do_not_part_stays_whole_in_other_words() -> None:
    stretch = "you can't see #fun at https://t.co/abc"
    row = Example("a", {"text": stretch}, ("O",) * 6)
    found = reworded(row, {stretch: "#fun can't be seen by you at https://t.co/abc."})
    assert found is not None
    assert found.inputs["text"].split() == ["#fun", "can't", "be", "seen", "by", "you", "at", "https://t.co/abc"]


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("and I think so", "I think so too", "I think so too"),
        ("he said that day", "That day he said", "that day he said"),
        ("it rained all day", "Paris was wet", "Paris was wet"),
        ("It rained all day", "It was wet", "It was wet"),
        (", it rained", "It was wet", "it was wet"),
        (", it rained", ", It was wet", ", it was wet"),
    ],
)
def test_a_capital_goes_where_the_data_have_the_word_without(old: str, new: str, wanted: str) -> None:
    assert " ".join(paraphrases._fitted(old.split(), new.split(), WORDS)) == wanted


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("He said. It did rain.", "He said . It did rain ."),
        ('It rained there. "No," he said.', 'It rained there . " No , " he said .'),
        ("Mr. Smith of the U.S. Army", "Mr. Smith of the U.S. Army"),
        ("He left. we stayed", "He left. we stayed"),
        ("They stayed. We left", "They stayed . We left"),
    ],
)
def test_full_stops_between_sentences_are_words(value: str, words: str) -> None:
    assert " ".join(paraphrases.penn_words(value)) == words


def test_an_odd_quotation_mark_does_not_open_what_it_may_close() -> None:
    assert TOKENIZED.spoken('is nice , " he said') == 'is nice," he said'


def translating(**given: Any) -> recipes.Recipe:
    made = recipes.create("back_translation", {"share": 1.0, **given})
    started(made, TASK).prepare(FakeDevice())
    return made


def test_paraphrases_of_a_table_stand_beside_their_rows() -> None:
    rows = sentences(24)
    found = translating(table=TABLES / "stretches.csv").examples(rows, 0)
    assert list(found[:24]) == rows
    originals = {one.id: one for one in rows}
    texts = set()
    for one in found[24:]:
        old = originals[one.id]
        assert len(one.gold) == len(one.inputs["text"].split())
        assert _named(one) == _named(old)
        texts |= set(stretches_of(one)) - set(stretches_of(old))
    assert texts == {'it was " good , " really', "the film was good"}


def _named(one: Example) -> list[tuple[str, ...]]:
    words = one.inputs["text"].split()
    return [(*words[span.start : span.end], span.type) for span in spans.spans(one.gold)]


def test_a_table_without_any_stretch_of_the_rows_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("text,paraphrase\na,b\n", encoding="utf-8")
    with pytest.raises(AuditError) as caught:
        translating(table=table).examples([ROW], 0)
    assert (
        caught.value.line == f"{table}: none of the training rows' texts is in it (the first is 'yesterday it rained')"
    )
    short = replace(ROW, inputs={"text": "Ann Lee"}, gold=("B-PER", "I-PER"))
    with pytest.raises(AuditError, match="every row is short, or all entities"):
        translating(table=table).examples([short], 0)


def test_a_stretch_goes_through_both_translators_as_people_write_it(tmp_path: Path) -> None:
    there, back = translator(tmp_path / "there", 1), translator(tmp_path / "back", 2)
    row = Example("a", {"text": "ann lee , the film was good ."}, ("B-PER", "I-PER", *["O"] * 6))
    (found,) = translating(translators=[there, back]).examples([row], 0)[1:]
    wanted = by_hand(back, by_hand(there, ", the film was good."))
    assert found.inputs["text"].split()[2:] == list(
        paraphrases._fitted((",", "."), paraphrases.penn_words(wanted), WORDS)
    )
    assert found.gold[:2] == ("B-PER", "I-PER")


def attacking(answer: Any, **given: Any) -> recipes.Recipe:
    made = recipes.create("attack", {"share": 1.0, "first": 0, "max_words_changed": 1.0, **given})
    started(made, TASK, model=FakeModel(answer, TAGS))
    return made


def fragile(request: Request) -> Sequence[Sequence[float]]:
    """Sees persons as long as the word "said" stands among the others; places always."""
    words = request.texts
    tags = ["O"] * len(words)
    for place, word in enumerate(words):
        if word == "Paris":
            tags[place] = "B-LOC"
        if word == "Ann" and "said" in words:
            tags[place : place + 2] = ["B-PER", "I-PER"]
    return response(tags)


SAID = Example(
    "train:2", {"text": "yesterday Ann Lee said no to Paris"}, ("O", "B-PER", "I-PER", "O", "O", "O", "B-LOC")
)


@pytest.mark.parametrize("method", ["deepwordbug", "textbugger"])
def test_attacks_change_the_context_until_an_entity_is_lost(method: str) -> None:
    found = attacking(fragile, method=method).examples([SAID], 0)
    assert found[0] == SAID
    (made,) = found[1:]
    words = tuple(made.inputs["text"].split())
    assert "said" not in words
    assert _named(made) == [("Ann", "Lee", "PER"), ("Paris", "LOC")]
    assert TASK.spans_found(made, fragile(Tag(words))) == tuple(
        one for one in spans.spans(made.gold) if one.type == "LOC"
    )


def test_what_was_made_is_kept_with_an_interrupted_training() -> None:
    made = attacking(fragile)
    found = made.examples([SAID], 0)
    assert len(found) == 2
    other = attacking(lambda _: pytest.fail("asked again"))
    other.load_state(made.state())
    assert other.examples([SAID], 0) == found


def test_what_is_not_found_or_cannot_be_lost_is_not_added() -> None:
    def blind(request: Request) -> Any:
        return response(["O"] * len(request.texts))

    def sturdy(request: Request) -> Any:
        return response(["B-LOC" if word == "Paris" else "O" for word in request.texts])

    for model in (blind, sturdy):
        assert list(attacking(model).examples([SAID], 0)) == [SAID]


@pytest.mark.parametrize(
    ("edit", "touched", "apart"),
    [
        (text.Edit(3, 4, ("sald",)), False, False),
        (text.Edit(1, 2, ("Anne",)), True, False),
        (text.Edit(2, 3, ()), True, False),
        (text.Edit(2, 2, ("so",)), True, False),
        (text.Edit(2, 4, ("Leesaid",)), True, True),
        (text.Edit(0, 1, ("yes", "terday"), (" ",)), False, False),
    ],
)
def test_edits_that_touch_or_join_entities_break_them(edit: text.Edit, touched: bool, apart: bool) -> None:
    before, kept = text.split(SAID.inputs["text"]), TASK.protected(SAID)["text"]
    assert text.untouched(before, [edit], kept) is not touched
    _, alignment = text.edited(SAID.inputs, {"text": (edit,)})
    assert (TASK.follow(SAID.gold, alignment) is None) is apart
