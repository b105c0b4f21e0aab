"""Files of words with tags: every kind, every scheme, every mistake with its file and line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditor import data, tasks
from auditor.data import tokens
from auditor.errors import ConfigError, DataError

TASK = tasks.create("ner", ("O", "B-PER", "I-PER", "B-LOC", "I-LOC"))
CONLL = "John\tB-PER\nSmith\tI-PER\nlives\tO\n\nParis\tB-LOC\n"
WANTED = [("John Smith lives", ("B-PER", "I-PER", "O")), ("Paris", ("B-LOC",))]


def put(folder: Path, content: str | bytes, name: str = "train.txt") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def loaded(path: Path, task: Any = TASK, **columns: Any) -> list[tuple[str, Any]]:
    found = data.load(path, name="test", task=task, columns=data.Columns(**columns))
    return [(one.inputs["text"], one.gold) for one in found.examples]


def refused(path: Path, **columns: Any) -> str:
    with pytest.raises(DataError) as caught:
        loaded(path, **columns)
    assert "\n" not in caught.value.line
    return caught.value.line.removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    "content",
    [
        CONLL,
        CONLL.replace("\n", "\r\n"),
        CONLL.replace("\t", " "),
        CONLL.replace("\t", "  "),
        CONLL.replace("\n\n", "\n \t \n\n"),
        CONLL.replace("\t", "\tNNP\t"),
        CONLL.replace("\t", " NNP I-NP "),
        "-DOCSTART- -X- -X- O\n\n" + CONLL.replace("\t", " NNP I-NP "),
        "# sentence 1\n" + CONLL + "\n# the end\n",
        "\ufeff" + CONLL,
        CONLL.rstrip("\n"),
        "John\tI-PER\nSmith\tI-PER\nlives\tO\n\nParis\tI-LOC\n",
        "John\tB-PER\nSmith\tE-PER\nlives\tO\n\nParis\tS-LOC\n",
        "John\tB-PER\nSmith\tL-PER\nlives\tO\n\nParis\tU-LOC\n",
    ],
    ids=[
        "tabs", "CRLF", "blanks", "two blanks", "blank lines with blanks", "three columns", "four columns", "documents",
        "comments", "byte-order mark", "no line end", "IOB1", "IOBES", "BILOU",
    ],
)  # fmt: skip
def test_columns_of_every_kind_are_the_same_sentences(tmp_path: Path, content: str) -> None:
    assert loaded(put(tmp_path, content)) == WANTED


@pytest.mark.parametrize("suffix", tokens.COLUMNS)
def test_every_ending_of_column_files_is_read(tmp_path: Path, suffix: str) -> None:
    assert loaded(put(tmp_path, CONLL, f"train{suffix}")) == WANTED


def test_a_hash_with_a_tag_is_a_word_and_identical_sentences_stay(tmp_path: Path) -> None:
    path = put(tmp_path, "# O\nParis B-LOC\n\n# O\nParis B-LOC\n")
    assert loaded(path) == [("# Paris", ("O", "B-LOC"))] * 2
    found = data.load(path, name="test", task=TASK)
    assert [one.id for one in found.examples] == ["test:1", "test:4"]
    assert (found.report.rows, found.report.used, found.report.duplicates) == (2, 2, 0)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("#London\tLOC\n", "row 2: tag 'LOC' has no prefix"),
        ("#London\tb-LOC\n", "row 2: tag 'b-LOC' has no prefix"),
        ("#London\n", "row 2: has 1 columns"),
    ],
)
def test_a_word_with_a_hash_is_no_comment(tmp_path: Path, line: str, problem: str) -> None:
    assert refused(put(tmp_path, f"in\tO\n{line}")).startswith(problem)


def test_comments_of_conll_2012_and_within_a_sentence_are_left_out(tmp_path: Path) -> None:
    path = put(tmp_path, "#begin document (a); part 000\nJohn\tB-PER\n# a note\nran\tO\n#\n\n#end document\n")
    assert loaded(path) == [("John ran", ("B-PER", "O"))]


def test_names_of_columns_are_of_files_that_have_names(tmp_path: Path) -> None:
    assert loaded(put(tmp_path, CONLL), fields={"text": "tokens"}, label="ner_tags", shared=True) == WANTED
    path = put(tmp_path, "John B-PER O\nruns O O\n", "three.txt")
    assert loaded(path) == [("John runs", ("O", "O"))]
    assert loaded(path, label="column 2") == [("John runs", ("B-PER", "O"))]
    assert loaded(path, label="column 3", fields={"text": "column 1"}) == loaded(path)
    for name in ("colum 2", "column 4", "col_2"):
        assert refused(path, label=name) == (
            f"no column is called {name!r} (of its 3 columns, one of: column 1, column 2, column 3)"
        )
    assert loaded(path, label="2") == [("John runs", ("B-PER", "O"))]
    # Names of other files, and a file that has one column of tags only.
    assert loaded(path, label="column", shared=True) == loaded(path)
    two = put(tmp_path, "John B-PER\nruns O\n", "two.txt")
    assert loaded(two, label="column 3", shared=True) == [("John runs", ("B-PER", "O"))]


@pytest.mark.parametrize("name", ["ner_tags", "column 3", "3", "label", "Tags", ""])
def test_a_column_that_a_conll_file_does_not_have_is_refused_with_those_it_has(tmp_path: Path, name: str) -> None:
    said = "(of its 2 columns, one of: column 1, column 2)"
    assert refused(put(tmp_path, CONLL), label=name) == f"no column is called {name!r} {said}"
    assert refused(put(tmp_path, CONLL), fields={"text": name}) == f"no column is called {name!r} {said}"
    with pytest.raises(DataError, match="no column is called"):
        data.tags_in(put(tmp_path, CONLL), data.Columns(label=name), {})


def test_the_names_of_one_file_of_an_audit_need_not_be_those_of_another_and_that_is_said(tmp_path: Path) -> None:
    files = {"home": put(tmp_path, CONLL), "tweets": jsonl(tmp_path)}
    columns = data.Columns({"text": "tokens"}, "ner_tags")
    found = data.load_all(files, tasks=dict.fromkeys(files, TASK), columns=columns)
    assert [[(row.inputs["text"], row.gold) for row in one.examples] for one in found.values()] == [WANTED, WANTED]
    note = "the file has no column names: its last column stands for 'ner_tags'"
    assert [one.reading.note for one in found.values() if one.reading] == [note, ""]
    assert data.told({name: one.reading for name, one in found.items()}) == f"home by name; {note}; tweets by name"
    assert data.tags_in(files["home"], columns, {}, list(files.values()))[0] == "O"
    with pytest.raises(DataError, match="no column is called 'tagz'"):
        data.load_all(files, tasks=dict.fromkeys(files, TASK), columns=data.Columns(label="tagz"))


@pytest.mark.parametrize("content", ["5", "[]", '{"features": 5}'])
def test_a_damaged_folder_of_datasets_is_one_line(tmp_path: Path, content: str) -> None:
    path = disk(tmp_path)
    (path / "dataset_info.json").write_text(content, "utf-8")
    (path / "state.json").write_text('{"_data_files": []}', "utf-8")
    assert refused(path).startswith("does not load: ")


def test_columns_that_are_not_used_are_kept_and_documents_can_be_the_group(tmp_path: Path) -> None:
    content = "-DOCSTART- -X- O\n\nJohn NNP B-PER\n\n-DOCSTART- -X- O\n\nParis NNP B-LOC\nis VBZ O\n"
    path = put(tmp_path, content)
    table = tokens.read(path).table
    assert table.header == ("tokens", "column 2", "tags", "document")
    assert [row["column 2"] for _, row in table.rows] == [("NNP",), ("NNP", "VBZ")]
    found = data.load(path, name="test", task=TASK, columns=data.Columns(group="document"))
    assert [one.group for one in found.examples] == ["1", "2"]


def saved(folder: Path, rows: list[dict[str, Any]]) -> Any:
    import datasets

    names = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    text = datasets.Value("string")
    features = {"tokens": datasets.List(text), "ner_tags": datasets.List(datasets.ClassLabel(names=names))}
    columns = {"tokens": [row["tokens"] for row in rows], "ner_tags": [row["ner_tags"] for row in rows]}
    del folder
    return datasets.Dataset.from_dict(columns, features=datasets.Features(features))


ROWS = [
    {"tokens": ["John", "Smith", "lives"], "ner_tags": ["B-PER", "I-PER", "O"]},
    {"tokens": ["Paris"], "ner_tags": ["B-LOC"]},
]


def jsonl(folder: Path) -> Path:
    return put(folder, "".join(json.dumps(row) + "\n" for row in ROWS), "train.jsonl")


def parquet(folder: Path) -> Path:
    saved(folder, ROWS).to_parquet(folder / "train.parquet")
    return folder / "train.parquet"


def plain_parquet(folder: Path) -> Path:
    import pandas

    pandas.DataFrame(ROWS).to_parquet(folder / "train.parquet")
    return folder / "train.parquet"


def disk(folder: Path) -> Path:
    saved(folder, ROWS).save_to_disk(folder / "saved")
    return folder / "saved"


@pytest.mark.parametrize("make", [jsonl, parquet, plain_parquet, disk])
def test_other_files_hold_the_same_sentences(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path)
    assert loaded(path) == WANTED
    assert data.load(path, name="test", task=TASK).sha256 == data.load(path, name="test", task=TASK).sha256
    assert data.tags_in(path, data.Columns(), {}) == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")


def test_columns_by_other_names_are_named_in_the_config(tmp_path: Path) -> None:
    path = put(tmp_path, json.dumps({"w": ["Paris"], "t": ["B-LOC"], "doc": "7"}) + "\n", "x.jsonl")
    hint = "(name it: [data] text_column; columns: w, t, doc)"
    assert refused(path) == f"no column is called tokens or words {hint}"
    found = data.load(path, name="t", task=TASK, columns=data.Columns({"text": "w"}, "t", "doc"))
    assert [(one.inputs, one.gold, one.group) for one in found.examples] == [({"text": "Paris"}, ("B-LOC",), "7")]


def test_a_folder_of_several_splits_asks_for_one(tmp_path: Path) -> None:
    import datasets

    whole = saved(tmp_path, ROWS)
    datasets.DatasetDict({"train": whole, "test": whole}).save_to_disk(tmp_path / "splits")
    assert refused(tmp_path / "splits") == "holds several splits (name one of them: test, train)"
    assert loaded(tmp_path / "splits" / "train") == WANTED


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("John PER\n", "row 1: tag 'PER' has no prefix (tags are O, or a prefix"),
        (
            "lives O\nJohn I-PER\nParis B-LOC\n",
            "row 2: I-PER follows O: an entity begins with B-; word 'John' ([data] repair",
        ),
        ("John B-PER\nSmith NNP I-PER\n", "row 2: has 3 columns, but the first word of the file has 2"),
        ("John\nSmith\n", "row 1: has 1 column: 'John' (a line holds a word, up to two other columns and the tag"),
        ("a b c d B-PER\n", "row 1: has 5 columns: 'a b c d B-PER'"),
        ("\tB-PER\n", "row 1: has a tag but no word"),
        ("John\tB-PER\n\tO\n", "row 2: has a tag but no word"),
        ("John\tB-PER\nran\t\n", "row 2: word 'ran' has no tag (write O for a word outside every entity)"),
        (
            "John B-PRE\n",
            "row 1, column 'tags': unknown type 'PRE'; the model knows PER, LOC (did you mean 'PER'? or map",
        ),
        (
            "John B-XYZ\n",
            "row 1, column 'tags': unknown type 'XYZ'; the model knows PER, LOC (map every type that the model lacks",
        ),
        (
            "John B-PER\n\n# text\nlives O\nin O\nParis B-city\n",
            "row 6, column 'tags': unknown type 'city'; the model knows PER, LOC (map every type that the model lacks",
        ),
        ("", "is empty ("),
        ("\n\n", "is empty ("),
        ("-DOCSTART- O\n", "has no words"),
        (b"John B-PER\n\x00\n", "is a binary file: byte 0x00 at offset 11, row 2"),
        (b"J\xe9 B-PER\n", "row 1: byte 0xe9 at offset 1 is not UTF-8 (save it as UTF-8)"),
    ],
)
def test_mistakes_in_column_files_are_one_line_with_their_place(tmp_path: Path, content: Any, line: str) -> None:
    assert refused(put(tmp_path, content)).startswith(line)


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ({"tokens": ["a"], "tags": ["O", "O"]}, "row 2: has 1 words and 2 tags"),
        ({"tokens": [], "tags": []}, "row 2: has no words (remove it)"),
        (
            {"tokens": ["New York"], "tags": ["B-LOC"]},
            "row 2: word 'New York' is blank or holds white space (blanks, tabs and",
        ),
        ({"tokens": [" "], "tags": ["O"]}, "row 2: word ' ' is blank or holds white space (remove it, and its tag)"),
        ({"tokens": "Paris", "tags": ["O"]}, "row 2: column 'tokens' holds not a list of words: 'Paris'"),
        ({"tokens": [7], "tags": ["O"]}, "row 2: column 'tokens' holds a list with values other than words: '[7]'"),
        ({"tokens": ["a"], "tags": None}, "row 2: column 'tags' holds not a list of words: 'None'"),
        ({"tokens": ["a"], "tags": ["PER"]}, "row 2: tag 'PER' has no prefix"),
        ({"tokens": ["a", "b"], "tags": ["O", "I-PER"]}, "row 2: I-PER follows O: an entity begins with B-; word 'b'"),
    ],
)
def test_mistakes_in_rows_are_one_line_with_their_place(tmp_path: Path, row: dict[str, Any], line: str) -> None:
    good = json.dumps({"tokens": ["Paris"], "tags": ["B-LOC"]})
    assert refused(put(tmp_path, f"{good}\n{json.dumps(row)}\n", "x.jsonl")).startswith(line)


def test_paths_that_are_no_such_file_are_one_line(tmp_path: Path) -> None:
    assert refused(tmp_path / "no.txt").startswith("no such file")
    assert refused(tmp_path / "no.json").startswith("no such file")
    assert refused(put(tmp_path, "a,b\n", "x.csv")).startswith(
        "unknown kind of file '.csv' for words with tags (one of .conll"
    )
    assert refused(tmp_path).startswith("is a folder that datasets did not save")
    (tmp_path / "state.json").write_text("{", encoding="utf-8")
    assert refused(tmp_path).startswith("does not load: ")
    path = put(tmp_path, CONLL)
    assert refused(path, group="author").startswith("no column 'author'")
    with pytest.raises(DataError, match="the task has no text field 'premise'"):
        data.load(path, name="t", task=TASK, columns=data.Columns({"premise": "x"}))


def test_illegal_tags_are_repaired_when_that_is_asked_for(tmp_path: Path) -> None:
    path = put(tmp_path, "lives O\nJohn I-PER\nSmith I-PER\nParis B-LOC\n")
    assert loaded(path, repair=True) == [("lives John Smith Paris", ("O", "B-PER", "I-PER", "B-LOC"))]


def test_names_are_mapped_between_data_and_model(tmp_path: Path) -> None:
    path = put(tmp_path, "John B-person\nin O\nParis B-loc\n")
    task = tasks.create("ner", TASK.labels, {"person": "PER"})
    assert loaded(path, task) == [("John in Paris", ("B-PER", "O", "B-LOC"))]
    with pytest.raises(ConfigError) as caught:
        tasks.create("ner", TASK.labels, {"person": "PRE"})
    assert caught.value.line == "[data.labels]: 'PRE' is no type of the model (did you mean 'PER'?)"
    assert data.tags_in(path, data.Columns(), {"person": "PER", "loc": "LOC"}) == (
        "O",
        "B-LOC",
        "I-LOC",
        "B-PER",
        "I-PER",
    )


def test_a_model_whose_labels_are_no_tags_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        tasks.create("ner", ("LABEL_0", "LABEL_1"))
    assert caught.value.line.startswith("the model's label 'LABEL_0' is no tag of entities")


def test_types_of_another_domain_are_read_and_count_neither_way(tmp_path: Path) -> None:
    path = put(tmp_path, "Merkel B-politician\nin O\nParis B-LOC\n")
    with pytest.raises(DataError, match="unknown type 'politician'"):
        loaded(path)
    ((_, gold),) = loaded(path, TASK.other_domain())
    assert gold == ("B-politician", "O", "B-LOC")
    per, out, loc = ([float(label == name) for label in TASK.labels] for name in ("B-PER", "O", "B-LOC"))
    assert TASK.score(gold, (per, out, loc)) == TASK.score(gold, (out, out, loc))
    assert (TASK.score(gold, (per, out, out)).numerator, TASK.score(gold, (per, out, out)).denominator) == (0.0, 1.0)
    assert TASK.score(gold, (per, per, loc)).denominator == 3.0


def test_a_training_file_without_entities_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        data.tags_in(put(tmp_path, "a O\n"), data.Columns(), {})
    assert caught.value.line.endswith("has no entity: every word is O")
