"""Failing cases are kept in files, and asked again: audit export-cases, audit run --cases."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import small_results
from fakes import LABELS, nowhere, plan_of, reviews, shipped
from tiny import tiny_checkpoint

from auditor import metrics, results, stats, tasks
from auditor.api import audit
from auditor.cli.main import main
from auditor.data import kept_cases
from auditor.data.kept_cases import FORMAT, KeptCase
from auditor.errors import DataError, NoAnswerError, ResultsError
from auditor.evaluation import runner
from auditor.models.fake import FakeModel, keyword_model
from auditor.results import case_files, failing_cases, parquet, verification
from auditor.results.spreadsheets import harmless
from auditor.types import EXPECTED, Case, Example, ProbeRecord, Row, ScoredCase, Silent
from auditor.types.cases import Edited
from auditor.types.edits import SAME_WORDS
from auditor.verdicts import gate, policy, same_cases
from probes.kept_cases import FAILURE_RATE, FAILURES, Settings

(PROBE,) = shipped("kept_cases")
TEXTS = tasks.create("text-classification", LABELS)
NER = tasks.create("ner", ("O", "B-PER", "I-PER"))
GOOD = KeptCase(
    id="noise:1",
    task="text-classification",
    model="old",
    probe="noise",
    slice={"family": "typos"},
    example="home:2",
    cluster="home:2",
    expect="right",
    before={"text": "a good film"},
    after={"text": "a god film"},
    gold="positive",
    answer_before="positive",
    answer_after="negative",
    facts={"words_touched": 0.25, "perturbation": "swap"},
)
SAME = replace(
    GOOD,
    id="bias:1",
    probe="bias",
    expect="same",
    gold=None,
    before={"text": "he is good"},
    after={"text": "she is bad"},
)


def write(path: Path, *cases: KeptCase) -> Path:
    path.write_bytes(case_files.json_lines(cases))
    return path


def test_a_file_of_kept_cases_is_read_as_it_was_written(tmp_path: Path) -> None:
    hard = replace(GOOD, id="noise:2", after={"text": 'tab\t "quoted", \u2028 déjà =1+1\n\U0001f600'})
    cases = (GOOD, SAME, hard)
    file = write(tmp_path / "kept.jsonl", *cases)
    assert kept_cases.read(file, TEXTS) == cases
    assert file.read_bytes().isascii()
    tagged = replace(GOOD, task="ner", after={"text": "Ann came"}, gold=["B-PER", "O"])
    assert kept_cases.read(write(tmp_path / "ner.jsonl", tagged), NER) == (tagged,)


def test_clusters_of_joined_files_do_not_collide(tmp_path: Path) -> None:
    """Two audits of other data both call an example home:2, but of one text it is the same in both."""
    again = replace(GOOD, id="noise:2", after={"text": "a goood film"})
    foreign = replace(GOOD, id="noise:3", before={"text": "a dull play"}, after={"text": "a dul play"})
    swapped = replace(SAME, before=GOOD.before)
    own = kept_cases.read(write(tmp_path / "own.jsonl", GOOD, again, SAME), TEXTS)
    assert {case.cluster for case in own} == {"home:2"}
    joined = kept_cases.read(write(tmp_path / "joined.jsonl", GOOD, again, foreign, swapped), TEXTS)
    names = [case.cluster for case in joined]
    # Another probe's case of the same text stays with it.
    assert names[0] == names[1] == names[3] != names[2]
    assert all(name.endswith(":home:2") for name in names)


def changed(**fields: Any) -> bytes:
    return json.dumps({**kept_cases.line_of(GOOD), **fields}).encode()


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in kept_cases.line_of(GOOD).items() if key != name}).encode()


BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "blank lines alone": (b"\n\n", "is empty"),
    "binary": (b'{"format": "\x00"}', "row 1"),
    "parquet": (b"PAR1", "is not text but Parquet"),
    "not UTF-8": (b'{"a": "\xff"}', "row 1: byte 0xff at offset 7 is not UTF-8"),
    "no JSON": (b"no json", "row 1: is not JSON"),
    "no object": (b"[1]", "row 1: is not an object"),
    "cut off": (changed()[:-20], "row 1: is not JSON"),
    "not our file": (b'{"text": "a film", "label": "positive"}', "row 1: has no field 'format': this is no kept case"),
    "another format": (changed(format="auditor kept case 9"), "row 1: format = 'auditor kept case 9': this is no kept"),
    "an unknown field": (changed(exampel="x"), "row 1: unknown field 'exampel' (did you mean 'example'?)"),
    "another task": (changed(task="ner"), "row 1: task = 'ner', but the audit is of text-classification"),
    "another expectation": (changed(expect="wrong"), "row 1: expect = 'wrong' (one of right, same)"),
    "a text that is none": (changed(after="a film"), "row 1: after = 'a film' should be an object"),
    "a number for a text": (changed(after={"text": 3}), "row 1: after.text = 3 should be a text"),
    "a fact that is a list": (changed(facts={"a": [1]}), "row 1: facts.a = [1] should be a text"),
    "a fact that is true": (changed(facts={"a": True}), "row 1: facts.a = True should be a text"),
    "an id that is none": (changed(id=3), "row 1: id = 3 should be a text"),
    "a text field that is missing": (changed(before={}), "row 1: before lacks 'text' (the task's texts: text)"),
    "a further text field": (changed(after={"text": "a", "title": "b"}), "row 1: after has 'title'"),
    "a lone surrogate": (changed(after={"text": "a \ud800"}), "row 1, column 'after': holds an unpaired surrogate"),
    "a label that the model lacks": (
        changed(gold="positiv"),
        "row 1: gold names 'positiv', which is no label of the model (did you mean 'positive'?)",
    ),
    "no gold": (changed(gold=None), "row 1: gold = None is no answer of text-classification"),
    "one id twice": (changed() + b"\n" + changed(), "row 2: id 'noise:1' is that of row 1 too"),
    **{f"without {name}": (without(name), f"has no field '{name}'") for name in kept_cases.FIELDS},
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_refused_in_one_line(kind: str, tmp_path: Path) -> None:
    content, message = BAD[kind]
    file = tmp_path / "kept.jsonl"
    file.write_bytes(content)
    with pytest.raises(DataError) as caught:
        kept_cases.read(file, TEXTS)
    assert message in caught.value.line
    assert caught.value.line.startswith(str(file))
    assert "\n" not in caught.value.line


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (replace(GOOD, task="ner", gold=["B-PER"]), "gold has 1 labels, but after has 3 words"),
        (replace(GOOD, task="ner", gold=["B-ORG", "O", "O"]), "gold names 'ORG', which is no label of the model"),
        (replace(GOOD, task="ner", gold="O O O"), "gold = 'O O O' is no answer of ner"),
        (replace(GOOD, task="ner", gold=3), "gold = 3 is no answer of ner"),
        (replace(GOOD, task="ner", gold=["?", "O", "O"]), "gold = ('?', 'O', 'O') is no answer of ner"),
    ],
    ids=["lengths", "type", "words", "number", "tag"],
)
def test_bad_gold_of_entities_is_refused(case: KeptCase, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        kept_cases.read(write(tmp_path / "kept.jsonl", case), NER)
    assert message in caught.value.line


@pytest.mark.parametrize("name", ["kept.csv", "kept.json", "kept"])
def test_only_json_lines_are_read(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"kept cases are read from \.jsonl files"):
        kept_cases.read(write(tmp_path / name, GOOD), TEXTS)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    for name, message in (("absent.jsonl", "no such file"), ("folder.jsonl", "is a folder")):
        with pytest.raises(DataError, match=message):
            kept_cases.read(tmp_path / name, TEXTS)


def asked(file: Path, *words: str, model: FakeModel | None = None, errors: int = 0) -> ProbeRecord:
    """The record of the probe, of a model that knows these words of praise."""
    model = model or keyword_model(words)
    plan = plan_of(model, (PROBE,), 12, settings={"kept_cases": Settings(file)})
    (record,) = runner.run(plan, nowhere, Silent())
    assert len(plan.errors) == errors
    return record


def test_each_case_passes_or_fails_by_what_it_expects(tmp_path: Path) -> None:
    file = write(tmp_path / "kept.jsonl", GOOD, SAME)
    failing = asked(file, "good")
    by_key = {(each.metric, tuple(each.slice.values())): each for each in failing.measurements}
    # "a god film" is answered negative; "he is good" turns to negative with "she is bad".
    assert {key: each.value for key, each in by_key.items()} == {
        ("failures", ()): 2.0,
        ("failure_rate", ()): 1.0,
        ("failures", ("noise",)): 1.0,
        ("failure_rate", ("noise",)): 1.0,
        ("failures", ("bias",)): 1.0,
        ("failure_rate", ("bias",)): 1.0,
    }
    whole = by_key["failures", ()]
    assert (whole.low, whole.high, whole.status, whole.detail) == (2.0, 2.0, "ok", "of 2; noise:1, bias:1")
    assert {case.facts["answered"] for case in failing.worst} == {"negative"}
    passing = asked(file, "god", "he", "she")
    assert {each.value for each in passing.measurements} == {0.0}


def test_the_rate_of_a_probe_has_the_interval_of_a_share(tmp_path: Path) -> None:
    kept = [replace(GOOD, id=f"noise:{n}", cluster=f"home:{n}", after={"text": f"a god film {n}"}) for n in range(20)]
    good = [replace(one, after={"text": f"a good film {one.id}"}) for one in kept[:15]]
    record = asked(write(tmp_path / "kept.jsonl", *good, *kept[15:]), "good")
    rate = next(each for each in record.measurements if each.metric == "failure_rate" and not each.slice)
    # Clopper–Pearson, 5 of 20.
    assert (rate.value, round(rate.low, 4), round(rate.high, 4)) == (0.25, 0.0866, 0.4910)


def test_a_file_is_identified_by_what_it_holds(tmp_path: Path) -> None:
    file = write(tmp_path / "kept.jsonl", GOOD)
    moved = write(tmp_path / "moved.jsonl", GOOD)
    further = write(tmp_path / "further.jsonl", GOOD, SAME)
    first, second, third = (asked(each, "good").settings for each in (file, moved, further))
    assert first["file_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert list(same_cases.differing("kept_cases", first, second)) == []
    (told,) = same_cases.differing("kept_cases", first, third)
    assert told.startswith("[probes.kept_cases] file_sha256 = ")


def test_without_a_file_the_probe_does_not_apply() -> None:
    plan = plan_of(keyword_model(("good",)), (PROBE,), 12)
    (record,) = runner.run(plan, nowhere, Silent())
    assert (record.status, record.missing, record.reason) == (
        "not_applicable",
        ("cases",),
        "no kept cases given (--cases)",
    )


def test_cases_that_the_model_fails_on_are_not_passed_over(tmp_path: Path) -> None:
    def answer(request: Any) -> Any:
        if "god" in request.texts[0]:
            raise NoAnswerError("no such token")
        return (0.2, 0.8)

    steady = replace(SAME, after={"text": "she is good"})
    alone = replace(GOOD, id="drift:1", probe="drift", after={"text": "a god movie"})
    answered = replace(GOOD, id="noise:2", after={"text": "a good movie"})
    file = write(tmp_path / "kept.jsonl", GOOD, answered, steady, alone)
    record = asked(file, model=FakeModel(answer, LABELS), errors=2)
    # A probe whose cases are answered in part, or not at all, has no count: it would leave some out.
    assert {tuple(gap.slice.values()): gap.reason for gap in record.skipped} == {
        (): "the model fails on 2 of 4 kept cases: they have no answer",
        ("noise",): "the model fails on 1 of 2 kept cases: they have no answer",
        ("drift",): "the model fails on 1 of 1 kept cases: they have no answer",
    }
    assert {tuple(each.slice.values()) for each in record.measurements} == {("bias",)}
    rule = next(rule for rule in policy.load().rules if rule.probe == "kept_cases")
    decision = gate.decide(policy.Policy("own", "0", (rule,)), (record,), record.model)
    assert decision.exit_code == 3


def judged(record: ProbeRecord, limit: float) -> tuple[str, str]:
    rule = replace(next(rule for rule in policy.load().rules if rule.probe == "kept_cases"), max=limit)
    (verdict,) = gate.decide(policy.Policy("own", "0", (rule,)), (record,), record.model).verdicts
    return verdict.outcome, verdict.reason


def test_a_count_is_always_decided_and_takes_no_share_of_the_error(tmp_path: Path) -> None:
    record = asked(write(tmp_path / "kept.jsonl", GOOD, SAME), "good")
    assert judged(record, 0.0) == ("fail", "outside its limit by an exact count")
    assert judged(record, 1.0) == ("fail", "outside its limit by an exact count")
    assert judged(record, 2.0) == ("pass", "within its limit by an exact count")
    rows = [Row(f"c{n}", "", float(n < 3), 1.0) for n in range(5)]
    counted = metrics.measurement(FAILURES, {}, rows, n_cases=5)
    assert (counted.value, counted.low, counted.high, counted.method) == (3.0, 3.0, 3.0, "exact_count")
    for alpha in (0.4, 0.05, 1e-9):
        assert stats.bounds("exact_count", rows, alpha, low=0.0, high=float("inf")) == (3.0, 3.0)
    assert metrics.recomputed(FAILURES, counted) == counted
    assert metrics.measurement(FAILURE_RATE, {}, rows, n_cases=5).status == "too_few"


def scored(case: Case, edited: Edited | None = None) -> ScoredCase:
    own = edited or Edited(case.example.inputs, case.example.gold, SAME_WORDS, case.invalid, None)
    return ScoredCase(case, own, (0.9, 0.1), (0.9, 0.1), False)


EXAMPLE = Example("home:2", {"text": "a good film"}, "positive")
KINDS: dict[str, tuple[Case, str | None]] = {
    "an example": (Case(EXAMPLE, {}), None),
    "a trained model": (Case(EXAMPLE, {}, model=keyword_model(("good",))), "asked of a model that the probe trained"),
    "asked again": (Case(EXAMPLE, {}, asked="again"), "the same text asked once more, in another way"),
    "broken": (Case(EXAMPLE, {}, invalid=True), "its edits broke the label"),
    "expected otherwise": (
        Case(EXAMPLE, {}, facts={EXPECTED: "up"}),
        "its probe expects something else than a label or the same answer",
    ),
    "without gold": (
        Case(replace(EXAMPLE, gold=None), {}),
        "it has no gold, and nothing that it is compared with",
    ),
    "foreign label": (Case(replace(EXAMPLE, gold="mixed"), {}), "its gold names a label that the model lacks"),
    "long": (Case(replace(EXAMPLE, inputs={"text": "a" * 10_001}), {}), "its text is kept as an excerpt"),
    "longest whole": (Case(replace(EXAMPLE, inputs={"text": "a" * 10_000}), {}), None),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_case_that_its_row_alone_cannot_repeat_says_why(kind: str, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    case, reason = KINDS[kind]
    for texts, expected in (
        (True, reason),
        (False, reason if reason and "excerpt" not in reason else parquet.NO_TEXTS),
    ):
        writer = parquet.CaseWriter(tmp_path / "cases.parquet", TEXTS, texts=texts)
        writer("model", "noise", scored(case))
        writer.close()
        (row,) = pq.read_table(tmp_path / "cases.parquet").to_pylist()
        assert row["not_kept"] == expected
        assert row["same"] is True
        assert row["right"] is (None if case.example.gold is None else False)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data, two checkpoints and an audit of the first: it fails."""
    folder = tmp_path_factory.mktemp("place")
    for name, seed in (("ckpt", 0), ("next", 3)):
        tiny_checkpoint(folder / name, seed=seed)
    rows = [f'"{row.inputs["text"]}",{row.gold}' for row in reviews(60)]
    (folder / "test.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    (folder / "kept.toml").write_text(
        '[[rule]]\nprobe = "kept_cases"\nmetric = "failures"\nmax = 0\nwhy = "What was mended stays mended."\n',
        encoding="utf-8",
    )
    assert run(folder, "audit", "--probe", "quality", "--probe", "noise", "--fixed") == 1
    return folder


def run(folder: Path, out: str, *more: str, model: str = "ckpt") -> int:
    base = ["run", "--model", str(folder / model), "--data", str(folder / "test.csv"), "--out", str(folder / out)]
    return main([*base, "--quiet", *more])


def export(folder: Path, *more: str) -> int:
    return main(["export-cases", str(folder / "audit"), *more])


def test_failing_cases_are_kept_and_asked_again(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = place / "kept.jsonl"
    assert export(place, "--out", str(file)) == 0
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert capsys.readouterr().out.strip() == f"{file}: {len(lines)} cases"
    assert {line["format"] for line in lines} == {FORMAT}
    assert {(line["probe"], line["answer_after"] == line["gold"]) for line in lines} == {("quality", False)}
    # The same checkpoint fails on all of them again, another one on some.
    chosen = ("--probe", "kept_cases", "--cases", str(file))
    assert run(place, "again", *chosen, "--policy", str(place / "kept.toml")) == 1
    record = next(each for each in results.load(place / "again")["records"] if each["probe"] == "kept_cases")
    assert [each["value"] for each in record["measurements"] if each["slice"] == {}] == [len(lines), 1.0]
    assert verification.load(place / "again").decision.exit_code == 1
    assert "kept cases that fail" in (place / "again" / "scorecard.html").read_text(encoding="utf-8")
    # Those that pass now release: a test in CI stays green while they do.
    answered = {case["facts"]["case"] for case in record["worst"]}
    assert answered <= {line["id"] for line in lines}


def test_cases_that_pass_release(place: Path) -> None:
    every = place / "every.jsonl"
    assert export(place, "--all", "--probe", "quality", "--out", str(every)) == 0
    lines = [json.loads(line) for line in every.read_text(encoding="utf-8").splitlines()]
    right = [line for line in lines if line["answer_after"] == line["gold"]]
    assert 0 < len(right) < len(lines)
    file = place / "right.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in right), encoding="utf-8")
    only = ("--probe", "kept_cases", "--policy", str(place / "kept.toml"))
    assert run(place, "right", *only, "--cases", str(file)) == 0
    outcome = audit(place / "ckpt", place / "test.csv", cases=file, probes="kept_cases", policy=place / "kept.toml")
    assert outcome.decision.exit_code == 0


def test_a_bad_file_of_cases_stops_the_audit_before_anything_is_measured(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = place / "bad.jsonl"
    file.write_bytes(BAD["a label that the model lacks"][0])
    assert run(place, "bad", "--cases", str(file)) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"audit run: {file}: row 1: gold names 'positiv'")
    assert not (place / "bad").exists()


def test_without_out_the_lines_are_printed(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(place, "--failed") == 0
    printed = capsys.readouterr()
    lines = [json.loads(line) for line in printed.out.splitlines()]
    assert printed.err.strip().endswith(f"{len(lines)} cases")


def test_a_spreadsheet_has_no_formula(place: Path) -> None:
    hostile = replace(GOOD, after={"text": "=cmd|' /C calc'!A0"}, example="@home", gold="+1")
    rows = list(csv.DictReader(io.StringIO(case_files.spreadsheet((hostile,)).decode("utf-8-sig"))))
    (row,) = rows
    assert row["after.text"] == "'=cmd|' /C calc'!A0"
    assert (row["example"], row["gold"], row["before.text"]) == ("'@home", "'+1", "a good film")
    assert json.loads(row["slice"]) == GOOD.slice
    assert not [value for value in row.values() if value.startswith(("=", "+", "-", "@"))]
    assert harmless("=1") == "'=1"
    file = place / "cases.csv"
    assert export(place, "--failed", "--out", str(file)) == 0
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")


def test_samples_of_inspect_have_input_target_id_and_metadata(place: Path) -> None:
    file = place / "samples.jsonl"
    assert export(place, "--all", "--format", "inspect", "--out", str(file)) == 0
    samples = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert {tuple(sample) for sample in samples} == {("id", "input", "target", "metadata")}
    assert all(isinstance(sample["input"], str) and sample["target"] in LABELS for sample in samples)
    (same, tagged, several) = (
        json.loads(case_files.inspect_samples((case,)))
        for case in (
            SAME,
            replace(GOOD, gold=["B-PER", "O"]),
            replace(GOOD, gold={"start": 1}, after={"question": "who?", "context": "Ann"}),
        )
    )
    assert (same["input"], same["target"]) == ("she is bad", "positive")
    assert tagged["target"] == "B-PER O"
    assert (several["input"], several["target"]) == ("question: who?\n\ncontext: Ann", '{"start": 1}')


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "kept.txt"], "--out kept.txt is neither .jsonl nor .csv"),
        (["--out", "kept.csv", "--format", "inspect"], "--format inspect is written as .jsonl"),
        (["--probe", "nois"], "no probe is called 'nois' (did you mean 'noise'?)"),
    ],
    ids=["ending", "format", "probe"],
)
def test_wrong_arguments_are_one_line(
    arguments: list[str], message: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(place, *arguments) == 2
    assert message in capsys.readouterr().err


def test_results_without_texts_are_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(place, "textless", "--probe", "quality", "--fixed", "--no-texts") == 1
    capsys.readouterr()
    for which in ("--failed", "--all"):
        assert main(["export-cases", str(place / "textless"), which]) == 2
        assert "holds no texts, so that no case can be asked again" in capsys.readouterr().err


def test_cases_of_an_earlier_auditor_and_missing_ones_are_refused(place: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    audited = verification.load(place / "audit")
    old = pq.read_table(place / "audit" / "cases.parquet").drop_columns(["expected"])
    pq.write_table(old, tmp_path / "cases.parquet")
    (tmp_path / "results.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ResultsError, match="has no column 'expected': it is of an earlier auditor"):
        failing_cases.select(audited, tmp_path)
    (tmp_path / "cases.parquet").write_bytes(b"PAR1 cut off")
    with pytest.raises(ResultsError, match="cannot be read"):
        failing_cases.select(audited, tmp_path)
    (tmp_path / "cases.parquet").unlink()
    with pytest.raises(ResultsError, match="is missing"):
        failing_cases.select(audited, tmp_path)


def test_what_is_left_out_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = small_results.write(tmp_path / "small", "quality", "noise", "repeatability")
    assert main(["export-cases", str(folder), "--all", "--out", str(tmp_path / "all.jsonl")]) == 0
    told = capsys.readouterr().err
    assert "left out 240 cases: the same text asked once more, in another way" in told
    assert "the same case in another slice" in told
    assert main(["export-cases", str(folder), "--out", str(tmp_path / "none.jsonl")]) == 0
    assert "no case to keep; nothing was written" in capsys.readouterr().err
    assert not (tmp_path / "none.jsonl").exists()


def test_a_verdict_whose_numbers_are_not_of_cases_is_named(place: Path) -> None:
    audited = verification.load(place / "audit")
    (failed,) = [verdict for verdict in audited.decision.verdicts if verdict.outcome == "fail"]
    elsewhere = replace(failed, slice={"column": "length"})
    decision = replace(audited.decision, verdicts=(failed, failed, elsewhere))
    selected = failing_cases.select(replace(audited, decision=decision), place / "audit")
    assert selected.without == ("quality [column length]",)
    assert len({case.id for case in selected.cases}) == len(selected.cases) > 0
