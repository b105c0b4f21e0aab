"""Every path that a user can name × everything that can stand in its place: one line, exit 2, nothing left."""

from __future__ import annotations

import errno
import io
import os
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fakes import reviews
from tiny import tiny_checkpoint

from auditor.cli.main import main
from auditor.errors import SHORTER

SECONDS = 30.0
"""A case that takes longer hangs."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, its data, a config, a policy, a probe and the results of an audit."""
    folder = tmp_path_factory.mktemp("made")
    for name, n in (("train", 16), ("test", 24)):
        rows = [f'"{row.inputs["text"]} {name}",{row.gold}' for row in reviews(n)]
        (folder / f"{name}.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    (folder / "texts.txt").write_text("good film\nbad film\n", encoding="utf-8")
    (folder / "test.conll").write_text("good O\nfilm O\n", encoding="utf-8")
    tiny_checkpoint(folder / "model")
    tiny_checkpoint(folder / "base", head=False)
    (folder / "audit.toml").write_text("seed = 1\n", encoding="utf-8")
    (folder / "probe.py").write_text("PROBE = None\n", encoding="utf-8")
    (folder / "policy.toml").write_text(
        "[[rule]]\nprobe = 'quality'\nmetric = 'accuracy'\nmin = 0\nwhy = 'w'\n", encoding="utf-8"
    )
    audit = ["run", "--model", "model", "--data", "test.csv", "--probe", "quality", "--quiet", "--out", "results"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(audit) == 3
    return folder


@pytest.fixture
def place(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy for each case, and the current folder."""
    folder = tmp_path / "place"
    shutil.copytree(made, folder, copy_function=os.link)
    monkeypatch.chdir(folder)
    return folder


RUN = "run --model model --data test.csv --out new/out --quiet --probe quality"
CONFIG = "[data]\ntrain = 'train.csv'\n[training]\nbase = 'base'\n"
FILES: dict[str, tuple[str, str]] = {
    "run --data": (f"{RUN} --data @", ".csv"),
    "run --data of tabs": (f"{RUN} --data @", ".tsv"),
    "run --data of objects": (f"{RUN} --data @", ".jsonl"),
    "run --data of columns": (f"{RUN} --data @", ".parquet"),
    "run --train": (f"{RUN} --train @", ".csv"),
    "run --domain": (f"{RUN} --domain far=@", ".csv"),
    "run --slice": (f"{RUN} --slice later=@", ".csv"),
    "run --labels-file": (f"{RUN} --data texts.txt --labels-file @", ".txt"),
    "run --config": (f"{RUN} --config @", ".toml"),
    "run --policy": (f"{RUN} --policy @", ".toml"),
    "run --probe": (f"{RUN} --probe @", ".py"),
    "train --config": ("train --config @", ".toml"),
    "gate --policy": ("gate results --policy @", ".toml"),
    "probes --probe": ("probes --probe @", ".py"),
}
"""Files named on the command line: arguments with @ for the path, and the ending of its name."""
FOLDERS: dict[str, str] = {
    "run --model": f"{RUN} --model @",
    "run --base": f"{RUN} --base @",
    "gate": "gate @",
    "report": "report @ --out new/page.html",
    "remedy": "remedy @",
}
TARGETS: dict[str, str] = {
    "run --out": f"{RUN} --out @",
    "train --out": "train --config training.toml --out @ --recipes standard --quiet",
    "report --out": "report results --out @",
    "init --out": "init --out @",
}
INNER: dict[str, tuple[str, str]] = {
    "the model's config.json": (RUN, "model/config.json"),
    "the model's weights": (RUN, "model/model.safetensors"),
    "the model's tokenizer.json": (RUN, "model/tokenizer.json"),
    "the model's tokenizer_config.json": (RUN, "model/tokenizer_config.json"),
    "the model's training.json": (RUN, "model/training.json"),
    "the base's config.json": (f"{RUN} --base base", "base/config.json"),
    "the base's weights": (f"{RUN} --base base", "base/model.safetensors"),
    "the results' results.json": ("gate results", "results/results.json"),
    "the results' examples.parquet": ("gate results", "results/examples.parquet"),
    "the page's results.json": ("report results --out new/page.html", "results/results.json"),
    "the remedy's results.json": ("remedy results", "results/results.json"),
}
"""Files inside folders: arguments, and the file."""
SETTINGS: dict[str, tuple[str, str]] = {
    "[data] train": ("train --config bad.toml", "[data]\ntrain = @\n[training]\nbase = 'base'\n"),
    "[data] validation": ("train --config bad.toml", CONFIG.replace("[training]", "validation = @\n[training]")),
    "[data] test": (
        "run --model model --probe quality --out new/out --quiet --config bad.toml",
        "[data]\ntest = @\n",
    ),
    "[data.domains]": (f"{RUN} --config bad.toml", "[data.domains]\nfar = @\n"),
    "[data.slices]": (f"{RUN} --config bad.toml", "[data.slices]\nlater = @\n"),
    "[training] base": ("train --config bad.toml", "[data]\ntrain = 'train.csv'\n[training]\nbase = @\n"),
    "policy": (f"{RUN} --config bad.toml", "policy = @\n"),
}
"""Paths in audit.toml: arguments, and the file with @ for the path."""


def _socket(path: Path) -> None:
    here = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{here}/{path.name}")
    os.close(here)


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**43)


def _unreadable(path: Path) -> None:
    path.write_bytes(b"{}")
    path.chmod(0)


ODD: dict[str, Callable[[Path], object]] = {
    "nothing": str,
    "a pipe": os.mkfifo,
    "a socket": _socket,
    "an endless device": lambda path: path.symlink_to("/dev/zero"),
    "an empty device": lambda path: path.symlink_to("/dev/null"),
    "a link to nothing": lambda path: path.symlink_to("gone"),
    "a link to itself": lambda path: path.symlink_to(path.name),
}
"""What is neither a file nor a folder."""
BAD_FILES: dict[str, Callable[[Path], object]] = {
    **ODD,
    "a folder": Path.mkdir,
    "an empty file": lambda path: path.write_bytes(b""),
    "random bytes": lambda path: path.write_bytes(bytes(range(256)) * 4),
    "a huge file": _huge,
    "a file that may not be read": _unreadable,
}
BAD_FOLDERS: dict[str, Callable[[Path], object]] = {
    **ODD,
    "an empty file": lambda path: path.write_bytes(b""),
    "an empty folder": Path.mkdir,
    "a folder that may not be read": lambda path: path.mkdir(0),
}
IN_THE_WAY = {kind: make for kind, make in BAD_FILES.items() if kind not in ("nothing", "a huge file")}
NAMES = {
    "a NUL": "a\0b",
    "300 characters": "a" * 300,
    "an escape sequence": "\x1b[31mred",
    "a right-to-left mark": "\u202eabc\u200f",
    "a line break": "a\nb",
    "bytes that are no text": "a\udcff",
    "a file above": "test.csv/x",
}
"""Names of what is not there."""
NO_NAMES = ("a NUL", "300 characters", "bytes that are no text", "a file above")
"""Names that nothing new can have."""
FINE = {
    ("run --config", "an empty file"),
    ("run --model", "an empty file"),
    # Nothing of training.json is needed, and there is none where the checkpoint is from elsewhere.
    ("the model's training.json", "nothing"),
    ("the model's tokenizer_config.json", "nothing"),
    # vocab.txt serves as well.
    ("the model's tokenizer.json", "nothing"),
    # Written into, or through.
    ("run --out", "a folder"),
    ("train --out", "a folder"),
    ("report --out", "a link to nothing"),
    ("report --out", "bytes that are no text"),
    ("init --out", "bytes that are no text"),
    # Written over, as what stood there before is.
    ("report --out", "an empty file"),
    ("report --out", "random bytes"),
}
"""What is no mistake."""


def cases() -> Iterator[tuple[str, str, str, Callable[[Path], object], str]]:
    """(what, kind, arguments, what is made, its path)."""
    for what, (arguments, ending) in FILES.items():
        yield from ((what, kind, arguments, make, f"bad{ending}") for kind, make in BAD_FILES.items())
        yield from ((what, kind, arguments, str, f"{name}{ending}") for kind, name in NAMES.items())
    for what, arguments in FOLDERS.items():
        yield from ((what, kind, arguments, make, "bad") for kind, make in BAD_FOLDERS.items())
        yield from ((what, kind, arguments, str, name) for kind, name in NAMES.items())
    for what, arguments in TARGETS.items():
        yield from ((what, kind, arguments, make, "bad") for kind, make in IN_THE_WAY.items())
        yield from ((what, kind, arguments, str, NAMES[kind]) for kind in NO_NAMES)
    for what, (arguments, file) in INNER.items():
        yield from ((what, kind, arguments, make, file) for kind, make in BAD_FILES.items())
    for what, (arguments, _) in SETTINGS.items():
        yield from ((what, kind, arguments, make, "bad.csv") for kind, make in BAD_FILES.items())
        names = {kind: name for kind, name in NAMES.items() if kind != "bytes that are no text"}
        yield from ((what, kind, arguments, str, f"{name}.csv") for kind, name in names.items())


CASES = {
    f"{what}: {kind}": (arguments, make, path)
    for what, kind, arguments, make, path in cases()
    if (what, kind) not in FINE
}


@contextmanager
def alarm() -> Iterator[None]:
    def late(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def denied(patch: pytest.MonkeyPatch) -> None:
    """For root, who may read everything: what nobody may read is refused as it is to others."""
    if os.geteuid() != 0:
        return

    def refusing(inner: Callable[..., Any]) -> Callable[..., Any]:
        def refuse(path: Any, *more: Any, **named: Any) -> Any:
            is_path = isinstance(path, str | Path)
            if is_path and os.path.exists(path) and not os.stat(path).st_mode & 0o777:  # noqa: PTH110, PTH116
                if inner is os.access:
                    return False
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return inner(path, *more, **named)

        return refuse

    for holder, name in ((io, "open"), (os, "listdir"), (os, "access")):
        patch.setattr(holder, name, refusing(getattr(holder, name)))


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_there_are_more_than_two_hundred_cases() -> None:
    assert len(CASES) > 400


@pytest.mark.parametrize("case", CASES)
def test_a_bad_path_is_one_line(
    case: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, make, path = CASES[case]
    what = case.rpartition(": ")[0]
    if (what in INNER and make is not str) or case.endswith(": nothing"):
        (place / path).unlink(missing_ok=True)
    make(place / path)
    (place / "training.toml").write_text(CONFIG, encoding="utf-8")
    if what in SETTINGS:
        (place / "bad.toml").write_text(SETTINGS[what][1].replace("@", quoted(path)), encoding="utf-8")
    words = [word.replace("@", path) for word in arguments.split()]
    before = names(place)
    denied(monkeypatch)
    with alarm(), pytest.raises(SystemExit) as ended:
        # Wrong arguments end the process themselves.
        raise SystemExit(main(words))
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"audit {words[0]}: ")
    assert said.err.endswith("\n")
    assert said.err[:-1].isprintable(), said.err
    assert said.out == ""
    assert names(place) == before
    if case.endswith(": 300 characters"):
        assert f": File name too long ({SHORTER})\n" in said.err
        assert len(said.err) < 300


def quoted(path: str) -> str:
    """As a basic string of TOML."""
    return '"' + "".join(f"\\u{ord(one):04x}" if not one.isalnum() else one for one in path) + '"'
