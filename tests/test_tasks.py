"""Tasks: labels as data spell them, decisions, scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pair_task import PairTask

from auditor import tasks
from auditor.errors import ConfigError, DataError
from auditor.tasks.classification import TextClassification
from auditor.types import Classify, Score, Task

COLUMNS = {"text": "review", "label": "stars"}


def gold(labels: tuple[str, ...], value: object, mapping: dict[str, str] | None = None) -> Any:
    task = TextClassification(labels, mapping)
    return task.read({"review": "Fine.", "stars": value}, COLUMNS)[1]


def test_every_task_can_be_created_by_its_name_and_follows_the_protocol() -> None:
    for name in tasks.names():
        labels = tasks.kind(name).example_labels
        task = tasks.create(name, labels)
        assert isinstance(task, Task)
        assert task.name == name
        assert task.labels == labels


def test_the_tests_second_task_follows_the_protocol() -> None:
    assert isinstance(PairTask(), Task)


def test_what_a_third_partys_task_must_have_is_all_that_the_protocol_has() -> None:
    names = {*tasks.CONTRACT, *tasks.OF_INSTANCES} - {"example_labels"}
    assert isinstance(type("Whole", (), dict.fromkeys(names, 0))(), Task)
    for name in names:
        assert not isinstance(type("Lacking", (), dict.fromkeys(names - {name}, 0))(), Task), name


def test_an_unknown_task_names_the_nearest_known_one() -> None:
    with pytest.raises(ConfigError, match="did you mean 'text-classification'"):
        tasks.create("text-clasification", ["a", "b"])
    with pytest.raises(ConfigError, match="known: text-classification"):
        tasks.create("zzz", ["a", "b"])


def test_a_row_gives_text_and_gold_label_by_the_columns_names() -> None:
    task = tasks.create("text-classification", ["bad", "good"])
    assert task.read({"review": "Fine.", "stars": "good"}, COLUMNS) == ({"text": "Fine."}, "good")


def test_a_row_without_a_label_column_has_no_gold() -> None:
    task = tasks.create("text-classification", ["bad", "good"])
    assert task.read({"review": "Fine."}, {"text": "review"}) == ({"text": "Fine."}, None)


@pytest.mark.parametrize("value", ["1", 1, 1.0, "1.0", np.int64(1), np.int8(1), np.float32(1), np.float64(1), " 1 "])
def test_a_label_may_be_the_models_id_in_any_spelling(value: object) -> None:
    assert gold(("negative", "positive"), value) == "positive"


@pytest.mark.parametrize(("value", "label"), [(0, "LABEL_0"), ("1", "LABEL_1"), ("label_1", "LABEL_1")])
def test_a_model_with_default_names_takes_ids(value: object, label: str) -> None:
    assert gold(("LABEL_0", "LABEL_1"), value) == label


@pytest.mark.parametrize("value", ["0", 0, 0.0, "0.0"])
def test_a_number_that_is_a_label_name_is_read_as_the_name_not_the_id(value: object) -> None:
    assert gold(("1", "0"), value) == "0"


def test_the_mapping_wins_over_names_and_ids() -> None:
    assert gold(("negative", "positive"), 0, {"0": "positive"}) == "positive"
    assert gold(("negative", "positive"), 0.0, {"0": "positive"}) == "positive"
    assert gold(("negative", "positive"), "negative", {"negative": "positive"}) == "positive"


def test_another_case_is_accepted_where_only_one_label_fits() -> None:
    assert gold(("negative", "positive"), "POSITIVE") == "positive"
    with pytest.raises(DataError, match="unknown label 'AB'"):
        gold(("ab", "Ab"), "AB")


@pytest.mark.parametrize("value", ["2", 2, -1, "-1", "01"])
def test_a_number_that_is_neither_name_nor_id_is_refused_with_the_mapping_to_write(value: object) -> None:
    with pytest.raises(DataError) as caught:
        gold(("negative", "positive"), value)
    assert caught.value.message == (
        f"'{value}': the numbers of the column ({value}) are neither all labels of the model nor all positions"
        " (0 to 1); the model knows negative, positive"
    )
    assert caught.value.where is None
    assert caught.value.hint == (
        f'say what each means: [data] labels = {{ "{value}" = "?" }}; replace each ? by one of: negative, positive'
    )


@pytest.mark.parametrize("value", [0.5, "²", "", True, None])
def test_what_is_neither_name_nor_id_is_an_unknown_label(value: object) -> None:
    with pytest.raises(DataError) as caught:
        gold(("negative", "positive"), value)
    shown = "true" if value is True else str(value)
    assert caught.value.message == f"unknown label {shown!r}; the model knows negative, positive"
    assert caught.value.where is None
    assert caught.value.hint == (
        f'say what each means: [data] labels = {{ "{shown}" = "?" }}; replace each ? by one of: negative, positive'
    )


def test_an_unknown_label_names_the_nearest_known_one() -> None:
    with pytest.raises(
        DataError,
        match=r"did you mean 'positive'\? or say what each means: \[data\] labels = \{ \"positiv\" = \"positive\"",
    ):
        gold(("negative", "positive"), "positiv")


def test_of_hundreds_of_labels_an_error_shows_twenty() -> None:
    with pytest.raises(DataError, match=r"label 19, … \(77 in all\)"):
        gold(tuple(f"label {number}" for number in range(77)), "x")


def test_a_mapping_to_a_label_that_the_model_lacks_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"^\[data\.labels\]: '1' is mapped to 'positiv'.*did you mean 'positive'"):
        tasks.create("text-classification", ["negative", "positive"], {"1": "positiv"})
    with pytest.raises(ConfigError, match="known: negative, positive"):
        tasks.create("text-classification", ["negative", "positive"], {"1": "x"})


def test_the_decision_is_the_most_probable_label_and_the_first_on_a_tie() -> None:
    task = tasks.create("text-classification", ["a", "b", "c"])
    assert task.show((0.2, 0.5, 0.3)) == "b"
    assert task.show((0.2, 0.4, 0.4)) == "b"
    assert task.show(np.array([0.1, 0.2, 0.7])) == "c"
    assert task.same((0.5, 0.3, 0.2), (0.9, 0.05, 0.05))
    assert not task.same((0.5, 0.3, 0.2), (0.3, 0.5, 0.2))


def test_a_right_answer_scores_one_of_one_and_a_wrong_one_none_of_one() -> None:
    task = tasks.create("text-classification", ["a", "b"])
    assert task.score("b", (0.4, 0.6)) == Score(1.0, 1.0)
    assert task.score("a", (0.4, 0.6)) == Score(0.0, 1.0)


def test_the_constant_answer_is_the_majority_in_label_order_on_a_tie() -> None:
    task = tasks.create("text-classification", ["a", "b", "c"])
    assert task.constant(["c", "b", "c", None]) == (0.0, 0.0, 1.0)
    assert task.constant(["c", "b"]) == (0.0, 1.0, 0.0)
    assert task.constant([None]) is None
    assert task.constant([]) is None


def test_requests_strata_and_class_scores() -> None:
    task = tasks.create("text-classification", ["a", "b"])
    assert task.request({"text": "Fine."}) == Classify(("Fine.",))
    assert task.stratum("a") == "a"
    assert task.stratum(None) is None
    assert task.class_scores((0.25, 0.75)) == {"a": 0.25, "b": 0.75}


def test_the_pair_tasks_scores_add_up_to_f1() -> None:
    task: Task = PairTask()
    yes, no = (0.1, 0.9), (0.9, 0.1)
    pairs = [("follows", yes), ("follows", yes), ("follows", no), ("differs", yes), ("differs", no)]
    scores = [task.score(gold, response) for gold, response in pairs]
    # Two true positives, one false negative, one false positive: precision 2/3, recall 2/3, F1 2/3.
    assert sum(score.numerator for score in scores) == 4
    assert sum(score.denominator for score in scores) == 6


def test_the_pair_task_reads_asks_and_answers() -> None:
    task = PairTask()
    row = {"a": "It rains.", "b": "It is wet.", "c": "follows"}
    columns = {"premise": "a", "hypothesis": "b", "label": "c"}
    inputs = {"premise": "It rains.", "hypothesis": "It is wet."}
    assert task.read(row, columns) == (inputs, "follows")
    assert task.read(row, {"premise": "a", "hypothesis": "b"}) == (inputs, None)
    assert task.request(inputs) == Classify(("It rains.", "It is wet."))
    with pytest.raises(DataError, match="unknown label 'x'"):
        task.read({**row, "c": "x"}, columns)
    assert task.show((0.5, 0.5)) == "differs"
    assert task.same((0.1, 0.9), (0.3, 0.7))
    assert task.stratum("follows") == "follows"
    assert task.constant(["differs"]) == (0.0, 1.0)
    assert task.constant([None]) is None
    assert task.class_scores((0.25, 0.75)) == {"differs": 0.25, "follows": 0.75}


def test_a_mapping_leaves_no_number_to_be_taken_for_a_position() -> None:
    task = tasks.create("text-classification", ("negative", "positive"), {"5": "positive"})
    assert task.read({"t": "x", "l": 5}, {"text": "t", "label": "l"})[1] == "positive"
    assert task.read({"t": "x", "l": "negative"}, {"text": "t", "label": "l"})[1] == "negative"
    with pytest.raises(DataError, match="unknown label '1'"):
        task.read({"t": "x", "l": 1}, {"text": "t", "label": "l"})


def test_true_and_false_of_json_are_labels_by_those_words() -> None:
    task = tasks.create("text-classification", ("no", "yes"), {"true": "yes", "false": "no"})
    assert [task.read({"t": "x", "l": one}, {"text": "t", "label": "l"})[1] for one in (True, False)] == ["yes", "no"]
