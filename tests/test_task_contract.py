"""What probes, recipes, files and the page take for granted of a task, for every task."""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pair_task import PairTask

from auditor import tasks, text
from auditor.tasks import TaskDefaults
from auditor.text import shares, spans
from auditor.types import SAME_WORDS, Alignment, Edits, Example, Inputs, Offer, Response, Score, Task

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


PAIR = {"premise": "it rains a lot", "hypothesis": "the street is wet"}
SAMPLES = {
    "text-classification": of_labels(
        tasks.create("text-classification", ("a", "b", "c")), "aaabbc" * 10, {"text": "a good film"}, {"text": "dull"}
    ),
    "ner": of_tags(),
    PairTask.name: of_labels(PairTask(), ("follows", "differs") * 20, PAIR),
}
"""Every task of auditor's own, and the tests' second one."""
each = pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)


def test_every_task_has_samples_here() -> None:
    assert SAMPLES.keys() == {*tasks.names(), PairTask.name}


@each
def test_it_says_what_it_is(sample: Sample) -> None:
    task = sample.task
    assert isinstance(task, Task)
    assert all(hasattr(type(task), name) for name in tasks.CONTRACT)
    assert task.name
    assert len(set(task.fields)) == len(task.fields) > 0
    assert task.offers <= set(get_args(Offer))
    assert task.layout in ("rows", "sentences")
    assert task.steps >= 30
    assert task.constant_answer
    assert task.unit is None or task.unit.islower()
    elsewhere = task.other_domain()
    assert (elsewhere.name, elsewhere.labels, elsewhere.fields) == (task.name, task.labels, task.fields)


@pytest.mark.parametrize("name", tasks.names())
def test_its_class_can_be_shown_without_a_model(name: str) -> None:
    kind = tasks.kind(name)
    assert tasks.create(name, kind.example_labels).labels == kind.example_labels != ()


@each
def test_a_row_gives_the_example_with_and_without_its_gold(sample: Sample) -> None:
    for example in sample.examples[:6]:
        in_words = sample.task.layout == "sentences"
        row: dict[str, Any] = {
            f"of {field}": value.split() if in_words else value for field, value in example.inputs.items()
        }
        row["gold"] = example.gold
        columns = {field: f"of {field}" for field in sample.task.fields}
        assert sample.task.read(row, {**columns, "label": "gold"}) == (example.inputs, example.gold)
        assert sample.task.read(row, columns) == (example.inputs, None)
        hash(sample.task.request(example.inputs))


@each
def test_a_right_answer_scores_all_there_is_and_a_wrong_one_less(sample: Sample) -> None:
    def metric(answers: Sequence[Response]) -> float:
        scores = [sample.task.score(one.gold, answer) for one, answer in zip(sample.examples, answers, strict=True)]
        assert all(0 <= score.numerator <= score.denominator < math.inf for score in scores)
        return sum(score.numerator for score in scores) / sum(score.denominator for score in scores)

    assert metric(sample.right) == 1.0
    assert metric(sample.wrong) == 0.0


@each
def test_details_are_of_the_metrics_that_it_names(sample: Sample) -> None:
    whole, sliced = ({one.name for one in some} for some in (sample.task.detail_metrics, sample.task.sliced_metrics))
    assert whole.isdisjoint(sliced)
    assert sample.task.metric not in whole | sliced
    seen = set()
    for example, *answers in zip(sample.examples, sample.right, sample.wrong, strict=True):
        for answer in answers:
            details = list(sample.task.details(example.gold, answer))
            assert len({(one.metric, *one.slice.items()) for one in details}) == len(details)
            for detail in details:
                seen.add(detail.metric)
                assert detail.metric in (sliced if detail.slice else whole)
                assert len(detail.slice) <= 1
                assert 0 <= detail.score.numerator <= detail.score.denominator < math.inf
    assert seen == whole | sliced


@each
def test_without_edits_the_gold_is_the_same_and_so_are_decisions(sample: Sample) -> None:
    for example, right, wrong in zip(sample.examples, sample.right, sample.wrong, strict=True):
        _, nothing = text.edited(example.inputs, dict.fromkeys(sample.task.fields, ()))
        for alignment in (SAME_WORDS, Alignment(), nothing):
            assert sample.task.follow(example.gold, alignment) == example.gold
            for answer in (right, wrong):
                assert sample.task.same(answer, answer, alignment)
            assert not sample.task.same(right, wrong, alignment)
            assert not sample.task.same(wrong, right, alignment)
        assert sample.task.same(right, right)


@each
def test_words_put_before_a_text_leave_its_gold_and_its_decision(sample: Sample) -> None:
    example, right = sample.examples[0], sample.right[0]
    field = sample.task.fields[0]
    inputs, alignment = text.edited(example.inputs, {field: (text.Edit(0, 0, ("well",)),)})
    gold = sample.task.follow(example.gold, alignment)
    assert sample.task.units(gold) == sample.task.units(example.gold)
    after = right
    if "labelled_spans" in sample.task.offers:
        after = (sure(TAGS, "O"), *right)
        assert not sample.task.same(right, (*right, sure(TAGS, "O")), alignment)
    assert sample.task.same(right, after, alignment)
    score = sample.task.score(gold, after)
    assert score.numerator == score.denominator
    assert sample.task.request(inputs) != sample.task.request(example.inputs)


@each
def test_a_goal_stands_with_the_right_answer_and_falls_with_a_wrong_one(sample: Sample) -> None:
    task = sample.task
    for example, right, wrong in zip(sample.examples, sample.right, sample.wrong, strict=True):
        assert task.goal(example, wrong) is None
        assert task.goal(Example("x", example.inputs), right) is None
        goal = task.goal(example, right)
        assert (goal is not None) is ("attack_goal" in task.offers)
        if goal is None:
            continue
        unknown_and_none: tuple[Edits | None, ...] = (None, {})
        for edits in unknown_and_none:
            stands, falls = goal(example.inputs, right, edits), goal(example.inputs, wrong, edits)
            assert max(stands) == stands[0] > 0.5
            assert max(falls) > falls[0]
            assert all(0 <= score <= 1 + 1e-12 for score in (*stands, *falls))


@each
def test_constant_answers_and_likelihoods(sample: Sample) -> None:
    golds = [example.gold for example in sample.examples]
    assert sample.task.constant([]) is None
    assert sample.task.constant([None, None]) is None
    constant = sample.task.constant([*golds, None])
    if constant is not None:
        assert isinstance(sample.task.score(golds[0], constant), Score)
    for gold, right, wrong in zip(golds, sample.right, sample.wrong, strict=True):
        chances = sample.task.likelihood(gold, wrong), sample.task.likelihood(gold, right)
        assert 0 <= chances[0] < chances[1] <= 1


@each
def test_what_it_offers_is_there(sample: Sample) -> None:
    task = sample.task
    for example, right, wrong in zip(sample.examples, sample.right, sample.wrong, strict=True):
        scores = task.class_scores(right)
        assert tuple(scores) == (task.labels if "class_scores" in task.offers else ())
        assert sum(scores.values()) == pytest.approx(1.0 if scores else 0.0)
        assert (task.stratum(example.gold) is not None) is ("one_label" in task.offers)
        assert task.stratum(None) is None
        found, missed = task.spans_found(example, right), task.spans_found(example, wrong)
        assert missed in ((), [])
        assert bool(found) is ("labelled_spans" in task.offers)
        for field, places in task.protected(example).items():
            assert places <= set(range(len(text.words_of(example.inputs[field]))))
        if found:
            assert task.protected(example) == {task.fields[0]: spans.places(found)}
            assert task.units(example.gold) == len(found)
    if task.unit is None:
        assert {task.units(example.gold) for example in sample.examples} == {1}


@each
def test_edits_of_unprotected_words_break_no_gold(sample: Sample) -> None:
    for example in sample.examples[:4]:
        protected = sample.task.protected(example)
        edits: Edits = {
            field: tuple(
                text.Edit(place, place + 1, ("x", "y"), (" ",))
                for place in range(len(text.words_of(value)))
                if place not in protected.get(field, frozenset())
            )
            for field, value in example.inputs.items()
        }
        _, alignment = text.edited(example.inputs, edits)
        gold = sample.task.follow(example.gold, alignment)
        assert gold is not None
        assert sample.task.units(gold) == sample.task.units(example.gold)


@each
def test_answers_and_golds_are_shown_in_one_line(sample: Sample) -> None:
    for example, right, wrong in zip(sample.examples, sample.right, sample.wrong, strict=True):
        assert sample.task.show(right) == sample.task.show_gold(example.gold) != sample.task.show(wrong)
        assert len(sample.task.show(right).splitlines()) == 1


@each
def test_golds_come_back_from_a_file(sample: Sample) -> None:
    for example in sample.examples:
        again = sample.task.load(json.loads(json.dumps(sample.task.dump(example.gold))))
        assert again == example.gold
        assert type(again) is type(example.gold)


def marks(sample: Sample, golds: Sequence[Any]) -> set[Any]:
    """What labels say, each with its place: spans, or the label of the whole."""
    if "labelled_spans" in sample.task.offers:
        return {(number, span) for number, gold in enumerate(golds) for span in spans.spans(gold)}
    return set(enumerate(golds))


KINDS = [(name, kind) for name, sample in SAMPLES.items() for kind in sample.task.corruptions]


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_a_larger_share_of_wrong_labels_adds_to_a_smaller_one(name: str, kind: str) -> None:
    sample = SAMPLES[name]
    corrupt, golds = sample.task.corruptions[kind], [example.gold for example in sample.examples]
    assert corrupt.impossible(golds) is None
    right = marks(sample, golds)
    made = {rate: corrupt(golds, rate, random.Random(3)) for rate in (0.0, 0.1, 0.3, 0.7, 1.0)}
    assert made[0.0] == golds
    assert all(len(some) == len(golds) for some in made.values())
    gone = [right - marks(sample, some) for some in made.values()]
    new = [marks(sample, some) - right for some in made.values()]
    for few, more in itertools.pairwise(gone):
        assert few < more
    assert all(few <= more for few, more in itertools.pairwise(new))
    # Of one class, or of all.
    some = len(gone[-1])
    assert [len(wrong) for wrong in gone] == [shares.nearest(rate, some) for rate in made]
    assert some == len(right) or kind == "class-conditional"
    assert {type(gold) for gold in made[1.0]} == {type(gold) for gold in golds}
    assert corrupt(golds, 0.3, random.Random(3)) == made[0.3] != corrupt(golds, 0.3, random.Random(4))


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_labels_that_cannot_be_wrong_say_why(name: str, kind: str) -> None:
    reason = SAMPLES[name].task.corruptions[kind].impossible([])
    assert reason is not None
    assert reason.startswith("the training rows ")


def test_a_label_before_the_gold_one_wins_a_tie_as_in_the_decision() -> None:
    task = tasks.create("text-classification", ("a", "b", "c"))
    goal = task.goal(Example("x", {"text": "t"}, "b"), (0.1, 0.8, 0.1))
    assert goal is not None
    for answer, stands in (((0.4, 0.4, 0.2), False), ((0.2, 0.4, 0.4), True), ((0.0, 1.0, 0.0), True)):
        scores = goal({"text": "t"}, answer)
        assert (max(scores) == scores[0]) is stands is (task.show(answer) == "b")


@pytest.mark.parametrize("name", ["text-classification", PairTask.name])
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
    task, example = Least(), Example("x", {"text": "a b"}, 3)
    assert (task.offers, task.layout, task.unit, dict(task.corruptions)) == (frozenset(), "rows", None, {})
    assert (task.detail_metrics, task.sliced_metrics, tuple(task.details(3, ()))) == ((), (), ())
    assert (task.follow(3, SAME_WORDS), task.units(3), task.stratum(3), task.constant([3])) == (3, 1, None, None)
    assert (task.protected(example), task.goal(example, ()), tuple(task.spans_found(example, ()))) == ({}, None, ())
    assert (task.show_gold(3), task.class_scores(()), task.load(task.dump(3))) == ("3", {}, 3)
    assert task.other_domain() is task
