"""Answers graded by lm-evaluation-harness and inspect_ai as a results folder: audit import."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import small_results

from auditor.cli.main import main
from auditor.data import graded
from auditor.errors import DataError
from auditor.results import verification
from reports import repeating

NAME = "samples_arc_easy_2024-06-01T12-00-00.123456.jsonl"


def row(place: int, **fields: Any) -> dict[str, Any]:
    """A line of lm-evaluation-harness: right in three of four."""
    own = {
        "doc_id": place,
        "doc": {"question": "?"},
        "target": "1",
        "arguments": [],
        "resps": [["a"]],
        "filter": "none",
    }
    return {**own, "metrics": ["acc", "acc_norm"], "acc": float(place % 4 > 0), "acc_norm": 1.0, **fields}


def harness(folder: Path, *rows: dict[str, Any], name: str = NAME) -> Path:
    file = folder / name
    file.write_text("".join(json.dumps(each) + "\n" for each in rows or [row(n) for n in range(40)]), encoding="utf-8")
    return file


def log(**changes: Any) -> dict[str, Any]:
    """A log of inspect_ai: ten samples asked twice, C in half of the epochs."""
    samples = [
        {"id": n, "epoch": epoch, "input": "?", "target": "a", "scores": {"match": {"value": "CI"[epoch - 1]}}}
        for n in range(10)
        for epoch in (1, 2)
    ]
    about = {"task": "arc", "model": "openai/tiny", "dataset": {}}
    return {"version": 2, "status": "success", "eval": about, "samples": samples, **changes}


def inspect(folder: Path, content: Any, name: str = "log.json") -> Path:
    file = folder / name
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def test_samples_of_the_harness_are_read(tmp_path: Path) -> None:
    found = graded.read(harness(tmp_path))
    assert (found.tool, found.task, found.model, found.metric) == ("lm-evaluation-harness", "arc_easy", None, "acc")
    assert found.scores[:5] == (("0", 0.0), ("1", 1.0), ("2", 1.0), ("3", 1.0), ("4", 0.0))
    assert graded.read(harness(tmp_path), "acc_norm").scores[0] == ("0", 1.0)
    plain = {name: value for name, value in row(1).items() if name not in ("metrics", "filter")}
    assert graded.read(harness(tmp_path, plain, name="samples_own.jsonl")).metric == "acc"
    two = [row(0, filter="strict"), row(0, filter="flexible", acc=True)]
    assert graded.read(harness(tmp_path, *two), filter_="flexible").scores == (("0", 1.0),)
    exact = {"metrics": ["exact_match"], "exact_match": 1}
    assert graded.read(harness(tmp_path, row(0, **exact))).metric == "exact_match"


@pytest.mark.parametrize(
    ("value", "score"), [("C", 1.0), ("P", 0.5), ("I", 0.0), ("N", 0.0), (0.25, 0.25), (True, 1.0), (0, 0.0)]
)
def test_grades_of_inspect_are_read(value: Any, score: float, tmp_path: Path) -> None:
    samples = [{"id": "a", "epoch": 1, "scores": {"match": {"value": value}}}]
    file = inspect(tmp_path, log(samples=samples))
    if not isinstance(value, bool | str):
        with pytest.raises(DataError, match="sample 1: nothing says whether match is better higher or lower"):
            graded.read(file)
    found = graded.read(file, better="higher")
    assert (found.tool, found.task, found.model, found.metric) == ("inspect_ai", "arc", "openai/tiny", "match")
    assert found.scores == (("a", score),)


def test_accuracy_by_task_has_its_interval_and_holds_by_a_policy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = harness(tmp_path), harness(tmp_path, name="samples_boolq.jsonl")
    out = tmp_path / "out"
    assert main(["import", str(first), str(second), "--out", str(out), "--model-name", "tiny"]) == 0
    # Clopper–Pearson, 30 of 40.
    assert capsys.readouterr().out.splitlines()[0] == "arc_easy: 0.750 (95 % interval 0.588 to 0.873, n = 40)"
    policy = tmp_path / "policy.toml"
    for limit, code in ((0.5, 0), (0.95, 1), (0.75, 3)):
        policy.write_text(
            f'[[rule]]\nprobe = "imported"\nmetric = "accuracy"\nslice = {{ task = "*" }}\nmin = {limit}\n'
            'why = "Enough for us."\n',
            encoding="utf-8",
        )
        assert main(["gate", str(out), "--policy", str(policy), "--quiet"]) == code
    assert main(["gate", str(out), "--quiet"]) == 3
    assert main(["report", str(out)]) == 0
    page = (out / "scorecard.html").read_text(encoding="utf-8")
    assert "audit import samples_arc_easy_2024-06-01T12-00-00.123456.jsonl samples_boolq.jsonl" in page
    assert "audit run --config" not in page
    card = tmp_path / "README.md"
    assert main(["card", str(out), "--into", str(card)]) == 0
    assert "imported: accuracy (task arc\\_easy; the worst of 2 slices) | 75.0 %" in card.read_text(encoding="utf-8")


def test_two_imports_are_compared_on_the_same_examples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    worse = [row(n, acc=float(n % 4 > 2)) for n in range(40)]
    for out, file in (("old", harness(tmp_path)), ("new", harness(tmp_path, *worse, name="samples_arc_easy.jsonl"))):
        assert main(["import", str(file), "--out", str(tmp_path / out), "--model-name", out]) == 0
    capsys.readouterr()
    main(["compare", str(tmp_path / "old"), str(tmp_path / "new")])
    told = capsys.readouterr().out
    assert "worse  imported accuracy [task arc_easy] 0.750 → 0.250, -0.500" in told
    assert "one model" not in told


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    file = harness(tmp_path)
    for out in ("first", "second"):
        assert main(["import", str(file), "--out", str(tmp_path / out), "--model-name", "tiny"]) == 0
    for name in ("results.json", "examples.parquet"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_samples_asked_several_times_count_once(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["import", str(inspect(tmp_path, log())), "--out", str(out)]) == 0
    (record,) = verification.load(out).records
    (measured,) = record.measurements
    assert (record.model, measured.value, measured.n_cases, measured.n_clusters) == ("openai/tiny", 0.5, 20, 10)


def edited(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    content = log()
    change(content)
    return content


BAD_ROWS = {
    "no doc_id": ([{"acc": 1.0}], "row 1: has no field 'doc_id'"),
    "no target": ([{"doc_id": 1, "acc": 1.0}], "row 1: has no field 'target'"),
    "no metric": ([row(0, metrics=[])], "has no metric (name it with --metric, and say"),
    "unclear": ([row(0, metrics=["bleu", "f1"])], "has the metrics bleu, f1 (name it with --metric, and say"),
    "unknown alone": ([row(0, metrics=["wer"], wer=0.1)], "has the metric wer (name it with --metric, and say with"),
    "no id": ([row(0, doc_id=None)], "row 1: doc_id = None should be a text or a whole number"),
    "a broken id": ([row(0), row(1, doc_id="a\ud800")], "row 2, column 'doc_id': holds an unpaired surrogate"),
    "a broken filter": ([row(0, filter="\ud800")], "row 1, column 'filter': holds an unpaired surrogate"),
    "a broken metric": ([row(0, metrics=["\ud800"])], "row 1, column 'metrics': holds an unpaired surrogate"),
    "a metric that is none": ([row(0, metrics=[None])], "row 1: metrics = None should be a text"),
    "missing value": (
        [row(0), {k: v for k, v in row(1).items() if k != "acc"}],
        "row 2: acc = None should be a number",
    ),
    "out of range": ([row(0, acc=3.5)], "row 1: acc = 3.5 should be a number from 0 to 1"),
    "a pair": ([row(0, acc=[-3.0, 4])], "row 1: acc = [-3.0, 4] should be a number from 0 to 1"),
    "not a number": ([row(0, acc=float("nan"))], "row 1: acc = NaN should be a number from 0 to 1"),
    "twice": ([row(0), row(0)], "row 2: doc_id 0 occurs twice"),
    "filters": ([row(0), row(0, filter="strict")], "has the filters none, strict (--filter none)"),
}
BAD_LOGS: dict[str, tuple[Any, str]] = {
    "not a log": ({"a": 1}, "has no eval.task and eval.model (is it a log of inspect_ai?)"),
    "a list": ([], "is not a JSON object"),
    "a broken task": (log(eval={"task": "\ud800", "model": "m"}), "column 'eval.task': holds an unpaired surrogate"),
    "a broken model": (log(eval={"task": "t", "model": "\ud800"}), "column 'eval.model': holds an unpaired surrogate"),
    "a broken scorer": (
        edited(lambda each: each["samples"][0].update(scores={"\ud800": {"value": "C"}})),
        "sample 1, column 'scores': holds an unpaired surrogate",
    ),
    "a broken id": (
        edited(lambda each: each["samples"][2].update(id="\ud800")),
        "sample 3, column 'id': holds an unpaired surrogate",
    ),
    **{
        f"id {value}": (
            edited(lambda each, value=value: each["samples"][0].update(id=value)),  # type: ignore[misc]
            f"sample 1: id = {value} should be a text or a whole number",
        )
        for value in (None, True, 1.5)
    },
    "unfinished": (log(status="error"), "status = 'error' (only a finished log is imported)"),
    "no samples": (log(samples=None), "has no samples (was it written with --no-log-samples?)"),
    "a sample without scores": (
        edited(lambda each: each["samples"][1].pop("scores")),
        "sample 2: has no id or no scores",
    ),
    "a sample that is none": (edited(lambda each: each["samples"].insert(0, 3)), "sample 1: has no id or no scores"),
    "another scorer": (
        edited(lambda each: each["samples"][1].update(scores={"other": {"value": "C"}})),
        "sample 2: no metric is called 'match' (known: other)",
    ),
    "a word": (
        edited(lambda each: each["samples"][0]["scores"]["match"].update(value="A")),
        "sample 1: scores.match.value = 'A' should be a number from 0 to 1",
    ),
    "a score that is none": (
        edited(lambda each: each["samples"][0].update(scores={"match": "C"})),
        "sample 1: scores.match.value = None should be a number",
    ),
}


def refused(file: Path, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(file), "--out", str(tmp_path / "out"), "--model-name", "x"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"audit import: {file}")
    assert message in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", BAD_ROWS)
def test_bad_samples_are_refused_in_one_line(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows, message = BAD_ROWS[kind]
    refused(harness(tmp_path, *rows), message, tmp_path, capsys)


@pytest.mark.parametrize("kind", BAD_LOGS)
def test_bad_logs_are_refused_in_one_line(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content, message = BAD_LOGS[kind]
    refused(inspect(tmp_path, content), message, tmp_path, capsys)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("log.eval", "inspect log convert --to json"),
        ("log.txt", "is no file of graded answers: .txt"),
        ("log", "is no file of graded answers: no ending"),
        ("rows.jsonl", "its name does not tell the task"),
    ],
)
def test_other_files_are_refused(name: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(harness(tmp_path, name=name), message, tmp_path, capsys)


@pytest.mark.parametrize(
    ("names", "words", "message"),
    [
        ([NAME], [], "the files name no model (name it with --model-name)"),
        ([NAME, "samples_arc_easy.jsonl"], ["--model-name", "x"], "is of the task 'arc_easy', as"),
        ([NAME, "log.json"], ["--model-name", "x"], "is of inspect_ai, unlike"),
        (["log.json", "second.json"], [], "the files name the models openai/tiny, second"),
        ([NAME], ["--metric", "ac"], "no metric is called 'ac' (did you mean 'acc'?)"),
        ([NAME], ["--filter", "strict"], "no filter is called 'strict' (known: none)"),
    ],
    ids=["no model", "one task twice", "two tools", "two models", "metric", "filter"],
)
def test_files_that_do_not_fit_together_are_refused(
    names: list[str], words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inspect(tmp_path, log())
    inspect(tmp_path, log(eval={"task": "second", "model": "second"}), "second.json")
    files = [str(tmp_path / name if name.endswith("json") else harness(tmp_path, name=name)) for name in names]
    assert main(["import", *files, "--out", str(tmp_path / "out"), *words]) == 2
    assert message in capsys.readouterr().err
    with pytest.raises(DataError):
        graded.read(tmp_path / "absent.jsonl")


def page_of(out: Path) -> str:
    return repeating.command(json.loads((out / "results.json").read_text(encoding="utf-8")))


def test_an_error_is_judged_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = harness(tmp_path, *[row(n, metrics=["wer"], wer=float(n % 4 > 0)) for n in range(40)])
    out = tmp_path / "out"
    base = ["import", str(file), "--out", str(out), "--model-name", "x"]
    assert main([*base, "--metric", "wer"]) == 2
    assert "nothing says whether wer is better higher or lower" in capsys.readouterr().err
    assert main(["import", str(harness(tmp_path, name="samples_b.jsonl")), *base[2:], "--better", "lower"]) == 2
    assert "acc is better when higher (leave out --better)" in capsys.readouterr().err
    assert main([*base, "--metric", "wer", "--better", "lower"]) == 0
    (record,) = verification.load(out).records
    assert [(metric.name, metric.better) for metric in record.metrics] == [("error", "lower")]
    policy = tmp_path / "policy.toml"
    for limit, code in ((0.95, 0), (0.5, 1)):
        policy.write_text(
            f'[[rule]]\nprobe = "imported"\nmetric = "error"\nslice = {{ task = "*" }}\nmax = {limit}\nwhy = "Ours."\n',
            encoding="utf-8",
        )
        assert main(["gate", str(out), "--policy", str(policy), "--quiet"]) == code


def test_files_of_two_directions_are_refused(tmp_path: Path) -> None:
    file = graded.read(harness(tmp_path))
    files = {Path("a"): file, Path("b"): replace(file, task="b", better="lower")}
    with pytest.raises(DataError, match=r"b: is better lower, unlike a"):
        dict(graded.by_task(files))


def test_the_filter_is_recorded_repeated_and_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row(n, filter=name) for name in ("strict", "flexible") for n in range(40)]
    file = harness(tmp_path, *rows, name="samples_arc.jsonl")
    base = ["import", str(file), "--model-name", "tiny model", "--metric", "acc_norm"]
    for name in ("strict", "flexible"):
        assert main([*base, "--filter", name, "--out", str(tmp_path / name)]) == 0
    (record,) = verification.load(tmp_path / "strict").records
    assert record.settings == {"arc": {"metric": "acc_norm", "better": "higher", "filter": "strict"}}
    assert page_of(tmp_path / "strict") == (
        "audit import samples_arc.jsonl --out DIR --metric acc_norm --better higher --filter strict "
        "--model-name 'tiny model'"
    )
    capsys.readouterr()
    assert main(["compare", str(tmp_path / "strict"), str(tmp_path / "flexible")]) == 2
    assert "other cases than in the old audit: [probes.imported] arc = {" in capsys.readouterr().err


def test_the_command_on_the_page_gives_the_same_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = [row(n, metrics=["exact_match"], exact_match=1) for n in range(9)]
    files = [harness(tmp_path), harness(tmp_path, *exact, name="samples_b.jsonl")]
    assert main(["import", *map(str, files), "--out", str(tmp_path / "out"), "--model-name", "tiny"]) == 0
    words = shlex.split(page_of(tmp_path / "out"))
    assert "--metric" not in words
    monkeypatch.chdir(tmp_path)
    assert main(words[1:]) == 0
    assert (tmp_path / "DIR" / "results.json").read_bytes() == (tmp_path / "out" / "results.json").read_bytes()


def test_a_broken_name_of_the_model_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["import", str(harness(tmp_path)), "--out", str(out), "--model-name", "a\udc80"]) == 2
    assert "--model-name, column 'model': holds an unpaired surrogate" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("kind", ["value", "task", "metric"])
def test_changed_imports_are_refused(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["import", str(harness(tmp_path)), "--out", str(out), "--model-name", "tiny"]) == 0

    def change(content: dict[str, Any]) -> None:
        record = content["records"][0]
        if kind == "value":
            record["measurements"][0]["value"] = 0.9
        elif kind == "task":
            content["task"]["name"] = "text-classification"
        else:
            record["metrics"][0]["better"] = "lower"

    small_results.edit(out, change, seal=True)
    assert main(["gate", str(out)]) == 2
    message = {
        "value": "value is 0.9, but its rows give 0.75",
        "task": "imported results have another record",
        "metric": "better = lower, but its probe declares higher",
    }[kind]
    assert message in capsys.readouterr().err
