"""Any bytes as a data file: an error in one line, or examples whose rows and lines add up."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor import data, tasks
from auditor.data import Columns, Dataset, conll, tables
from auditor.errors import DataError

CASES = 150
"""Files of each kind."""
TEXTS = tasks.create("text-classification", ("negative", "positive"))
WORDS = tasks.create("ner", ("O", "B-PER", "I-PER", "B-LOC", "I-LOC"))

FRAGMENTS = st.sampled_from(
    [
        *"abc \t\t,,;\"\"\n\n\n\r\x00\x0b\x1c\x85\xa0\u2028\ufeff#{}[]:'",
        "\r\n", '""', '"\n', '\n"', "text", "label", "text,label\n", "text\tlabel\n", "positive", "negative",
        "POSITIVE",
        "0", "1", "2", "1.0", "true", "-1", "\n# ", "-DOCSTART-", "O", "B", "I", "B-PER", "I-PER", "B-LOC", "E-PER",
        "b-per",
        '{"text": "a", "label": 1}\n', '{"tokens": ["a", "b"], "tags": ["B-PER", "O"]}\n',
        '{"tokens": ["a"], "tags": [3]}\n',
        "null", "NaN", "1e999", "9" * 5000, "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    ]
)  # fmt: skip
LOOSE = st.lists(FRAGMENTS, max_size=25).map("".join)
TEXT = st.text(alphabet="ab' \u00a0\u2028\x0b\x85é", min_size=1, max_size=6)
LABELS = st.sampled_from([["0", "1"], ["0.0", "1.0"], ["positive", "negative"], ["POSITIVE", "negative"]])
TAGGED = st.lists(
    st.tuples(
        st.text(alphabet="ab#\u00a0\u2028\x0b\x85é", min_size=1, max_size=3), st.sampled_from(["O", "B-PER", "B-LOC"])
    ),
    min_size=1,
    max_size=4,
)


@st.composite
def columns(draw: st.DrawFn, delimiter: str) -> str:
    """A file with a header that is sound, or would be without the quotes in its texts."""
    labels = draw(LABELS)
    quotes = draw(st.sampled_from(["", "", '"']))
    lines = [f"text{delimiter}label"]
    for text in draw(st.lists(TEXT, min_size=1, max_size=8)):
        before, after = draw(st.sampled_from([("", ""), (quotes, quotes), (quotes, ""), ("", quotes)]))
        lines.append(f"{before}{text}{after}{delimiter}{draw(st.sampled_from(labels))}")
    return draw(st.sampled_from(["\n", "\r\n"])).join([*lines, ""])


@st.composite
def objects(draw: st.DrawFn) -> str:
    labels = draw(LABELS)
    rows = draw(st.lists(st.tuples(TEXT, st.sampled_from(labels)), min_size=1, max_size=8))
    return "".join(json.dumps({"text": text, "label": label}, ensure_ascii=False) + "\n" for text, label in rows)


def sentences(kind: str) -> st.SearchStrategy[str]:
    def written(rows: list[list[tuple[str, str]]]) -> str:
        if kind == ".conll":
            return "\n".join("".join(f"{word}\t{tag}\n" for word, tag in row) for row in rows)
        lists = [{"tokens": [word for word, _ in row], "tags": [tag for _, tag in row]} for row in rows]
        return "".join(json.dumps(row) + "\n" for row in lists)

    return st.lists(TAGGED, min_size=1, max_size=4).map(written)


@st.composite
def files(draw: st.DrawFn, sound: st.SearchStrategy[str]) -> bytes:
    """A sound file, one with something put into its middle, or anything at all."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(st.binary(max_size=60))
    text = draw(LOOSE if kind == 1 else sound)
    if kind > 5:
        place = draw(st.integers(0, len(text)))
        text = text[:place] + draw(FRAGMENTS) + text[place:]
    return text.encode("utf-8", "surrogatepass")


def read(path: Path, content: bytes, **how: Any) -> Dataset | None:
    """The file as its task reads it; None where it is refused, which has to be in one printable line with a place."""
    path.write_bytes(content)
    task = WORDS if path.stem == "words" else TEXTS
    labels_file = path.with_name("labels.txt") if path.stem == "texts" else None
    try:
        return data.load(path, name="home", task=task, columns=Columns(**how), labels_file=labels_file)
    except DataError as error:
        refusal = error
    check_refusal(refusal, path)
    return None


def check_refusal(error: DataError, path: Path) -> None:
    assert error.line.isprintable()
    assert error.where or path.name in error.line


def lines_of(content: bytes) -> list[str]:
    """What stands between the line feeds of a file, or the carriage returns of one without any."""
    text = content.decode("utf-8-sig")
    return [line.removesuffix("\r") for line in (text if "\n" in text else text.replace("\r", "\n")).split("\n")]


def numbers(found: Dataset) -> Iterator[int]:
    return (int(example.id.removeprefix("home:")) for example in found.examples)


def check(found: Dataset, content: bytes, *, quotes: bool) -> None:
    """Rows are used, or left out and counted; each line is part of one row, blank, or the header."""
    report, count = found.report, len(lines_of(content))
    assert report.rows == report.used + report.empty + report.missing_label + report.duplicates
    assert report.used == len(found.examples) > 0
    places = list(numbers(found))
    assert places == sorted(set(places))
    assert not quotes or max(places) <= content.count(b"\n") + content.count(b"\r") + 1
    assert quotes or 1 <= min(places) <= max(places) <= count
    assert all(example.gold in TEXTS.labels for example in found.examples if isinstance(example.gold, str))
    assert found.reading is not None
    assert set(found.reading.labels.values()) <= {*TEXTS.labels, *WORDS.labels}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


fuzzed = settings(max_examples=CASES, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
@fuzzed
@given(picked=st.data(), header=st.integers(0, 9), ignore_case=st.booleans())
def test_any_file_of_columns(folder: Path, suffix: str, picked: st.DataObject, header: int, ignore_case: bool) -> None:
    content = picked.draw(files(columns("\t" if suffix == ".tsv" else ",")))
    header = header > 0  # most files have one
    found = read(folder / f"rows{suffix}", content, header=header, ignore_case=ignore_case)
    if found is None:
        return
    check(found, content, quotes=True)
    lines = [line for line in lines_of(content) if line.strip(" " if suffix == ".tsv" else " \t")]
    if b'"' not in content and b"\r" not in content:
        assert found.report.rows == len(lines) - header
    # However a file is quoted, no row is made of more lines than it has line breaks in its cells.
    table = tables.read(found.path, header=header)
    joined = sum(str(cell).count("\n") for _, row in table.rows for cell in row.values())
    blank = len(lines_of(content)) - len(lines)
    assert len(lines) <= header + len(table.rows) + joined + blank + content.count(b"\r")


@fuzzed
@given(content=files(objects()))
def test_any_file_of_json_lines(folder: Path, content: bytes) -> None:
    found = read(folder / "rows.jsonl", content)
    if found is not None:
        check(found, content, quotes=False)
        assert found.report.rows == sum(bool(line.strip(" \t\r")) for line in lines_of(content))


@fuzzed
@given(picked=st.data(), count=st.integers(1, 6))
def test_any_two_files_side_by_side(folder: Path, picked: st.DataObject, count: int) -> None:
    lines = st.lists(TEXT | st.just('a\t"b'), min_size=count, max_size=count)
    content = picked.draw(files(lines.map(lambda some: "".join(f"{one}\n" for one in some))))
    golds = st.lists(st.sampled_from("01"), min_size=count, max_size=count)
    labels = picked.draw(files(golds.map("\n".join)))
    (folder / "labels.txt").write_bytes(labels)
    found = read(folder / "texts.txt", content)
    if found is not None:
        check(found, content, quotes=False)
        texts = lines_of(content)
        assert found.report.rows == len(texts) - (texts[-1] == "")


@pytest.mark.parametrize("suffix", [".conll", ".jsonl"])
@fuzzed
@given(picked=st.data(), repair=st.booleans())
def test_any_file_of_words_with_tags(folder: Path, suffix: str, picked: st.DataObject, repair: bool) -> None:
    content = picked.draw(files(sentences(suffix)))
    found = read(folder / f"words{suffix}", content, repair=repair)
    if found is None:
        return
    check(found, content, quotes=False)
    for example in found.examples:
        assert len(WORDS.request(example.inputs).texts) == len(example.gold)
    if suffix == ".conll":
        table = conll.read(folder / "words.conll")
        places = [line for lines in table.lines.values() for line in lines]
        lines = lines_of(content)
        kept = [number for number, line in enumerate(lines, start=1) if line.strip(" \t") and line[0] != "#"]
        words = [number for number in kept if "-DOCSTART-" not in lines[number - 1]]
        assert set(words) <= set(places)
        assert sum(len(example.gold) for example in found.examples) == len(places)


@settings(max_examples=CASES, deadline=None)
@given(content=files(columns(",")))
def test_a_training_file_has_the_labels_that_an_audit_of_it_reads(folder: Path, content: bytes) -> None:
    path = folder / "train.csv"
    path.write_bytes(content)
    try:
        labels = data.labels_in(path, Columns(), {}, TEXTS)
    except DataError as error:
        refusal: DataError | None = error
    else:
        refusal = None
    if refusal is not None:
        check_refusal(refusal, path)
        return
    found = data.load(path, name="home", task=tasks.create("text-classification", labels))
    assert {example.gold for example in found.examples} == set(labels)
