"""Models of any number of labels: how data name them, when a label is given, what is measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score, hamming_loss
from tiny import tiny_checkpoint

from auditor import data, tasks
from auditor.cli.main import main
from auditor.errors import ConfigError, DataError, ModelError
from auditor.models import checkpoint
from auditor.tasks import label_lists, label_thresholds
from auditor.tasks.multi_label import Settings
from auditor.types import Example, Task

NAME = "multi-label-classification"
LABELS = ("anger", "joy", "sadness")


def task(**settings: Any) -> Task:
    return tasks.create(NAME, LABELS, settings=settings)


def golds(rows: Sequence[Mapping[str, Any]], own: Task | None = None) -> list[Any]:
    numbered = [{"text": f"film {number}", **row} for number, row in enumerate(rows)]
    dataset = data.load(data.source(numbered, "rows"), name="home", task=own or task())
    return [example.gold for example in dataset.examples]


def labels(*cells: Any, **settings: Any) -> list[Any]:
    return golds([{"label": cell} for cell in cells], task(**settings))


# --- how data name labels


def test_lists_name_any_number_of_labels_in_the_models_order() -> None:
    assert labels(["sadness", "anger"], [], ["joy "], ["joy", "joy"]) == [
        *(("anger", "sadness"), (), ("joy",)),
        ("joy",),
    ]


@pytest.mark.parametrize("separator", [";", "|", ","])
def test_the_separator_of_a_column_is_told_from_all_its_cells(separator: str) -> None:
    assert labels(f"joy{separator} anger", "sadness") == [("anger", "joy"), ("sadness",)]


def test_of_several_separators_the_one_counts_that_leaves_labels_whole() -> None:
    own = tasks.create(NAME, ("joy, quiet", "anger"))
    assert golds([{"label": "joy, quiet; anger"}], own) == [("joy, quiet", "anger")]
    with pytest.raises(DataError, match="which of them separates labels") as caught:
        labels("joy; anger", "joy, sadness")
    assert "[task] separator" in str(caught.value.hint)


def test_a_given_separator_counts_even_where_no_cell_has_it() -> None:
    assert labels("joy", "anger", separator=";") == [("joy",), ("anger",)]


def test_lists_written_as_text_are_read() -> None:
    assert labels("['joy', 'anger']", "[]") == [("anger", "joy"), ()]
    with pytest.raises(DataError, match=r"rows: row 2, column 'label': holds '\[joy\]', not a list of labels"):
        labels("['joy']", "[joy]")


def test_a_blank_cell_has_no_gold_or_no_label() -> None:
    assert labels("joy, anger", " ", None) == [("anger", "joy")]
    assert labels("joy, anger", " ", blank_is_empty=True) == [("anger", "joy"), ()]
    assert labels(["joy"], None) == [("joy",)]


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ((["joy"], "anger"), "row 2, column 'label': holds 'anger', not a list of labels"),
        (([1, 0, 1], [0, 0, 0]), "holds lists of 3 zeros and ones, such as [1, 0, 1], not names"),
        (([1.0, 0.0],), "holds lists of 2 zeros and ones"),
        (("[1, 0, 1]", "[0, 1, 0]"), "holds lists of 3 zeros and ones"),
        (("1,0,1", "0,1,1"), "holds lists of 3 zeros and ones"),
        ((["joy"], 3), "row 2, column 'label': holds 3, not a list of labels"),
        (([["joy"]],), "holds a list, not one value"),
        (("joy", "anger"), "column 'label': names one label in every row, such as 'joy'"),
        ((1, 2), "column 'label': names one label in every row, such as 1"),
        ((["joy", "jy"],), "unknown label 'jy'"),
    ],
)
def test_bad_labels_are_named_in_one_line(cells: tuple[Any, ...], words: str) -> None:
    with pytest.raises(DataError) as caught:
        labels(*cells)
    assert words in caught.value.line
    assert "\n" not in caught.value.line


def test_columns_of_0_and_1_name_labels() -> None:
    rows = [{"anger": 1, "joy": 0, "sadness": "1"}, {"anger": "0", "joy": False, "sadness": 0.0}]
    assert golds(rows) == [("anger", "sadness"), ()]
    assert golds(rows, task(label_columns=list(LABELS))) == [("anger", "sadness"), ()]
    with pytest.raises(DataError, match="1 columns of labels, joy, and the model has 3 labels"):
        golds([{"joy": 1, "anger": 0}], task(label_columns=["joy"]))
    assert golds([*rows, dict.fromkeys(LABELS)]) == [("anger", "sadness"), ()]
    with pytest.raises(DataError, match="rows: row 2, column 'joy': holds '2', not 0 or 1"):
        golds([rows[0], {**rows[0], "joy": 2}])
    with pytest.raises(DataError, match="column 'joy': is blank"):
        golds([{**rows[0], "joy": ""}])


def test_a_column_of_labels_goes_before_columns_of_0_and_1() -> None:
    assert golds([{"label": ["joy"], "anger": 1, "joy": 0, "sadness": 0}]) == [("joy",)]


def test_one_cell_is_read_by_itself_as_in_its_column() -> None:
    for cell in (["joy"], "joy; anger", "['joy']", "joy", None, []):
        assert list(label_lists.labels_of(cell)) == {"joy; anger": ["joy", "anger"]}.get(
            str(cell), ["joy"] * bool(cell)
        )


# --- when a label is given


def test_a_label_is_given_from_its_threshold_on() -> None:
    own = task(thresholds={"anger": 0.2})
    assert own.given_labels((0.2, 0.49, 0.5)) == ("anger", "sadness")
    assert task(thresholds=0.6).given_labels((0.6, 0.59, 0.9)) == ("anger", "sadness")
    assert own.show((0.1, 0.1, 0.1)) == "no label"
    assert own.same((0.3, 0.0, 0.0), (0.9, 0.4, 0.0))
    assert not own.same((0.3, 0.0, 0.0), (0.1, 0.4, 0.0))


@pytest.mark.parametrize("wrong", [0.0, 1.0, "test", {"joy": 1.5}, {"jy": 0.5}])
def test_thresholds_that_cannot_be_are_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        task(thresholds=wrong)
    assert "\n" not in caught.value.line


def test_fitted_thresholds_have_the_best_f1_by_hand() -> None:
    # Of 0.9 (held), 0.4 (held), 0.3 (not): between 0.3 and 0.4 all three are right.
    answers = [(0.9, 0.6), (0.4, 0.7), (0.3, 0.2)]
    fitted = label_thresholds.fitted(("joy", "anger"), [("joy",), ("joy",), ()], answers)
    assert fitted == {"joy": 0.35, "anger": 0.5}
    assert label_thresholds.fitted(("joy",), [("joy",)], [(0.0,)]) == {"joy": 0.5}


def test_thresholds_fitted_on_answers_are_settings_of_the_task() -> None:
    own = task(thresholds="validation")
    assert (own.fitted_on, task().fitted_on) == ("validation", None)
    fitted = own.fitted([("joy",), ()], [(0.1, 0.4, 0.1), (0.1, 0.2, 0.1)])
    assert fitted.settings == Settings(thresholds={"anger": 0.5, "joy": 0.3, "sadness": 0.5})
    assert fitted.given_labels((0.4, 0.4, 0.4)) == ("joy",)


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.7])
@pytest.mark.parametrize("chance", [0.0, 0.1999999999999999, 0.2, 0.4999999999999999, 0.5, 0.7, 0.9, 1.0])
def test_a_decision_is_right_from_one_half_on(threshold: float, chance: float) -> None:
    for holds in (True, False):
        certainty = label_thresholds.certainty(holds, chance, threshold)
        assert 0.0 <= certainty <= 1.0
        assert (certainty >= 1.0 - certainty) is ((chance >= threshold) is holds)


# --- what is measured


def test_scores_and_averages_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    held, chances = rng.random((60, 3)) < 0.4, rng.random((60, 3))
    own = task()
    wanted = [tuple(label for label, holds in zip(LABELS, row, strict=True) if holds) for row in held]
    pairs = list(zip(wanted, map(tuple, chances), strict=True))
    given = chances >= 0.5
    scores = [own.score(*pair) for pair in pairs]
    micro = sum(score.numerator for score in scores) / sum(score.denominator for score in scores)
    assert micro == pytest.approx(f1_score(held, given, average="micro"))
    details = [detail for pair in pairs for detail in own.details(*pair)]
    hamming = [detail.score.numerator for detail in details if detail.metric == "hamming_loss"]
    assert np.mean(hamming) == pytest.approx(hamming_loss(held, given))
    exact = [detail.score.numerator for detail in details if detail.metric == "subset_accuracy"]
    assert sum(exact) == (held == given).all(axis=1).sum()
    sums: dict[tuple[str, str], dict[str, Sequence[float]]] = {}
    for number, pair in enumerate(pairs):
        for detail in own.details(*pair):
            for value in detail.slice.values():
                share = detail.score.numerator, detail.score.denominator
                sums.setdefault((detail.metric, value), {})[str(number)] = share
    averages = {average.metric: average for average in own.averages(sums)}
    assert averages["macro_f1"].value == pytest.approx(f1_score(held, given, average="macro"))
    assert averages["macro_f1"].low < averages["macro_f1"].value < averages["macro_f1"].high


def test_the_best_constant_answer_by_hand() -> None:
    # joy alone: 2·3 ÷ (4 + 4); joy and anger: 2·4 ÷ (8 + 4).
    assert task().constant([("joy",), ("joy",), ("joy", "anger"), ()]) == (0.0, 1.0, 0.0)
    assert task().constant([None]) is None


def test_an_attack_works_on_the_least_sure_decision() -> None:
    own = task()
    goal = own.goal(Example("x", {"text": "t"}, ("joy",)), (0.1, 0.9, 0.3))
    assert goal is not None
    assert goal({"text": "t"}, (0.1, 0.9, 0.3)) == pytest.approx((0.7, 0.3))
    assert goal({"text": "t"}, (0.1, 0.9, 0.6)) == pytest.approx((0.4, 0.6))


# --- checkpoints


def folder_of(path: Path, **config: Any) -> Path:
    folder = tiny_checkpoint(path)
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), **config}), "utf-8")
    return folder


def test_the_problem_in_the_config_tells_the_task(tmp_path: Path) -> None:
    several = folder_of(tmp_path / "m", problem_type="multi_label_classification")
    assert checkpoint.head_of(several) == "multi_label"
    assert tasks.of_head("multi_label") == NAME
    assert checkpoint.head_of(folder_of(tmp_path / "s")) == "sequence"
    with pytest.raises(ModelError, match="does not choose one of two or more labels"):
        checkpoint.describe(several, "sequence")
    with pytest.raises(ModelError, match="gives a text one answer"):
        checkpoint.describe(tmp_path / "s", "multi_label")


def test_from_training_to_the_same_bytes_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    base = tiny_checkpoint(tmp_path / "base", head=False)
    words = {"good": ["joy"], "bad": ["anger"], "dull": ["anger", "sadness"], "film": []}
    rows = [{"text": f"{word} film number {number}", "labels": words[word]} for number in range(12) for word in words]
    for name, own in (("train", rows[:32]), ("validation", rows[32:40]), ("test", rows[40:])):
        Path(f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in own), "utf-8")
    files = "\n".join(f'{name} = "{name}.jsonl"' for name in ("train", "validation", "test"))
    Path("audit.toml").write_text(
        f'[task]\nname = "{NAME}"\nthresholds = "validation"\n[data]\n{files}\n'
        f'[training]\nbase = "{base}"\nout = "ckpt"\nepochs = 1\nbatch_size = 8\nmax_length = 24\n',
        "utf-8",
    )
    assert main(["train"]) == 0
    assert json.loads(Path("ckpt/standard/config.json").read_text("utf-8"))["problem_type"] == (
        "multi_label_classification"
    )
    for out in ("one", "two"):
        assert main(["run", "--model", "ckpt/standard", "--probe", "quality,calibration", "--out", out]) in (1, 3)
    assert "thresholds with the best F1 on the 8 rows of validation.jsonl" in capsys.readouterr().err
    first, second = (Path(out, "results.json").read_bytes() for out in ("one", "two"))
    assert first == second
    assert main(["gate", "one"]) in (1, 3)
    thresholds = json.loads(first)["task"]["settings"]["thresholds"]
    assert thresholds.keys() == {"anger", "joy", "sadness"}
    assert f"joy: {thresholds['joy']:g}" in Path("one/scorecard.html").read_text("utf-8")
    assert main(["run", "--model", "ckpt", "--candidate", "standard", "--probe", "quality", "--out", "x"]) in (1, 3)
    capsys.readouterr()
    Path("validation.jsonl").unlink()
    Path("audit.toml").write_text(Path("audit.toml").read_text("utf-8").replace('validation = "validation.jsonl"', ""))
    words_ = ["run", "--model", "ckpt/standard", "--data", "test.jsonl", "--probe", "quality", "--out", "three"]
    assert main(words_) == 2
    assert "no validation rows to fit thresholds on" in capsys.readouterr().err
    assert not Path("three").exists()
