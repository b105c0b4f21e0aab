"""Data files: what is read, what is left out and counted, what is refused."""

from __future__ import annotations

import csv
import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pair_task import PairTask

from auditor import data, tasks
from auditor.data import Columns, DataReport
from auditor.data.columns import GROUPS, LABEL_COLUMNS, TEXT_COLUMNS
from auditor.errors import DataError

TASK = tasks.create("text-classification", ["negative", "positive"])
GOOD = "text,label\nFine film.,positive\nBad film.,negative\n"


def written(folder: Path, content: str | bytes, name: str = "test.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def load(path: Path, columns: Columns | None = None) -> data.Dataset:
    return data.load(path, name="test", task=TASK, columns=columns or Columns())


def rows(path: Path, columns: Columns | None = None) -> list[tuple[str, str, str]]:
    return [(one.id, one.inputs["text"], one.gold) for one in load(path, columns).examples]


def refused(path: Path, columns: Columns | None = None) -> str:
    """The one line that a file is refused with, its path left out."""
    with pytest.raises(DataError) as caught:
        load(path, columns)
    line = caught.value.line
    assert line.startswith(str(path))
    return line[len(str(path)) :].removeprefix(": ")


def parquet(folder: Path, columns: dict[str, list[Any]], name: str = "test.parquet") -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table(columns), folder / name)
    return folder / name


EXPECTED = [("test:2", "Fine film.", "positive"), ("test:3", "Bad film.", "negative")]


LACKING = {
    "csv": "text,label\nFine film.,positive\nBad film.,negative\nSo so.,\nNever seen., \n ,positive\n,\n",
    "jsonl": '{"text": "Fine film.", "label": "positive"}\n{"text": "Bad film.", "label": "negative"}\n\n'
    '{"text": "So so.", "label": null}\n{"text": "Never seen."}\n{"text": "", "label": "positive"}\n{"label": ""}\n',
}


@pytest.mark.parametrize("kind", LACKING)
def test_rows_that_lack_a_label_or_a_text_are_told_with_the_first_of_them(kind: str, tmp_path: Path) -> None:
    found = load(written(tmp_path, LACKING[kind], f"test.{kind}"))
    assert (found.report.missing_label, found.report.empty) == (2, 2)
    assert data.told({"home": found.reading}) == (
        "home by name; 2 rows have no text and are left out, the first is row 6; "
        "2 rows have no label and are left out, the first is row 4"
    )


def test_blank_lines_of_a_file_of_labels_are_told(tmp_path: Path) -> None:
    texts, labels = (
        written(tmp_path, "Fine.\nBad.\nSo so.\n", "a.txt"),
        written(tmp_path, "positive\nnegative\n \n", "b.txt"),
    )
    found = data.load(texts, name="home", task=TASK, labels_file=labels)
    assert data.told({"home": found.reading}) == "home by name; 1 row has no label and is left out: row 3"


def test_csv_rows_are_numbered_as_an_editor_does(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    assert rows(path) == EXPECTED
    found = load(path)
    assert found.report == DataReport(rows=2, used=2, empty=0, missing_label=0, duplicates=0, conflicting=0)
    assert found.columns == {"text": "text", "label": "label"}
    assert (found.name, found.path) == ("test", path)
    assert found.sha256 == hashlib.sha256(GOOD.encode()).hexdigest() == data.sha256_of(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("test.csv", "\ufeff" + GOOD),
        ("test.CSV", GOOD),
        ("test.csv", GOOD.replace("\n", "\r\n")),
        ("test.tsv", GOOD.replace(",", "\t")),
        ("test.csv", 'label,text,more\npositive,"Fine film.",x\nnegative,Bad film.,y\n'),
    ],
)
def test_byte_order_marks_line_ends_tabs_and_further_columns_change_nothing(
    tmp_path: Path, name: str, content: str
) -> None:
    assert rows(written(tmp_path, content, name)) == EXPECTED


def test_jsonl_rows_are_numbered_by_line(tmp_path: Path) -> None:
    content = '{"text": "Fine film.", "label": 1}\r\n\n{"label": 0.0, "text": "Bad film.", "more": [1]}\n'
    path = written(tmp_path, content, "test.jsonl")
    assert rows(path) == [("test:1", "Fine film.", "positive"), ("test:3", "Bad film.", "negative")]


def test_parquet_rows_are_numbered_from_one(tmp_path: Path) -> None:
    path = parquet(tmp_path, {"text": ["Fine film.", b"Bad film.".decode(), None], "label": [1, 0, 1]})
    assert rows(path) == [("test:1", "Fine film.", "positive"), ("test:2", "Bad film.", "negative")]
    assert load(path).report.empty == 1


def test_parquet_takes_integer_columns_with_gaps_bytes_and_folders_that_look_like_columns(tmp_path: Path) -> None:
    folder = tmp_path / "label=1"
    folder.mkdir()
    path = parquet(folder, {"text": [b"Fine film.", b"Bad film.", b"x"], "label": [1.0, 0.0, float("nan")]})
    assert [gold for _, _, gold in rows(path)] == ["positive", "negative"]
    assert load(path).report.missing_label == 1


def test_words_that_pandas_takes_for_missing_are_texts(tmp_path: Path) -> None:
    path = written(tmp_path, "text,label\nNA,positive\nnull,negative\nnan,positive\n 007 ,negative\n")
    assert [text for _, text, _ in rows(path)] == ["NA", "null", "nan", " 007 "]


def test_texts_over_several_lines_count_as_an_editor_shows_them(tmp_path: Path) -> None:
    path = written(tmp_path, 'text,label\n"Fine\nfilm.",positive\n\n"He said ""no"".",negative\n')
    assert rows(path) == [("test:2", "Fine\nfilm.", "positive"), ("test:5", 'He said "no".', "negative")]


def test_a_text_longer_than_pythons_own_limit_is_read_and_the_limit_restored(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    path = written(tmp_path, f"text,label\n{'a' * 200_000},positive\n")
    assert len(rows(path)[0][1]) == 200_000
    assert csv.field_size_limit() == before


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    content = (
        "text,label\n"
        "Fine.,positive\n"
        ",positive\n"
        "  ,negative\n"
        "Bad.,\n"
        "Fine., positive \n"  # the same label with white space around it: a duplicate
        "Fine.,negative\n"  # another label: kept, conflicting
        "Fine.,negative\n"  # a duplicate of the row before
        "fine.,positive\n"  # another text
    )
    found = load(written(tmp_path, content))
    assert [one.id for one in found.examples] == ["test:2", "test:7", "test:9"]
    assert found.report == DataReport(rows=8, used=3, empty=2, missing_label=1, duplicates=2, conflicting=1)


@pytest.mark.parametrize("name", TEXT_COLUMNS)
def test_usual_text_columns_are_found_in_any_case(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, f"id, {name.upper()} ,Target\n7,Fine film.,positive\n7,Bad film.,negative\n")
    assert rows(path) == EXPECTED


@pytest.mark.parametrize("name", LABEL_COLUMNS)
def test_usual_label_columns_are_found_in_any_case(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, f"{name.title()},text\npositive,Fine film.\nnegative,Bad film.\n")
    assert rows(path) == EXPECTED


def test_of_two_usual_columns_the_earlier_in_the_list_is_taken(tmp_path: Path) -> None:
    path = written(tmp_path, "content,sentence,class,target\na,Fine film.,x,positive\nb,Bad film.,y,negative\n")
    assert rows(path) == EXPECTED


def test_configured_columns_win_and_groups_become_clusters(tmp_path: Path) -> None:
    path = written(tmp_path, "text,body,stars,who\nx,Fine film.,1,ann\nx,Bad film.,0,\n")
    columns = Columns({"text": "body"}, "stars", "who")
    found = load(path, columns)
    assert rows(path, columns) == EXPECTED
    assert [one.group for one in found.examples] == ["ann", None]
    assert found.columns == {"text": "body", "label": "stars", "group": "who"}


def test_a_group_may_be_the_label_column_itself(tmp_path: Path) -> None:
    found = load(written(tmp_path, GOOD), Columns(group="label"))
    assert [one.group for one in found.examples] == ["positive", "negative"]


def test_a_task_with_two_texts_finds_its_fields_by_their_names(tmp_path: Path) -> None:
    path = written(tmp_path, "Premise,then,label\nIt rains.,It is wet.,follows\nIt rains.,,differs\n")
    found = data.load(path, name="pairs", task=PairTask(), columns=Columns({"hypothesis": "then"}))
    assert [dict(one.inputs) for one in found.examples] == [{"premise": "It rains.", "hypothesis": "It is wet."}]
    assert found.report.empty == 1
    with pytest.raises(
        DataError, match=r"no column is called hypothesis \(name it: \[data\] columns\.hypothesis; columns"
    ):
        data.load(path, name="pairs", task=PairTask())


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        (
            "test.txt",
            GOOD,
            "unknown kind of file '.txt'"
            " (one text per line needs --labels-file; rename it to .csv or .tsv if it has columns)",
        ),
        ("test.json", GOOD, "unknown kind of file '.json' (a file with one object per line ends in .jsonl)"),
        ("test", GOOD, "unknown kind of file '' (one of .csv, .tsv, .jsonl, .parquet)"),
        ("test.csv", "", "is empty (was it cut off, or written somewhere else?)"),
        ("test.csv", "\ufeff\n \n", "is empty (was it cut off, or written somewhere else?)"),
        ("test.jsonl", "\n{}\n", "is empty (was it cut off, or written somewhere else?)"),
        ("test.csv", "text,label\n", "has a header but no rows (was it cut off, or written somewhere else?)"),
        (
            "test.csv",
            "text,text,label\na,b,c\n",
            "2 columns are called 'text' (rename all but one, or --no-header ([data] header = false) if it is no name)",
        ),
        (
            "test.csv",
            "text,label\na,positive\nb,c,negative\n",
            "row 3 has 3 cells, more than the header's 2"
            ' (put a text that holds a delimiter or a line break in quotes ("…"))',
        ),
        (
            "test.csv",
            "text,label\na,positive\nb\n",
            "row 3 has 1 cell, fewer than the header's 2"
            ' (put a text that holds a delimiter or a line break in quotes ("…"))',
        ),
        (
            "test.csv",
            "text;label\na;positive\n",
            "has only one column, 'text;label' (a .csv file has commas between its columns)",
        ),
        ("test.tsv", GOOD, "has only one column, 'text,label' (a .tsv file has tabs between its columns)"),
        (
            "test.csv",
            'text,label\na,positive\n"b"x,positive\n',
            "row 3 does not parse: ',' expected after '\"' (write a quote inside a quoted text twice (\"\"))",
        ),
        (
            "test.csv",
            'text,label\na,positive\n"b,positive\n',
            'row 3 does not parse: unexpected end of data (write a quote inside a quoted text twice (""))',
        ),
        ("test.csv", b"PAR1xxxx", "is not text but Parquet (known: .csv, .tsv, .jsonl, .parquet)"),
        (
            "test.csv",
            b"PK\x03\x04",
            "is not text but a zip archive or an Excel sheet (known: .csv, .tsv, .jsonl, .parquet)",
        ),
        ("test.csv", b"text,label\na\x00,b", "is a binary file: byte 0x00 at offset 12, row 2"),
        ("test.csv", GOOD.encode("utf-16"), "is UTF-16: byte 0xff or 0xfe at offset 0, row 1 (save it as UTF-8)"),
        (
            "test.csv",
            "text,label\ncafé,a".encode("latin-1"),
            "row 2: byte 0xe9 at offset 14 is not UTF-8 (save it as UTF-8)",
        ),
        ("test.csv", b"\xef\xbb\xbfa\n\xff", "row 2: byte 0xff at offset 5 is not UTF-8 (save it as UTF-8)"),
        (
            "test.csv",
            "text,label\na,positive\nb,positiv\n",
            "row 3, column 'label': unknown label 'positiv'; the model knows negative, positive"
            " (did you mean 'positive'? or say what each means:"
            ' [data] labels = { "positiv" = "positive", "positive" = "positive" })',
        ),
        (
            "test.csv",
            "text,label\n,positive\na,\n",
            "none of its 2 rows has both text and label (columns: text = text, label = label)",
        ),
        (
            "test.csv",
            "body,label\na,b\n",
            "no column is called text or sentence or review or content or comment or tweet or document or utterance"
            " (name it: --text-column or [data] text_column; columns: body, label)",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_line(
    tmp_path: Path, name: str, content: str | bytes, line: str
) -> None:
    assert refused(written(tmp_path, content, name)) == line


JSON_HINT = ' ({"text": "…", "label": "…"} on a line of its own)'


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ("{'text': 1}", "is not JSON: Expecting property name enclosed in double quotes at character 2" + JSON_HINT),
        ("[1]", "is not an object" + JSON_HINT),
        ('{"text": "a", "text": "b"}', "2 values are called 'text'"),
        ('{"text": ["a"], "label": 1}', ", column 'text': holds a list, not one value"),
        ('{"text": {"a": 1}, "label": 1}', ", column 'text': holds an object, not one value"),
        ('{"text": "a \\ud800", "label": 1}', r", column 'text': holds an unpaired surrogate: '\ud800'"),
    ],
)
def test_a_line_of_jsonl_that_cannot_be_used_is_named(tmp_path: Path, row: str, line: str) -> None:
    path = written(tmp_path, f'{{"text": "a", "label": 1}}\n{row}\n', "test.jsonl")
    assert refused(path).removeprefix("row 2").removeprefix(": ") == line


@pytest.mark.parametrize("row", ["[" * 100_000, '{"text": ' + "1" * 5000 + "}"])
def test_json_that_python_cannot_hold_is_refused(tmp_path: Path, row: str) -> None:
    assert refused(written(tmp_path, row, "test.jsonl")).startswith("row 1: cannot be read as JSON: ")


def test_a_broken_parquet_file_and_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    assert refused(written(tmp_path, GOOD, "test.parquet")).startswith("is not Parquet: ")
    path = parquet(tmp_path, {"text": [b"\xff"], "label": [1]})
    assert refused(path) == "row 1, column 'text': holds bytes that are not UTF-8 text"


def test_no_such_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "no.csv") == "no such file"
    written(tmp_path, GOOD, "test.csv")
    for missing in ("tset.csv", "test.cvs", "test.csv2"):
        assert refused(tmp_path / missing) == "no such file (did you mean 'test.csv'?)"
    assert refused(tmp_path / "none" / "test.csv") == "no such file"
    assert refused(tmp_path) == "is a folder, not a file (name a file: .csv, .tsv, .jsonl, .parquet)"


def test_a_file_that_the_system_does_not_give_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_path: Path, _mode: str) -> bytes:
        raise PermissionError(13, "Permission denied")

    path = written(tmp_path, GOOD)
    monkeypatch.setattr(Path, "open", denied)
    assert refused(path) == "cannot be read: Permission denied"
    with pytest.raises(DataError, match="no such file"):
        data.sha256_of(tmp_path / "no.csv")


def test_a_wrong_column_is_told_with_the_nearest_and_all_columns(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    hint = "no column 'labels' (did you mean 'label'? columns: text, label)"
    assert refused(path, Columns(label="labels")) == hint
    assert refused(path, Columns(group="zzz")) == f"no column 'zzz' ({GROUPS}columns: text, label)"
    assert refused(path, Columns({"text": "label"})) == "column 'label' is both text and label (columns: text, label)"
    wide = written(tmp_path, ",".join(f"c{number}" for number in range(30)) + "\n", "wide.csv")
    assert refused(wide, Columns(label="zzz", fields={"text": "c0"})).endswith("c18, c19, …)")


def test_a_field_that_the_task_does_not_have_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    with pytest.raises(
        DataError, match=r"^\[data\.columns\]: the task has no text field 'texts' \(did you mean 'text'\?\)"
    ):
        load(path, Columns({"texts": "text"}))
    with pytest.raises(DataError, match=r"\(its fields: text\)"):
        load(path, Columns({"zzz": "text"}))


def test_the_labels_of_a_training_file_are_sorted_words(tmp_path: Path) -> None:
    path = written(tmp_path, "text,label\na,pos\nb,neg\nc,pos\n,blank text\nd, \n")
    assert data.labels_in(path, Columns(), {}, TASK) == ("neg", "pos")


def test_whole_numbers_sort_by_value_and_before_words(tmp_path: Path) -> None:
    path = written(tmp_path, "text,label\na,10\nb,9\nc,-1\nd,x\ne,²\n")
    assert data.labels_in(path, Columns(), {}, TASK) == ("-1", "9", "10", "x", "²")


def test_the_labels_of_a_training_file_are_mapped(tmp_path: Path) -> None:
    path = written(tmp_path, "text,label\na,0\nb,1.0\nc,2\n")
    assert data.labels_in(path, Columns(), {"0": "bad", "1": "good", "2": "good"}, TASK) == ("bad", "good")


def test_one_class_only_or_none_is_refused(tmp_path: Path) -> None:
    one = written(tmp_path, "text,label\na,x\nb,x\n")
    with pytest.raises(DataError, match=r"column 'label' holds only one label: 'x' \(a classifier needs two or more\)"):
        data.labels_in(one, Columns(), {}, TASK)
    none = written(tmp_path, "text,label\na,\n")
    with pytest.raises(DataError, match="none of its 1 rows has both text and label"):
        data.labels_in(none, Columns(), {}, TASK)


def test_importing_data_loads_no_table_library() -> None:
    code = "import sys, auditor.data; sys.exit(any(name in sys.modules for name in ('pandas', 'pyarrow', 'numpy')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
