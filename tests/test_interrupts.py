"""Signals that end a command: one line, an exit code of their own, nothing left; and none changes what is whole."""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes import reviews
from tiny import tiny_checkpoint

from auditor import results
from auditor.cli.interrupts import INTERRUPTS, WORDS
from auditor.cli.main import main
from auditor.storage import atomic_folder

SIGNALS = tuple(signal.Signals[name] for name in WORDS)
RUN = ["run", "--model", "model", "--data", "test.csv", "--probe", "quality", "--out", "new/out", "--quiet"]
TRAIN = ["train", "--config", "audit.toml", "--out", "new/out", "--quiet"]
HERE = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
"""Processes of their own find the same package, wherever they start."""
INSTEAD = {"run": "no results were written; run the same command to continue"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    for name, n in (("train", 16), ("test", 24)):
        rows = [f'"{row.inputs["text"]} {name}",{row.gold}' for row in reviews(n)]
        (folder / f"{name}.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    tiny_checkpoint(folder / "model")
    tiny_checkpoint(folder / "base", head=False)
    (folder / "audit.toml").write_text(
        '[data]\ntrain = "train.csv"\n[training]\nbase = "base"\nrecipes = ["standard"]\nepochs = 1\n', encoding="utf-8"
    )
    return folder


@pytest.fixture(autouse=True)
def place(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.rmtree(made / "new", ignore_errors=True)  # of a test that failed
    monkeypatch.chdir(made)
    return made


def struck(monkeypatch: pytest.MonkeyPatch, moment: str, number: int) -> None:
    """The signal comes when the function is called that the moment names."""
    module, _, name = moment.rpartition(".")
    holder: Any = importlib.import_module(module)
    inner: Callable[..., Any] = getattr(holder, name)

    def come(*given: Any, **named: Any) -> Any:
        signal.raise_signal(number)
        return inner(*given, **named)

    monkeypatch.setattr(holder, name, come)


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


BEFORE = {
    "run": (
        "auditor.config.load",
        "auditor.verdicts.policy.load",
        "auditor.plugins.registry.discover",
        "auditor.storage.atomic_folder._sweep",
        "auditor.storage.atomic_folder.check_target",
        "tempfile.mkdtemp",
        "auditor.storage.atomic_folder._locked",
        "auditor.evaluation.build_plan.prepare",
        "auditor.models.checkpoint.describe",
        "auditor.models.hugging_face.load",
        "auditor.data.load_all",
        "auditor.evaluation.adaptive.run",
        "auditor.results.parquet.slice_text",
        "auditor.verdicts.gate.decide",
        "auditor.results.parquet.write_rows",
        "auditor.results.folder.write_json",
        "reports.scorecard.render",
    ),
    "train": (
        "auditor.config.load",
        "auditor.data.datasets.sha256_of",
        "auditor.training.loop.train",
        "auditor.training.loop.save",
        "auditor.models.adapters.save",
        "auditor.training.record.write",
    ),
}
"""Command → functions that are called before anything is whole."""


@pytest.mark.parametrize(
    ("command", "moment", "number"),
    [
        pytest.param(command, moment, SIGNALS[(at + len(command)) % len(SIGNALS)], id=f"{command}-{moment}")
        for command, moments in BEFORE.items()
        for at, moment in enumerate(moments)
    ],
)
def test_a_signal_before_the_results_are_whole_leaves_one_line_and_nothing_else(
    command: str,
    moment: str,
    number: signal.Signals,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = names(place)
    struck(monkeypatch, moment, number)
    assert main(RUN if command == "run" else TRAIN) == 128 + number
    said = capsys.readouterr()
    kept = INSTEAD.get(command, "finished checkpoints are kept; run the same command to continue")
    assert said.err == f"audit {command}: {WORDS[number.name]}; {kept}\n"
    assert names(place) == before
    assert signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler)


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(
    "moment",
    [
        "auditor.storage.atomic_folder._replace",
        "shutil.rmtree",
        "auditor.cli.run.show",
        "auditor.cli.decision.one_line",
    ],
)
def test_a_signal_once_the_results_are_whole_changes_neither_them_nor_the_exit_code(
    moment: str,
    number: signal.Signals,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    struck(monkeypatch, moment, number)
    assert main([*RUN, "--out", str(out)]) == results.load(out)["decision"]["exit_code"] == 3
    assert capsys.readouterr().err == f"audit run: {WORDS[number.name]}; the results are complete\n"
    assert names(tmp_path) == {"out", *(f"out/{name}" for name in results.FILES - {results.ERRORS})}


@pytest.mark.parametrize(
    ("command", "moment", "code"),
    [
        (["gate", "whole"], "auditor.cli.gate.show", 3),
        (["report", "whole", "--out", "page.html"], "auditor.cli.report.one_line", 0),
        (["init", "--out", "new.toml"], "auditor.cli.init.one_line", 0),
        ([*TRAIN[:-1], "--out", "ckpt"], "auditor.cli.train._table", 0),
    ],
    ids=["gate", "report", "init", "train"],
)
def test_every_command_that_is_done_keeps_its_exit_code(
    command: list[str],
    moment: str,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*RUN, "--out", str(tmp_path / "whole")]) == 3
    here = [str(tmp_path / word) if word in ("whole", "page.html", "new.toml", "ckpt") else word for word in command]
    if command[0] == "train":
        # The table stands there for several checkpoints.
        here += ["--seeds", "2"]
    capsys.readouterr()
    struck(monkeypatch, moment, signal.SIGTERM)
    assert main(here) == code
    assert capsys.readouterr().err.endswith(f"audit {command[0]}: terminated; the results are complete\n")


def test_an_impatient_second_signal_leaves_nothing_either(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = names(place)
    struck(monkeypatch, "auditor.verdicts.gate.decide", signal.SIGINT)
    struck(monkeypatch, "shutil.rmtree", signal.SIGTERM)
    assert main(RUN) == 130
    assert capsys.readouterr().err.splitlines() == [f"audit run: interrupted; {INSTEAD['run']}"]
    assert names(place) == before


def test_a_signal_that_was_ignored_before_stays_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup has it
    try:
        struck(monkeypatch, "auditor.verdicts.gate.decide", signal.SIGHUP)
        assert main([*RUN, "--out", str(tmp_path / "out")]) == 3
    finally:
        signal.signal(signal.SIGHUP, before)


def test_signals_wait_inside_and_come_afterwards() -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: seen.append(number))
    try:
        with atomic_folder.uninterrupted(), atomic_folder.uninterrupted():
            signal.raise_signal(signal.SIGTERM)
            assert not seen
        assert seen == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_another_thread_handles_no_signals() -> None:
    def work() -> None:
        with atomic_folder.uninterrupted():
            INTERRUPTS.install()
            INTERRUPTS.restore()

    before = [signal.getsignal(number) for number in SIGNALS]
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert [signal.getsignal(number) for number in SIGNALS] == before


SLOW = """
import sys, time
print("loading", file=sys.stderr, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_process_of_its_own_ends_by_a_signal_with_one_line(number: signal.Signals, place: Path) -> None:
    """While a probe file is imported; that nothing is written at the end of the interpreter either."""
    (place / "slow.py").write_text(SLOW, encoding="utf-8")
    command = [sys.executable, "-m", "auditor.cli.main", *RUN, "--probe", "./slow.py"]
    with subprocess.Popen(command, cwd=place, env=HERE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "loading\n"
        process.send_signal(number)
        assert process.stderr.read() == f"audit run: {WORDS[number.name]}; {INSTEAD['run']}\n"
        assert process.wait(timeout=60) == 128 + number
    assert not (place / "new").exists()


BLOCKED = """
import os, signal, sys
from auditor.cli import gate
from auditor.cli.main import main
show = gate.show
def in_a_second(*given, **named):
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    show(*given, **named)
gate.show = in_a_second
reader, writer = os.pipe()
os.set_blocking(writer, False)
try:
    while True:
        os.write(writer, bytes(65536))
except BlockingIOError:
    os.set_blocking(writer, True)
os.dup2(writer, 1)
signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
sys.argv[1:] = ["gate", "--quiet", sys.argv[1]]
sys.exit(main())
"""


def test_a_reader_that_never_reads_keeps_nobody_from_ending_the_process(tmp_path: Path) -> None:
    assert main([*RUN, "--out", str(tmp_path / "out")]) == 3
    command = [sys.executable, "-c", BLOCKED, str(tmp_path / "out")]
    done = subprocess.run(command, env=HERE, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (3, "audit gate: terminated; the results are complete\n")
