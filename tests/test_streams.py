"""Output that is closed, full, or of an encoding that lacks a character, by every command there is."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import reviews
from tiny import tiny_checkpoint

from auditor import results
from auditor.cli import surroundings
from auditor.cli.arguments import parser
from auditor.cli.main import main
from auditor.cli.streams import Stream
from auditor.errors import one_line
from auditor.storage import user_cache

HERE = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
ODD = "a\u202e\x1b[31m\xe9\udcff"
"""A name with a right-to-left mark, an escape sequence, a letter that ASCII lacks, and a byte that is no UTF-8."""
WORDS = {
    "run": [
        "run",
        "--model",
        "model",
        "--data",
        f"{ODD}.csv",
        "--probe",
        "quality",
        "--probe",
        "label_errors",
        "--config",
        f"{ODD}.toml",
    ],
    "train": ["train", "--config", f"{ODD}.toml"],
    "gate": ["gate", ODD],
    "compare": ["compare", ODD, ODD, "--out", f"{ODD}-compared.html"],
    "report": ["report", ODD, "--out", f"{ODD}.html"],
    "init": ["init", "--out", f"{ODD}.new.toml"],
    "remedy": ["remedy", ODD],
    "review": ["review", f"{ODD}/review.csv"],
    "export-cases": ["export-cases", ODD, "--all", "--out", f"{ODD}-cases.jsonl"],
    "import": ["import", "samples_arc.jsonl", "--model-name", "graded", "--out", f"{ODD[:-1]}-imported"],
    "card": ["card", ODD],
}
"""Arguments of the commands that need some; where names can be odd, they are."""
CODES = {"run": 3, "gate": 3}
"""Exit codes that are not 0."""


def commands() -> list[str]:
    (found,) = (action for action in parser()._actions if isinstance(action, argparse._SubParsersAction))
    # Without MLflow, export has nothing to say; test_mlflow_run has a stand-in.
    return [name for name in found.choices if name != "export"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    for name, n in (("train", 16), (ODD, 24)):
        rows = [f'"{row.inputs["text"]} {name[0]}",{row.gold}' for row in reviews(n)]
        (folder / f"{name}.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    graded = ({"doc_id": place, "target": "x", "metrics": ["acc"], "acc": float(place % 2)} for place in range(12))
    (folder / "samples_arc.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in graded), encoding="utf-8")
    tiny_checkpoint(folder / "model")
    tiny_checkpoint(folder / "base", head=False)
    (folder / f"{ODD}.toml").write_text(
        '[data]\ntrain = "train.csv"\n[training]\nbase = "base"\nrecipes = ["standard"]\nepochs = 1\n', encoding="utf-8"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main([*WORDS["run"], "--quiet", "--out", "results"]) == 3
        (folder / "results").rename(folder / ODD)
    return folder


@pytest.fixture
def place(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(made, tmp_path / "place")
    monkeypatch.chdir(tmp_path / "place")
    return tmp_path / "place"


def full() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.FileIO("/dev/full", "w"), encoding="utf-8")


def ascii_only() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict")


def left() -> io.TextIOWrapper:
    reader, writer = os.pipe()
    os.close(reader)
    return io.TextIOWrapper(io.FileIO(writer, "w"), encoding="utf-8")


def the_line(command: str, reason: str) -> str:
    return f"audit {command}: its output could not be printed: {reason}"


OUTPUTS: dict[str, tuple[Callable[[], io.TextIOWrapper | None], str | None]] = {
    "closed": (lambda: None, "standard output is closed"),
    "full": (full, "No space left on device"),
    "left": (left, None),
    "of ASCII alone": (ascii_only, None),
}


@pytest.mark.parametrize("kind", OUTPUTS)
@pytest.mark.parametrize("command", commands())
@pytest.mark.usefixtures("place")
def test_what_cannot_be_printed_costs_no_results_and_is_one_line(
    command: str, kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make, reason = OUTPUTS[kind]
    with contextlib.closing(make() or io.StringIO()) as stream:
        monkeypatch.setattr(sys, "stdout", None if kind == "closed" else stream)
        assert main(WORDS.get(command, [command])) == CODES.get(command, 0)
        inner = getattr(stream, "buffer", None)
        written = inner.getvalue() if isinstance(inner, io.BytesIO) else b"x"
    said = capsys.readouterr().err.splitlines()
    assert [line for line in said if "printed" in line] == ([the_line(command, reason)] if reason else [])
    assert not any("Traceback" in line for line in said)
    assert all(line.isprintable() for line in said), said
    assert written
    assert b"\x1b" not in written


@pytest.mark.parametrize("kind", OUTPUTS)
@pytest.mark.parametrize("command", commands())
@pytest.mark.usefixtures("place")
def test_without_standard_error_the_output_is_the_output_alone(
    command: str, kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = WORDS.get(command, [command])
    assert main([*words, *(["--quiet"] if command in ("train", "remedy") else [])]) == CODES.get(command, 0)
    expected = capsys.readouterr().out
    (Path.cwd() / f"{ODD}.new.toml").unlink(missing_ok=True)
    with contextlib.closing(OUTPUTS[kind][0]() or io.StringIO()) as stream:
        monkeypatch.setattr(sys, "stderr", None if kind == "closed" else stream)
        assert main(words) == CODES.get(command, 0)
    assert capsys.readouterr().out == expected


def test_bytes_of_a_path_that_are_no_text_come_back_from_the_results(place: Path) -> None:
    found = results.load(place / ODD)
    paths = {one["name"]: one["path"] for one in found["data"]}
    assert paths["home"] == f"{ODD}.csv"
    assert (place / paths["home"]).is_file()


SHELL = [
    (">&-", 3, the_line("gate", "standard output is closed")),
    (">/dev/full", 3, the_line("gate", "No space left on device")),
    (">&- 2>&-", 3, ""),
    (">/dev/full 2>/dev/full", 3, ""),
    ("<&- >&- 2>&-", 3, ""),
]


@pytest.mark.parametrize(("redirection", "code", "said"), SHELL)
def test_a_process_of_its_own_ends_with_the_exit_code_of_its_results(
    redirection: str, code: int, said: str, place: Path
) -> None:
    (place / ODD).rename(place / "results")
    command = f"{sys.executable} -m auditor.cli.main gate results {redirection}"
    done = subprocess.run(command, shell=True, env=HERE, cwd=place, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip(), done.stdout) == (code, said, "")


def test_a_locale_of_ascii_costs_nothing(place: Path) -> None:
    ascii_locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "auditor.cli.main", *WORDS["report"]]
    done = subprocess.run(command, env={**HERE, **ascii_locale}, cwd=place, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    # The names of files come as ASCII there too, with halves of characters for other bytes.
    assert done.stdout == rb"a\udce2\udc80\udcae\x1b[31m\udcc3\udca9\udcff.html" + b"\n"


def test_no_character_of_any_kind_that_a_terminal_acts_on_is_printed() -> None:
    """Every character there is: controls, format and direction marks, halves, private ones, odd blanks."""
    for code in range(sys.maxunicode + 1):
        kind = unicodedata.category(chr(code))
        acts = kind[0] == "C" or (kind[0] == "Z" and code != 0x20)
        shown = one_line(chr(code))
        assert (shown == chr(code)) != acts, hex(code)
        assert shown.isascii() or not acts


def test_a_stream_passes_on_what_it_does_not_know_and_stays_quiet_once_it_failed() -> None:
    inner = io.StringIO()
    stream = Stream(inner)
    stream.writelines(["a", "b"])
    stream.flush()
    assert (inner.getvalue(), stream.isatty(), stream.trouble) == ("ab", False, None)
    inner.close()
    assert stream.write("more") == 4
    stream.flush()
    assert stream.trouble == "I/O operation on closed file"


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container whose user has no entry in the list of users."""

    def unknown(number: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "XDG_CACHE_HOME", user_cache.VARIABLE):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("command", commands())
@pytest.mark.usefixtures("homeless")
def test_without_a_home_every_command_works_and_nothing_is_kept(
    command: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name for path in place.iterdir()}
    quiet = ["--quiet"] if command in ("run", "train", "remedy") else []
    assert main([*WORDS.get(command, [command]), *quiet]) == CODES.get(command, 0)
    said = capsys.readouterr().err.splitlines()
    told = f"audit {command}: no home folder: nothing is kept for the next run (set AUDIT_CACHE to a folder)"
    assert (told in said) == (command in surroundings.KEEPING)
    assert "~" not in {path.name for path in place.iterdir()} - before


@pytest.mark.usefixtures("homeless", "place")
def test_with_a_cache_that_is_named_nothing_has_to_be_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(user_cache.VARIABLE, str(tmp_path / "kept"))
    assert main([*WORDS["run"], "--quiet"]) == 3
    assert capsys.readouterr().err == ""
    assert (tmp_path / "kept" / user_cache.ANSWERS).is_file()


def test_a_current_folder_that_is_gone_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert main(["probes"]) == 2
    line = "audit probes: the current folder does not exist: No such file or directory (cd to another one)\n"
    assert capsys.readouterr().err == line


@pytest.mark.usefixtures("place")
def test_no_place_for_temporary_files_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nowhere() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    assert main(WORDS["run"]) == 2
    line = "audit run: cannot write temporary files: No usable temporary directory found in ['/tmp'] (set TMPDIR)\n"
    assert capsys.readouterr().err == line


LIMITED = """
import resource, sys
from auditor.cli.main import main
import auditor.cli.run, auditor.training.job, pyarrow.parquet, transformers, torch  # their imports write nothing then
for kilobytes in map(int, sys.argv[1].split(",")):
    resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1024, resource.RLIM_INFINITY))
    code = main(sys.argv[2:])
    print("exit code", code, file=sys.stderr)
"""


@pytest.mark.parametrize("command", ["run", "train"])
def test_a_disk_that_is_full_is_one_line_and_leaves_nothing(command: str, place: Path) -> None:
    """As a limit to the size of files has it: writing fails after so many bytes, with an error of its own."""
    before = {path.name for path in place.iterdir()}
    words = [*WORDS[command], "--quiet", "--out", "out"]
    # Parquet tables; results.json; the page. Weights, tokenizer.
    sizes = "2,12,24" if command == "run" else "2,24"
    process = [sys.executable, "-c", LIMITED, sizes, *words]
    environment = {**HERE, user_cache.VARIABLE: "/dev/null/none"}
    done = subprocess.run(process, env=environment, cwd=place, capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if "not kept" not in line and "resumed" not in line]
    assert said[1::2] == ["exit code 2"] * len(sizes.split(","))
    for line in said[::2]:
        assert line.startswith(f"audit {command}: out")
        assert "cannot be written" in line
        assert line.endswith("(is the disk full?)")
    assert {path.name for path in place.iterdir()} - {"out"} == before
    assert not list((place / "out").iterdir() if (place / "out").exists() else [])
