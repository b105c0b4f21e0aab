"""Events of an audit as JSON lines, and verdicts as they fall."""

from __future__ import annotations

import csv
import io
import json
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import reviews
from test_gate import decide, flips, record, rule
from tiny import tiny_checkpoint

from auditor import audit_run
from auditor.cli import events
from auditor.cli.events import Events
from auditor.cli.interrupts import INTERRUPTS
from auditor.cli.live import Live
from auditor.cli.main import main
from auditor.cli.run import Printing
from auditor.errors import DataError, UsageError
from auditor.evaluation.watching import Fallen, Judge, Told, Watch
from auditor.progress import Quiet
from auditor.types import Decision, ProbeRecord
from auditor.verdicts.policy import Policy

DOCS = Path(__file__).resolve().parent.parent / "docs" / "how-to" / "long-runs.md"
AXIS = {"axis": "a"}
HOSTILE = "a\nb\x1b[31m\u2028\u202e\udcff"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("events")
    tiny_checkpoint(place / "model")
    with (place / "test.csv").open("w", encoding="utf-8", newline="") as file:
        rows = [(example.inputs["text"], example.gold) for example in reviews(60)]
        csv.writer(file).writerows([("text", "label"), *rows])
    return place


def audit(place: Path, out: str, *more: str) -> tuple[int, Path]:
    arguments = ["--model", str(place / "model"), "--data", str(place / "test.csv"), "--out", str(place / out)]
    return main(["run", *arguments, "--probe", "quality", *more]), place / out


def read(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def check(told: list[dict[str, Any]]) -> None:
    """Every event has its fields, in order of time."""
    for event in told:
        assert list(event) == ["event", "seconds", *events.FIELDS[event["event"]]]
    seconds = [event["seconds"] for event in told]
    assert seconds == sorted(seconds)
    assert seconds[0] >= 0.0


def test_an_audit_writes_what_happens_and_its_results_do_not_depend_on_it(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, plain = audit(place, "plain", "--json", "--quiet", "--fresh")
    decision = json.loads(capsys.readouterr().out)
    again, out = audit(place, "out", "--json", "--fresh", "--events", str(place / "events.jsonl"))
    captured = capsys.readouterr()
    assert again == code
    assert json.loads(captured.out) == decision
    for name in ("results.json", "examples.parquet", "cases.parquet"):
        assert (out / name).read_bytes() == (plain / name).read_bytes()
    text = (place / "events.jsonl").read_text("ascii")
    told = read(text)
    check(told)
    names = [event["event"] for event in told]
    assert (names[0], names[-1]) == ("started", "finished")
    assert told[-1]["decision"] == decision
    assert told[-1]["exit_code"] == code
    (finished,) = (event for event in told if event["event"] == "work_finished" and event["probe"] == "quality")
    assert (finished["model"], finished["answers"]) == ("model", 60)
    assert {"work_planned", "work_started", "work_progress", "verdict"} <= set(names)
    assert "quality: fail as things stand" in captured.err
    other = next(event for event in told if event["event"] == "work_started" and event["probe"] is None)
    assert (other["work"], other["model"]) == ("model: time and memory of its answers", None)


def test_standard_output_has_events_alone(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _ = audit(place, "dash", "--events", "-")
    captured = capsys.readouterr()
    told = read(captured.out)
    check(told)
    assert told[-1]["exit_code"] == code
    assert "Hold:" in captured.err
    audit(place, "dash", "--events", "-", "--json", "--quiet")
    captured = capsys.readouterr()
    assert read(captured.out)[-1]["event"] == "finished"
    assert "Hold:" not in captured.err


def test_looks_are_told(place: Path) -> None:
    file = place / "looks.jsonl"
    audit(place, "looks", "--until-decided", "--quiet", "--events", str(file))
    told = read(file.read_text("ascii"))
    check(told)
    looks = [event for event in told if event["event"] == "look"]
    assert [event["look"] for event in looks] == list(range(1, len(looks) + 1))
    assert looks[-1]["undecided"] == 0
    settled = [event["settled"] for event in told if event["event"] == "verdict"]
    assert settled == [True]
    work = next(event for event in told if event["event"] == "work_started" and "look 1" in event["work"])
    assert work["probe"] == "quality"


def test_an_audit_that_cannot_be_done_says_so(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = place / "failed.jsonl"
    (place / "empty.csv").write_text("text,label\n", "utf-8")
    arguments = ["--model", str(place / "model"), "--data", str(place / "empty.csv"), "--out", str(place / "none")]
    assert main(["run", *arguments, "--events", str(file)]) == 2
    told = read(file.read_text("ascii"))
    check(told)
    assert [event["event"] for event in told] == ["started", "failed"]
    assert told[-1]["text"] in capsys.readouterr().err


@pytest.mark.parametrize(("outcome", "complete"), [(None, False), (0, True)])
def test_an_interruption_is_an_event(tmp_path: Path, outcome: int | None, complete: bool) -> None:
    file = tmp_path / "events.jsonl"
    INTERRUPTS.outcome = outcome
    try:
        with pytest.raises(KeyboardInterrupt), events.writing(str(file), tmp_path / "out", sys.stdout):
            raise KeyboardInterrupt
    finally:
        INTERRUPTS.outcome = None
    (told,) = read(file.read_text("ascii"))
    assert (told["event"], told["signal"], told["complete"]) == ("interrupted", "interrupted", complete)


def test_a_bug_is_an_event_too(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    with pytest.raises(ZeroDivisionError), events.writing(str(file), tmp_path / "out", sys.stdout):
        raise ZeroDivisionError(HOSTILE)
    with pytest.raises(DataError), events.writing(None, tmp_path / "out", sys.stdout):
        raise DataError("nowhere")
    (told,) = read(file.read_text("ascii"))
    assert told["text"] == f"ZeroDivisionError: {HOSTILE}"


def test_hostile_text_ends_no_line_and_moves_no_cursor() -> None:
    stream = io.StringIO()
    told = Events(stream)
    told("warning", text=HOSTILE)
    line = stream.getvalue()
    assert line.isascii()
    assert line[:-1].isprintable()
    assert line.endswith("}\n")
    assert json.loads(line)["text"] == HOSTILE


def test_progress_is_told_at_most_once_a_second_and_named_by_its_probe() -> None:
    stream = io.StringIO()
    told = Events(stream)
    told.know("m: noise", "m", "noise")
    lines = Quiet()
    told.beside(lines)
    lines.start("m: noise, look 2", 100)
    for _ in range(100):
        lines.advance()
    lines.finish("100 cases")
    started, progress, finished = read(stream.getvalue())
    assert (started["work"], started["model"], started["probe"]) == ("m: noise, look 2", "m", "noise")
    assert (progress["done"], progress["total"]) == (1, 100)
    assert (finished["answers"], finished["note"]) == (100, "100 cases")


class Broken(io.StringIO):
    def __init__(self, error: OSError) -> None:
        super().__init__()
        self._error = error

    def write(self, text: str) -> int:
        del text
        raise self._error


@pytest.mark.parametrize(
    ("error", "said"), [(OSError(28, "No space left on device"), "no longer written"), (BrokenPipeError(), "")]
)
def test_a_stream_that_fails_ends_the_events_and_not_the_audit(
    error: OSError, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = Events(Broken(error), "events.jsonl")
    told("warning", text="a")
    told("warning", text="b")
    shown = capsys.readouterr().err
    assert said in shown
    assert shown.count("\n") == (1 if said else 0)
    assert not told.on


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_events_on_a_terminal_stand_above_the_changing_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    screen = Terminal()
    told, lines = Events(screen), Live(screen, tick=60.0)
    told.beside(lines)
    lines.start("m: noise", 10)
    told("warning", text="above")
    lines.finish("")
    shown = screen.getvalue()
    assert '\r\x1b[2K{"event": "work_started"' in shown
    assert '\n{"event": "warning"' in shown


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("out/events.jsonl", "lies in the results folder"),
        ("data.csv", "already exists and is no .jsonl"),
        ("rows.jsonl", "already exists and holds no events of an audit"),
        ("no-folder/events.jsonl", "cannot be written: No such file or directory"),
        ("a\0b.jsonl", "cannot be written: "),
    ],
)
def test_a_file_that_must_not_be_written_is_refused(tmp_path: Path, target: str, expected: str) -> None:
    for name in ("data.csv", "rows.jsonl"):
        (tmp_path / name).write_text("text,label\n", "utf-8")
    with (
        pytest.raises(UsageError, match=expected),
        events.writing(f"{tmp_path}/{target}", tmp_path / "out", sys.stdout),
    ):
        pass
    assert all((tmp_path / name).read_text("utf-8") == "text,label\n" for name in ("data.csv", "rows.jsonl"))


def test_a_dry_run_has_no_events(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _ = audit(place, "dry", "--dry-run", "--events", "-")
    assert code == 2
    assert "--dry-run measures nothing" in capsys.readouterr().err


def test_the_docs_list_every_event_and_field() -> None:
    text = DOCS.read_text("utf-8")
    for event, fields in events.FIELDS.items():
        cells = "; ".join(f"`{name}`: {meaning}" for name, meaning in fields.items())
        assert f"| `{event}` | {cells} |" in text


class Heard(Told):
    def __init__(self) -> None:
        self.fallen: list[Fallen] = []
        self.looks: list[tuple[int, int]] = []

    def decided(self, fallen: Fallen) -> None:
        self.fallen.append(fallen)

    def looked(self, look: int, undecided: int) -> None:
        self.looks.append((look, undecided))


def judged(design: str, *records: ProbeRecord, rules: tuple[Any, ...]) -> Heard:
    told = Heard()
    judge = Judge(Policy("p.toml", "0" * 64, rules), design, told)
    for each in records:
        judge.recorded(each)
        judge.recorded(each)
    return told


def test_a_pass_is_told_once_and_stands_and_a_failure_may_change() -> None:
    rules = (rule(max=0.5), rule(max=0.9, required="never"))
    passing, failing = record(flips(0, 100, AXIS)), record(flips(95, 100, AXIS))
    assert judged("fixed", passing, rules=rules).fallen == [Fallen("p", "pass", 1, True)]
    assert judged("fixed", failing, rules=rules).fallen == [Fallen("p", "fail", 1, False)]
    assert judged("fixed", record(flips(50, 100, AXIS)), rules=rules).fallen == []
    assert judged("fixed", passing, rules=rules[1:]).fallen == []
    assert judged("fixed", replace(passing, status="failed", measurements=()), rules=rules).fallen == []


def test_a_pass_at_a_first_look_keeps_the_strictest_level() -> None:
    """At 5 % the bound is below the limit, at 2 % (40 % of it) it is not."""
    measured = record(flips(4, 100, AXIS))
    rules = (rule(max=0.093),)
    assert [fallen.outcome for fallen in judged("fixed", measured, rules=rules).fallen] == ["pass"]
    assert judged("adaptive", measured, rules=rules).fallen == []


@pytest.mark.parametrize(("design", "settled"), [("until-decided", True), ("adaptive", False)])
def test_after_a_look_all_probes_are_judged_together(design: str, settled: bool) -> None:
    rules = (rule(max=0.5), rule(max=0.9, required="never"))
    told = Heard()
    judge = Judge(Policy("p.toml", "0" * 64, rules), design, told)
    failing: Decision = decide(list(rules), record(flips(95, 100, AXIS)))
    judge.looked(failing, 1, 0)
    assert told.fallen == [Fallen("p", "fail", 1, settled)]
    assert told.looks == [(1, 0)]


def test_who_does_not_listen_hears_nothing() -> None:
    listener = audit_run.Listener()
    listener.decided(Fallen("p", "pass", 1, True))
    listener.looked(1, 0)
    watch, measured = Watch(), record(flips(0, 100, AXIS))
    watch.recorded(measured)
    watch.looked(decide([rule()], measured), 1, 0)


def test_lines_say_whether_a_verdict_stands(capsys: pytest.CaptureFixture[str]) -> None:
    listener = Printing(Namespace(quiet=False), Events(None))
    listener.decided(Fallen("noise", "pass", 36, True))
    listener.decided(Fallen("adversarial", "fail", 1, False))
    assert capsys.readouterr().err.splitlines() == [
        "noise: pass (36 required verdicts)",
        "adversarial: fail as things stand; the decision corrects for all slices (1 required verdict)",
    ]
    Printing(Namespace(quiet=True), Events(None)).decided(Fallen("noise", "pass", 36, True))
    assert capsys.readouterr().err == ""
