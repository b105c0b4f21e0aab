"""Rows whose label looks wrong: folds, ranking, tables."""

from __future__ import annotations

import random
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fakes import plan_of, reviews, shipped
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics import average_precision_score
from sklearn.neural_network import MLPClassifier

from auditor import tasks
from auditor.evaluation import runner
from auditor.evaluation.plan import AuditedModel, Plan
from auditor.models.fake import hashed_words, keyword_model
from auditor.tasks.classification import TextClassification
from auditor.testing import FakeAudit, FakeModel, counting_fit, sample_rows
from auditor.text import words_of
from auditor.types import NEEDS, Example, GivenRow, Model, ProbeRecord, Request, Response, ScoredCase, Silent, Task
from probes._label_checks import Checked, by_linear_head, conflicts, folds
from probes._review_tables import suspects
from probes.label_errors import NO_EMBEDDINGS, PROBE, Settings

LABELS = ("negative", "positive")
TASK = TextClassification(LABELS)
GOOD = ("good", "great", "fine", "lovely", "superb")
OTHER = dict(zip(LABELS, reversed(LABELS), strict=True))


def given(rows: Sequence[Example], keys: Sequence[str] | None = None) -> list[GivenRow]:
    return [GivenRow(row, key) for row, key in zip(rows, keys or [row.id for row in rows], strict=True)]


def noisy_reviews(n: int, seed: int) -> list[Example]:
    """Texts of twelve words of 300, each of which leans to a label: no word decides."""
    rng = random.Random(seed)
    rows = []
    for number in range(n):
        label = LABELS[number % 2]
        leaning = [label if rng.random() < 0.75 else OTHER[label] for _ in range(12)]
        words = [f"{name[:3]}{rng.randrange(150)}" for name in leaning]
        rows.append(Example(f"train:{number + 2}", {"text": " ".join(words)}, label))
    return rows


def flipped(rows: Sequence[Example], share: float, seed: int) -> tuple[list[Example], set[str]]:
    chosen = {rows[place].id for place in random.Random(seed).sample(range(len(rows)), round(share * len(rows)))}
    return [replace(row, gold=OTHER[row.gold]) if row.id in chosen else row for row in rows], chosen


def learner(rows: Sequence[Example]) -> FakeModel:
    """A network of one hidden layer on words, trained until it knows most of its own rows by heart."""
    words = CountVectorizer(token_pattern=r"\S+")
    features = words.fit_transform([row.inputs["text"] for row in rows])
    head = MLPClassifier((32,), max_iter=20, learning_rate_init=0.01, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        head.fit(features, [row.gold for row in rows])

    def answer(request: Request) -> Response:
        (chances,) = head.predict_proba(words.transform(request.texts))
        return tuple(map(float, chances))

    return FakeModel(answer, LABELS, name=f"learner of {len(rows)}")


def run(
    model: Model, train: Sequence[Example], home: Sequence[Example] | None = None, fit: Any = None, **settings: Any
) -> tuple[ProbeRecord, list[ScoredCase]]:
    seen: list[ScoredCase] = []
    (probe,) = shipped("label_errors")
    plan: Plan = plan_of(
        model,
        [probe],
        models=(AuditedModel(model, fit=fit),),
        examples={"home": tuple(home or reviews(40)), **({"train": tuple(train)} if train else {})},
        settings={"label_errors": replace(Settings(), **settings)},
    )
    (record,) = runner.run(plan, lambda _model, _probe, case: seen.append(case), Silent())
    assert not plan.errors
    return record, seen


def fits(examples: Sequence[Example], **_how: Any) -> Model:
    return learner(examples)


def table(record: ProbeRecord, name: str) -> list[dict[str, Any]]:
    return [
        dict(zip(found.columns, row, strict=True))
        for found in record.tables
        if found.name == name
        for row in found.rows
    ]


def values(record: ProbeRecord, metric: str) -> dict[tuple[str, ...], float]:
    return {tuple(found.slice.values()): found.value for found in record.measurements if found.metric == metric}


@pytest.mark.parametrize("seed", range(3))
def test_planted_flips_rank_higher_out_of_fold_than_in_sample(seed: int) -> None:
    rows, wrong = flipped(noisy_reviews(400, seed), 0.05, seed)
    record, cases = run(learner(rows), rows, fit=fits)
    training = [case for case in cases if case.case.slice["rows"] == "training"]
    assert len(training) == 400
    planted = [case.case.example.id in wrong for case in training]
    place = [LABELS.index(str(case.case.example.gold)) for case in training]
    out_of_fold, in_sample = (
        average_precision_score(planted, [-answer[own] for answer, own in zip(answers, place, strict=True)])
        for answers in ([case.after for case in training], [case.before for case in training])
    )
    assert out_of_fold > in_sample + 0.1
    assert out_of_fold > 0.5
    # The list has the order of those losses, and is much richer than the rows are.
    listed = [row["id"] for row in table(record, "review") if row["rows"] == "training"]
    by_loss = sorted(
        training, key=lambda case: (case.after[LABELS.index(str(case.case.example.gold))], case.case.example.id)
    )
    assert listed == [case.case.example.id for case in by_loss[: len(listed)]]
    assert len(wrong & set(listed)) > 10


def test_nothing_is_listed_where_every_label_is_the_answer() -> None:
    rows = [replace(row, id=f"train:{number}") for number, row in enumerate(reviews(120))]
    model = keyword_model(GOOD)
    record, _ = run(model, rows, fit=lambda examples, **_: keyword_model(GOOD, name=f"fit {len(examples)}"))
    assert record.tables == ()
    assert values(record, "rows_listed") == {("training",): 0.0, ("test",): 0.0}
    assert values(record, "conflict_share") == {("training",): 0.0, ("test",): 0.0}
    assert values(record, "accuracy_out_of_sample") == {("training",): 1.0, ("test",): 1.0}
    assert not any("noise" in metric.name for metric in record.metrics)


def test_a_wrong_test_label_is_found_by_the_audited_model_without_training_rows() -> None:
    home = list(reviews(40))
    home[7] = replace(home[7], gold=OTHER[home[7].gold])
    record, _ = run(keyword_model(GOOD), (), home)
    assert [(row["id"], row["rows"], row["label"]) for row in table(record, "review")] == [
        (home[7].id, "test", home[7].gold)
    ]
    (found,) = (found for found in record.tables if found.name == "review")
    assert (found.corrects, found.verdicts[0], found.corrections) == ("accuracy_out_of_sample", "wrong", LABELS)
    assert [gap.reason for gap in record.skipped] == [NEEDS["train"]]
    assert not any(gap.applies for gap in record.skipped)


def test_equal_texts_and_groups_are_held_out_together() -> None:
    rows = [Example(f"r{number}", {"text": str(number)}, LABELS[number % 2], f"g{number // 4}") for number in range(40)]
    # Rows 3 and 4 are of two groups and read alike: the two groups are one unit.
    keys = ["same" if number in (3, 4) else str(number) for number in range(40)]
    parts = folds(given(rows, keys), TASK, 3, random.Random(0))
    places = {row.id: place for place, part in enumerate(parts) for row in part.held_out}
    assert set(places) == {row.id for row in rows}
    assert len({places[f"r{number}"] for number in range(8)}) == 1
    assert all(len({places[f"r{number}"] for number in range(start, start + 4)}) == 1 for start in range(0, 40, 4))
    for part in parts:
        learned = {row.id for row in part.learned}
        assert learned.isdisjoint(row.id for row in part.held_out)
        assert len(learned) + len(part.held_out) == 40


def test_folds_have_the_classes_in_proportion_and_lone_labels_are_held_out_by_none() -> None:
    task = TextClassification(("a", "b", "c"))
    rows = [Example(f"r{number}", {"text": str(number)}, "a" if number < 60 else "b") for number in range(90)]
    rows.append(Example("lone", {"text": "lone"}, "c"))
    parts = folds(given(rows), task, 3, random.Random(1))
    assert [Counter(row.gold for row in part.held_out) for part in parts] == [{"a": 20, "b": 10}] * 3
    assert sum("lone" in {row.id for row in part.learned} for part in parts) == 2


def test_each_set_has_half_of_the_places_and_leaves_the_rest_to_the_other() -> None:
    def rows(name: str, n: int) -> list[Checked]:
        return [Checked(example, 5.0 - at, "a", "b", "", None) for at, example in enumerate(reviews(n, name))]  # type: ignore[arg-type]

    def listed(first: int, second: int, most: int) -> list[str]:
        found = suspects({"training": rows("train", first), "test": rows("test", second)}, most)
        return [f"{name} {row.example.id}" for name, row in found]

    assert Counter(one.split()[0] for one in listed(50, 50, 9)) == {"training": 5, "test": 4}
    assert Counter(one.split()[0] for one in listed(50, 2, 9)) == {"training": 7, "test": 2}
    assert Counter(one.split()[0] for one in listed(0, 50, 9)) == {"test": 9}
    assert listed(3, 0, 9) == ["training train:2", "training train:3", "training train:4"]
    assert listed(2, 1, 1) == ["training train:2"]


def test_conflicts_are_equal_texts_with_different_labels_across_sets() -> None:
    def row(name: str, text: str, gold: str) -> Example:
        return Example(name, {"text": text}, gold)

    sets = {
        "training": [row("t1", "a  film", "positive"), row("t2", "A film", "negative"), row("t3", "b", "positive")],
        "test": [row("h1", "a film", "negative"), row("h2", "b", "positive")],
    }
    assert [[(name, one.id) for name, one in group] for group in conflicts(sets, TASK)] == [
        [("training", "t1"), ("test", "h1")]
    ]


def test_conflicting_rows_are_counted_and_listed() -> None:
    train = [replace(row, id=f"train:{number}") for number, row in enumerate(noisy_reviews(60, 3))]
    train.append(replace(train[0], id="train:900", gold=OTHER[train[0].gold]))
    record, _ = run(keyword_model(GOOD), train, fit=fits)
    assert values(record, "conflict_share")["training",] == pytest.approx(2 / 61)
    rows = table(record, "conflicts")
    assert [(row["id"], row["label"], row["same_text_as"]) for row in rows] == [
        ("train:0", "negative", "train:900 (positive)"),
        ("train:900", "positive", "train:0 (negative)"),
    ]
    (measured,) = (
        found for found in record.measurements if found.metric == "conflict_share" and found.slice["rows"] == "training"
    )
    # No text is the name of a cluster.
    assert {row.cluster for row in measured.rows} == {row.id for row in train[:-1]}


def test_a_linear_head_finds_what_its_features_tell() -> None:
    rng = random.Random(0)
    rows = [Example(f"r{number}", {"text": str(number)}, LABELS[number % 2]) for number in range(60)]
    vectors = {row.id: np.array([LABELS.index(row.gold) + rng.gauss(0, 0.2), rng.gauss(0, 1)]) for row in rows}
    del vectors["r30"]
    wrong = [replace(row, gold=OTHER[row.gold]) if row.id in ("r4", "r17") else row for row in rows]
    found = list(by_linear_head(folds(given(wrong), TASK, 3, rng), vectors, TASK))
    assert {row.id for row in rows} - {one.example.id for one in found} == {"r30"}
    assert {row.example.id for row in sorted(found, key=lambda one: -one.loss)[:2]} == {"r4", "r17"}
    assert all((row.score.numerator == 1.0) == (row.answer == row.label) for row in found)


def test_without_a_base_training_rows_are_checked_by_a_linear_head_and_this_is_said() -> None:
    rows, wrong = flipped(reviews(150, "train"), 0.04, 5)
    record, cases = run(telling(), rows)
    assert {case.case.slice["rows"] for case in cases} == {"test"}
    assert {row["id"] for row in table(record, "review")} == wrong
    (quality,) = (
        found
        for found in record.measurements
        if found.metric == "accuracy_out_of_sample" and found.slice["rows"] == "training"
    )
    assert quality.value == pytest.approx(144 / 150)
    assert quality.detail.startswith("by a linear head on the audited model's embeddings")
    record, _ = run(keyword_model(GOOD), rows)
    assert [gap.reason for gap in record.skipped] == [NO_EMBEDDINGS]


def telling() -> FakeModel:
    """A model whose embeddings count the words that decide, beside others that say nothing."""
    answers = keyword_model(GOOD)

    def embed(request: Request) -> Sequence[float]:
        return (float(any(word in GOOD for word in words_of(request.texts[0]))), *hashed_words(request, 4))

    return FakeModel(answers._answer, LABELS, embed=embed, name="telling")


def test_of_named_entities_the_least_likely_tag_of_a_sentence_counts() -> None:
    task: Task = tasks.create("ner", ("O", "B-PER", "I-PER", "B-LOC", "I-LOC"))
    rows = list(sample_rows(task, 160, "train"))
    victim = next(row for row in rows if "B-PER" in row.gold)
    wrong = replace(
        victim, gold=tuple("B-LOC" if tag == "B-PER" else "I-LOC" if tag == "I-PER" else tag for tag in victim.gold)
    )
    train = [wrong if row.id == victim.id else row for row in rows]
    home = sample_rows(task, 40)
    model = counting_fit(task)(train, seed=1, steps=1, batch_size=1)
    (probe,) = shipped("label_errors")
    plan = plan_of(
        model,
        [probe],
        task=task,
        models=(AuditedModel(model, fit=counting_fit(task)),),
        examples={"home": home, "train": tuple(train)},
        settings={"label_errors": replace(Settings(), listed=4)},
    )
    (record,) = runner.run(plan, lambda *_: None, Silent())
    assert not plan.errors
    first = table(record, "review")[0]
    place = victim.gold.index("B-PER")
    assert first["id"] == victim.id
    assert (first["label"], first["answer"]) in {("B-LOC", "B-PER"), ("I-LOC", "I-PER")}
    assert first["word"] in words_of(victim.inputs["text"])[place : place + 2]
    assert next(found for found in record.tables if found.name == "review").corrects is None


def test_what_cannot_be_checked_is_said() -> None:
    one_class = [replace(row, gold="positive") for row in noisy_reviews(30, 0)]
    few = noisy_reviews(5, 0)
    for rows, reason in (
        (one_class, "the training rows have one class only"),
        (few, "5 training rows with labels are too few for 3 folds"),
    ):
        for fit in (fits, None):
            record, _ = run(keyword_model(GOOD), rows, fit=fit)
            assert [gap.reason for gap in record.skipped] == [reason]
        assert values(record, "accuracy_out_of_sample").keys() == {("test",)}


def test_the_work_is_a_training_for_each_fold() -> None:
    audit = FakeAudit(
        {"home": reviews(30), "train": noisy_reviews(100, 1)}, replace(Settings(), rows=90), TASK, fit=fits
    )
    planned = PROBE.planned(audit)
    assert (planned.cases, planned.trainings, planned.exact) == (120, 3, False)
    list(PROBE.cases(audit))
    assert [(len(rows), steps, size) for rows, _, steps, size in audit.fits] == [(60, 60, 16)] * 3
    assert len({seed for _, seed, _, _ in audit.fits}) == 3
