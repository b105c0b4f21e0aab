"""FakeAudit has everything that an audit has, and says what it was not given."""

from __future__ import annotations

import functools
import inspect
import random
from collections.abc import Callable
from typing import Any

import pytest

from auditor import tasks
from auditor.errors import NoAnswerError
from auditor.testing import (
    FakeAudit,
    FakeModel,
    counting_fit,
    counting_model,
    counting_trainer,
    keyword_model,
    sample_rows,
)
from auditor.types import INPUT_NEEDS, NEEDS, TASK_NEEDS, Audit, Case, Example, Inquiry, Measurement, Request, Response

TASK = tasks.create("text-classification", ("negative", "positive"))
HOW: dict[str, int] = {"seed": 1, "steps": 30, "batch_size": 4}


INQUIRY = Inquiry("robustness", "drop", {"examples": 3})


def bare(**more: Any) -> FakeAudit:
    return FakeAudit((), None, TASK, **more)


ASKED: dict[str, Callable[[FakeAudit], object]] = {
    "ask": lambda audit: audit.ask([{"text": "x"}]),
    "encode": lambda audit: audit.encode([{"text": "x"}]),
    "integrated_gradients": lambda audit: audit.integrated_gradients({"text": "x"}, "positive", 2),
    "why_not": lambda audit: audit.why_not("again"),
    "fit": lambda audit: audit.fit((), **HOW),
    "train_by": lambda audit: audit.train_by("fgm", (), **HOW),
    "vocabulary": lambda audit: audit.vocabulary(),
    "similar_words": lambda audit: audit.similar_words(["x"], 1),
    "embeddings": lambda audit: audit.embeddings([{"text": "x"}]),
    "logits": lambda audit: audit.logits([{"text": "x"}]),
    "findings": lambda audit: audit.findings(INQUIRY, keyword_model(())),
}
"""Member of an audit that needs something of the test → a call of it."""
GIVEN = {
    "ask": "model",
    "encode": "model",
    "integrated_gradients": "model",
    "why_not": "model",
    "vocabulary": "model",
    "similar_words": "model",
    "embeddings": "model",
    "logits": "model",
}
ALWAYS = {
    "checkpoints",
    "domains",
    "earlier",
    "examples",
    "favourable_label",
    "language",
    "given",
    "has",
    "model",
    "once",
    "out_of_scope",
    "rng",
    "settings",
    "side_by_side",
    "task",
    "time_slices",
}


def test_it_has_every_member_of_an_audit() -> None:
    members = {name for name, _ in inspect.getmembers(Audit) if name[0] != "_"}
    assert members == ASKED.keys() | ALWAYS
    assert all(hasattr(bare(), name) for name in members)


@pytest.mark.parametrize("name", ASKED)
def test_what_the_test_does_not_give_is_said_with_the_argument_that_gives_it(name: str) -> None:
    with pytest.raises(RuntimeError) as caught:
        ASKED[name](bare())
    assert str(caught.value).startswith("the probe asks for ")
    assert str(caught.value).endswith(f": give FakeAudit(…, {GIVEN.get(name, name)}=…)")


def test_a_set_that_is_not_given_is_a_key_error_that_names_those_that_are() -> None:
    audit = FakeAudit({"home": (), "far": ()}, None, TASK)
    assert audit.domains == ("home", "far")
    with pytest.raises(KeyError, match="train: FakeAudit has only the sets home, far"):
        audit.examples("train")


def test_tasks_run_side_by_side_for_a_slice_that_has_a_name() -> None:
    with pytest.raises(RuntimeError, match="side_by_side needs a slice"):
        bare().side_by_side({}, ())
    assert list(bare().side_by_side({"kind": "x"}, ())) == []


def test_what_is_given_is_there_and_is_noted() -> None:
    rows, found = sample_rows(TASK, 8), Measurement("m", {}, 0.5, 0.0, 1.0, 1, 1, "words")
    audit = FakeAudit(
        {"home": rows, "train": rows},
        "settings",
        TASK,
        model=counting_model(TASK, rows),
        fit=counting_fit(TASK),
        train_by=counting_trainer(TASK),
        findings=lambda _inquiry, _model: [found],
    )
    assert (audit.model, audit.settings, audit.examples("home", 2)) == ("counting", "settings", rows[:2])
    answers = audit.ask([row.inputs for row in rows])
    assert [TASK.show(answer) for answer in answers] == [row.gold for row in rows]
    assert audit.asked == [row.inputs for row in rows]
    assert audit.fit(rows, **HOW).labels == TASK.labels
    assert audit.train_by("fgm", rows, **HOW).recipe == "fgm"
    assert (audit.fits, audit.trainings) == ([(rows, 1, 30, 4)], [("fgm", rows, 1, 30, 4)])
    assert audit.findings(INQUIRY, keyword_model(())) == [found]
    assert audit.inquiries == {"robustness": INQUIRY}


@pytest.mark.parametrize("width", [1, 4])
def test_a_text_on_which_the_model_fails_is_answered_as_in_an_audit(width: int) -> None:
    def answer(request: Request) -> Response:
        if request.texts[0] == "evil":
            raise NoAnswerError("has no answer")
        return (0.2, 0.8)

    model, rows = FakeModel(answer, TASK.labels), [Example(text, {"text": text}) for text in ("good", "evil", "bad")]
    audit = bare(model=model, width=width)
    inputs = [row.inputs for row in rows]
    assert audit.ask(inputs) == audit.ask(inputs, model) == [(0.2, 0.8), None, (0.2, 0.8)]

    def case(row: Example) -> Case:
        assert audit.ask([row.inputs]) == [(0.2, 0.8)]
        return Case(row, {"recipe": "any"})

    cases = audit.side_by_side({"recipe": "any"}, (functools.partial(case, row) for row in rows))
    assert [made.example.id for made in cases] == ["good", "bad"]


def test_needs_are_met_by_what_is_given() -> None:
    of_text = {"single_text", "plain_text", "class_scores", "label_scores", "attack_goal"}
    of_task = {need: need in of_text for need in TASK_NEEDS}
    absent = dict.fromkeys(INPUT_NEEDS, False)
    assert {need: bare().has(need) for need in NEEDS} == {**absent, **of_task}
    rich = FakeAudit({"home": (), "far": (), "train": ()}, None, TASK, fit=counting_fit(TASK))
    assert {need for need in NEEDS if rich.has(need)} == {
        "train",
        "domains",
        "base",
        *(need for need, met in of_task.items() if met),
    }
    assert bare(train_by=counting_trainer(TASK)).has("base")
    assert bare(out_of_scope={"all": (Example("test:2", {"text": "x"}),)}).has("out_of_scope")
    later = FakeAudit({"home": (), "2025": ()}, None, TASK, time_slices=("2025",))
    assert (later.domains, later.has("domains"), later.has("periods")) == (("home",), False, True)
    with pytest.raises(KeyError):
        bare().has("nothing like it")


def test_generators_follow_from_seed_and_key() -> None:
    drawn = [bare(seed=seed).rng(*key).random() for seed, key in ((0, ("a",)), (0, ("a",)), (0, ("b",)), (1, ("a",)))]
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) == 3


@pytest.mark.parametrize("labels", [("a", "b"), ("a", "b", "c", "d")])
def test_made_up_rows_are_learned_and_tell_their_label_by_their_length_too(labels: tuple[str, ...]) -> None:
    task = tasks.create("text-classification", labels)
    rows = sample_rows(task, 96)
    model = counting_model(task, rows)
    answers = model.run(model.encode([task.request(row.inputs) for row in rows]))
    assert [task.show(answer) for answer in answers] == [row.gold for row in rows]
    assert all(len(row.inputs["text"].split()) % len(labels) == labels.index(row.gold) for row in rows)
    assert len({row.id for row in rows}) == 96


def test_more_rows_teach_more_and_wrong_labels_mislead() -> None:
    train, home = list(sample_rows(TASK, 240, "train")), sample_rows(TASK, 48)
    random.Random(0).shuffle(train)

    def right(rows: list[Example]) -> int:
        model = counting_fit(TASK)(rows, **HOW)
        answers = model.run(model.encode([TASK.request(row.inputs) for row in home]))
        return sum(TASK.show(answer) == row.gold for answer, row in zip(answers, home, strict=True))

    golds = TASK.corruptions["symmetric"](train, 0.4, random.Random(0))
    wrong = [Example(row.id, row.inputs, gold) for row, gold in zip(train, golds, strict=True)]
    assert right(train[:10]) < right(train) == 48
    assert right(wrong) < 44


def test_rows_of_another_kind_of_task_are_asked_for() -> None:
    class Free(type(TASK)):  # type: ignore[misc]
        offers = frozenset[str]()

    with pytest.raises(ValueError, match=r"cannot make up examples of text-classification: give examples="):
        sample_rows(Free(("a", "b")), 3)
