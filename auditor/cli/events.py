"""Events of ``audit run`` as JSON lines, for programs that watch it.

Each line is a JSON object in ASCII with ``event`` and ``seconds``; whatever text is in it, it ends no line and moves no
cursor. The results do not depend on whether they are written.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TextIO

from auditor.cli.interrupts import INTERRUPTS
from auditor.errors import AuditError, UsageError, one_line
from auditor.progress import Lines
from auditor.results.canonical_json import plain

STDOUT = "-"
SUFFIX = ".jsonl"
"""How the name of a file ends that may be overwritten."""
HEAD = b'{"event": "'
"""How a file of events begins."""
OFTEN = 1.0
"""Least seconds between two progress events."""
WORK = MappingProxyType(
    {
        "work": "name of the work in progress lines",
        "model": "model that a probe runs on; null for other work",
        "probe": "the probe; null for other work",
    }
)
FIELDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "started": {
            "auditor": "version of auditor",
            "results": "results folder",
            "design": "`adaptive`, `fixed` or `until-decided`",
            "seed": "seed of the audit",
        },
        "work_planned": {
            **WORK,
            "cases": "cases that it has, or at most has; null: not known",
            "expected_seconds": "seconds that it takes, or at least takes; null: not known",
            "reason": "why it is not measured; null where it is",
        },
        "work_started": {**WORK, "total": "steps; null: not known"},
        "work_progress": {
            **WORK,
            "done": "steps done",
            "total": "steps; null: not known",
            "left_seconds": "seconds left for it; null: not known",
            "audit_left_seconds": "seconds left for all planned work; null: not known",
        },
        "work_finished": {
            **WORK,
            "answers": "steps done, which for a probe are the cases answered",
            "work_seconds": "seconds that it took",
            "note": "what came of it",
        },
        "verdict": {
            "probe": "probe whose required verdicts are all decided for the first time",
            "outcome": "`pass` or `fail`",
            "verdicts": "number of its required verdicts",
            "settled": "whether nothing that is still measured can change it",
        },
        "look": {"look": "looks made", "undecided": "required rules that the next look may decide"},
        "warning": {"text": "a note or warning, as on the terminal"},
        "interrupted": {
            "signal": "`interrupted`, `terminated` or `hung up`",
            "complete": "whether the results are complete all the same",
        },
        "failed": {"text": "why the audit could not be done"},
        "finished": {"exit_code": "exit code", "results": "results folder", "decision": "what `--json` prints"},
    }
)
"""Event → its fields beside ``event`` and ``seconds`` → their meaning. The docs have this table."""


class Events:
    """Writer of events.

    After the first line that cannot be written it is silent.
    """

    def __init__(self, stream: TextIO | None, where: str = "") -> None:
        self._stream, self._where = stream, where
        self._put: Callable[[str], object] = _nowhere if stream is None else stream.write
        self._began = time.monotonic()
        self._last = -OFTEN
        self._works: dict[str, tuple[str, str]] = {}

    @property
    def on(self) -> bool:
        """Whether events are written."""
        return self._stream is not None

    def beside(self, lines: Lines) -> None:
        """Tell of the work of these lines, above a changing line."""
        above = getattr(lines, "above", None)
        if self._stream is not None and above is not None and self._stream.isatty():
            stream = self._stream
            self._put = lambda text: above(stream, text)
        if self.on:
            lines.tell = self.work

    def know(self, piece: str, model: str, probe: str) -> None:
        """Remember the model and probe that a piece of work is of."""
        self._works[piece] = (model, probe)

    def work(self, event: str, piece: str, fields: Mapping[str, object]) -> None:
        """Write an event of a piece of work.

        Progress is written at most once a second.
        """
        now = time.monotonic()
        if event == "work_progress":
            if now - self._last < OFTEN:
                return
            self._last = now
        model, probe = self._works.get(piece, self._works.get(piece.rpartition(", look ")[0], (None, None)))
        self(event, work=piece, model=model, probe=probe, **fields)

    def __call__(self, event: str, **fields: object) -> None:
        """Write an event with its fields."""
        if self._stream is None:
            return
        known = FIELDS[event]
        content: dict[str, Any] = {"event": event, "seconds": round(time.monotonic() - self._began, 3)}
        content |= {name: plain(fields[name]) for name in known}
        try:
            line = json.dumps(content, ensure_ascii=True, allow_nan=False)
            self._put(line.replace("##[", "#\\u0023[") + "\n")  # which GitHub Actions would obey
            self._stream.flush()
        except (OSError, ValueError) as error:
            self._stream = None
            if not isinstance(error, BrokenPipeError):
                print(one_line(f"{self._where}: events are no longer written: {error}"), file=sys.stderr)


def _nowhere(_text: str) -> None:
    return None


@contextlib.contextmanager
def writing(target: str | None, out: Path, stdout: TextIO) -> Iterator[Events]:
    """Yield the events of an audit; the last says how it ended.

    ``target``: a file, ``-`` for ``stdout``, None for nowhere. Raises UsageError for a file that cannot be written, or
    must not be.
    """
    with contextlib.ExitStack() as ending:
        events = Events(None)
        if target == STDOUT:
            events = Events(stdout, "standard output")
        elif target is not None:
            events = Events(ending.enter_context(_opened(Path(target), out)), target)
        try:
            yield events
        except KeyboardInterrupt:
            events("interrupted", signal=INTERRUPTS.word, complete=INTERRUPTS.outcome is not None)
            raise
        except Exception as error:
            events("failed", text=error.line if isinstance(error, AuditError) else f"{type(error).__name__}: {error}")
            raise


def _is_earlier(file: Path) -> bool:
    """Tell whether a file holds earlier events, or nothing."""
    with file.open("rb") as content:
        begins = content.read(len(HEAD))
    return begins in (b"", HEAD)


def _opened(file: Path, out: Path) -> TextIO:
    where = f"--events {file}"
    try:
        if out.resolve() in (file.resolve(), *file.resolve().parents):
            hint = "name a file beside it"
            raise UsageError(f"{where}: lies in the results folder, which is written whole", hint=hint)
        if file.is_file() and file.suffix != SUFFIX:
            raise UsageError(f"{where}: already exists and is no {SUFFIX}", hint=f"name a file that ends in {SUFFIX}")
        if file.is_file() and not _is_earlier(file):
            hint = "name another file: it may be one that the audit reads"
            raise UsageError(f"{where}: already exists and holds no events of an audit", hint=hint)
        return file.open("w", encoding="ascii", newline="\n")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"{where}: cannot be written: {reason}") from None
