"""Files that users name: whatever stands in a path's place is a regular file, or one clear line."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.errors import DataError
from auditor.storage.reading import check_folder, is_folder, open_file, read_file


def _socket(path: Path) -> None:
    # Bound by a short name: the path of a socket is at most about a hundred bytes long.
    here = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{here}/{path.name}")
    os.close(here)


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**43)


ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (str, "no such file (a hint)"),
    "a folder": (Path.mkdir, "is a folder, not a file"),
    "a pipe": (os.mkfifo, "is a pipe, not a file"),
    "a socket": (_socket, "is a socket, not a file"),
    "an endless device": (lambda path: path.symlink_to("/dev/zero"), "is a device, not a file"),
    "an empty device": (lambda path: path.symlink_to("/dev/null"), "is a device, not a file"),
    "a link to nothing": (lambda path: path.symlink_to("gone"), "is a broken link to gone"),
    "a link to itself": (_loop, "cannot be read: Too many levels of symbolic links"),
}
NAMES: dict[str, tuple[str, str]] = {
    "a NUL": ("a\0b", "no file can have this name: embedded null byte"),
    "300 characters": ("a" * 300, "cannot be read: File name too long"),
    "half a character": ("a\ud800b", "no file can have this name"),
    "below a file": ("file/x", "no such file"),
}


@pytest.mark.parametrize("read", [read_file, open_file])
@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_regular_file_is_one_line(kind: str, read: Callable[..., object], tmp_path: Path) -> None:
    make, words = ODD[kind]
    path = tmp_path / "x.csv"
    make(path)
    with pytest.raises(DataError) as caught:
        read(path, DataError, hint="a hint")
    assert caught.value.line.startswith(f"{path}: {words}")
    assert "\n" not in caught.value.line


@pytest.mark.parametrize("read", [read_file, open_file])
@pytest.mark.parametrize("kind", NAMES)
def test_a_name_that_no_file_can_have_is_one_line(kind: str, read: Callable[..., object], tmp_path: Path) -> None:
    name, words = NAMES[kind]
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError) as caught:
        read(tmp_path / name, DataError)
    assert words in caught.value.line
    assert caught.value.line.isprintable()


def test_a_regular_file_is_read_also_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"content")
    (tmp_path / "link").symlink_to("x")
    assert read_file(tmp_path / "link", DataError) == b"content"


def test_a_file_larger_than_it_may_be_or_than_memory_is_refused_before_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x" * (2**20 + 1))
    assert len(read_file(tmp_path / "x", DataError)) == 2**20 + 1
    with pytest.raises(DataError, match=r"takes 1\.0 MiB; at most 0\.5 MiB can be read"):
        read_file(tmp_path / "x", DataError, limit=2**19)
    try:
        _huge(tmp_path / "huge")
    except OSError:
        pytest.skip("no sparse files here")
    with pytest.raises(DataError, match="at most"):
        read_file(tmp_path / "huge", DataError)


def test_what_fails_while_it_is_read_is_one_line(tmp_path: Path) -> None:
    # The kernel gives the memory of a process as a regular file, whose first page nobody may read.
    if not Path("/proc/self/mem").exists():
        pytest.skip("no /proc here")
    with pytest.raises(DataError, match="cannot be read: Input/output error"):
        read_file(Path("/proc/self/mem"), DataError)
    assert not list(tmp_path.iterdir())


UNREADABLE = """
import os, sys
from pathlib import Path
from auditor.errors import DataError
from auditor.storage.reading import check_folder, is_folder, read_file
os.setgid(65534); os.setuid(65534)
path = Path(sys.argv[1])
for check in (read_file, lambda *a: read_file(a[0] / "x", a[1]), is_folder, check_folder):
    for place in (path / "file", path / "folder" / "inner"):
        try:
            print(check(place, DataError))
        except DataError as error:
            print(error.line.removeprefix(str(path)))
try:
    check_folder(path, DataError)
except DataError as error:
    print(error.line.removeprefix(str(path)))
"""


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can become somebody else")
def test_what_may_not_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "file").chmod(0)
    (tmp_path / "folder").mkdir(0)
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(0o755)
    denied = "cannot be read: Permission denied"
    done = subprocess.run(
        [sys.executable, "-c", UNREADABLE, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        f"/file: {denied}",
        f"/folder/inner: {denied}",
        "/file/x: no such file",
        f"/folder/inner/x: {denied}",
        "False",
        f"/folder/inner: {denied}",
        "/file: cannot be read: Not a directory",
        f"/folder/inner: {denied}",
        f"/file: {denied}",
    ]


@pytest.mark.parametrize("kind", [kind for kind in ODD if kind not in ("nothing", "a folder")])
def test_a_folder_that_a_library_reads_holds_files_alone(kind: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(b"{}")
    (tmp_path / "checkpoint-500").mkdir()
    check_folder(tmp_path, DataError)
    ODD[kind][0](tmp_path / "vocab.txt")
    with pytest.raises(DataError) as caught:
        check_folder(tmp_path, DataError)
    assert caught.value.line.startswith(f"{tmp_path / 'vocab.txt'}: ")
    assert is_folder(tmp_path, DataError)
