"""Hand labels of changed texts: exported blinded, read back, shown beside every rate of changed texts."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import small_results
from scipy.stats import beta

import auditor
from auditor import results
from auditor.cli.main import main
from auditor.results import blinded, label_review
from auditor.results.blinded import Population, Shown
from auditor.types import UNPRESERVED
from reports import notebook, scorecard

OTHER = {"negative": "positive", "positive": "negative"}
Answer = Callable[[Shown], str]


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audit with noise and attacks of a model that knows a few words."""
    out = tmp_path_factory.mktemp("audited") / "audit"
    return small_results.write(out, "quality", "noise", "adversarial", n=60)


@pytest.fixture
def folder(audited: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(audited, tmp_path / "audit"))


def population(folder: Path) -> Population:
    content = results.load(folder)
    return blinded.population(content, results.records_of(content, folder), folder)


def table(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.read_bytes().decode("utf-8-sig"), newline="")))


def fill(folder: Path, answer: Answer, *arguments: str) -> Path:
    """Export, and answer each row as a reviewer does who knows what it is."""
    file = folder.with_name("audit-labels.csv")
    assert main(["review", "--export", str(folder), "--out", str(file), *arguments]) == 0
    known = population(folder)
    rows = table(file)
    for row in rows:
        row["label"] = answer(known.shown[row["id"]])
    return save(file, rows)


def save(file: Path, rows: list[dict[str, str]], delimiter: str = ",") -> Path:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    file.write_text(text.getvalue(), encoding="utf-8")
    return file


def gold(shown: Shown) -> str:
    return shown.gold


def attacks_lose_their_label(shown: Shown) -> str:
    """What DeepWordBug changes is lost on this reader, all else is kept."""
    lost = shown.stratum is not None and shown.stratum.slice == {"recipe": "deepwordbug"}
    return OTHER[shown.gold] if lost else shown.gold


def exact(kept: int, judged: int) -> tuple[float, float]:
    """The bounds of Clopper and Pearson, by scipy."""
    low = 0.0 if kept == 0 else float(beta.ppf(0.025, kept, judged - kept + 1))
    return low, 1.0 if kept == judged else float(beta.ppf(0.975, kept + 1, judged - kept))


def test_the_file_tells_nothing_of_a_row_but_its_text(folder: Path) -> None:
    file = fill(folder, lambda _: "")
    rows, known = table(file), population(folder)
    assert list(rows[0]) == ["id", "text", "label", "comment"]
    assert {row["label"] + row["comment"] for row in rows} == {""}
    assert len({row["id"] for row in rows}) == len(rows)
    kinds = Counter("control" if (own := known.shown[row["id"]].stratum) is None else own.kind for row in rows)
    assert kinds == {"attack": 24, "perturbation": 24, "control": 12}
    clusters = [known.shown[row["id"]].cluster for row in rows]
    assert len(set(clusters)) == len(clusters)
    shown = [known.shown[row["id"]].stratum is None for row in rows]
    assert 0 < sum(shown[:30]) < 12, "controls stand among the changed texts"


def test_texts_of_the_file_are_those_of_the_cases(folder: Path) -> None:
    cases = pq.read_table(folder / results.CASES).to_pylist()
    own = [case for case in cases if case["model"] == "candidate" and not case["invalid"]]
    before = {json.loads(case["before"])["text"] for case in own}
    flipped = {
        json.loads(case["after"])["text"]
        for case in own
        if case["probe"] == "adversarial" and case["answer_before"] != case["answer_after"]
    }
    known = population(folder)
    for row in table(fill(folder, gold)):
        shown = known.shown[row["id"]]
        assert row["text"].removeprefix("'") == shown.texts["text"]
        if shown.stratum is None:
            assert shown.texts["text"] in before
        elif shown.stratum.kind == "attack":
            assert shown.texts["text"] in flipped


def test_the_same_audit_gives_the_same_file_and_another_seed_another_order(folder: Path) -> None:
    first = fill(folder, lambda _: "").read_bytes()
    folder.with_name("audit-labels.csv").unlink()
    assert fill(folder, lambda _: "").read_bytes() == first
    known = population(folder)
    other = replace(known, seed=7)
    written = table(folder.with_name("audit-labels.csv"))
    assert [row.id for row in blinded.drawn(known)] == [row["id"] for row in written]
    assert [row.id for row in blinded.drawn(known)] != [row.id for row in blinded.drawn(other)]


def test_an_export_replaces_no_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["review", "--export", str(folder)]) == 0
    assert main(["review", "--export", str(folder)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert folder.with_name("audit-labels.csv").is_file()


def test_a_reviewer_who_agrees_changes_no_rate(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = fill(folder, gold)
    capsys.readouterr()
    assert main(["review", str(file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["controls"]["agreed"] == told["controls"]["judged"] == 12
    low, _ = exact(12, 12)
    assert told["controls"]["share"] == pytest.approx({"value": 1.0, "low": low, "high": 1.0})
    assert {each["share"]["value"] for each in told["preserved"]} == {1.0}
    for rate in told["corrected"]:
        assert rate["corrected"]["value"] == pytest.approx(rate["measured"]["value"])
        assert rate["corrected"]["low"] <= rate["measured"]["low"] + 1e-9 or rate["metric"] == "accuracy_under_attack"
    assert {rate["metric"] for rate in told["corrected"]} == {
        "attack_success_rate",
        "accuracy_under_attack",
        "flip_rate",
    }


def test_successes_whose_label_is_lost_are_no_successes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = fill(folder, attacks_lose_their_label)
    assert main(["review", str(file)]) == 0
    lines = capsys.readouterr().out
    assert "adversarial [recipe deepwordbug]: label preservation 0.00 [0.00, " in lines
    told = label_review.load(folder, results.load(folder))
    assert told is not None
    (lost,) = (each for each in told.preserved if each.slice == {"recipe": "deepwordbug"})
    assert (lost.kept, lost.share.value) == (0, 0.0)
    assert (lost.share.low, lost.share.high) == pytest.approx(exact(0, lost.judged))
    rates = {(each.metric, each.slice.get("recipe", "")): each for each in told.corrected}
    success = rates["attack_success_rate", "deepwordbug"]
    assert success.measured.value > 0.0
    assert success.corrected.value == 0.0
    assert 0.0 < success.corrected.high < success.measured.high
    under = rates["accuracy_under_attack", "deepwordbug"]
    before = next(
        each["value"]
        for record in results.load(folder)["records"]
        if (record["model"], record["probe"]) == ("candidate", "adversarial")
        for each in record["measurements"]
        if (each["metric"], each["slice"]) == ("accuracy_before", {"recipe": "deepwordbug"})
    )
    assert under.corrected.value == pytest.approx(before), "where no success counts, nothing was lost"


def test_preservation_of_a_probe_weighs_its_strata(folder: Path) -> None:
    file = fill(folder, attacks_lose_their_label)
    assert main(["review", str(file)]) == 0
    told = label_review.load(folder, results.load(folder))
    assert told is not None
    whole = told.of_probe("adversarial")
    assert whole is not None
    own: dict[str, Counter[str]] = {}
    for shown in population(folder).shown.values():
        if shown.stratum is not None and shown.stratum.kind == "attack":
            own.setdefault(shown.cluster, Counter())[shown.stratum.slice["recipe"]] += 1
    recipes = {name for counts in own.values() for name in counts}
    weight = {name: sum(counts[name] / counts.total() for counts in own.values()) / len(own) for name in recipes}
    assert whole.share.value == pytest.approx(1.0 - weight["deepwordbug"])
    assert whole.weight == pytest.approx(1.0)


def test_unclear_rows_decide_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = fill(folder, lambda shown: "unclear" if shown.stratum is None else shown.gold)
    assert main(["review", str(file)]) == 0
    assert "unchanged texts: none was labelled" in capsys.readouterr().out
    told = label_review.load(folder, results.load(folder))
    assert told is not None
    assert (told.controls.judged, told.controls.undecided) == (0, 12)


def test_the_page_and_the_gate_read_the_review(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = folder / results.PAGE
    assert main(["report", str(folder)]) == 0
    without = page.read_text("utf-8")
    assert UNPRESERVED in without
    assert main(["gate", str(folder)]) in (0, 1, 3)
    assert UNPRESERVED in capsys.readouterr().out
    assert main(["review", str(fill(folder, attacks_lose_their_label))]) == 0
    assert main(["report", str(folder)]) == 0
    text = page.read_text("utf-8")
    assert UNPRESERVED not in text
    assert "by a reviewer, texts of candidate" in text
    assert "Rates that count only changes whose label survives" in text
    assert "of unchanged texts among them, the reviewer agrees with 1.00 [0.74, 1.00] (12 of 12)" in text
    capsys.readouterr()
    assert main(["gate", str(folder)]) in (0, 1, 3)
    shown = capsys.readouterr().out
    assert UNPRESERVED not in shown
    assert "by a reviewer)" in shown
    main(["gate", str(folder), "--json"])
    told = json.loads(capsys.readouterr().out)["label_preservation"]
    assert set(told) == {"noise", "adversarial"}
    assert all(words.endswith("by a reviewer") for words in told.values())
    (folder / results.LABEL_REVIEW).unlink()
    assert main(["report", str(folder)]) == 0
    assert page.read_text("utf-8") == without


def test_results_in_python_keep_the_review(folder: Path, tmp_path: Path) -> None:
    assert main(["review", str(fill(folder, gold))]) == 0
    loaded = auditor.load(folder)
    assert "by a reviewer" in loaded.html()
    assert UNPRESERVED not in loaded._repr_html_()
    saved = loaded.save(tmp_path / "elsewhere" / "copy")
    assert "by a reviewer" in auditor.load(saved).html()


def test_a_notebook_says_that_labels_were_not_reviewed(folder: Path) -> None:
    content = results.load(folder)
    deciding = notebook.render(content)
    shown = "adversarial" in deciding or "noise" in deciding
    assert shown
    assert UNPRESERVED in deciding
    assert scorecard.render(content) == scorecard.render(content, review=None)


def test_the_reviewers_file_is_kept_from_a_new_audit(folder: Path) -> None:
    assert results.is_ours(folder)
    assert main(["review", str(fill(folder, gold))]) == 0
    assert not results.is_ours(folder)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"id": "0123456789ab"}, "row 2, column 'id': '0123456789ab' is no text of these results"),
        ({"label": "neutral"}, "row 2, column 'label': unknown value 'neutral'"),
    ],
)
def test_what_is_not_understood_is_named_with_row_and_column(
    folder: Path, change: Mapping[str, str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = fill(folder, gold)
    rows = table(file)
    rows[0] |= change
    save(file, rows, ";")
    capsys.readouterr()
    assert main(["review", str(file)]) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1
    assert not (folder / results.LABEL_REVIEW).exists()


def test_a_row_twice_an_empty_file_and_a_missing_column_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = fill(folder, gold)
    rows = table(file)
    for changed, expected in (
        ([*rows, rows[0]], f"row {len(rows) + 2}, column 'id': '{rows[0]['id']}' stands in the file twice"),
        ([{**row, "label": ""} for row in rows], "no row is answered: column 'label' is empty"),
        ([{"id": row["id"], "text": row["text"]} for row in rows], "has no column 'label'"),
    ):
        save(file, changed)
        capsys.readouterr()
        assert main(["review", str(file)]) == 2
        error = capsys.readouterr().err
        assert expected in error
        assert error.count("\n") == 1


def test_a_file_of_another_audit_is_refused(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = fill(folder, gold)
    other = small_results.write(tmp_path / "other", "quality", "noise", n=40)
    capsys.readouterr()
    assert main(["review", str(file), "--results", str(other)]) == 2
    assert "is no text of these results" in capsys.readouterr().err


def test_a_review_of_other_results_or_one_that_was_edited_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["review", str(fill(folder, gold))]) == 0
    file = folder / results.LABEL_REVIEW
    written = file.read_text("utf-8")

    def share(document: dict[str, Any]) -> None:
        document["preserved"][0]["share"]["value"] = 2.0

    changes: dict[str, Callable[[dict[str, Any]], object]] = {
        "belongs to another results.json": lambda document: document.update(results="0" * 64),
        "is no share with its interval": share,
        "is no label review: controls": lambda document: document.update(controls=3),
        "is no label review of schema 1": lambda document: document.update(schema=2),
    }
    for expected, change in changes.items():
        document = json.loads(written)
        change(document)
        file.write_text(json.dumps(document), "utf-8")
        for command in ("gate", "report"):
            capsys.readouterr()
            assert main([command, str(folder)]) == 2
            error = capsys.readouterr().err
            assert expected in error
            assert error.count("\n") == 1


def test_results_without_texts_or_changes_cannot_be_exported(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = small_results.write(tmp_path / "plain", "quality", n=20)
    assert main(["review", "--export", str(plain)]) == 2
    assert "no text was changed that a reviewer could label" in capsys.readouterr().err
    cases = pq.read_table(folder / results.CASES)
    without = cases.set_column(cases.column_names.index("before"), "before", [[None] * len(cases)])
    pq.write_table(without, folder / results.CASES)
    results.write(folder, small_results.read(folder))
    assert main(["review", "--export", str(folder)]) == 2
    error = capsys.readouterr().err
    assert "holds no texts" in error
    assert "--no-texts" in error
    (folder / results.CASES).unlink()
    assert main(["review", "--export", str(folder)]) == 2
    assert "is missing: a reviewer's texts come from it" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["review"],
        ["review", "x.csv", "--rows", "3"],
        ["review", "x.csv", "--out", "y.csv"],
        ["review", "x.csv", "--export", "audit"],
        ["review", "--export", "audit", "--json"],
        ["review", "--export", "audit", "--rows", "0"],
    ],
)
def test_flags_that_do_not_go_together_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_few_examples_give_few_rows_and_the_command_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = small_results.write(tmp_path / "audit", "quality", "noise", n=20)
    assert main(["review", "--export", str(out)]) == 0
    told = capsys.readouterr().out
    assert "20 rows: 0 attack successes, 16 perturbed texts, 4 unchanged texts (20% controls)" in told
    assert "fewer than 50 changed texts" in told
