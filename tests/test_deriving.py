"""What follows from a case's edits: texts, gold, whether the label broke, how much was touched."""

from __future__ import annotations

import pytest
from pair_task import PairTask

from auditor import tasks
from auditor.engine.deriving import derived
from auditor.types import SAME_WORDS, Case, Edit, Edits, Example, ScoredCase, Task

OF_TEXTS = tasks.create("text-classification", ("negative", "positive"))
OF_WORDS = tasks.create("ner", ("O", "B-PER", "I-PER", "B-LOC", "I-LOC"))
FILM = Example("home:1", {"text": " a good  film"}, "positive")
ANN = Example("home:2", {"text": "Ann Lee saw Paris"}, ("B-PER", "I-PER", "O", "B-LOC"))
RAIN = Example("home:3", {"premise": "it rains a lot", "hypothesis": "it is wet"}, "follows")
SAMPLES: tuple[tuple[Task, Example], ...] = ((OF_TEXTS, FILM), (OF_WORDS, ANN), (PairTask(), RAIN))


@pytest.mark.parametrize(("task", "example"), SAMPLES, ids=lambda one: getattr(one, "name", ""))
def test_a_case_without_edits_is_the_example(task: Task, example: Example) -> None:
    made = derived(Case(example, {}), task)
    assert (made.inputs, made.gold, made.alignment) == (example.inputs, example.gold, SAME_WORDS)
    assert (made.invalid, made.words_touched) == (False, None)
    assert ScoredCase(Case(example, {}, facts={"n": 1.0}), made, None, None, False).facts == {"n": 1.0}


@pytest.mark.parametrize(("task", "example"), SAMPLES, ids=lambda one: getattr(one, "name", ""))
@pytest.mark.parametrize("identity", ["no edits of a field", "every word in its own place"])
def test_edits_that_change_nothing_keep_text_and_gold(task: Task, example: Example, identity: str) -> None:
    edits: Edits = {
        field: tuple(Edit(place, place + 1, (word,)) for place, word in enumerate(value.split()))
        if identity.startswith("every")
        else ()
        for field, value in example.inputs.items()
    }
    case = Case(example, {}, edits, facts={"n": 1.0})
    made = derived(case, task)
    assert (made.inputs, made.gold, made.invalid) == (example.inputs, example.gold, False)
    assert made.words_touched == (1.0 if identity.startswith("every") else 0.0)
    assert ScoredCase(case, made, None, None, False).facts == {"n": 1.0, "words_touched": made.words_touched}


def test_the_gold_of_words_follows_them() -> None:
    made = derived(Case(ANN, {}, {"text": (Edit(0, 0, ("so",)), Edit(3, 4, ("New", "York"), (" ",)))}), OF_WORDS)
    assert made.inputs == {"text": "so Ann Lee saw New York"}
    assert made.gold == ("O", "B-PER", "I-PER", "O", "B-LOC", "I-LOC")
    assert made.alignment.origins == {"text": (-1, 0, 1, 2, 3, 3)}
    # A word put in, and one in another's place, of four.
    assert (made.invalid, made.words_touched) == (False, 2 / 4)


def test_a_gold_that_the_edits_broke_is_none_and_the_case_invalid() -> None:
    joined = {"text": (Edit(1, 3, ("Leesaw",)),)}
    made = derived(Case(ANN, {}, joined), OF_WORDS)
    assert (made.gold, made.invalid) == (None, True)
    unlabelled = derived(Case(Example("x", ANN.inputs), {}, joined), OF_WORDS)
    assert (unlabelled.gold, unlabelled.invalid) == (None, False)


def test_a_probe_may_know_that_a_label_broke() -> None:
    edits = {"text": (Edit(1, 2, ("bad",)),)}
    made = derived(Case(FILM, {}, edits, invalid=True), OF_TEXTS)
    assert (made.inputs, made.gold, made.invalid) == ({"text": " a bad  film"}, "positive", True)
    assert derived(Case(FILM, {}, invalid=True), OF_TEXTS).invalid


@pytest.mark.parametrize(("words", "share"), [(None, 2 / 7), (4, 2 / 4), (1, 1.0), (0, 0.0)])
def test_the_share_touched_is_of_the_words_that_the_edits_were_drawn_from(words: int | None, share: float) -> None:
    edits = {"premise": (Edit(1, 2, ("pours",)),), "hypothesis": (Edit(2, 3, ("dry",)),)}
    assert derived(Case(RAIN, {}, edits, words=words), PairTask()).words_touched == share


def test_fields_that_no_edit_names_are_not_counted() -> None:
    made = derived(Case(RAIN, {}, {"hypothesis": (Edit(2, 3, ("dry",)),)}), PairTask())
    assert made.inputs == {"premise": "it rains a lot", "hypothesis": "it is dry"}
    assert made.words_touched == 1 / 3
