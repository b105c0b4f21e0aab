"""Folders that are whole or not there, also after a process was killed while it wrote one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.errors import ResultsError
from auditor.storage import atomic_folder

WRITING = """
import sys, time
from pathlib import Path
from auditor.errors import ResultsError
from auditor.storage import atomic_folder
with atomic_folder.whole(Path(sys.argv[1]), lambda _: True, ResultsError) as folder:
    (folder / "new").write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


def ours(_folder: Path) -> bool:
    return True


def write(out: Path, text: str = "whole") -> None:
    with atomic_folder.whole(out, ours, ResultsError) as folder:
        (folder / "new").write_text(text)


def killed_while_writing(out: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", WRITING, str(out)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"writing\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


def test_a_folder_holds_what_was_written_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path / "out")
    assert [file.name for file in tmp_path.iterdir()] == ["out"]
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["new"]


def test_what_a_killed_process_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    write(tmp_path / "out", "first")
    killed_while_writing(tmp_path / "out")
    assert (tmp_path / "out" / "new").read_text() == "first"
    assert len(list(tmp_path.iterdir())) == 2
    write(tmp_path / "out", "second")
    assert [file.name for file in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / "new").read_text() == "second"


def test_what_another_process_is_writing_stays(tmp_path: Path) -> None:
    with atomic_folder.whole(tmp_path / "out", ours, ResultsError) as folder:
        (folder / "new").write_text("slow")
        write(tmp_path / "out", "quick")
        assert (folder / "new").read_text() == "slow"
    assert (tmp_path / "out" / "new").read_text() == "slow"


def test_folders_of_others_that_are_called_alike_stay(tmp_path: Path) -> None:
    names = {".out-notes", ".out-before", ".out-baseline-before", ".out-x-abcd_123.replaced", ".out-abcd_124.writing"}
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine").write_text("mine")
    write(tmp_path / "out")
    write(tmp_path / "out")
    assert {file.name for file in tmp_path.iterdir()} == {"out", *names}


def test_a_process_killed_before_it_let_go_of_the_new_folder_leaves_a_whole_one(tmp_path: Path) -> None:
    write(tmp_path / "out", "first")
    (tmp_path / "out" / atomic_folder.LOCK).write_bytes(b"")
    (tmp_path / ".out-abcd_123.replaced").mkdir()
    seen: list[set[str]] = []

    def ours(folder: Path) -> bool:
        seen.append({file.name for file in folder.iterdir()})
        return True

    with atomic_folder.whole(tmp_path / "out", ours, ResultsError) as folder:
        (folder / "new").write_text("second")
    assert {"new"} in seen
    assert {"new", atomic_folder.LOCK} not in seen
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


def test_what_a_process_is_replacing_right_now_stays_aside(tmp_path: Path) -> None:
    write(tmp_path / "out", "first")
    with atomic_folder.whole(tmp_path / "out", ours, ResultsError) as folder:
        aside = folder.with_name(folder.name.removesuffix(atomic_folder.WRITING) + atomic_folder.REPLACED)
        (tmp_path / "out").rename(aside)
        atomic_folder._sweep(tmp_path / "out", ours)
        assert aside.is_dir()
        aside.rename(tmp_path / "out")


def test_a_process_killed_between_the_renamings_loses_nothing(tmp_path: Path) -> None:
    write(tmp_path / "out", "first")
    (tmp_path / "out").rename(tmp_path / ".out-abcd_123.replaced")
    with atomic_folder.whole(tmp_path / "out", ours, ResultsError):
        assert (tmp_path / "out" / "new").read_text() == "first"
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


def test_a_process_killed_after_the_renamings_leaves_nothing_for_long(tmp_path: Path) -> None:
    write(tmp_path / "out", "second")
    (tmp_path / ".out-abcd_123.replaced").mkdir()
    write(tmp_path / "out", "third")
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


def test_without_locks_nothing_is_taken_for_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    write(tmp_path / "out", "first")
    killed_while_writing(tmp_path / "out")
    write(tmp_path / "out", "second")
    assert len(list(tmp_path.iterdir())) == 2
    assert (tmp_path / "out" / "new").read_text() == "second"


def test_folders_that_were_made_on_the_way_go_with_what_failed(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with (
        pytest.raises(ResultsError, match=r"out: cannot be written: No space left on device \(is the disk full\?\)"),
        atomic_folder.whole(tmp_path / "there" / "new" / "newer" / "out", ours, ResultsError),
    ):
        raise OSError(28, "No space left on device")
    assert [path.name for path in tmp_path.rglob("*")] == ["there"]


def test_what_another_file_refused_is_said_of_that_file(tmp_path: Path) -> None:
    with (
        pytest.raises(ResultsError, match=r"^/elsewhere/file: Permission denied$"),
        atomic_folder.whole(tmp_path / "out", ours, ResultsError),
    ):
        raise PermissionError(13, "Permission denied", "/elsewhere/file")


@pytest.mark.parametrize("place", ["out", ""])
def test_a_folder_that_may_not_be_written_to_is_refused_before_any_work(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out").mkdir()
    access = os.access
    # Of mode 0555; root, who runs these tests in containers, may write to it all the same.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path / place and access(path, mode))
    with pytest.raises(ResultsError, match="no permission to write to"):
        atomic_folder.check_target(tmp_path / "out", ours, ResultsError)


def test_a_name_that_leaves_no_room_for_the_folder_beside_is_refused_before_any_work(tmp_path: Path) -> None:
    longest = os.pathconf(tmp_path, "PC_NAME_MAX") - atomic_folder.LONGER
    write(tmp_path / ("a" * longest))
    with pytest.raises(ResultsError, match="its name is too long"):
        atomic_folder.check_target(tmp_path / ("a" * (longest + 1)), ours, ResultsError)
