"""Tags that are numbers, and tags without a type: what they are read as, and what is said of it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from auditor import data, tasks
from auditor.config import Config
from auditor.errors import ConfigError, DataError

LABELS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
ROWS = ([1, 2, 0], [3])
GOLDS = [("B-PER", "I-PER", "O"), ("B-LOC",)]


def jsonl(folder: Path, rows: Sequence[Sequence[Any]]) -> Path:
    path = folder / "x.jsonl"
    content = [{"tokens": [f"word{n}" for n, _ in enumerate(tags)], "ner_tags": list(tags)} for tags in rows]
    path.write_text("".join(json.dumps(row) + "\n" for row in content), "utf-8")
    return path


def conll(folder: Path, rows: Sequence[Sequence[Any]]) -> Path:
    path = folder / "x.conll"
    sentences = ["".join(f"word{n}\t{tag}\n" for n, tag in enumerate(tags)) for tags in rows]
    path.write_text("\n".join(sentences), "utf-8")
    return path


def read(
    path: Path, labels: Sequence[str] = LABELS, mapping: Mapping[str, str] | None = None, **how: Any
) -> tuple[list[Any], str]:
    found = data.load(path, name="home", task=tasks.create("ner", labels, mapping), columns=data.Columns(**how))
    assert found.reading is not None
    return [example.gold for example in found.examples], found.reading.line


def refused(path: Path, labels: Sequence[str] = LABELS, mapping: Mapping[str, str] | None = None) -> str:
    with pytest.raises(DataError) as caught:
        read(path, labels, mapping)
    assert "\n" not in caught.value.line
    return caught.value.line.removeprefix(f"{path}: ")


def pasted(line: str) -> dict[str, str]:
    found = tomllib.loads("[data]\n" + line[line.index("labels = {") : line.rindex("}") + 1])
    return dict(Config.model_validate(found).data.labels)


@pytest.mark.parametrize("make", [jsonl, conll])
def test_numbers_are_the_models_tags_by_their_positions_and_that_is_said(tmp_path: Path, make: Any) -> None:
    golds, line = read(make(tmp_path, ROWS))
    assert golds == GOLDS
    assert line == "by position: 0 = O, 1 = B-PER, 2 = I-PER, 3 = B-LOC"


def test_numbers_that_the_file_has_names_for_are_those(tmp_path: Path) -> None:
    import datasets

    names = ["B-LOC", "B-PER", "I-PER", "O"]
    features = {
        "tokens": datasets.List(datasets.Value("string")),
        "ner_tags": datasets.List(datasets.ClassLabel(names=names)),
    }
    columns = {"tokens": [["a", "b", "c"], ["d"]], "ner_tags": [[1, 2, 3], [0]]}
    found = datasets.Dataset.from_dict(columns, features=datasets.Features(features))
    found.to_parquet(tmp_path / "x.parquet")
    assert read(tmp_path / "x.parquet") == (GOLDS, "by class name: 0 = B-LOC, 1 = B-PER, 2 = I-PER, 3 = O")
    assert data.tags_in(tmp_path / "x.parquet", data.Columns(), {}) == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")


def test_numbers_that_are_no_positions_are_refused_with_the_mapping_to_write(tmp_path: Path) -> None:
    path = jsonl(tmp_path, [[1, 9, 0]])
    line = refused(path)
    assert line.startswith(
        "column 'ner_tags': the tag 9 is no position in the model (0 to 4) (say what each means: [data]"
    )
    assert pasted(line) == {"0": "O", "1": "B-PER", "9": "I-PER"}
    assert read(path, mapping=pasted(line))[0] == [("B-PER", "I-PER", "O")]
    mapping = {"0": "O", "1": "B-PER", "9": "I-PER"}
    assert read(path, mapping=mapping) == ([("B-PER", "I-PER", "O")], "by mapping: 0 = O, 1 = B-PER, 9 = I-PER")
    assert "the tag 9 is not mapped" in refused(path, mapping={"0": "O", "1": "B-PER"})
    # -100 is how inputs of a training say that a piece of a word has no tag.
    assert "the tag -100 is no position" in refused(jsonl(tmp_path, [[-100, 1]]))


def test_positions_that_make_no_entities_are_refused(tmp_path: Path) -> None:
    line = refused(jsonl(tmp_path, [[1, 0], [0, 2]]))
    assert line.startswith("row 2: I-PER follows O: an entity begins with B-; word 'word1'")
    assert line.endswith("(are its numbers the model's tags in their order, 0 = O, 1 = B-PER, 2 = I-PER?)")
    assert read(jsonl(tmp_path, [[1, 0], [0, 2]]), repair=True)[0] == [("B-PER", "O"), ("O", "B-PER")]


def test_a_training_file_of_numbers_needs_their_names(tmp_path: Path) -> None:
    path = jsonl(tmp_path, ROWS)
    with pytest.raises(DataError) as caught:
        data.tags_in(path, data.Columns(), {})
    assert caught.value.message == "tags are numbers (0, 1, 2, 3), and the file does not say what they mean"
    mapping = pasted(caught.value.line)
    assert mapping == {"0": "O", "1": "B-TYPE1", "2": "I-TYPE1", "3": "B-TYPE2"}
    labels = data.tags_in(path, data.Columns(), mapping)
    assert labels == ("O", "B-TYPE1", "I-TYPE1", "B-TYPE2", "I-TYPE2")
    assert read(path, labels, mapping)[0] == [("B-TYPE1", "I-TYPE1", "O"), ("B-TYPE2",)]


def test_a_number_is_mapped_to_a_tag_of_the_model(tmp_path: Path) -> None:
    del tmp_path
    with pytest.raises(ConfigError) as caught:
        tasks.create("ner", LABELS, {"1": "PER"})
    assert caught.value.line.startswith("[data.labels]: 'PER' is no tag of the model")
    assert tasks.create("ner", LABELS, {"1": "S-PER", "0": "O"}).labels == LABELS


def test_numbers_among_words_are_no_tags(tmp_path: Path) -> None:
    assert "holds a list with something else than words" in refused(jsonl(tmp_path, [["O", 1]]))
    assert refused(conll(tmp_path, [["O", 1]])).startswith("row 2: tag '1' has no prefix")
    assert "holds a list with something else than words" in refused(jsonl(tmp_path, [[True, False]]))


PLAIN = ("O", "B", "I")


@pytest.mark.parametrize("make", [jsonl, conll])
def test_tags_without_a_type_are_of_the_one_type_that_there_is(tmp_path: Path, make: Any) -> None:
    path = make(tmp_path, [["B", "I", "O"], ["O", "B"]])
    assert read(path, PLAIN)[0] == [("B-entity", "I-entity", "O"), ("O", "B-entity")]
    assert read(path, ("O", "B-PER", "I-PER"))[0] == [("B-PER", "I-PER", "O"), ("O", "B-PER")]
    assert data.tags_in(path, data.Columns(), {}) == ("O", "B-entity", "I-entity")
    assert data.tags_in(path, data.Columns(), {"entity": "PER"}) == ("O", "B-PER", "I-PER")


def test_a_model_without_types_finds_entities(tmp_path: Path) -> None:
    del tmp_path
    task = tasks.create("ner", PLAIN)
    outside, begins, inside = ([float(label == one) for one in task.labels] for label in ("O", "B-entity", "I-entity"))
    gold = ("B-entity", "I-entity", "O")
    assert task.answer((begins, inside, outside)) == "B-entity I-entity O"
    score = task.score(gold, (begins, inside, outside))
    assert (score.numerator, score.denominator) == (2.0, 2.0)


def test_tags_without_a_type_are_told_where_the_model_knows_several(tmp_path: Path) -> None:
    path = conll(tmp_path, [["O", "B"]])
    line = refused(path)
    assert line == (
        "row 2, column 'tags': the tag names no type, and the model knows PER, LOC"
        ' (name it in the data, or here: [data] labels = { "entity" = "PER" })'
    )
    assert read(path, mapping=pasted(line))[0] == [("O", "B-PER")]


@pytest.mark.parametrize("letters", ["BIES", "BILU"])
def test_tags_without_a_type_of_other_schemes_are_read_too(tmp_path: Path, letters: str) -> None:
    begin, inside, end, single = tuple(letters) if letters == "BIES" else ("B", "I", "L", "U")
    path = jsonl(tmp_path, [[begin, inside, end, "O", single]])
    assert read(path, PLAIN)[0] == [("B-entity", "I-entity", "I-entity", "O", "B-entity")]


def test_a_word_after_a_hash_is_no_comment_of_a_file_without_types(tmp_path: Path) -> None:
    path = tmp_path / "x.conll"
    path.write_text("# B\nup O\n\n# a comment of plan B\n# O\n", "utf-8")
    assert read(path, PLAIN)[0] == [("B-entity", "O"), ("O",)]


@pytest.mark.parametrize(("tag", "said"), [("B-", "has no type"), ("PER", "has no prefix"), ("b", "has no prefix")])
def test_what_is_wrong_with_a_tag_is_told_rightly(tmp_path: Path, tag: str, said: str) -> None:
    assert refused(jsonl(tmp_path, [["O", tag]])).startswith(f"row 1: tag '{tag}' {said}")


def test_lenient_tells_what_it_is_about() -> None:
    with pytest.raises(ConfigError) as caught:
        tasks.create("text-classification", ("a", "b"), lenient=True)
    assert caught.value.line == (
        "[data]: lenient = true is about the tags of words, and the task is text-classification"
        ' (leave it out, or task = "ner")'
    )
