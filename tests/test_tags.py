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


TAGS = (
    "replace each ? by one of the model's tags (0 = O, 1 = B-PER, 2 = I-PER, 3 = B-LOC, 4 = I-LOC), "
    "or by O for a type that it lacks"
)


@pytest.mark.parametrize("make", [jsonl, conll])
@pytest.mark.parametrize(
    ("rows", "odd", "proposal"),
    [
        ([[1, 9, 0]], "9", "???"),
        # Nine tags of CoNLL 2003 and a model of five: no number is sure to mean what it would by position.
        ([[1, 2, 0], [3, 4, 5, 6, 7, 8]], "5", "?????????"),
        # From 1 on, as many as the model has, and every sentence makes sense.
        ([[2, 3, 1], [4, 5]], "5", "O B-PER I-PER B-LOC I-LOC"),
        ([[0, 10, 20], [30, 40]], "10", "O B-PER I-PER B-LOC I-LOC"),
        # As many, but a sentence begins with I-PER.
        ([[3, 2, 1], [4, 5]], "5", "?????"),
    ],
)
def test_numbers_that_are_no_positions_are_refused_with_a_mapping_that_is_consistent_or_open(
    tmp_path: Path, make: Any, rows: Sequence[Sequence[int]], odd: str, proposal: str
) -> None:
    path, numbers = make(tmp_path, rows), sorted({number for row in rows for number in row})
    line = refused(path)
    assert f"the tag {odd} is not a position in the model (0 to 4) (say what each means: [data] labels = {{" in line
    wanted = list(proposal) if "?" in proposal else proposal.split()
    assert pasted(line) == dict(zip(map(str, numbers), wanted, strict=True))
    assert line.endswith(f"{TAGS})") == ("?" in proposal)
    if "?" in proposal:
        with pytest.raises(ConfigError, match=r"'\?' is no tag of the model"):
            read(path, mapping=pasted(line))
        with pytest.raises(DataError, match=r"is mapped to '\?', which is a placeholder to fill in"):
            data.tags_in(path, data.Columns(), pasted(line))
    else:
        meant = pasted(line)
        assert read(path, mapping=meant)[0] == [tuple(meant[str(number)] for number in row) for row in rows]


def test_numbers_by_a_mapping_of_all_of_them(tmp_path: Path) -> None:
    path = jsonl(tmp_path, [[1, 9, 0]])
    mapping = {"0": "O", "1": "B-PER", "9": "I-PER"}
    assert read(path, mapping=mapping) == ([("B-PER", "I-PER", "O")], "by mapping: 0 = O, 1 = B-PER, 9 = I-PER")
    line = refused(path, mapping={"0": "O", "1": "B-PER"})
    assert "the tag 9 is not mapped" in line
    assert pasted(line) == {"0": "O", "1": "B-PER", "9": "?"}
    # Training inputs give -100 to word pieces without a tag.
    line = refused(jsonl(tmp_path, [[-100, 1]]))
    assert "the tag -100 is not a position" in line
    assert line.endswith("(-100 marks word pieces in training inputs: give whole words and their tags)")


def test_numbers_of_a_type_that_the_model_lacks_are_mapped_to_o_or_to_a_type_that_is(tmp_path: Path) -> None:
    path = jsonl(tmp_path, [[1, 2, 0, 5], [5, 6, 0]])
    mapping = {"0": "O", "1": "B-PER", "2": "I-PER"}
    golds = [("B-PER", "I-PER", "O", "O"), ("O", "O", "O")]
    assert read(path, mapping={**mapping, "5": "O", "6": "O"}) == (
        golds,
        "by mapping: 0 = O, 1 = B-PER, 2 = I-PER, 5 = O, 6 = O;"
        " several numbers are O: 0 (2 words), 5 (2 words), 6 (1 words)",
    )
    assert read(path, mapping={**mapping, "5": "B-ORG", "6": "I-ORG", "ORG": "O"}) == (
        golds,
        "by mapping: 0 = O, 1 = B-PER, 2 = I-PER, 5 = O, 6 = O; 2 entities are read as O: 2 ORG",
    )


@pytest.mark.parametrize("form", ["floats", "text", "Parquet"])
def test_whole_floats_are_whole_numbers_as_those_of_label_columns_are(tmp_path: Path, form: str) -> None:
    rows = [[float(tag) for tag in row] for row in ROWS]
    if form == "Parquet":
        import pandas

        path = tmp_path / "x.parquet"
        pandas.DataFrame({"tokens": [["a", "b", "c"], ["d"]], "ner_tags": rows}).to_parquet(path)
    else:
        path = jsonl(tmp_path, rows) if form == "floats" else conll(tmp_path, rows)
    assert read(path) == (GOLDS, "by position: 0 = O, 1 = B-PER, 2 = I-PER, 3 = B-LOC")
    mapping = {"0.0": "O", "1": "B-LOC", "2.0": "I-LOC", "3": "B-PER"}
    assert read(path, mapping=mapping)[0] == [("B-LOC", "I-LOC", "O"), ("B-PER",)]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            [["O", 3]],
            "row 1: column 'ner_tags' holds a list with values other than words: \"['O', 3]\" (value 2 is 3:",
        ),
        ([["O"], [3]], "row 2: column 'ner_tags' holds a list with values other than words: '[3]' (value 1 is 3:"),
        (
            [[1.0, 0.5]],
            "row 1: column 'ner_tags' holds a list with values other than words: '[1.0, 0.5]' (value 2 is 0.5",
        ),
        (
            [[1, None]],
            "row 1: column 'ner_tags' holds a list with values other than words: '[1, None]' (value 2 is None",
        ),
        (
            [[True, 1]],
            "row 1: column 'ner_tags' holds a list with values other than words: '[True, 1]' (value 1 is True",
        ),
        (
            [[float("nan")]],
            "row 1: column 'ner_tags' holds a list with values other than words: '[nan]' (value 1 is nan",
        ),
    ],
)
def test_mixed_tags_are_refused_with_row_value_and_hint(tmp_path: Path, rows: Any, said: str) -> None:
    line = refused(jsonl(tmp_path, rows))
    assert line.startswith(said)
    assert line.endswith(": tags are all words, such as B-PER, or all whole numbers)")


def test_positions_that_make_no_entities_are_refused(tmp_path: Path) -> None:
    line = refused(jsonl(tmp_path, [[1, 0], [0, 2]]))
    assert line.startswith("row 2: I-PER follows O: an entity begins with B-; word 'word1'")
    assert line.endswith("(are its numbers the model's tags in their order, 0 = O, 1 = B-PER, 2 = I-PER?)")
    assert read(jsonl(tmp_path, [[1, 0], [0, 2]]), repair=True)[0] == [("B-PER", "O"), ("O", "B-PER")]


def test_a_training_file_of_numbers_needs_their_names(tmp_path: Path) -> None:
    path = jsonl(tmp_path, ROWS)
    with pytest.raises(DataError) as caught:
        data.tags_in(path, data.Columns(), {})
    assert caught.value.message == "tags are numbers (0, 1, 2, 3), but the file does not say what they mean"
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
    assert "holds a list with values other than words" in refused(jsonl(tmp_path, [["O", 1]]))
    assert refused(conll(tmp_path, [["O", 1]])).startswith("row 2: tag '1' has no prefix")
    assert "holds a list with values other than words" in refused(jsonl(tmp_path, [[True, False]]))


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
    assert task.show((begins, inside, outside)) == "B-entity I-entity O"
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


def outside(folder: Path, scheme: str) -> Path:
    rows = {
        "IOB2": [["B-PER", "B-ORG", "I-ORG", "B-LOC"], ["B-MISC", "B-ORG", "O"]],
        "IOB1": [["I-PER", "I-ORG", "I-ORG", "I-LOC"], ["I-MISC", "I-ORG", "O"]],
        "IOBES": [["S-PER", "B-ORG", "E-ORG", "S-LOC"], ["S-MISC", "S-ORG", "O"]],
        "BILOU": [["U-PER", "B-ORG", "L-ORG", "U-LOC"], ["U-MISC", "U-ORG", "O"]],
    }
    return conll(folder, rows[scheme])


@pytest.mark.parametrize("scheme", ["IOB2", "IOB1", "IOBES", "BILOU"])
def test_types_that_the_model_lacks_are_named_and_the_proposed_mapping_reads_them_as_o(
    tmp_path: Path, scheme: str
) -> None:
    path = outside(tmp_path, scheme)
    line = refused(path)
    assert line == (
        "row 2, column 'tags': unknown types ORG (2), MISC (1); the model knows PER, LOC (map every type that the model"
        ' lacks: [data] labels = { "MISC" = "O", "ORG" = "O" }; O drops the entities of a type)'
    )
    golds, said = read(path, mapping=pasted(line))
    assert golds == [("B-PER", "O", "O", "B-LOC"), ("O", "O", "O")]
    assert said == "by mapping: MISC = O, ORG = O; 3 entities are read as O: 1 MISC, 2 ORG"


@pytest.mark.parametrize(
    ("tags", "labels", "mapping"),
    [
        (["B-PERSON", "B-PERCENT"], LABELS, {"PERCENT": "O", "PERSON": "PER"}),
        (["B-GPE"], LABELS, {"GPE": "O"}),
        (["B-location", "B-Organisation"], LABELS, {"Organisation": "O", "location": "LOC"}),
        (["B-PER"], ("O", "B-person", "I-person"), {"PER": "person"}),
        (["B-LOCALE"], LABELS, {"LOCALE": "O"}),
    ],
)
def test_a_type_is_proposed_for_another_only_where_it_is_its_short_name(
    tmp_path: Path, tags: Sequence[str], labels: Sequence[str], mapping: Mapping[str, str]
) -> None:
    path = jsonl(tmp_path, [tags])
    assert pasted(refused(path, labels)) == mapping
    ((gold,), _) = read(path, labels, mapping)
    assert gold == tuple(f"B-{mapping[tag[2:]]}".replace("B-O", "O") for tag in tags)


def test_a_proposal_keeps_the_mapping_so_far(tmp_path: Path) -> None:
    path = jsonl(tmp_path, [["B-human", "B-ORG"]])
    line = refused(path, mapping={"human": "PER"})
    assert pasted(line) == {"human": "PER", "ORG": "O"}
    assert read(path, mapping=pasted(line)) == (
        [("B-PER", "O")],
        "by mapping: ORG = O, human = PER; 1 entity is read as O: 1 ORG",
    )


def test_a_mapping_of_tags_is_refused_with_one_of_types(tmp_path: Path) -> None:
    path = jsonl(tmp_path, [["B-PER", "B-ORG", "I-ORG"]])
    with pytest.raises(DataError) as caught:
        read(path, mapping={"B-ORG": "O", "I-ORG": "O"})
    assert caught.value.line == (
        '[data.labels]: \'B-ORG\' is a tag, but the mapping takes types ([data] labels = { "ORG" = "O" })'
    )
    assert read(path, mapping=pasted(caught.value.line))[0] == [("B-PER", "O", "O")]
    with pytest.raises(DataError, match="'I-ORG' is a tag"):
        data.tags_in(path, data.Columns(), {"I-ORG": "O"})
    # A type may look like a tag.
    cells = jsonl(tmp_path, [["B-B-cell", "I-B-cell", "B-PER"]])
    assert read(cells, mapping={"B-cell": "O"})[0] == [("O", "O", "B-PER")]


def test_o_is_offered_where_a_type_is_mapped_to_none_of_the_model() -> None:
    with pytest.raises(ConfigError) as caught:
        tasks.create("ner", LABELS, {"ORG": "xyz"})
    assert caught.value.line == "[data.labels]: 'xyz' is no type of the model (known: PER, LOC; O for none)"


def test_a_type_that_the_model_has_is_read_as_o_with_a_warning(tmp_path: Path) -> None:
    path = jsonl(tmp_path, [["B-PER", "O", "B-LOC"]])
    assert read(path, mapping={"PER": "O"}) == (
        [("O", "O", "B-LOC")],
        "by mapping: PER = O; 1 entity is read as O: 1 PER; "
        "the model knows PER: its predictions of that type there count as wrong",
    )


def test_types_are_read_as_o_in_those_files_that_have_them(tmp_path: Path) -> None:
    files = {}
    for name, tags in {"home": ["B-PER"], "train": ["B-ORG", "B-PER"], "far": ["B-ORG", "B-event"]}.items():
        (tmp_path / name).mkdir()
        files[name] = jsonl(tmp_path / name, [tags])
    task = tasks.create("ner", LABELS, {"ORG": "O"})
    every = {"home": task, "train": task, "far": task.other_domain()}
    found = data.load_all(files, tasks=every)
    assert [[one.gold for one in found[name].examples] for name in files] == [
        [("B-PER",)],
        [("O", "B-PER")],
        # Another domain's own types stay what they are, and count neither way; a mapped one is none there either.
        [("O", "B-event")],
    ]
    assert data.told({name: one.reading for name, one in found.items()}) == (
        "home by name; train, far by mapping: ORG = O; 1 entity is read as O: 1 ORG"
    )


def test_a_new_head_has_no_type_that_is_read_as_o(tmp_path: Path) -> None:
    path = outside(tmp_path, "IOB2")
    assert data.tags_in(path, data.Columns(), {"ORG": "O", "MISC": "O"}) == LABELS[:1] + LABELS[3:] + LABELS[1:3]
    with pytest.raises(DataError) as caught:
        data.tags_in(path, data.Columns(), dict.fromkeys(("ORG", "MISC", "PER", "LOC"), "O"))
    assert caught.value.line.endswith("has no entity: every type is mapped to O: LOC, MISC, ORG, PER")


def test_lenient_is_a_setting_of_this_task_alone() -> None:
    assert tasks.create("ner", LABELS, settings={"lenient": True}).settings.lenient is True
    with pytest.raises(ConfigError) as caught:
        tasks.create("text-classification", ("a", "b"), settings={"lenient": True})
    assert caught.value.line == "[task]: unknown key 'lenient' (known: none)"
