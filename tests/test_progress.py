"""Progress in logs and on terminals: what stands there at the end, and what it must not break."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import pty
import re
import subprocess
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ParamSpec

import pytest
from fakes import reviews
from tiny import tiny_checkpoint

from auditor import progress
from auditor.cli import live
from auditor.cli.interrupts import INTERRUPTS
from auditor.cli.live import Live, clock, on_terminal
from auditor.cli.options import progress as chosen
from auditor.progress import Lines, Quiet

NEVER = 3600.0
P = ParamSpec("P")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def screen(written: str, width: int = 10_000) -> list[str]:
    """What a terminal shows: it knows carriage returns, the clearing of a row and rows that are full."""
    rows, column = [""], 0
    for part in re.findall(r"\x1b\[[0-9;]*[A-Za-z]|.", written.replace("\r\n", "\n"), re.DOTALL):
        if part == "\x1b[2K":
            rows[-1] = " " * column
        elif part == "\r":
            column = 0
        elif part == "\n" or (part.isprintable() and column == width):
            rows.append("")
            column = 0
        if part.isprintable():
            rows[-1] = rows[-1][:column].ljust(column) + part + rows[-1][column + 1 :]
            column += 1
        elif part.startswith("\x1b"):
            assert re.fullmatch(r"\x1b\[(2K|[0-9;]*m)", part), f"not ours: {part!r}"
    return [row.rstrip() for row in rows]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal of 60 columns; ``attached`` makes it standard output and standard error."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")
    return Terminal()


def attached(test: Callable[P, None]) -> Callable[P, None]:
    """Not in the fixture: pytest puts its own streams there between a fixture and its test."""

    @functools.wraps(test)
    def run(*arguments: P.args, **named: P.kwargs) -> None:
        made: Any = named["terminal"]
        with contextlib.redirect_stdout(made), contextlib.redirect_stderr(made):
            test(*arguments, **named)

    return run


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """A clock for the work alone: threads keep their own."""
    now = [1000.0]

    class Clock:
        @staticmethod
        def monotonic() -> float:
            return now[0]

    monkeypatch.setattr(progress, "time", Clock)
    monkeypatch.setattr(live, "time", Clock)

    def wait(seconds: float) -> None:
        now[0] += seconds

    return wait


def test_a_log_gets_a_line_at_the_start_at_intervals_and_at_the_end(passing: Callable[[float], None]) -> None:
    log = io.StringIO()
    with Lines(log) as lines:
        lines.start("base: noise")
        passing(9)
        lines.advance(30)
        passing(2)
        lines.advance(25)
        lines.finish("55 cases")
        lines.start("training", 2000)
        passing(10)
        lines.advance(0)
        passing(10)
        lines.advance(1500)
        passing(10)
        lines.advance(1500)
        lines.finish()
    assert log.getvalue().splitlines() == [
        "base: noise: …",
        "base: noise: 55 done, 5/s",
        "base: noise: 55 cases, 11 s",
        "training: …",
        "training: 0 of 2,000",
        "training: 1,500 of 2,000, about 7 s left",
        "training: 3,000 of 2,000",
        "training: 30 s",
    ]
    assert lines.seconds == {"base: noise": 11.0, "training": 30.0}


def test_what_is_left_goes_by_the_estimate_first_and_more_and_more_by_the_pace(
    passing: Callable[[float], None],
) -> None:
    log = io.StringIO()
    with Lines(log) as lines:
        lines.expect({"m: low_resource": 100.0, "m: noise": 300.0})
        lines.start("m: low_resource", 100)
        passing(40)
        lines.advance(0)  # in the first training: no case is there yet
        passing(20)
        lines.advance(25)
        passing(60)
        lines.advance(25)
        lines.finish()
        lines.start("m: noise", None)
        passing(10)
        lines.advance(5)
        lines.finish()
    assert log.getvalue().splitlines() == [
        "m: low_resource: …",
        "m: low_resource: 0 of 100, about 60 s left, 6 min left of the audit",
        # By the pace 180 s, by the estimate 75 s: a quarter of the first and three of the second.
        "m: low_resource: 25 of 100, about 101 s left, 7 min left of the audit",
        # By the pace 120 s, by the estimate 50 s.
        "m: low_resource: 50 of 100, about 85 s left, 6 min left of the audit",
        "m: low_resource: 120 s",
        "m: noise: …",
        # Nothing comes after it; it said no total.
        "m: noise: 5 done, 0/s, about 290 s left",
        "m: noise: 10 s",
    ]


def test_what_follows_the_last_case_takes_what_is_left_of_the_estimate(passing: Callable[[float], None]) -> None:
    log = io.StringIO()
    with Lines(log) as lines:
        lines.expect({"m: interpretability": 100.0})
        lines.start("m: interpretability", 60)
        lines.advance(60)
        for _ in range(3):
            passing(40)
            lines.advance(0)  # a batch of what the probe measures
        lines.finish()
    assert log.getvalue().splitlines() == [
        "m: interpretability: …",
        "m: interpretability: 60 of 60, about 60 s left",
        "m: interpretability: 60 of 60, about 20 s left",
        "m: interpretability: 60 of 60, longer than estimated",
        "m: interpretability: 120 s",
    ]


@attached
def test_the_line_on_a_terminal_says_what_is_left_of_the_audit(
    terminal: Terminal, passing: Callable[[float], None]
) -> None:
    with Live(terminal, tick=NEVER) as line:
        line.expect({"m: quality": 10.0, "m: noise": 300.0})
        line.start("m: quality", 100)
        passing(5)
        line.advance(50)
        line.draw()
        shown = screen(terminal.getvalue())[0]
        line.finish()
    assert shown == "m: quality  50/100  0:05 left  audit 5:05  10/s"


def test_quiet_prints_nothing_and_keeps_the_times(passing: Callable[[float], None]) -> None:
    log = io.StringIO()
    quiet = Quiet(log)
    quiet.start("work", 2)
    passing(12)
    quiet.advance()
    quiet.finish("done")
    assert (log.getvalue(), quiet.seconds) == ("", {"work": 12.0})


@pytest.mark.parametrize(
    ("total", "done", "seconds", "shown"),
    [
        (None, 0, 0, "base: noise  0 done  0:00"),
        (None, 0, 75, "base: noise  0 done  1:15"),
        (None, 5120, 64, "base: noise  5,120 done  80/s  1:04"),
        (1000, 0, 3, "base: noise  0/1,000  0:03"),
        (1000, 250, 500, "base: noise  250/1,000  25:00 left  0.5/s"),
        (1000, 2000, 10, "base: noise  2,000/1,000  200/s  0:10"),
    ],
)
@attached
def test_a_terminal_shows_how_far_the_work_is(
    total: int | None, done: int, seconds: float, shown: str, terminal: Terminal, passing: Callable[[float], None]
) -> None:
    with Live(tick=NEVER) as line:
        line.start("base: noise", total)
        line.advance(done)
        passing(seconds)
        line.draw()
        assert screen(terminal.getvalue()) == [shown]
        before = terminal.getvalue()
        line.draw()
        assert terminal.getvalue() == before
        line.finish("a note")
    assert screen(terminal.getvalue()) == [f"base: noise: a note, {seconds:.0f} s", ""]
    assert line.seconds == {"base: noise": seconds}


@attached
def test_the_line_is_drawn_while_the_work_says_nothing_and_no_more_often_than_that(terminal: Terminal) -> None:
    with Live(tick=0.05) as line:
        line.start("base: noise")
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            line.advance()
        deadline = time.monotonic() + 30
        while terminal.getvalue().count(live.CLEAR) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        took = time.monotonic() - until + 0.5
        assert terminal.getvalue().count(live.CLEAR) <= took / 0.05 + 2
        assert [thread.name for thread in threading.enumerate()].count("progress") == 1
    assert "progress" not in [thread.name for thread in threading.enumerate()]
    assert live.TICK >= 0.2


@attached
def test_what_a_probe_prints_stands_above_the_line_as_it_was_printed(terminal: Terminal) -> None:
    with Live(tick=NEVER) as line:
        line.start("base: noise")
        print("a [bold]word[/bold] :smile:", "x" * 100)
        line.draw()
        sys.stderr.writelines(["one\n", "two\n"])
        print("half", end="", flush=True)
        line.draw()
        assert screen(terminal.getvalue())[-1] == "half"
        print(" a line")
        print("", end="")
        line.draw()
        assert screen(terminal.getvalue())[-1] == "base: noise  0 done  0:00"
        print("not ended", end="")
        line.finish()
        print("after")
    expected = ["a [bold]word[/bold] :smile: " + "x" * 100, "one", "two", "half a line", "not ended"]
    assert screen(terminal.getvalue()) == [*expected, "base: noise: 0 s", "after", ""]


@attached
def test_standard_output_keeps_its_own_properties_and_is_given_back(terminal: Terminal) -> None:
    line = Live(tick=NEVER)
    line.start("work")
    kept = sys.stdout
    assert kept is not terminal
    assert kept.isatty()
    assert kept.encoding == terminal.encoding
    line.finish()
    assert sys.stdout is terminal
    assert sys.stderr is terminal
    # A logging handler made meanwhile holds on to it.
    print("later", file=kept)
    line.start("more")
    print("and later", file=kept)
    line.close()
    assert screen(terminal.getvalue()) == ["work: 0 s", "later", "and later", ""]


@attached
def test_a_stream_that_someone_else_put_there_stays(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    other = io.StringIO()
    with Live(tick=NEVER) as line:
        line.start("work")
        monkeypatch.setattr(sys, "stdout", other)
    assert sys.stdout is other
    assert sys.stderr is terminal


@attached
def test_standard_output_in_a_file_gets_no_control_characters(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = io.StringIO()
    monkeypatch.setattr(sys, "stdout", file)
    with Live(tick=NEVER) as line:
        line.start("work")
        print("for the file")
    assert file.getvalue() == "for the file\n"
    assert screen(terminal.getvalue()) == [""]


@attached
def test_a_forked_process_prints_though_the_line_is_being_written(terminal: Terminal) -> None:
    with Live(tick=NEVER) as line:
        line.start("work")
        line._pid -= 1
        before = terminal.getvalue()
        print("from the child")
        assert terminal.getvalue() == before + "from the child\n"


@attached
def test_an_exception_and_work_that_never_finished_leave_the_terminal_clean(terminal: Terminal) -> None:
    line = Live(tick=NEVER)

    def work() -> None:
        with line:
            line.start("first")
            line.start("second")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    print("an error")
    assert screen(terminal.getvalue()) == ["an error", ""]
    assert line.seconds == {}


@pytest.mark.parametrize("make", [Lines, Quiet, Live])
@attached
def test_a_swallowed_interruption_ends_the_work(
    make: type[Lines], terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with make(check=INTERRUPTS.check) as line:
        line.start("work")
        monkeypatch.setattr(INTERRUPTS, "received", 2)
        with pytest.raises(KeyboardInterrupt):
            line.advance()
        with pytest.raises(KeyboardInterrupt):
            line.start("more")
    assert sys.stderr is terminal


@pytest.mark.parametrize("make", [Lines, Live])
@attached
def test_the_work_goes_on_when_the_stream_is_closed(make: type[Lines], terminal: Terminal) -> None:
    with make(terminal) as line:
        line.start("work")
        terminal.close()
        line.advance()
        if isinstance(line, Live):
            line.draw()
        line.finish()
        line.start("more")
        line.finish("note")
    assert set(line.seconds) == {"work", "more"}


def test_without_standard_error_there_is_no_progress(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    lines = chosen(Namespace(quiet=False))
    lines.start("work")
    lines.finish()
    assert type(lines) is Lines
    assert capsys.readouterr().out == ""


HOSTILE = {
    "markup": "[red]x[/red] [link=https://evil.example]y[/link] :skull:",
    "escape sequences": "a\x1b[2J\x1b]0;title\x07b\r\nc\x9b31m",
    "very long": "name " * 400,
    "wide": "漢字" * 40,
    "combining": "e\u0301" * 100,
    "right to left": "\u202eabc\u2066",
    "half a pair": "\ud800",
    "nothing": "",
}


@pytest.mark.parametrize("columns", [1, 5, 20, 40, 200])
@pytest.mark.parametrize("name", list(HOSTILE))
@attached
def test_a_hostile_name_is_text_on_one_row(
    name: str, columns: int, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, passing: Callable[[float], None]
) -> None:
    from rich.cells import cell_len

    monkeypatch.setenv("COLUMNS", str(columns))
    with Live(tick=NEVER) as line:
        line.start(HOSTILE[name], 123456)
        line.advance(12345)
        passing(100)
        line.draw()
        drawn = screen(terminal.getvalue())
        assert len(drawn) == 1
        assert cell_len(drawn[0]) < max(columns, 2)
        if columns >= 40:
            assert "12,345/123,456" in drawn[0]
        if name == "markup" and columns == 200:
            assert drawn[0].startswith(HOSTILE[name])
        line.finish()
    assert "\x1b" not in terminal.getvalue().replace(live.CLEAR, "").replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert len(screen(terminal.getvalue())) == 2


@pytest.mark.parametrize(
    ("columns", "shown"), [(40, "standard: domain…  512/9,999  5:56 left"), (24, "standard: d…  512/9,999")]
)
@attached
def test_a_narrow_terminal_shows_the_numbers_that_matter_most(
    columns: int, shown: str, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, passing: Callable[[float], None]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    with Live(tick=NEVER) as line:
        line.start("standard: domain_shift", 9999)
        line.advance(512)
        passing(19.2)
        line.draw()
        assert screen(terminal.getvalue()) == [shown]


def test_a_terminal_that_knows_only_ascii_gets_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii") as file, Live(file, tick=NEVER) as line:
        line.start("naïve " * 20)
        written = raw.getvalue().decode("ascii")
    (shown,) = screen(written)
    assert shown.startswith("na\\xefve na\\xefve")
    assert len(shown) == 39


@attached
def test_without_colour_there_is_no_colour(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with Live(tick=NEVER) as line:
        line.start("work")
        line.draw()
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", terminal.getvalue())


def test_clock() -> None:
    assert [clock(seconds) for seconds in (0, 59.6, 760, 3723)] == ["0:00", "1:00", "12:40", "1:02:03"]


def test_lines_change_in_place_only_where_they_can(monkeypatch: pytest.MonkeyPatch, terminal: Terminal) -> None:
    with contextlib.redirect_stderr(terminal):
        assert type(chosen(Namespace(quiet=False))) is Live
    assert type(chosen(Namespace(quiet=True))) is Quiet
    closed = io.StringIO()
    closed.close()
    assert not on_terminal(closed)
    assert not on_terminal(io.StringIO())
    assert not on_terminal(object())  # type: ignore[arg-type]
    for dumb in ("dumb", ""):
        monkeypatch.setenv("TERM", dumb)
        assert not on_terminal(Terminal())
    monkeypatch.delenv("TERM")
    assert not on_terminal(Terminal())


PROBE = """
import os, signal, sys, time
from dataclasses import dataclass
from auditor.types import Case, ProbeDefaults

@dataclass(frozen=True)
class Settings:
    pass

class Talker(ProbeDefaults):
    name, limitation, settings = "talker", "noise", Settings()
    def metrics(self, task):
        return ()
    def cases(self, audit):
        print("on standard output")
        print("on standard error", file=sys.stderr)
        assert sys.stdout.encoding.lower() == "utf-8"
        time.sleep(0.7)
        STOP
        for example in audit.examples(n=3):
            yield Case(example, {"slice": "all"})

PROBE = Talker()
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("terminal")
    rows = [f'"{row.inputs["text"]}",{row.gold}' for row in reviews(12)]
    (folder / "test.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    tiny_checkpoint(folder / "[red]x")
    return folder


def on_pty(command: list[str], folder: Path, columns: int) -> tuple[int, str]:
    """The exit code and all that a terminal of so many columns was sent."""
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("COLUMNS", None)
    with subprocess.Popen(
        command, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    ) as process:
        os.close(theirs)
        written = b"".join(_chunks(ours))
        code = process.wait(timeout=120)
    os.close(ours)
    return code, written.decode("utf-8")


def _chunks(ours: int) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(ours, 4096)
        except OSError:  # Linux: nobody has the other end any more
            return
        if not chunk:
            return
        yield chunk


def audit_on_pty(folder: Path, stop: str, columns: int) -> tuple[int, list[str], str]:
    (folder / "talker.py").write_text(PROBE.replace("STOP", stop), encoding="utf-8")
    command = [sys.executable, "-m", "auditor.cli.main", "run", "--model", "[red]x", "--data", "test.csv"]
    command += ["--out", "audit", "--probe", "quality", "--probe", "./talker.py"]
    code, written = on_pty(command, folder, columns)
    return code, screen(written, columns), written


def test_an_audit_on_a_real_terminal_of_40_columns(place: Path) -> None:
    code, rows, written = audit_on_pty(place, "pass", 40)
    assert code in (1, 3), written
    assert "talker  0 done" in re.sub(r"\x1b\[[0-9]*m", "", written)
    assert re.search(r"\[red\]x: quality: 12 cases, \d+ measurements, \d+ s", "".join(rows)), rows
    assert "on standard output" in rows
    assert "on standard error" in rows
    assert not [row for row in rows if re.search(r" done  ", row)], rows
    assert json.loads((place / "audit" / "timings.json").read_text(encoding="utf-8"))["seconds"]


def test_ctrl_c_on_a_real_terminal_leaves_one_line(place: Path) -> None:
    code, rows, written = audit_on_pty(place, "os.kill(os.getpid(), signal.SIGINT); time.sleep(60)", 120)
    assert code == 130, written
    said = "audit run: interrupted; no results were written; run the same command to continue"
    assert rows[-2:] == [said, ""]
    assert rows[-3] == "on standard error"
    assert "\x1b[?25" not in written
