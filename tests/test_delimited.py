"""Quotes and lines of CSV and TSV files: no row is swallowed, and a file that a csv writer wrote comes back."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from auditor import data, tasks
from auditor.data import delimited
from auditor.errors import DataError

TASK = tasks.create("text-classification", ["0", "1"])


def cells(content: str, suffix: str = ".tsv") -> list[tuple[int, list[str]]]:
    _, rows = delimited.read(content, "x", suffix)
    return [(number, list(row.values())) for number, row in rows]


def refused(content: str, suffix: str) -> str:
    with pytest.raises(DataError) as caught:
        cells(content, suffix)
    assert "\n" not in caught.value.line
    return caught.value.line


def test_stray_quotes_of_a_tsv_file_are_characters() -> None:
    swallowing = 'text\tlabel\n"a\t1\nb\t0\nc"\t1\n'
    assert cells(swallowing) == [(2, ['"a', "1"]), (3, ["b", "0"]), (4, ['c"', "1"])]
    # The 300 lines of which 120 rows were left.
    lines = "".join(f'"a{n}\t1\nb{n}\t0\nc{n}"\t1\nd{n}\t0\ne{n}\t1\n' for n in range(60))
    assert len(cells(f"text\tlabel\n{lines}")) == 300


@pytest.mark.parametrize(
    "cell",
    [
        '"',
        '""',
        '"""',
        'a "b" c',
        '"a" b',
        'a "b"',
        '"a',
        'a"',
        '"a"b"',
        '5" disk',
        '"a" "b"',
        '""a""',
    ],
)
def test_a_cell_of_a_tsv_file_with_quotes_of_any_kind_stays_as_it_is(cell: str) -> None:
    assert cells(f"text\tlabel\nplain\t0\n{cell}\t1\n") == [(2, ["plain", "0"]), (3, [cell, "1"])]


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
@pytest.mark.parametrize("suffix", [".tsv", ".csv"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@settings(max_examples=100)
@given(texts=st.lists(st.text(alphabet='ab ,;é"\t\n\u2028\u00a0\x0b\x85', min_size=1), min_size=1, max_size=6))
def test_what_a_csv_writer_quotes_comes_back(quoting: Any, suffix: str, end: str, texts: list[str]) -> None:
    delimiter = "\t" if suffix == ".tsv" else ","
    # No quote swallows a line with a delimiter, which may be a row of its own. A file whose whole first line is in
    # quotes has no stray quotes.
    joins = any(delimiter in text and "\n" in text for text in texts)
    assume(not joins or (suffix == ".tsv" and quoting != csv.QUOTE_MINIMAL))
    wanted = [
        [text, f"label{place % 2}" if quoting != csv.QUOTE_NONNUMERIC else place % 2]
        for place, text in enumerate(texts)
    ]
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows([["text", "label"], *wanted])
    found = [row for _, row in cells(file.getvalue(), suffix)]
    assert found == [[text, str(label)] for text, label in wanted]


def test_a_quote_of_a_csv_file_swallows_no_rows() -> None:
    said = "a quote swallows the lines up to 4, some of which are rows of their own"
    assert said in refused('text,label\n"a,1\nb,0\nc",1\n', ".csv")
    assert said in refused('text,label\n"a,pos\nb,neg\nc",pos\nd,pos\ne,neg\n', ".csv")
    assert said in refused('text,label\n"a,pos\nno row\nc",pos\nd,pos\n', ".csv")
    # A text with line breaks and commas in it is one text.
    text = "Dear Sir,\nI liked it, mostly.\nYours, A."
    assert cells(f'text,label\n"{text}",pos\nfine,neg\n', ".csv") == [(2, [text, "pos"]), (5, ["fine", "neg"])]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (
            "text\tlabel\na\tb\t1\n",
            "x: row 2 has 3 cells, more than the header's 2"
            " (put each cell that holds a tab, a line break or a quote in quotes, or remove the tabs and line breaks)",
        ),
        ("text\tlabel\na\n", "x: row 2 has 1 cell, fewer than the header's 2"),
        ('text\tlabel\n"a\t1\nno row\nc"\t1\n', "x: row 3 has 1 cell, fewer than the header's 2"),
        ("text,label\na\u00a0\n", "x: row 2 has 1 cell, fewer than the header's 2"),
    ],
)
def test_a_line_that_is_no_row_is_named(content: str, line: str) -> None:
    assert refused(content, ".tsv" if "\t" in content else ".csv").startswith(line)


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(st.text(alphabet='ab "\u2028\x0b\x1c\x85\u00a0', max_size=8), st.sampled_from(["0", "1"])),
        min_size=1,
        max_size=8,
    )
)
def test_every_line_of_a_tsv_file_of_two_columns_is_one_row(lines: list[tuple[str, str]]) -> None:
    content = "text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in lines)
    found = cells(content)
    assert [number for number, _ in found] == list(range(2, len(lines) + 2))
    assert [row[1] for _, row in found] == [label for _, label in lines]


@pytest.mark.parametrize("name", ["test.csv", "test.tsv", "test.jsonl"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_alike_whatever_ends_them(tmp_path: Path, name: str, end: str) -> None:
    lines = ["text,label", "good\u2028film\x85,1", "bad\u00a0film\x1c,0"]
    if name == "test.tsv":
        lines = [line.replace(",", "\t") for line in lines]
    if name == "test.jsonl":
        lines = ["", '{"text": "good\u2028film\x85", "label": 1}', '{"text": "bad\u00a0film", "label": 0}']
    (tmp_path / name).write_bytes((end.join(lines) + end).encode())
    found = data.load(tmp_path / name, name="home", task=TASK)
    assert [example.id for example in found.examples] == ["home:2", "home:3"]
    assert [example.inputs["text"].strip("\x1c") for example in found.examples] == [
        "good\u2028film\x85",
        "bad\u00a0film",
    ]


def test_a_file_without_a_header_is_recognised_and_read_when_told(tmp_path: Path) -> None:
    for first in ("a fine film,1", "a film that is as long as a sentence,yes", "x,yes"):
        path = tmp_path / "test.csv"
        path.write_text(f"{first}\nx,yes\nsome other,no\n", "utf-8")
        with pytest.raises(DataError) as caught:
            data.load(path, name="home", task=TASK)
        assert caught.value.line.endswith("; its first row looks like data: --no-header ([data] header = false))")
    path.write_text("a fine film,1\nbad,0\n", "utf-8")
    for columns in ({}, {"label": "2"}, {"fields": {"text": "column 1"}}, {"fields": {"text": "1"}, "label": "2"}):
        found = data.load(path, name="home", task=TASK, columns=data.Columns(header=False, **columns))
        assert [(one.id, one.inputs["text"], one.gold) for one in found.examples] == [
            ("home:1", "a fine film", "1"),
            ("home:2", "bad", "0"),
        ]
    path.write_text("7,a fine film,1\n8,bad,0\n", "utf-8")
    with pytest.raises(DataError, match=r"no header that names the text \(--text-column 1 or \[data\] text_column"):
        data.load(path, name="home", task=TASK, columns=data.Columns(header=False))
    path.write_text("1,1\n0,1\n", "utf-8")
    with pytest.raises(DataError, match=r"2 columns are called '1' \(rename all but one, or --no-header"):
        data.load(path, name="home", task=TASK)
    path.write_text("a fine film,1\nbad\n", "utf-8")
    with pytest.raises(DataError, match="row 2 has 1 cell, fewer than the first row's 2"):
        data.load(path, name="home", task=TASK, columns=data.Columns(header=False))


def paired(folder: Path, texts: str, labels: str) -> data.Dataset:
    (folder / "texts.txt").write_text(texts, "utf-8", newline="")
    (folder / "labels.txt").write_text(labels, "utf-8", newline="")
    return data.load(folder / "texts.txt", name="home", task=TASK, labels_file=folder / "labels.txt")


@pytest.mark.parametrize(("texts", "labels"), [("a\nb\n", "1\n0\n"), ("a\r\nb", "1\n0"), ("a\nb\n", "1.0\r\n0.0\r\n")])
def test_texts_and_labels_stand_side_by_side(tmp_path: Path, texts: str, labels: str) -> None:
    found = paired(tmp_path, texts, labels)
    assert [(one.id, one.inputs["text"], one.gold) for one in found.examples] == [
        ("home:1", "a", "1"),
        ("home:2", "b", "0"),
    ]
    assert found.labels_file == tmp_path / "labels.txt"
    assert found.labels_sha256 == data.sha256_of(tmp_path / "labels.txt")


def test_lines_of_texts_and_labels_are_counted_and_blanks_are_left_out(tmp_path: Path) -> None:
    found = paired(tmp_path, 'a\n\n"b\tc\n\u2028\n', "1\n0\n\n1\n")
    report = found.report
    assert (report.rows, report.used, report.empty, report.missing_label) == (4, 1, 2, 1)
    with pytest.raises(DataError) as caught:
        paired(tmp_path, "a\nb\n", "1\n")
    assert caught.value.line == (
        f"{tmp_path / 'texts.txt'} has 2 lines and {tmp_path / 'labels.txt'} 1"
        " (line 2 is missing in labels.txt: one text and one label per line)"
    )
    with pytest.raises(DataError, match=r"is missing in texts\.txt"):
        paired(tmp_path, "a\n", "1\n0\n")
    with pytest.raises(DataError, match="is empty"):
        paired(tmp_path, "", "")


def test_labels_beside_a_file_with_columns_or_no_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text,label\na,1\n", "utf-8")
    (tmp_path / "t.txt").write_text("a\n", "utf-8")
    with pytest.raises(DataError, match="has columns, but another file is named for its labels"):
        data.load(tmp_path / "t.csv", name="home", task=TASK, labels_file=tmp_path / "t.txt")
    with pytest.raises(DataError, match="no such file"):
        data.load(tmp_path / "t.txt", name="home", task=TASK, labels_file=tmp_path / "no.txt")
    with pytest.raises(DataError, match="labels are given for tweets, but no texts"):
        data.load_all({"home": tmp_path / "t.csv"}, tasks={"home": TASK}, labels_files={"tweets": tmp_path / "t.txt"})
