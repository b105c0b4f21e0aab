"""Rows out of scope on the command line: train, run, gate, report, and the mistakes that users make."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from fakes import GOOD, reviews
from jsonschema import Draft202012Validator
from test_results_schema import SCHEMA
from tiny import WORDS, tiny_checkpoint

import auditor
from auditor import config as configs
from auditor import results
from auditor.cli.main import main
from auditor.data import DataReport, Dataset
from auditor.evaluation import outside
from auditor.remedy import sources
from auditor.training import record as records
from auditor.types import HOME, OUTSIDE, Example
from reports import repeating

NAMES = ("quality", "out_of_scope_detection")
CONFIG = """candidate = "standard"
[data]
train = "train.csv"
validation = "validation.csv"
test = "test.csv"
out_of_scope = { near = "oos", far = "far.csv" }
[training]
base = "base"
epochs = 1
learning_rate = 1e-3
max_length = 32
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with rows in scope and out of it, and a checkpoint that was trained without the latter."""
    folder = tmp_path_factory.mktemp("place")
    for name, n in (("train", 64), ("validation", 60), ("test", 40)):
        rows = [f"{row.inputs['text']} {name},{row.gold}" for row in reviews(n)]
        unknown = [f"{name} {WORDS[place % 15]} {WORDS[place % 7]} {place},oos" for place in range(20)]
        (folder / f"{name}.csv").write_text("\n".join(["text,label", *rows, *unknown]) + "\n", encoding="utf-8")
    (folder / "far.csv").write_text("query\n" + "".join(f"{GOOD[n % 5]} {n}\n" for n in range(12)), encoding="utf-8")
    tiny_checkpoint(folder / "base", head=False)
    (folder / "audit.toml").write_text(CONFIG, encoding="utf-8")
    assert main(["train", "--config", str(folder / "audit.toml"), "--quiet"]) == 0
    assert run(folder, "audit") in (1, 3)
    return folder


def run(folder: Path, out: str, *more: str) -> int:
    chosen = [word for name in NAMES for word in ("--probe", name)]
    base = ["run", "--config", str(folder / "audit.toml"), "--model", str(folder / "ckpt"), "--out", str(folder / out)]
    return main([*base, "--quiet", *chosen, *more])


def content_of(folder: Path, out: str = "audit") -> dict[str, Any]:
    return json.loads((folder / out / "results.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def probe_of(content: dict[str, Any]) -> dict[str, Any]:
    return next(record for record in content["records"] if record["probe"] == "out_of_scope_detection")


def test_training_leaves_the_rows_out_and_records_their_label(place: Path) -> None:
    record = records.read(place / "ckpt" / "standard")
    assert record is not None
    assert set(record.labels) == {"negative", "positive"}
    assert (record.train_rows, record.out_of_scope) == (64, {"near": "oos"})


def test_the_results_say_how_many_rows_there_are_and_verify(place: Path) -> None:
    content = content_of(place)
    Draft202012Validator(SCHEMA).validate(content)
    sets = {entry["name"]: entry for entry in content["data"]}
    assert {name: entry.get("kind") for name, entry in sets.items()} == {
        "home": None,
        "train": None,
        "validation": None,
        "out of scope (near)": "out of scope",
        "out of scope (far)": "out of scope",
    }
    assert [sets[name]["out_of_scope"] for name in ("home", "train", "validation")] == [20, 20, 20]
    assert sets["home"]["used"] + sets["home"]["leaked"] + sets["home"].get("nearly_leaked", 0) == 40
    measured = {(one["metric"], one["slice"].get("kind")) for one in probe_of(content)["measurements"]}
    assert {("out_of_scope_recall", kind) for kind in ("near", "far", "all")} <= measured
    scores = {one["slice"]["score"] for one in probe_of(content)["measurements"]}
    assert scores == {"max probability", "energy", "Mahalanobis distance"}
    assert main(["gate", str(place / "audit")]) in (1, 3)
    assert main(["report", str(place / "audit")]) == 0
    results.load(place / "audit")


def test_the_page_shows_the_rows_with_their_confidence(place: Path) -> None:
    page = (place / "audit" / "scorecard.html").read_text(encoding="utf-8")
    assert re.search(r"confidence [0-9.]+ %", page)
    assert "texts out of scope turned away" in page
    worst = probe_of(content_of(place))["worst"]
    by_kind = [case["facts"]["confidence"] for case in worst if case["slice"]["kind"] == "near"]
    assert by_kind == sorted(by_kind, reverse=True)


def test_no_other_probe_reads_the_rows(place: Path) -> None:
    content = content_of(place)
    (quality,) = (record for record in content["records"] if record["probe"] == "quality")
    home = next(entry for entry in content["data"] if entry["name"] == "home")
    assert quality["counts"]["cases"] == home["used"]


def test_the_checkpoint_knows_the_label_without_a_config(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place.parent)
    empty = place.parent / "empty.toml"
    empty.write_text("seed = 0\n", encoding="utf-8")
    words = ["run", "--config", str(empty), "--model", str(place / "ckpt"), "--out", str(place / "own"), "--quiet"]
    assert main([*words, "--probe", "out_of_scope_detection", "--probe", "quality"]) in (1, 3)
    kinds = {one["slice"].get("kind") for one in probe_of(content_of(place, "own"))["measurements"]}
    assert kinds == {None, "near"}


def test_until_decided_draws_the_rows_once(place: Path) -> None:
    assert run(place, "early", "--until-decided") in (1, 3)
    (drawn,) = {
        one["design"] for one in content_of(place, "early")["until_decided"]["slices"] if "recall" in one["metric"]
    }
    assert drawn == "fixed"
    whole, early = (
        {json.dumps(one["slice"]): one["value"] for one in probe_of(content_of(place, out))["measurements"]}
        for out in ("audit", "early")
    )
    assert whole == early


def test_the_numbers_stay_and_paths_are_relative(place: Path) -> None:
    assert run(place, "again") in (1, 3)
    assert (place / "again" / "results.json").read_bytes() == (place / "audit" / "results.json").read_bytes()
    assert str(place) not in (place / "audit" / "results.json").read_text(encoding="utf-8")
    assert content_of(place)["config"]["data"]["out_of_scope"] == {"near": "oos", "far": "far.csv"}


def test_the_command_that_repeats_it_and_remedy_name_the_rows_as_the_config_does(place: Path) -> None:
    content = content_of(place)
    assert "out of scope" not in repeating.command(content)
    assert '[data.out_of_scope]\nnear = "oos"\nfar = "far.csv"' in repeating.toml(content["config"])
    config = configs.recorded(content["config"])
    config._folder = place
    found, missing = sources.find(content, config, place)
    assert missing == []
    assert found is not None
    data = sources.config_of(found, config, {})["data"]
    assert data["out_of_scope"] == {"near": "oos", "far": (place / "far.csv").resolve()}
    assert data["domains"] == {}


def test_the_python_call_takes_them_too(place: Path) -> None:
    found = auditor.audit(
        place / "ckpt" / "standard",
        place / "test.csv",
        train=place / "train.csv",
        validation=place / "validation.csv",
        out_of_scope="oos",
        probes=["out_of_scope_detection"],
    )
    (record,) = (record for record in found.records if record.probe == "out_of_scope_detection")
    assert {one.slice.get("kind") for one in record.measurements} == {None, "all"}


def test_a_plan_counts_the_rows(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(place, "none", "--dry-run") == 0
    assert "out_of_scope_detection" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--out-of-scope", "positive"], "[data] out_of_scope: 'positive' is a class of the model (leave it out"),
        (["--out-of-scope", "oss"], "unknown label 'oos'; the model knows"),
        (["--out-of-scope", "none.csv"], "none.csv: no such file"),
        (["--out-of-scope", ""], "is empty; leave it out instead"),
    ],
)
def test_what_is_no_row_out_of_scope_is_refused_in_one_line(
    place: Path, flags: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(place, "bad", *flags) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.strip().splitlines()) == 1
    assert not (place / "bad").exists()


@pytest.mark.parametrize("twin", [False, True])
def test_rows_out_of_scope_that_training_has_are_refused_where_none_is_left(
    place: Path, capsys: pytest.CaptureFixture[str], twin: bool
) -> None:
    """The required rule does not go by as if no file had been given."""
    learned = (place / "train.csv").read_text(encoding="utf-8").splitlines()[1].rpartition(",")[0]
    lines = (place / "test.csv").read_text(encoding="utf-8").splitlines()
    known = next(line for line in lines if line.endswith(",negative")).rpartition(",")[0]
    texts = ["query", learned, *([known] if twin else [])]
    (place / "seen.csv").write_text("\n".join(texts) + "\n", encoding="utf-8")
    base = ["run", "--config", str(place / "audit.toml"), "--model", str(place / "ckpt"), "--quiet"]
    assert main([*base, "--out", str(place / "seen"), "--out-of-scope", str(place / "seen.csv")]) == 2
    more = ", or has the text of a row in scope or of another kind" if twin else ""
    said = f"seen.csv: every row out of scope occurs in the training data{more} (name texts out of scope that"
    assert said in capsys.readouterr().err
    assert not (place / "seen").exists()


def test_a_text_in_scope_is_left_out_of_those_out_of_scope(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = (place / "test.csv").read_text(encoding="utf-8").splitlines()
    inside = [next(n for n, line in enumerate(lines, 1) if line.endswith(f",{label}")) for label in ("negative", "oos")]
    known, unknown = (lines[number - 1].rpartition(",")[0] for number in inside)
    texts = ["query", "great unseen words", known.upper(), "nice", unknown]
    (place / "both.csv").write_text("\n".join(texts) + "\n", encoding="utf-8")
    flags = ["--out-of-scope", "near=oos", "--out-of-scope", f"far={place / 'both.csv'}"]
    chosen = ["--probe", "out_of_scope_detection", "--out", str(place / "both"), "--budget", "40"]
    base = ["run", "--config", str(place / "audit.toml"), "--model", str(place / "ckpt")]
    assert main([*base, *chosen, *flags]) in (1, 3)
    said = capsys.readouterr().err
    assert (
        "2 rows of both.csv, out of scope, have the text of a row in scope or of another kind: left out: "
        f"row 3 (test.csv row {inside[0]}), row 5 (test.csv row {inside[1]})\n"
    ) in said
    content = content_of(place, "both")
    Draft202012Validator(SCHEMA).validate(content)
    sets = {entry["name"]: entry for entry in content["data"]}
    assert [sets[name].get("in_scope") for name in ("home", "out of scope (near)", "out of scope (far)")] == [
        *(None, None, 2)
    ]
    assert sets["out of scope (far)"]["used"] == 2
    assert "2 more of a text that is in scope too" in (place / "both" / "scorecard.html").read_text(encoding="utf-8")

    (place / "both.csv").write_text("\n".join(["query", known]) + "\n", encoding="utf-8")
    assert main([*base, *chosen, "--quiet", *flags]) == 2
    assert (
        "both.csv: every row out of scope has the text of a row in scope or of another kind: "
        f"row 2 (test.csv row {inside[0]}) (keep each text in one of the two)"
    ) in capsys.readouterr().err


def test_five_rows_in_both_are_named_and_the_rest_counted() -> None:
    rows = [Example(f"home:{n}", {"text": f"w{n}"}, "a") for n in range(8)]
    twins = [Example(f"{OUTSIDE}:{n}", {"text": f"W{n} !"}) for n in range(9)]
    examples = {HOME: rows, OUTSIDE: twins, "train": rows}
    keys = {row.id: row.id for row in (*rows, *twins)}
    kept, found = outside.without_twins(examples, keys, [OUTSIDE])
    assert [row.id for row in kept[OUTSIDE]] == [f"{OUTSIDE}:8"]
    assert kept[HOME] == kept["train"] == tuple(rows)
    report = DataReport(9, 9, 0, 0, 0, 0)
    sets = {
        name: Dataset(name, Path(f"{name}.csv"), "", tuple(own), report)
        for name, own in ((HOME, rows), (OUTSIDE, twins))
    }
    (line,) = outside.told_twins(found, sets)
    assert line.startswith("8 rows of out of scope.csv, out of scope, have the text")
    assert line.endswith("row 4 (home.csv row 4) and 3 more")
    # What the model sees alike is alike, whatever the words are; rows of the same set are not compared.
    keys[f"{OUTSIDE}:8"] = "home:0"
    assert len(outside.without_twins(examples, keys, [OUTSIDE])[1][OUTSIDE]) == 9
    assert outside.without_twins({HOME: (), OUTSIDE: twins[:1] * 2}, keys, [OUTSIDE])[1] == {}
