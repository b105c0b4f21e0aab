"""A column of labels is read one way, decided once: the values that were read wrongly, and every kind of column."""

from __future__ import annotations

import itertools
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from auditor import data, tasks
from auditor.config import Config
from auditor.data import Columns
from auditor.errors import ConfigError, DataError
from auditor.labels.matching import Reading

STARS = ("1 star", "2 stars", "3 stars", "4 stars", "5 stars")
DIGITS = ("1", "2", "3", "4", "5")
BINARY = ("negative", "positive")


def csv_file(folder: Path, labels: Sequence[object], name: str = "test.csv") -> Path:
    path = folder / name
    path.write_text("text,label\n" + "".join(f"text {row},{label}\n" for row, label in enumerate(labels)), "utf-8")
    return path


def task(labels: Sequence[str], mapping: Mapping[str, str] | None = None) -> Any:
    return tasks.create("text-classification", labels, mapping)


def read(path: Path, labels: Sequence[str], mapping: Mapping[str, str] | None = None, **how: Any) -> data.Dataset:
    return data.load(path, name="home", task=task(labels, mapping), columns=Columns(**how))


def golds(found: data.Dataset) -> list[str]:
    return [example.gold for example in found.examples]


def reading(found: data.Dataset) -> Reading:
    assert found.reading is not None
    return found.reading


def refused(path: Path, labels: Sequence[str], mapping: Mapping[str, str] | None = None, **how: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(path, labels, mapping, **how)
    assert "\n" not in caught.value.line
    return caught.value.line.removeprefix(f"{path}: ")


def pasted(line: str) -> dict[str, str]:
    """The mapping that a refusal proposes, taken out of it as a user would paste it into the config."""
    found = tomllib.loads("[data]\n" + line[line.index("labels = {") : line.rindex("}") + 1])
    return dict(Config.model_validate(found).data.labels)


def filled_in(line: str, labels: Sequence[str]) -> dict[str, str]:
    """The proposed mapping with a label in every place that it leaves open, which it says how to fill."""
    found = pasted(line)
    meant = [label for spelling, label in found.items() if label not in ("?", spelling)]
    assert len(set(meant)) == len(meant)
    meant = list(found.values())
    assert ("replace each ? by one of: " + ", ".join(labels) in line) == ("?" in found.values())
    left = itertools.cycle([label for label in labels if label not in meant] or labels)
    return {spelling: next(left) if label == "?" else label for spelling, label in found.items()}


def class_label(folder: Path, names: Sequence[str], labels: Sequence[int], *, saved: bool) -> Path:
    import datasets

    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=list(names))})
    columns = {"text": [f"text {row}" for row in range(len(labels))], "label": list(labels)}
    found = datasets.Dataset.from_dict(columns, features=features)
    if saved:
        found.save_to_disk(folder / "saved")
        return folder / "saved"
    found.to_parquet(folder / "test.parquet")
    return folder / "test.parquet"


# The four inputs that were read wrongly without a word.


@pytest.mark.parametrize("saved", [False, True])
def test_numbers_that_the_file_has_names_for_are_read_by_those_names(tmp_path: Path, saved: bool) -> None:
    found = read(class_label(tmp_path, ["positive", "negative"], [0, 1, 1, -1], saved=saved), BINARY)
    assert golds(found) == ["positive", "negative", "negative"]
    assert found.report.missing_label == 1  # -1 is how datasets writes that there is none
    line = "by class name: 0 = positive, 1 = negative; 1 row has no label and is left out: row 4"
    assert reading(found).line == line


TWELVE = tuple(map(str, range(12)))


@pytest.mark.parametrize(
    ("names", "labels", "numbers", "right"),
    [
        # ``class_encode_column`` numbers the labels that occur, sorted as words.
        (["1", "3", "4", "7"], TWELVE, [0, 3, 1], ["1", "7", "3"]),
        (["0", "1", "10", "11", "2"], TWELVE, [2, 4, 3], ["10", "2", "11"]),
        (["1", "0"], ("0", "1"), [0, 1, 1], ["1", "0", "0"]),
        (["LABEL_1", "LABEL_0"], ("LABEL_0", "LABEL_1"), [0, 1, 1], ["LABEL_1", "LABEL_0", "LABEL_0"]),
        # Names that are none of the model's numbered labels: by position.
        (["negative", "positive"], ("LABEL_0", "LABEL_1"), [1, 0, 0], ["LABEL_1", "LABEL_0", "LABEL_0"]),
        (["negative", "positive"], ("0", "1"), [1, 0, 0], ["1", "0", "0"]),
    ],
)
def test_class_names_that_are_numbers_are_names_all_the_same(
    tmp_path: Path, names: Sequence[str], labels: Sequence[str], numbers: Sequence[int], right: Sequence[str]
) -> None:
    path = class_label(tmp_path, names, numbers, saved=False)
    assert golds(read(path, labels)) == right
    head = data.labels_in(path, Columns(), {}, task(()))
    used = {names[number] for number in numbers}
    assert set(head) == used
    assert golds(read(path, head)) == [names[number] for number in numbers]


def test_a_mapping_of_numbers_and_of_names_that_are_numbers_is_of_the_one_that_it_has_whole(tmp_path: Path) -> None:
    path = class_label(tmp_path, ["7", "5"], [0, 1, 1], saved=False)
    assert golds(read(path, BINARY, {"0": "positive", "1": "negative"})) == ["positive", "negative", "negative"]
    assert golds(read(path, BINARY, {"5": "positive", "7": "negative"})) == ["negative", "positive", "positive"]


def test_labels_of_a_training_column_with_a_gap_are_the_numbers_of_one_without(tmp_path: Path) -> None:
    train = csv_file(tmp_path, ["0.0", "1.0", "", *(f"{number}.0" for number in range(2, 12))], "train.csv")
    labels = data.labels_in(train, Columns(), {}, task(()))
    assert labels == tuple(map(str, range(12)))
    test = csv_file(tmp_path, list(range(12)))
    assert golds(read(test, labels)) == [str(number) for number in range(12)]
    # A model that was trained before that: its labels stand in another order than their numbers.
    old = tuple(sorted(f"{number}.0" for number in range(12)))
    assert old.index("2.0") == 4
    assert golds(read(test, old)) == [f"{number}.0" for number in range(12)]


def test_positions_are_read_as_positions_although_some_are_names_too(tmp_path: Path) -> None:
    found = read(csv_file(tmp_path, range(5)), DIGITS)
    assert golds(found) == ["1", "2", "3", "4", "5"]
    assert reading(found).line == "by position: 0 = 1, 1 = 2, 2 = 3, 3 = 4, 4 = 5"


@pytest.mark.parametrize(("values", "odd"), [(range(1, 6), "row 6"), (range(1, 5), "row 2")])
def test_numbers_in_the_names_of_labels_are_no_positions_and_the_mapping_is_proposed(
    tmp_path: Path, values: Sequence[int], odd: str
) -> None:
    path = csv_file(tmp_path, values)
    line = refused(path, STARS)
    assert line.startswith(f"{odd}, column 'label': ")
    assert pasted(line) == {str(number): STARS[number - 1] for number in values}
    assert golds(read(path, STARS, pasted(line))) == [STARS[number - 1] for number in values]


# Every kind of column of numbers.


LABELS = {
    "names": ("a", "b", "c"),
    "digits from 1": ("1", "2", "3"),
    "digits from 0": ("0", "1", "2"),
    "digits backwards": ("2", "1", "0"),
    "numbered": ("1 star", "2 stars", "3 stars"),
    "default": ("LABEL_0", "LABEL_1", "LABEL_2"),
    "with .0": ("0.0", "1.0", "10.0"),
}


@pytest.mark.parametrize("kind", LABELS)
def test_a_column_of_numbers_is_all_names_or_all_positions_or_refused(tmp_path: Path, kind: str) -> None:
    labels = LABELS[kind]
    names = {label.removesuffix(".0"): label for label in labels}
    positions = {str(place): label for place, label in enumerate(labels)}
    for count in (1, 2, 3):
        for values in itertools.combinations(["0", "1", "2", "3", "10"], count):
            path = csv_file(tmp_path, values)
            if set(values) <= names.keys():
                assert golds(read(path, labels)) == [names[value] for value in values]
            elif set(values) <= positions.keys() and not (kind == "numbered" and "0" not in values):
                assert golds(read(path, labels)) == [positions[value] for value in values]
            else:
                line = refused(path, labels)
                assert "the numbers of the column" in line
                assert pasted(line).keys() == set(values)
                assert len(read(path, labels, filled_in(line, labels)).examples) == count


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("1", "a number counts as a position only if every label is one, but 'positive' is not"),
        ("maybe", "unknown label 'maybe'; the model knows negative, positive"),
    ],
)
def test_one_cell_is_never_read_otherwise_than_the_column(tmp_path: Path, value: str, said: str) -> None:
    line = refused(csv_file(tmp_path, ["positive", "negative", value]), BINARY)
    assert line.startswith("row 4, column 'label': ")
    assert said in line


def test_what_could_be_read_otherwise_and_what_no_row_has_is_said(tmp_path: Path) -> None:
    ambiguous = read(csv_file(tmp_path, [1, 2, 3]), DIGITS)
    assert (golds(ambiguous), reading(ambiguous).line) == (
        ["1", "2", "3"],
        "by name; its numbers could be positions too",
    )
    partly = read(csv_file(tmp_path, [0, 1]), ("negative", "neutral", "positive"))
    assert reading(partly).line == "by position: 0 = negative, 1 = neutral; no row is positive"


def test_a_column_with_hundreds_of_numbers_is_hardly_one_of_labels(tmp_path: Path) -> None:
    line = refused(csv_file(tmp_path, range(150)), BINARY)
    assert line.endswith("(are these 150 values labels? Name the column: --label-column or [data] label_column)")
    assert "labels = {" in refused(csv_file(tmp_path, range(2, 22)), BINARY)
    line = refused(csv_file(tmp_path, range(2, 23)), BINARY)
    assert line.endswith("(are these 21 values labels? Name the column: --label-column or [data] label_column)")


def test_a_label_alone_that_the_model_lacks_may_be_out_of_scope(tmp_path: Path) -> None:
    intents = [f"intent {place}" for place in range(30)]
    line = refused(csv_file(tmp_path, [*intents, "oos"]), intents)
    assert line.endswith("(if no label of the model is right for its rows: --out-of-scope oos ([data] out_of_scope))")
    line = refused(csv_file(tmp_path, [*intents, "oos", "other"]), intents)
    assert line.endswith("(are these 32 values labels? Name the column: --label-column or [data] label_column)")


SENTIMENT = ("negative", "neutral", "positive")


@pytest.mark.parametrize(
    ("values", "labels", "proposal"),
    [
        # As many numbers as labels, in order.
        ([-1, 0, 1], SENTIMENT, "-1=negative 0=neutral 1=positive"),
        ([0, 2, 4], SENTIMENT, "0=negative 2=neutral 4=positive"),
        ([1, 2, 3], ("LABEL_0", "LABEL_1", "LABEL_2"), "1=LABEL_0 2=LABEL_1 3=LABEL_2"),
        # More numbers than labels, or fewer, of which not all are positions: nothing tells.
        ([0, 1, 2, 3, 4], SENTIMENT, "0=? 1=? 2=? 3=? 4=?"),
        ([-1, 1], SENTIMENT, "-1=? 1=?"),
        ([4], SENTIMENT, "4=?"),
        # Those that are in the labels' names, and the others.
        ([0, 1, 3], DIGITS[:3], "0=? 1=1 3=3"),
        ([3, 10], STARS, "3=3 stars 10=?"),
        ([1, 2, 3, 4], STARS, "1=1 star 2=2 stars 3=3 stars 4=4 stars"),
        # Words by likeness.
        (["pos", "neg"], BINARY, "neg=negative pos=positive"),
        (["positiv", "negativ"], BINARY, "negativ=negative positiv=positive"),
        (["good", "bad"], BINARY, "bad=? good=?"),
        (["ja", "nein"], BINARY, "ja=? nein=?"),
        (["spam", "not_spam"], ("spam", "ham"), "not_spam=? spam=spam"),
        (["positive", "negative", "1"], BINARY, "1=? negative=negative positive=positive"),
        (["not_spam", "ham"], ("spam", "ham"), "ham=ham not_spam=?"),
        (["irrelevant", "other"], ("relevant", "other"), "irrelevant=? other=other"),
        (["pos", "posit", "negative"], BINARY, "negative=negative pos=? posit=?"),
        # Of words, and of words alone, two may be one label: with a letter left out.
        (["positiv", "positive", "negative"], BINARY, "negative=negative positiv=positive positive=positive"),
        ([1, 11, 111], ("1", "11"), "1=1 11=11 111=?"),
        ([0.5, "positive"], BINARY, "0.5=? positive=positive"),
    ],
)
def test_a_proposal_maps_no_two_numbers_to_a_label_and_works_once_it_is_filled_in(
    tmp_path: Path, values: Sequence[object], labels: Sequence[str], proposal: str
) -> None:
    path = csv_file(tmp_path, values)
    line = refused(path, labels)
    assert sorted(f"{one}={label}" for one, label in pasted(line).items()) == sorted(re.split(r" (?=\S+=)", proposal))
    if "?" in proposal:
        with pytest.raises(ConfigError, match=r"is mapped to '\?', which is no label of the model"):
            read(path, labels, pasted(line))
        with pytest.raises(DataError, match=r"is mapped to '\?', which is a placeholder to fill in"):
            data.labels_in(path, Columns(), pasted(line), task(()))
    assert len(read(path, labels, filled_in(line, labels)).examples) == len(values)


@pytest.mark.parametrize(
    ("given", "proposal"),
    [
        ({"0": "negative"}, {"0": "negative", "1": "positive"}),
        ({"0": "positive"}, {"0": "positive", "1": "?"}),
        ({"1": "negative"}, {"0": "?", "1": "negative"}),
    ],
)
def test_half_a_mapping_is_completed_without_a_label_that_it_has(
    tmp_path: Path, given: Mapping[str, str], proposal: Mapping[str, str]
) -> None:
    path = csv_file(tmp_path, [0, 1])
    line = refused(path, BINARY, given)
    assert pasted(line) == proposal
    assert len(read(path, BINARY, filled_in(line, BINARY)).examples) == 2
    words = csv_file(tmp_path, BINARY, "words.csv")
    assert pasted(refused(words, BINARY, {"negative": "positive"})) == {"negative": "positive", "positive": "?"}
    assert pasted(refused(words, BINARY, {"negative": "negative"})) == dict(zip(BINARY, BINARY, strict=True))


def test_half_a_mapping_of_a_training_leaves_the_other_labels_open(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        data.labels_in(csv_file(tmp_path, [0, 1, 2]), Columns(), {"0": "bad"}, task(()))
    assert pasted(caught.value.line) == {"0": "bad", "1": "?", "2": "?"}


def test_sentences_are_hardly_labels(tmp_path: Path) -> None:
    texts, labels = tmp_path / "texts.txt", tmp_path / "labels.txt"
    for count in (2, 60):
        texts.write_text("".join(f"the film number {row} was not so good\n" for row in range(count)), "utf-8")
        labels.write_text("positive\nnegative\n" * (count // 2), "utf-8")
        with pytest.raises(DataError) as caught:
            data.load(labels, name="home", task=task(BINARY), labels_file=texts)
        assert caught.value.line == (
            f"{texts}: row 1, column 'label': unknown label 'the film number 0 was not so good'; the model knows"
            f" negative, positive (are these {count} values labels? --labels-file ([data] labels_files) is for labels,"
            f" and {labels} for texts: swapped?)"
        )
    line = refused(csv_file(tmp_path, ["a film that " + "very " * 40 + "long was", "positive"]), BINARY)
    assert "unknown label 'a film that very very very very very very very very very ver…'; the model" in line
    assert "labels = {" in line


# Files of one audit.


def load_all(folder: Path, labels: Sequence[str], **values: Sequence[object]) -> dict[str, data.Dataset]:
    files = {name: csv_file(folder, column, f"{name}.csv") for name, column in values.items()}
    return data.load_all(files, tasks=dict.fromkeys(files, task(labels)))


def test_numbers_that_could_be_either_are_read_as_those_of_the_other_files(tmp_path: Path) -> None:
    found = load_all(tmp_path, DIGITS, home=range(5), tweets=[1, 2, 3], one=[1])
    assert [golds(one) for one in found.values()] == [["1", "2", "3", "4", "5"], ["2", "3", "4"], ["2"]]
    found = load_all(tmp_path, DIGITS, home=[1, 2, 3], tweets=[5, 1])
    assert [golds(one) for one in found.values()] == [["1", "2", "3"], ["5", "1"]]
    found = load_all(tmp_path, STARS, home=range(5), tweets=[1, 2])
    assert golds(found["tweets"]) == ["2 stars", "3 stars"]


def test_names_in_one_file_and_positions_in_another_are_refused_where_both_are_numbers(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_all(tmp_path, DIGITS, home=range(5), tweets=range(1, 6))
    places = [f"{tmp_path / name} column 'label'" for name in ("tweets.csv", "home.csv")]
    assert caught.value.line == (
        f"the numbers of {places[0]} are labels of the model, but those of {places[1]} are positions"
        " (use label names in all files, or positions in all)"
    )
    # Where both say the same, or one file has words, there is nothing to agree on.
    same = load_all(tmp_path, ("0", "1", "2"), home=[0, 1, 2], tweets=[1])
    assert [golds(one) for one in same.values()] == [["0", "1", "2"], ["1"]]
    words = load_all(tmp_path, BINARY, home=["positive", "negative"], tweets=[1])
    assert [golds(one) for one in words.values()] == [["positive", "negative"], ["positive"]]
    told = {name: one.reading for name, one in words.items()}
    assert data.told(told) == "home by name; tweets by position: 1 = positive; no row is negative"


def test_validation_rows_are_read_as_the_training_rows_that_name_the_labels(tmp_path: Path) -> None:
    train = csv_file(tmp_path, [1, 2, 3, 3], "train.csv")
    labels = data.labels_in(train, Columns(), {}, task(()))
    files = {"train": train, "validation": csv_file(tmp_path, [1, 1, 2], "validation.csv")}
    found = data.load_all(files, tasks=dict.fromkeys(files, task(labels)))
    assert [golds(one) for one in found.values()] == [["1", "2", "3", "3"], ["1", "1", "2"]]


# Mappings.


def test_a_mapping_names_every_label_of_a_column_or_none(tmp_path: Path) -> None:
    path = csv_file(tmp_path, [0, 1])
    line = refused(path, BINARY, {"0": "negative"})
    assert line.startswith("row 3, column 'label': label '1' is not mapped, but '0' in the same column is")
    assert pasted(line) == {"0": "negative", "1": "positive"}
    # Half of a swap would make one label of two.
    assert "label 'positive' is not mapped" in refused(
        csv_file(tmp_path, BINARY, "w.csv"), BINARY, {"negative": "positive"}
    )
    # A file that the mapping says nothing of is read by its names, and its numbers are no positions.
    assert golds(read(csv_file(tmp_path, BINARY, "w.csv"), BINARY, {"5": "positive"})) == list(BINARY)
    assert "unknown label '0'" in refused(path, BINARY, {"5": "positive"})


@pytest.mark.parametrize("rows", ["true|false", '"true"|"false"', '"True"|"False"', '"TRUE"|"FALSE"'])
@pytest.mark.parametrize("mapping", [{"true": "yes", "false": "no"}, {"True": "yes", "False": "no"}])
def test_truth_values_are_mapped_in_every_spelling(tmp_path: Path, rows: str, mapping: dict[str, str]) -> None:
    path = tmp_path / "test.jsonl"
    path.write_text(
        "".join(f'{{"text": "text {n}", "label": {row}}}\n' for n, row in enumerate(rows.split("|"))), "utf-8"
    )
    assert golds(read(path, ("no", "yes"), mapping)) == ["yes", "no"]
    assert data.labels_in(path, Columns(), mapping, task(())) == ("no", "yes")
    assert golds(read(csv_file(tmp_path, json.loads(f"[{rows.replace('|', ',')}]")), ("no", "yes"), mapping)) == [
        "yes",
        "no",
    ]


@pytest.mark.parametrize("keys", ["0|1", "0.0|1.0"])
@pytest.mark.parametrize("cells", ["0|1", "0.0|1.0", " 0 |1"])
def test_whole_numbers_are_mapped_in_every_spelling(tmp_path: Path, keys: str, cells: str) -> None:
    path = csv_file(tmp_path, cells.split("|"))
    mapping = dict(zip(keys.split("|"), ("positive", "negative"), strict=True))
    assert golds(read(path, BINARY, mapping)) == ["positive", "negative"]
    assert data.labels_in(path, Columns(), mapping, task(())) == ("negative", "positive")


def test_a_mapping_may_name_the_files_numbers_or_its_names_for_them(tmp_path: Path) -> None:
    path = class_label(tmp_path, ["pos", "neg"], [0, 1], saved=False)
    assert pasted(refused(path, BINARY)) == {"pos": "positive", "neg": "negative"}
    for mapping in ({"pos": "positive", "neg": "negative"}, {"0": "positive", "1": "negative"}):
        found = read(path, BINARY, mapping)
        assert (golds(found), reading(found).labels) == (["positive", "negative"], {"0": "positive", "1": "negative"})


def test_a_model_without_names_of_its_own_takes_the_files_numbers_as_positions(tmp_path: Path) -> None:
    found = read(class_label(tmp_path, ["pos", "neg"], [0, 1], saved=False), ("LABEL_0", "LABEL_1"))
    assert golds(found) == ["LABEL_0", "LABEL_1"]


def test_digits_as_names_of_other_numbers_are_read_as_those_names(tmp_path: Path) -> None:
    path = class_label(tmp_path, list(DIGITS), [0, 4], saved=False)
    assert golds(read(path, DIGITS)) == ["1", "5"]
    mapping = pasted(refused(path, STARS))
    assert golds(read(path, STARS, mapping)) == ["1 star", "5 stars"]
    assert data.labels_in(path, Columns(), mapping, task(())) == ("1 star", "5 stars")
    # A head of numbers in their order says no more than default names do.
    other = class_label(tmp_path, ["neg", "pos"], [0, 1], saved=False)
    assert golds(read(other, ("0", "1"))) == ["0", "1"]


def test_a_column_that_was_chosen_among_several_is_told(tmp_path: Path) -> None:
    path = tmp_path / "test.csv"
    path.write_text("Text,review,label,sentiment\na,b,positive,x\nc,d,negative,y\n", "utf-8")
    found = read(path, BINARY)
    said = "'Text' is the text, not 'review'; 'label' is the label, not 'sentiment'"
    assert (golds(found), reading(found).line) == (["positive", "negative"], f"by name; {said}")
    columns = Columns({"text": "Text"}, "label")
    chosen = data.load(path, name="home", task=task(BINARY), columns=columns)
    assert reading(chosen).note == ""


@pytest.mark.parametrize(
    ("header", "cells", "note"),
    [
        (
            "question,sentence,label",
            "why is it so,as it was before",
            "'sentence' is read; 'question' holds texts too and is not",
        ),
        ("title,text,body,label", "a b c,d e,f g h i", "'text' is read; 'title' and 'body' hold texts too and are not"),
        ("source,text,label", "imdb,a fine film", ""),
        ("url,text,label", "https://example.org/a-b-c,a fine film", ""),
        ("title,text,label", ",a fine film", ""),
    ],
)
def test_columns_of_texts_that_are_not_read_are_told(tmp_path: Path, header: str, cells: str, note: str) -> None:
    path = tmp_path / "test.csv"
    rows = (f"{cells} {number},{label}" for number, label in enumerate(("positive", "negative") * 2))
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    assert reading(read(path, BINARY)).note == note
    text = "sentence" if "sentence" in header else "text"
    chosen = data.load(path, name="home", task=task(BINARY), columns=Columns({"text": text}, "label"))
    assert reading(chosen).note == ""


def test_a_column_has_texts_where_most_of_its_cells_have_several_words(tmp_path: Path) -> None:
    path = tmp_path / "test.csv"
    for many, note in ((2, ""), (3, "'text' is read; 'remark' holds texts too and is not")):
        rows = [
            f"{'one two three' if n < many else 'short'},text {n},{('positive', 'negative')[n % 2]}" for n in range(5)
        ]
        path.write_text("\n".join(["remark,text,label", *rows]) + "\n", "utf-8")
        assert reading(read(path, BINARY)).note == note


def test_rows_that_stand_on_several_lines_are_told(tmp_path: Path) -> None:
    path = tmp_path / "test.csv"
    path.write_text('text,label\n"Fine\nfilm.",positive\nbad,negative\n', "utf-8")
    assert reading(read(path, BINARY)).line == "by name; 1 of 2 rows span several lines"


def test_a_new_head_has_the_files_names_for_its_numbers_in_their_order(tmp_path: Path) -> None:
    path = class_label(tmp_path, ["positive", "negative", "unused"], [1, 0, -1], saved=False)
    assert data.labels_in(path, Columns(), {}, task(())) == ("positive", "negative")
    with pytest.raises(DataError, match="the file has no name for '7'"):
        data.labels_in(broken_class_label(tmp_path), Columns(), {}, task(()))


def broken_class_label(folder: Path) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    features = {"info": {"features": {"label": {"names": ["a", "b"], "_type": "ClassLabel"}}}}
    table = pa.table({"text": ["x", "y"], "label": [0, 7]})
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(features)}), folder / "broken.parquet")
    return folder / "broken.parquet"


# Case and white space.


MESSY = ("positive", "Positive", "POSITIVE", "negative", " positive ")


def test_one_label_in_several_spellings_is_refused_alike_in_training_and_auditing(tmp_path: Path) -> None:
    path = csv_file(tmp_path, MESSY)
    said = (
        "column 'label': a label is spelt in 3 ways: 'POSITIVE' (row 4), 'Positive' (row 3), 'positive'"
        " (2 rows, the first 2) ([data] ignore_case = true or --ignore-case makes them one label; else map each under"
        " [data.labels])"
    )
    assert refused(path, BINARY) == said
    with pytest.raises(DataError) as caught:
        data.labels_in(path, Columns(), {}, task(()))
    assert caught.value.line == f"{path}: {said}"


def test_spellings_are_merged_by_setting_or_mapping_alike_in_training_and_auditing(tmp_path: Path) -> None:
    path = csv_file(tmp_path, MESSY)
    wanted = ["positive", "positive", "positive", "negative", "positive"]
    assert data.labels_in(path, Columns(ignore_case=True), {}, task(())) == ("negative", "positive")
    assert golds(read(path, BINARY, ignore_case=True)) == wanted
    mapping = {"positive": "yes", "Positive": "yes", "POSITIVE": "yes", "negative": "no"}
    assert data.labels_in(path, Columns(), mapping, task(())) == ("no", "yes")
    assert [{"yes": "positive", "no": "negative"}[gold] for gold in golds(read(path, ("no", "yes"), mapping))] == wanted
    # The most frequent spelling names the label.
    loud = csv_file(tmp_path, ["YES", "YES", "yes", "no"], "loud.csv")
    assert data.labels_in(loud, Columns(ignore_case=True), {}, task(())) == ("YES", "no")


@pytest.mark.parametrize("spelling", ["Café", "Cafe\u0301", "a  b", "A\u00a0b"])
def test_spellings_that_look_the_same_are_one_label(tmp_path: Path, spelling: str) -> None:
    other = {"C": "café", "a": "a b", "A": "a b"}[spelling[0]]
    assert "is spelt in 2 ways" in refused(csv_file(tmp_path, [spelling, other]), (other, "x"))


def test_labels_in_another_case_throughout_are_read_and_that_is_said(tmp_path: Path) -> None:
    found = read(csv_file(tmp_path, ["POSITIVE", "Negative"]), BINARY)
    assert golds(found) == ["positive", "negative"]
    assert reading(found).line == "by name in another case: Negative = negative, POSITIVE = positive"


def test_labels_that_a_model_tells_apart_by_case_are_read_as_they_stand(tmp_path: Path) -> None:
    assert golds(read(csv_file(tmp_path, ["ab", "Ab"]), ("ab", "Ab"))) == ["ab", "Ab"]
    assert "unknown label 'AB'" in refused(csv_file(tmp_path, ["AB"]), ("ab", "Ab"))


def test_what_cannot_be_a_label_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "test.jsonl"
    path.write_text('{"text": "a", "label": ["positive"]}\n', "utf-8")
    assert "holds a list, not one value" in refused(path, BINARY)
    with pytest.raises(DataError, match="holds a list, not one value"):
        data.labels_in(path, Columns(), {}, task(()))
