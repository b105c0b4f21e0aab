"""What probes, recipes, files and the page take for granted of a task, for every task."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pair_task import PairTask

import auditor
from auditor import tasks, text
from auditor.tasks import TaskDefaults
from auditor.tasks.question_answering import Gold
from auditor.testing import check_task
from auditor.text import answers, spans
from auditor.types import (
    SAME_WORDS,
    AttackDefaults,
    Example,
    Extracted,
    GoldAnswer,
    Inputs,
    Response,
    Task,
    gives_label_scores,
)

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")


@dataclass(frozen=True)
class Sample:
    """A task, examples of it, and the right and a wrong answer to each."""

    task: Task
    examples: tuple[Example, ...]
    right: tuple[Response, ...]
    wrong: tuple[Response, ...]


def sure(labels: Sequence[str], label: str) -> tuple[float, ...]:
    return tuple(0.8 if one == label else 0.2 / (len(labels) - 1) for one in labels)


def of_labels(task: Task, golds: Sequence[str], *inputs: Inputs) -> Sample:
    labels = task.labels
    examples = tuple(
        Example(f"x:{number}", dict(inputs[number % len(inputs)]), gold) for number, gold in enumerate(golds)
    )
    others = tuple(labels[(labels.index(gold) + 1) % len(labels)] for gold in golds)
    right, wrong = (tuple(sure(labels, label) for label in some) for some in (golds, others))
    return Sample(task, examples, right, wrong)


def of_tags() -> Sample:
    task = tasks.create("ner", TAGS)
    sentences = (
        ("Ann Lee saw Paris", ("B-PER", "I-PER", "O", "B-LOC")),
        ("in New York Bo slept", ("O", "B-LOC", "I-LOC", "B-PER", "O")),
    )
    every = [sentences[number % 2] for number in range(40)]
    examples = tuple(Example(f"x:{number}", {"text": value}, gold) for number, (value, gold) in enumerate(every))
    right = tuple(tuple(sure(TAGS, tag) for tag in gold) for _, gold in every)
    wrong = tuple(tuple(sure(TAGS, "O") for _ in gold) for _, gold in every)
    return Sample(task, examples, right, wrong)


def of_label_sets() -> Sample:
    task = tasks.create("multi-label-classification", ("a", "b", "c"))
    golds = [("a",), ("a", "c"), (), ("b", "c"), ("a", "b")] * 8
    examples = tuple(Example(f"x:{number}", {"text": f"film {number}"}, gold) for number, gold in enumerate(golds))
    right = tuple(tuple(0.8 if label in gold else 0.2 for label in task.labels) for gold in golds)
    wrong = tuple(tuple(0.2 if label in gold else 0.8 for label in task.labels) for gold in golds)
    return Sample(task, examples, right, wrong)


def of_numbers(name: str) -> Sample:
    task = tasks.create(name, ("number",))
    golds = [1.0, 2.5, -3.0, 4.0] * 10
    examples = tuple(
        Example(f"x:{number}", dict.fromkeys(task.fields, f"film {number}"), gold) for number, gold in enumerate(golds)
    )
    return Sample(task, examples, tuple(golds), tuple(gold + 1.0 for gold in golds))


def of_answers() -> Sample:
    task = tasks.create("question-answering", ())
    context = "Ann Lee (born 1990) saw Paris. Bo slept in New York."
    wanted: list[tuple[str, Gold]] = [
        ("Who saw Paris?", (GoldAnswer("Ann Lee", 0, 0),)),
        ("When was she born?", (GoldAnswer("1990", 3, 0),)),
        ("Where did Bo sleep?", (GoldAnswer("New York", 9, 0), GoldAnswer("in New York", 8, 0))),
        ("Who ate?", ()),
    ]
    every = [wanted[number % 4] for number in range(40)]
    examples = tuple(
        Example(f"x:{number}", {"question": question, "context": context}, gold)
        for number, (question, gold) in enumerate(every)
    )
    nothing = Extracted("", 0, 0, 0.1, 0.8)
    right = tuple(Extracted(*gold[0], 0.8, 0.1) if gold else nothing for _, gold in every)
    wrong = tuple(nothing if gold else Extracted("slept", 7, 0, 0.8, 0.1) for _, gold in every)
    return Sample(task, examples, right, wrong)


PAIR = {"premise": "it rains a lot", "hypothesis": "the street is wet"}
SAMPLES = {
    "text-classification": of_labels(
        tasks.create("text-classification", ("a", "b", "c")), "aaabbc" * 10, {"text": "a good film"}, {"text": "dull"}
    ),
    "ner": of_tags(),
    "relation-extraction": of_labels(
        tasks.create("relation-extraction", ("Other", "Use(e1,e2)", "Use(e2,e1)")),
        ("Use(e1,e2)", "Other", "Use(e2,e1)") * 16,
        {"text": "the <e1> hand </e1> holds a <e2> pen </e2>"},
        {"text": "a <e2> cup </e2> of <e1> tea </e1>"},
    ),
    "sentence-pair": of_labels(
        tasks.create("sentence-pair", ("entailment", "neutral")),
        ("entailment", "neutral") * 20,
        {"first": "it rains a lot", "second": "the street is wet"},
    ),
    "dialogue-classification": of_labels(
        tasks.create("dialogue-classification", ("question", "statement")),
        ("question", "statement") * 20,
        {"history": "it rains a lot\nyes", "turn": "is the street wet?"},
        {"history": "", "turn": "hello"},
    ),
    "multi-label-classification": of_label_sets(),
    "text-regression": of_numbers("text-regression"),
    "sentence-similarity": of_numbers("sentence-similarity"),
    "question-answering": of_answers(),
    PairTask.name: of_labels(PairTask(), ("follows", "differs") * 20, PAIR),
}
"""Every task of auditor's own, and the tests' second one."""


def test_every_task_has_samples_here() -> None:
    assert SAMPLES.keys() == {*tasks.names(), PairTask.name}


def rows(sample: Sample) -> list[dict[str, Any]]:
    """The examples as the data have them: words of a line each, or answers in their places, by the layout."""
    split: Any = str.split if sample.task.layout == "sentences" else str
    return [
        {**{field: split(value) for field, value in example.inputs.items()}, "label": cell(sample.task, example)}
        for example in sample.examples
    ]


def cell(task: Task, example: Example) -> Any:
    if task.layout != "answers":
        return example.gold
    starts = [answers.start_of(example.inputs["context"], right) for right in example.gold]
    return {"text": [right.text for right in example.gold], "answer_start": starts}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_task_keeps_its_contract(name: str) -> None:
    sample = SAMPLES[name]
    check_task(type(sample.task), rows(sample), labels=sample.task.labels)


@pytest.mark.parametrize("name", SAMPLES)
def test_its_columns_may_be_called_otherwise(name: str) -> None:
    sample = SAMPLES[name]
    renamed = [{f"of {column}": value for column, value in row.items()} for row in rows(sample)]
    columns = {column: f"of {column}" for column in (*sample.task.fields, "label")}
    check_task(type(sample.task), renamed, labels=sample.task.labels, columns=columns)


@pytest.mark.parametrize("name", tasks.names())
def test_its_class_can_be_shown_without_a_model(name: str) -> None:
    kind = tasks.kind(name)
    assert tasks.create(name, kind.example_labels).labels == kind.example_labels
    assert bool(kind.example_labels) is (kind.layout != "answers")


@pytest.mark.parametrize("name", SAMPLES)
def test_wrong_answers_score_nothing(name: str) -> None:
    sample = SAMPLES[name]
    scores = [sample.task.score(one.gold, answer) for one, answer in zip(sample.examples, sample.wrong, strict=True)]
    assert {score.numerator for score in scores} == {0.0}


def test_entities_that_are_found_are_protected_and_counted() -> None:
    sample = SAMPLES["ner"]
    for example, right, wrong in zip(sample.examples, sample.right, sample.wrong, strict=True):
        found = sample.task.spans_found(example, right)
        assert tuple(found) == spans.spans(example.gold) != ()
        assert tuple(sample.task.spans_found(example, wrong)) == ()
        assert sample.task.protected(example) == {"text": spans.places(found)}
        assert sample.task.units(example.gold) == len(found)


def test_a_label_before_the_gold_one_wins_a_tie_as_in_the_decision() -> None:
    task = tasks.create("text-classification", ("a", "b", "c"))
    goal = task.goal(Example("x", {"text": "t"}, "b"), (0.1, 0.8, 0.1))
    assert goal is not None
    for answer, stands in (((0.4, 0.4, 0.2), False), ((0.2, 0.4, 0.4), True), ((0.0, 1.0, 0.0), True)):
        scores = goal({"text": "t"}, answer)
        assert (max(scores) == scores[0]) is stands is (task.show(answer) == "b")


@pytest.mark.parametrize("name", ["text-classification", "sentence-pair", PairTask.name])
@given(data=st.data())
def test_a_goal_stands_exactly_while_the_decision_is_right(name: str, data: st.DataObject) -> None:
    task = SAMPLES[name].task
    gold = data.draw(st.sampled_from(task.labels))
    inputs = dict.fromkeys(task.fields, "some words")
    goal = task.goal(Example("x", inputs, gold), sure(task.labels, gold))
    assert goal is not None
    weights = data.draw(st.lists(st.integers(0, 3), min_size=len(task.labels), max_size=len(task.labels)))
    answer = tuple(weight / max(sum(weights), 1) for weight in weights)
    scores = goal(inputs, answer)
    assert (max(scores) <= scores[0]) is (task.show(answer) == gold)


@given(
    tags=st.lists(st.sampled_from(TAGS), min_size=4, max_size=4),
    chances=st.lists(st.sampled_from((0.3, 0.5, 0.9)), min_size=4, max_size=4),
)
def test_a_goal_of_entities_stands_exactly_while_all_are_found(tags: list[str], chances: list[float]) -> None:
    sample = SAMPLES["ner"]
    example, right = sample.examples[0], sample.right[0]
    goal = sample.task.goal(example, right)
    assert goal is not None
    answer = tuple(
        tuple(chance if one == tag else (1 - chance) / (len(TAGS) - 1) for one in TAGS)
        for tag, chance in zip(tags, chances, strict=True)
    )
    scores = goal(example.inputs, answer)
    kept = sample.task.spans_found(example, answer)
    assert (max(scores) <= scores[0]) is (tuple(kept) == tuple(sample.task.spans_found(example, right)))
    assert scores[0] + scores[1] == pytest.approx(1.0)


def test_entities_are_followed_to_where_their_words_went() -> None:
    sample = SAMPLES["ner"]
    example, right = sample.examples[0], sample.right[0]
    goal = sample.task.goal(example, right)
    assert goal is not None
    edits = {"text": (text.Edit(0, 0, ("so",)), text.Edit(2, 3, ()))}
    inputs, _ = text.edited(example.inputs, edits)
    assert inputs == {"text": "so Ann Lee Paris"}
    moved = tuple(sure(TAGS, tag) for tag in ("O", "B-PER", "I-PER", "B-LOC"))
    for known in (edits, None):
        stands, falls = goal(inputs, moved, known), goal(inputs, right, known)
        assert max(stands) == stands[0]
        assert max(falls) > falls[0]
    # Where an entity is gone an attack gains nothing.
    without = text.edited(example.inputs, {"text": (text.Edit(0, 2, ()),)})[0]
    assert goal(without, right[2:])[0] == 1.0


class Least(TaskDefaults):
    """What a task has that takes every default."""

    name = "least"


def test_the_defaults_claim_nothing() -> None:
    task, example = Least(()), Example("x", {"text": "a b"}, 3)
    assert (task.offers, task.layout, task.unit, dict(task.corruptions)) == (frozenset(), "rows", None, {})
    assert (task.detail_metrics, task.sliced_metrics, tuple(task.details(3, ()))) == ((), (), ())
    assert (task.averages.whole, task.averages.sliced, tuple(task.averages({}))) == ((), (), ())
    assert task.attacks == AttackDefaults(("deepwordbug", "pruthi", "textbugger", "pwws"), 0.1, 300)
    assert (task.follow(3, SAME_WORDS), task.units(3), task.stratum(3), task.constant([3])) == (3, 1, None, None)
    assert (task.protected(example), task.goal(example, ()), tuple(task.spans_found(example, ()))) == ({}, None, ())
    assert (task.show_gold(3), task.class_scores(()), task.load(task.dump(3))) == ("3", {}, 3)
    assert task.other_domain() is task
    assert (task.labels_of("yes"), task.gold_of(("yes",)), task.target("yes")) == (("yes",), "yes", "yes")
    assert (task.policy, task.settings) == (None, tasks.NoSettings())


def test_which_tasks_have_labels_with_probabilities_is_asked_in_one_place() -> None:
    asked = re.compile(r'\{"(class_scores|label_sets)", "(class_scores|label_sets)"\}')
    root = Path(auditor.__file__).parent.parent
    files = [file for folder in ("auditor", "probes", "reports") for file in sorted((root / folder).rglob("*.py"))]
    assert [file.name for file in files if asked.search(file.read_text(encoding="utf-8"))] == ["probe.py"]
    by_name = {name: tasks.create(name, tasks.kind(name).example_labels) for name in tasks.names()}
    assert {name for name, task in by_name.items() if gives_label_scores(task)} == {
        *("text-classification", "sentence-pair", "dialogue-classification", "relation-extraction"),
        "multi-label-classification",
    }
