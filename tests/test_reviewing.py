"""Tables for reviewers: written as CSV, filled in by hand, read back."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import small_results
from fakes import LABELS, reviews
from scipy.stats import beta

from auditor import results
from auditor.cli.main import main
from auditor.errors import ProbeError
from auditor.evaluation.well_formed import check
from auditor.results import canonical_json, entries, spreadsheets
from auditor.types import ProbeRecord, Table

ROWS = tuple(
    (f"test:{number}", "test" if number < 12 else "training", "negative", "positive", 0.01 * number, f"text {number}")
    for number in range(2, 22)
)
TABLE = Table(
    name="review",
    title="Labels that look wrong",
    columns=("id", "rows", "label", "answer", "label_probability", "text"),
    rows=ROWS,
    clusters=tuple(str(row[0]) for row in ROWS),
    verdicts=("wrong", "right", "unclear"),
    by="rows",
    corrections=("negative", "positive"),
    texts=("text",),
)
OTHER = dict(zip(LABELS, reversed(LABELS), strict=True))
HOSTILE = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\n=1", "\r@x", "\ufeff=1", "＝1", "|calc", "%0A", "\u00a0-2")


def cells(content: bytes, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def filled(table: Table, verdicts: Mapping[str, tuple[str, str]], delimiter: str = ",") -> bytes:
    """The file as a spreadsheet program saves it, with verdict and right label by id."""
    header, *rows = cells(spreadsheets.written(table))
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(header)
    for row in rows:
        verdict, correction = verdicts.get(row[0], ("", ""))
        writer.writerow([*row[:-3], verdict, correction, "a remark, with a comma; and more"])
    return text.getvalue().encode("utf-8-sig")


def test_the_file_has_the_columns_of_the_table_and_those_to_fill_in() -> None:
    content = spreadsheets.written(TABLE)
    assert content == spreadsheets.written(TABLE)
    assert content.startswith(b"\xef\xbb\xbf")
    header, first, *_ = cells(content)
    assert header == [*TABLE.columns, "verdict", "correct_label", "comment"]
    assert first == ["test:2", "test", "negative", "positive", "0.02", "text 2", "", "", ""]
    nothing_to_correct = spreadsheets.written(replace(TABLE, corrections=()))
    assert cells(nothing_to_correct)[0] == [*TABLE.columns, "verdict", "comment"]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_is_a_formula(text: str) -> None:
    row = ("test:1", "test", text, "positive", 0.5, text)
    content = spreadsheets.written(replace(TABLE, rows=(row,), clusters=("test:1",)))
    _, (_, _, label, _, _, shown, *_) = cells(content)
    assert label == shown == f"'{text}"


def test_odd_texts_stay_in_their_cells() -> None:
    odd = 'a "b";\tc\r\nd,e \x00\x1b[31m \udcff ' + "x" * 40_000
    content = spreadsheets.written(replace(TABLE, rows=(("test:1", "test", "n", "p", 0.5, odd),), clusters=("test:1",)))
    (_, row) = cells(content)
    assert len(row) == 9
    assert row[5].startswith('a "b";\tc\r\nd,e \\x00\\x1b[31m \\udcff xxx')
    assert len(row[5]) < 32_767


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audit's results with a table.

    It lists three test rows labelled positive that the model answers otherwise, seven that it answers as they
    are, and ten training rows.
    """
    out = tmp_path_factory.mktemp("audited") / "audit"
    small_results.write(out, "quality", "label_errors", known=small_results.GOOD[:2])
    records = results.records_of(results.load(out), out)
    (measured,) = (
        found
        for record in records
        for found in record.measurements
        if record.model == "candidate" and found.metric == "accuracy_out_of_sample"
    )
    wrong = [row.cluster for row in measured.rows if not row.total][:3]
    right = [row.cluster for row in measured.rows if row.total][:7]
    labels = {row.id: str(row.gold) for row in reviews(60)}
    rows = []
    for (name, at, _, _, chance, text), cluster in zip(
        ROWS, [*wrong, *right, *[f"train:{n}" for n in range(10)]], strict=True
    ):
        label = labels.get(cluster, "negative")
        rows.append((name, at, label, OTHER[label] if cluster in wrong else label, chance, text, cluster))
    table = replace(
        TABLE,
        rows=tuple(row[:-1] for row in rows),
        clusters=tuple(str(row[-1]) for row in rows),
        corrects="accuracy_out_of_sample",
    )

    def publish(content: dict[str, Any]) -> None:
        for record in content["records"]:
            record.pop("tables", None)
            if (record["model"], record["probe"]) == ("candidate", "label_errors"):
                record["tables"] = [canonical_json.plain(asdict(table))]

    small_results.edit(out, publish, seal=False)
    content = small_results.read(out)
    spreadsheets.write(out, content)
    return out


@pytest.fixture
def folder(audited: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(audited, tmp_path / "audit"))


def label_of(folder: Path, name: str) -> str:
    table = next(table for _, table in spreadsheets.tables_of(results.load(folder)))
    return next(str(row[2]) for row in table.rows if row[0] == name)


def review(
    folder: Path, verdicts: Mapping[str, tuple[str, str]], capsys: pytest.CaptureFixture[str], *more: str
) -> tuple[int, str]:
    table = next(table for _, table in spreadsheets.tables_of(results.load(folder)))
    (folder / "review.csv").write_bytes(filled(table, verdicts))
    capsys.readouterr()
    code = main(["review", str(folder / "review.csv"), *more])
    said = capsys.readouterr()
    return code, said.out + said.err


def test_verdicts_become_a_share_with_an_exact_interval_and_the_metric_with_the_corrected_labels(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verdicts = {
        "test:2": ("wrong", OTHER[label_of(folder, "test:2")]),
        "test:3": ("Wrong ", ""),  # of two labels the other is right
        "test:4": ("right", label_of(folder, "test:4")),
        "test:5": ("wrong", OTHER[label_of(folder, "test:5")]),  # the model's answer was the label
        "test:6": ("unclear", ""),
    }
    code, said = review(folder, verdicts, capsys, "--json")
    assert code == 0
    told = json.loads(said)
    test, training = told["shares"]
    assert (test["value"], test["listed"], test["judged"], test["undecided"], test["confirmed"]) == (
        "test",
        10,
        4,
        1,
        3,
    )
    assert test["share"] == 0.75
    # Clopper & Pearson by scipy: 3 of 4.
    assert test["low"] == pytest.approx(beta.ppf(0.025, 3, 2))
    assert test["high"] == pytest.approx(beta.ppf(0.975, 4, 1))
    assert (training["value"], training["judged"], training["share"]) == ("training", 0, None)
    (change,) = told["corrected"]
    assert (change["value"], change["corrected"], change["left_out"]) == ("test", 3, 0)
    n = change["before"]["n_clusters"]
    # Two rows become right, one becomes wrong.
    assert change["after"]["value"] * n == pytest.approx(change["before"]["value"] * n + 1)
    code, said = review(folder, verdicts, capsys)
    assert code == 0
    assert (
        "rows test: 3 wrong, 75.0% (95 % interval 19.4% to 99.4%); 4 of 10 rows judged, 1 more left undecided" in said
    )
    assert "it is no share of all rows" in said
    assert "with 3 labels corrected" in said


def test_a_file_that_nobody_filled_in_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = review(folder, {}, capsys)
    assert (code, said.splitlines()) == (
        0,
        ["Labels that look wrong", "  rows test: 0 of 10 rows judged", "  rows training: 0 of 10 rows judged"],
    )


@pytest.mark.parametrize(
    ("verdicts", "line"),
    [
        ({"test:4": ("wrng", "")}, "row 4, column 'verdict': unknown value 'wrng' (did you mean 'wrong'?)"),
        ({"test:4": ("x", "")}, "row 4, column 'verdict': unknown value 'x' (known: wrong, right, unclear)"),
        ({"test:2": ("wrong", "positiv")}, "row 2, column 'correct_label': unknown value 'positiv' (did you mean"),
        ({"test:2": ("wrong", "positive")}, "row 2, column 'correct_label': 'positive' is the label that the verdict"),
        ({"test:2": ("right", "negative")}, "row 2, column 'correct_label': 'negative' is another label than the one"),
        ({"test:2": ("", "positive")}, "row 2, column 'correct_label': names a label, and 'verdict' is empty"),
    ],
)
def test_a_bad_cell_is_one_line_with_row_and_column(
    folder: Path, verdicts: dict[str, tuple[str, str]], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = review(folder, verdicts, capsys)
    assert code == 2
    assert said.count("\n") == 1
    assert said.startswith(f"audit review: {folder / 'review.csv'}: {line}")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda text: text.replace("id,", "name,", 1), "has no column 'id'"),
        (lambda text: text.replace("verdict", "judgement", 1), "has no column 'verdict'"),
        (lambda text: text.replace("test:4", "test:99"), "row 4, column 'id': 'test:99' is none of the rows that"),
        (lambda text: text.replace("test:4", "test:3"), "row 4, column 'id': 'test:3' stands in the file twice"),
        (lambda text: text + "test:5,test\n", "row 22 has 2 cells, the header has 9"),
        (lambda text: text + '"test', "is no CSV"),
        (lambda _: "", "has no column 'id'"),
    ],
)
def test_a_file_that_is_no_such_table_is_one_line(
    folder: Path, change: Callable[[str], str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    table = next(table for _, table in spreadsheets.tables_of(results.load(folder)))
    text = change(filled(table, {}).decode("utf-8-sig"))
    (folder / "review.csv").write_text(text, encoding="utf-8", newline="")
    capsys.readouterr()
    assert main(["review", str(folder / "review.csv")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert line in said


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_copy_elsewhere_in_any_dialect_needs_the_results_named(
    folder: Path, delimiter: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = next(table for _, table in spreadsheets.tables_of(results.load(folder)))
    copy = tmp_path / "checked.csv"
    copy.write_bytes(filled(table, {"test:2": ("wrong", "negative")}, delimiter))
    assert main(["review", str(copy)]) == 2
    assert "no results.json beside it (name the folder of the audit that wrote it with --results)" in (
        capsys.readouterr().err
    )
    assert main(["review", str(copy), "--results", str(folder)]) == 0
    assert "rows test: 1 wrong, 100.0%" in capsys.readouterr().out


def test_labels_that_look_like_formulas_may_be_copied_from_the_file_or_typed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def relabel(content: dict[str, Any]) -> None:
        record = next(one for one in content["records"] if one.get("tables"))
        record["tables"][0] |= {"corrections": ["-1", "+1"], "corrects": None}

    small_results.edit(folder, relabel, seal=True)
    for written in ("-1", "'-1", "'+1"):
        assert review(folder, {"test:2": ("wrong", written)}, capsys)[0] == 0


def test_of_many_labels_a_wrong_one_without_the_right_one_is_left_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def third(content: dict[str, Any]) -> None:
        record = next(one for one in content["records"] if one.get("tables"))
        record["tables"][0]["corrections"].append("neutral")

    small_results.edit(folder, third, seal=True)
    _, said = review(folder, {"test:2": ("wrong", ""), "test:3": ("wrong", "negative")}, capsys, "--json")
    (change,) = json.loads(said)["corrected"]
    assert (change["corrected"], change["left_out"]) == (1, 1)
    assert change["after"]["n_clusters"] == change["before"]["n_clusters"] - 1


def test_a_table_that_somebody_broke_in_the_results_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = next(table for _, table in spreadsheets.tables_of(results.load(folder)))
    (folder / "review.csv").write_bytes(filled(table, {}))

    def broken(content: dict[str, Any]) -> None:
        record = next(one for one in content["records"] if one.get("tables"))
        record["tables"][0]["by"] = "sets"

    small_results.edit(folder, broken, seal=True)
    assert main(["review", str(folder / "review.csv")]) == 2
    line = "audit review: results.json: the table 'review' lacks the columns sets (changed since it was written? "
    assert capsys.readouterr().err.startswith(line)


def test_a_filled_in_table_is_not_replaced_by_a_new_audit(folder: Path) -> None:
    assert results.is_ours(folder)
    digest = hashlib.sha256((folder / "review.csv").read_bytes()).hexdigest()
    assert results.load(folder)["digests"]["review.csv"] == digest
    table = next(table for _, table in spreadsheets.tables_of(results.load(folder)))
    (folder / "review.csv").write_bytes(filled(table, {"test:2": ("wrong", "positive")}))
    assert not results.is_ours(folder)
    # The results themselves stay valid: the reviewer's file is no part of them.
    assert results.load(folder)["digests"]["review.csv"] == digest
    (folder / "review.csv").unlink()
    assert results.is_ours(folder)
    (folder / "mine.csv").write_text("a", encoding="utf-8")
    assert not results.is_ours(folder)


def test_without_texts_a_table_keeps_its_other_columns() -> None:
    record = ProbeRecord("m", "p", "measured", tables=(TABLE,))
    ((table,),) = (kept.tables for kept in entries.published([record], texts=False))
    assert table.columns == ("id", "rows", "label", "answer", "label_probability")
    assert table.rows[0] == ("test:2", "test", "negative", "positive", 0.02)
    check(table, "p")


def test_every_table_has_a_file_of_its_own() -> None:
    records = [ProbeRecord("m", name, "measured", tables=(TABLE,)) for name in ("a", "b", "c")]
    named = entries.published(records, texts=True)
    assert [table.name for record in named for table in record.tables] == ["review", "review_2", "review_3"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": "../review"}, "no word in small letters"),
        ({"by": "set"}, "lacks the columns set"),
        ({"columns": ("id", "rows", "label")}, "lacks the columns text"),
        ({"rows": (("test:2", "test"), *ROWS[1:])}, "not as wide as its columns"),
        ({"clusters": ("a",)}, "not one cluster for each row"),
        ({"rows": (ROWS[0], *ROWS[:-1])}, "two rows with one id"),
        ({"verdicts": ("wrong",)}, "fewer than two verdicts"),
        ({"rows": ((*ROWS[0][:4], float("nan"), "t"), *ROWS[1:])}, "neither a word nor a finite number"),
        ({"columns": ("id", "rows", "label", "label", "p", "text")}, "two columns of one name"),
        ({"columns": ("id", "rows", "label", "verdict", "p", "text")}, "a reviewer fills in"),
        ({"corrects": "accuracy", "columns": ("id", "rows", "label", "a", "p", "text")}, "lacks the columns answer"),
    ],
)
def test_a_table_that_no_file_can_hold_is_refused(changes: dict[str, Any], problem: str) -> None:
    check(TABLE, "p")
    with pytest.raises(ProbeError) as caught:
        check(replace(TABLE, **changes), "p")
    assert problem in caught.value.line
