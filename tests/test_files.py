"""Single files are whole or as they were; the policy and the config that commands write."""

from __future__ import annotations

import ast
import errno
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import small_results

from auditor import config, results
from auditor.cli.main import main
from auditor.errors import UsageError
from auditor.storage import files
from auditor.verdicts import policy

ROOT = Path(__file__).resolve().parent.parent


def test_a_file_is_written_with_its_folders_and_over_an_older_one(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b" / "page.html"
    for content in (b"one", b"other"):
        files.write_whole(file, content, UsageError)
        assert file.read_bytes() == content
    assert [one.name for one in file.parent.iterdir()] == ["page.html"]


def test_what_is_there_stays_where_nothing_may_be_written_over(tmp_path: Path) -> None:
    file = tmp_path / "audit.toml"
    file.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match=r"exists already \(name another file with --out\)"):
        files.write_whole(file, b"other", UsageError, over=False)
    file.unlink()
    file.symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="exists already"):
        files.write_whole(file, b"other", UsageError, over=False)
    assert [one.name for one in tmp_path.iterdir()] == ["audit.toml"]


def test_a_file_system_without_links_gets_its_file_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refused)
    files.write_whole(tmp_path / "audit.toml", b"x", UsageError, over=False)
    assert [one.name for one in tmp_path.iterdir()] == ["audit.toml"]


def test_a_file_that_comes_in_between_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "lexists", lambda _: False)
    (tmp_path / "audit.toml").write_bytes(b"mine")
    with pytest.raises(UsageError, match="exists already"):
        files.write_whole(tmp_path / "audit.toml", b"x", UsageError, over=False)
    assert (tmp_path / "audit.toml").read_bytes() == b"mine"


def test_a_link_stays_one_and_rights_stay_as_they_are(tmp_path: Path) -> None:
    page, link = tmp_path / "page.html", tmp_path / "link.html"
    page.write_bytes(b"old")
    page.chmod(0o640)
    link.symlink_to(page)
    files.write_whole(link, b"new", UsageError)
    assert link.is_symlink()
    assert page.read_bytes() == b"new"
    assert page.stat().st_mode & 0o777 == 0o640


def test_a_new_file_has_the_rights_that_every_new_file_has(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"x")
    files.write_whole(tmp_path / "whole", b"x", UsageError)
    assert (tmp_path / "plain").stat().st_mode == (tmp_path / "whole").stat().st_mode


def test_a_folder_or_a_pipe_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder.html").mkdir()
    os.mkfifo(tmp_path / "pipe.html")
    for name in ("folder.html", "pipe.html"):
        with pytest.raises(UsageError, match=f"{name}: exists and is not a file"):
            files.write_whole(tmp_path / name, b"x", UsageError)


@pytest.mark.parametrize(
    ("name", "problem"),
    [("x" * 300, "cannot be written: File name too long"), ("a\x00b", "no file can have this name")],
)
def test_what_cannot_be_a_name_is_one_line(tmp_path: Path, name: str, problem: str) -> None:
    for over in (True, False):
        with pytest.raises(UsageError) as caught:
            files.write_whole(tmp_path / name, b"x", UsageError, over=over)
        assert "\n" not in caught.value.line
        assert problem in caught.value.line
    assert list(tmp_path.iterdir()) == []


def test_a_long_name_leaves_room_for_the_one_beside_it(tmp_path: Path) -> None:
    files.write_whole(tmp_path / ("x" * 255), b"x", UsageError)
    assert [len(one.name) for one in tmp_path.iterdir()] == [255]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = small_results.write(tmp_path / "audit")
    (folder / results.PAGE).write_text("the page of yesterday", encoding="utf-8")
    return folder


COMMANDS = {"report": ["report", "audit"], "init": ["init"], "policy": ["init", "--policy"]}


@pytest.mark.parametrize("when", ["write", "fsync", "replace"])
@pytest.mark.parametrize("command", list(COMMANDS))
def test_a_full_disk_leaves_what_was_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, when: str
) -> None:
    monkeypatch.chdir(folder.parent)
    before = {file: file.read_bytes() for file in folder.parent.rglob("*") if file.is_file()}

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if when == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    elif when == "replace":
        for name in ("replace", "rename", "hardlink_to"):
            monkeypatch.setattr(Path, name, full)
    else:
        monkeypatch.setattr(files, "_write", _half_written)
    assert main(COMMANDS[command]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "cannot be written: No space left on device" in said
    monkeypatch.undo()
    assert {file: file.read_bytes() for file in folder.parent.rglob("*") if file.is_file()} == before


WRITE = files._write


def _half_written(place: Path, content: bytes, *, over: bool) -> None:
    class Full(bytes):
        """Half of it fits."""

    class Half:
        def __init__(self, file: Any) -> None:
            self._file = file

        def __enter__(self) -> Half:
            return self

        def __exit__(self, *_: object) -> None:
            self._file.close()

        def write(self, content: bytes) -> None:
            self._file.write(content[: len(content) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")

    original = Path.open
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "open", lambda path, mode: Half(original(path, mode)))
        WRITE(place, Full(content), over=over)


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on files")
@pytest.mark.parametrize("command", list(COMMANDS))
def test_a_real_limit_on_the_size_of_files_leaves_what_was_there(folder: Path, command: str) -> None:
    """The system itself refuses to write more than a kilobyte."""
    code = (
        "import resource, sys\nfrom auditor.cli.main import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))\n"
        f"sys.exit(main({COMMANDS[command]!r}))"
    )
    before = {file: file.read_bytes() for file in folder.parent.rglob("*") if file.is_file()}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=folder.parent, env=environment, check=False
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "cannot be written: File too large" in done.stderr
    assert {file: file.read_bytes() for file in folder.parent.rglob("*") if file.is_file()} == before


# Every place that writes a file.

ELSEWHERE = {
    "auditor/storage/files.py": "here",
    "auditor/storage/atomic_folder.py": "the lock of a folder that is written whole",
    "auditor/results/folder.py": "into a folder that is written whole",
    "auditor/results/spreadsheets.py": "into a folder that is written whole",
    "auditor/api/outcome.py": "into a folder that is written whole",
    "auditor/audit_run.py": "into a folder that is written whole",
    "auditor/training/record.py": "into a folder that is written whole, or a temporary one",
    "auditor/models/adapters.py": "into a folder that is written whole",
    "auditor/training/cost.py": "beside its place, then renamed; and a switch of the system's",
    "auditor/environment/resources.py": "into a temporary folder of this process",
    "auditor/cli/events.py": "line by line, for programs that follow the audit",
    "auditor/cli/ci.py": "at the end of a CI job's summary, which is the runner's file",
}
"""Modules that write files otherwise than by ``files.write_whole``, and why none is left half-written."""


def writers() -> Iterator[tuple[str, int]]:
    """Where auditor writes a file: module and line."""
    for path in sorted((ROOT / "auditor").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _writes(node):
                yield path.relative_to(ROOT).as_posix(), node.lineno


def _writes(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in ("write_text", "write_bytes"):
        return True
    modes = [
        argument.value
        for argument in (*call.args, *(keyword.value for keyword in call.keywords))
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]
    return name == "open" and any(set(mode) <= set("rwxabt+") and set(mode) & set("wxa") for mode in modes)


def test_every_single_file_is_written_whole() -> None:
    assert {path for path, _ in writers()} == set(ELSEWHERE)


# audit init, audit policy.


def test_init_writes_the_config_and_with_policy_the_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == 0
    assert main(["init", "--policy"]) == 0
    assert main(["init", "--policy", "--task", "ner", "--out", "ner/policy.toml"]) == 0
    assert Path("audit.toml").read_text(encoding="utf-8") == config.TEMPLATE
    assert Path("policy.toml").read_bytes() == policy.DEFAULT.read_bytes()
    assert Path("ner/policy.toml").read_bytes() == policy.BY_TASK["ner"].read_bytes()
    assert policy.load(Path("policy.toml")).rules == policy.load().rules
    assert "audit gate audit/ --policy policy.toml" in capsys.readouterr().out
    for again in (["init"], ["init", "--policy"]):
        assert main(again) == 2
        assert "exists already (name another file with --out)" in capsys.readouterr().err


def test_the_task_of_a_config_is_said_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--task", "ner"]) == 2
    assert "--task applies to --policy only (audit init --policy --task ner)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "task"), [([], ""), (["--task", "ner"], "ner"), (["--task", "text-classification"], "")]
)
def test_the_shipped_policy_is_printed_as_it_is(
    capsys: pytest.CaptureFixture[str], words: list[str], task: str
) -> None:
    assert main(["policy", *words]) == 0
    said = capsys.readouterr().out
    assert said == policy.shipped(task).read_text(encoding="utf-8")
    assert tomllib.loads(said)["rule"]


def test_every_task_has_a_policy_that_can_be_asked_for() -> None:
    from auditor import tasks

    assert {file.stem for file in policy.POLICIES.glob("*.toml")} == set(tasks.names())
