"""Wrong answers of questions: which spans they are, and how they are found again."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from auditor import tasks
from auditor.tasks import wrong_answers
from auditor.tasks.wrong_answers import CORRUPTIONS, AnotherSpan, Missing, OtherEnds
from auditor.testing import FakeAudit, FakeModel, sample_rows
from auditor.text import answers
from auditor.types import Case, Choice, Example, Extracted, Judged, Request, Response, Score, Skipped, Table
from probes import label_errors, label_noise
from probes._label_checks import checked
from probes._review_tables import conflict_table

TASK = tasks.create("question-answering", ())
ANN = "In 1990, Ann Lee saw Rome. Bo Ray left Paris in 1991! He slept at home."


def row(context: str, *texts: str, name: str = "x") -> Example:
    places = ((context.index(own), context.index(own) + len(own)) for own in texts)
    gold = tuple(answers.answer_at(context, *place) for place in places)
    return Example(name, {"question": "Who?", "context": context}, gold)


def wrong(corrupt: AnotherSpan | OtherEnds | Missing, example: Example, times: int = 60) -> set[str]:
    """The texts that a wrong answer can be; each stands where it says."""
    made = set()
    for seed in range(times):
        ((*golds,),) = corrupt([example], 1.0, random.Random(seed))
        for gold in golds:
            assert answers.start_of(example.inputs["context"], gold) >= 0
        made.add(golds[0].text if golds else "")
    return made


def test_another_span_is_as_long_and_of_the_same_kind_and_within_a_sentence() -> None:
    assert wrong(AnotherSpan(), row(ANN, "Ann Lee")) == {"Bo Ray", "Ray left", "Paris in", "He slept"}
    assert wrong(AnotherSpan(), row(ANN, "1990")) == {"1991"}
    assert wrong(AnotherSpan(), row(ANN, "1990", "1991")) & {"1990", "1991"} == set()
    # The only other span of three words of its kind; a span never overlaps a right answer.
    assert wrong(AnotherSpan(), row("One two three four. a b c", "One two three")) == {"a b c"}


def test_where_no_span_is_as_long_or_of_the_kind_the_nearest_does() -> None:
    assert wrong(AnotherSpan(), row("saw 7 Rome", "7")) == {"saw", "Rome"}
    assert wrong(AnotherSpan(), row("one two three four", "one two three")) == {"four"}
    assert wrong(AnotherSpan(), row("Rome, Rome and the Rome", "Rome")) == {"and"}
    assert wrong(AnotherSpan(), row("a. b. c d", "c d"), 20) == {"a. b"}


def test_a_question_without_an_answer_gets_one_as_long_as_anothers() -> None:
    rows = [row(ANN, "saw Rome", name="1"), row("red green blue", name="2")]
    made = {AnotherSpan()(rows, 1.0, random.Random(seed))[1][0].text for seed in range(30)}
    assert made == {"red green", "green blue"}
    assert wrong(AnotherSpan(), row("red blue")) == {"red", "blue"}


def test_scripts_without_blanks_are_changed_by_characters() -> None:
    made = wrong(AnotherSpan(), row("东京是日本的首都。", "东京"))
    assert made == {"是日", "日本", "本的", "的首", "首都"}
    assert wrong(OtherEnds(), row("东京是日本", "东京")) == {"东京是", "东", "京"}


def test_other_ends_are_a_word_too_many_or_too_few() -> None:
    assert wrong(OtherEnds(), row(ANN, "Ann Lee")) == {"1990, Ann Lee", "Ann Lee saw", "Ann", "Lee"}
    # Not beyond the sentence, and no article more: the scores would not tell it from the right answer.
    assert wrong(OtherEnds(), row("He saw the Rome. He left", "Rome")) == {"Rome"}
    assert OtherEnds().impossible([row("Rome", "Rome"), row(ANN)]) == OtherEnds.reason
    assert OtherEnds().impossible([row(ANN, "Rome", "saw Rome")]) == OtherEnds.reason
    assert OtherEnds().impossible([row("It cost — much", "—")]) == OtherEnds.reason


def test_the_first_row_that_can_be_wrong_is_enough_to_tell_that_answers_can(monkeypatch: pytest.MonkeyPatch) -> None:
    """Contexts of thousands of words take a while, and the trainings change them again."""
    read: list[str] = []
    original = wrong_answers._another

    def another(example: Example, *rest: Any) -> Any:
        read.append(example.id)
        return original(example, *rest)

    monkeypatch.setattr(wrong_answers, "_another", another)
    rows = [row("Rome", "Rome", name="1"), row(ANN, "Rome", name="2"), row(ANN, "Rome", name="3")]
    assert AnotherSpan().impossible(rows) is None
    assert len(read) == 2


def test_missing_answers_are_those_of_questions_that_have_one() -> None:
    rows = [row(ANN, "Rome"), row(ANN)]
    assert Missing()(rows, 1.0, random.Random(0)) == [(), ()]
    assert Missing().impossible(rows[1:]) == "no training row has an answer"
    assert AnotherSpan().impossible([row("Rome", "Rome")]) == AnotherSpan.reason


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_the_share_is_of_the_rows_that_can_be_wrong_and_a_larger_keeps_a_smaller(kind: str) -> None:
    rows = sample_rows(TASK, 50)
    made = [CORRUPTIONS[kind](rows, rate, random.Random(5)) for rate in (0.2, 0.6, 1.0)]
    golds = [each.gold for each in rows]
    changed = [{place for place, gold in enumerate(own) if gold != golds[place]} for own in made]
    possible = 50 if kind == "another span" else 40
    assert [len(own) for own in changed] == [possible * share // 10 for share in (2, 6, 10)]
    assert changed[0] < changed[1] < changed[2]
    assert all(made[0][place] == made[2][place] for place in changed[0])
    for place in changed[2] if kind == "another span" else ():
        gold = made[2][place][0]
        assert TASK.score(golds[place], Extracted(gold.text, gold.word, gold.letter, 0.9, 0.05)).numerator == 0.0


def test_label_noise_takes_spans_and_ends_where_no_kind_is_named() -> None:
    rows = {"home": sample_rows(TASK, 10), "train": sample_rows(TASK, 40, "train")}
    settings = label_noise.Settings(rates=(0.5,), rows=40, seeds=1, steps=30)
    fake = FakeAudit(rows, settings, TASK, fit=lambda *_given, **_more: FakeModel(lambda _request: None, ()))
    slices = [case.slice for case in label_noise.PROBE.cases(fake) if isinstance(case, Case)]
    assert list(dict.fromkeys(each["labels"] for each in slices)) == ["another span", "other ends"]


def judged(example: Example, response: Response) -> Judged:
    score = TASK.score(example.gold, response)
    choices = tuple(TASK.choices(example.gold, response))
    return Judged({"rows": "test"}, example.id, score, score, True, False, {}, {}, {}, choices=choices)


@pytest.mark.parametrize(
    ("texts", "answer", "sure", "label", "said", "chance"),
    [
        (("Rome",), "Rome", 0.7, "Rome", "Rome", 0.7),
        (("Rome", "saw Rome"), "saw Rome", 0.7, "Rome or saw Rome", "Rome or saw Rome", 0.7),
        (("Rome",), "Paris", 0.9, "Rome", "Paris", 0.1),
        # F1 is 2/3: 1 - 0.9 · (1 - 2/3).
        (("Rome",), "saw Rome", 0.9, "Rome", "saw Rome", 0.7),
        ((), "Paris", 0.9, "(no answer)", "Paris", 0.1),
    ],
)
def test_a_right_answer_has_at_most_what_the_models_leaves(
    texts: Sequence[str], answer: str, sure: float, label: str, said: str, chance: float
) -> None:
    example = row(ANN, *texts)
    at = ANN.index(answer)
    given = Extracted(*answers.answer_at(ANN, at, at + len(answer)), sure, (1 - sure) / 2)
    found = checked(judged(example, given), example, TASK)
    assert found is not None
    assert (found.label, found.answer, found.word) == (label, said, "")
    assert found.probability == pytest.approx(chance)


def test_no_answer_where_there_is_one_is_listed_by_its_probability() -> None:
    example = row(ANN, "Rome")
    found = checked(judged(example, Extracted("Rome", 5, 0, 0.2, 0.75)), example, TASK)
    assert found is not None
    assert (found.label, found.answer) == ("Rome", "(no answer)")
    assert found.probability == pytest.approx(0.25)


def test_names_stand_beside_the_chances_of_answers_that_are_no_labels() -> None:
    (choice,) = TASK.choices(row(ANN, "Paris").gold, Extracted("Rome", 5, 0, 0.9, 0.05))
    assert choice == Choice("texts", (0.9, 1 - 0.9), 0, 1, ("Rome", "another answer"))


def reader(request: Request) -> Response:
    """A model that answers each question of the samples rightly."""
    words = request.texts[-1].split()
    if "went" not in words:
        return Extracted("", 0, 0, 0.05, 0.9)
    place = words.index("to") + 1
    end = place + (2 if words[place + 1][0].isupper() else 1)
    return Extracted(" ".join(words[place:end]), place, 0, 0.9, 0.05)


def test_planted_wrong_answers_are_listed_first_in_training_rows_and_test_rows() -> None:
    rows = {"home": list(sample_rows(TASK, 20)), "train": list(sample_rows(TASK, 30, "train"))}
    for own in rows.values():
        own[3] = row(own[3].inputs["context"], own[3].inputs["context"].split()[0], name=own[3].id)
    fake = FakeAudit(
        rows, label_errors.Settings(rows=30, steps=30), TASK, fit=lambda *_given, **_more: FakeModel(reader, ())
    )
    assert label_errors.PROBE.planned(fake).trainings == 3
    cases = [case for case in label_errors.PROBE.cases(fake) if isinstance(case, Case)]
    assert len(cases) == 50
    told = [
        Judged(
            case.slice,
            case.example.id,
            None,
            TASK.score(case.example.gold, reader(TASK.request(case.example.inputs))),
            True,
            False,
            case.facts,
            {},
            {},
            choices=tuple(TASK.choices(case.example.gold, reader(TASK.request(case.example.inputs)))),
        )
        for case in cases
    ]
    found = list(label_errors.PROBE.measure(told, fake))
    (table,) = (each for each in found if isinstance(each, Table))
    assert [cells[:2] for cells in table.rows] == [(rows["train"][3].id, "training"), (rows["home"][3].id, "test")]
    assert all(cells[4] == pytest.approx(0.1) for cells in table.rows)
    assert (table.corrections, table.corrects) == ((), None)
    # Right answers and the model's quote the context.
    assert table.texts == ("label", "answer", "question", "context")
    assert "at most" not in label_errors.PROBE.metrics(tasks.create("text-classification", ("a", "b")))[2].title
    assert "the most that" in label_errors.PROBE.metrics(TASK)[2].title


def test_without_a_base_training_rows_of_answers_are_not_ranked() -> None:
    fake = FakeAudit(
        {"home": sample_rows(TASK, 10), "train": sample_rows(TASK, 30, "train")}, label_errors.Settings(), TASK
    )
    list(label_errors.PROBE.cases(fake))
    found = list(label_errors.PROBE.measure([], fake))
    assert [each.reason for each in found if isinstance(each, Skipped)] == [label_errors.OF_SPANS]


def test_equal_questions_with_different_answers_conflict_and_their_answers_are_texts_of_the_data() -> None:
    alike = [[("test", row(ANN, "Rome", name="1")), ("test", row(ANN, "Paris", name="2"))]]
    table = conflict_table(TASK, alike, 10)
    assert [cells[2:4] for cells in table.rows] == [("Rome", "2 (Paris)"), ("Paris", "1 (Rome)")]
    assert table.texts == ("label", "same_text_as", "question", "context")
    assert Score(1.0, 1.0) == TASK.score(alike[0][0][1].gold, Extracted("Rome", 5, 0, 0.9, 0.05))
