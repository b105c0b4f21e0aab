"""Progress on standard error: one line for each piece of work, refreshed at intervals."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self, TextIO

from auditor.errors import one_line

INTERVAL = 10.0
"""Seconds between two lines about the same piece of work."""


def go_on() -> None:
    """Let the work go on."""


class Lines:
    """Plain lines, as CI logs keep them. A stream that is closed or full ends the lines, never the work.

    ``check``: called at every step; raises where the work is to end.
    """

    def __init__(self, stream: TextIO | None = None, *, check: Callable[[], None] = go_on) -> None:
        self._check = check
        self._stream: TextIO | None = stream or sys.stderr
        self._what = ""
        self._total: int | None = None
        self._done = 0
        self._began = self._said = time.monotonic()
        self.seconds: dict[str, float] = {}
        """Piece of work → seconds it took, for timings.json."""
        self._expected: dict[str, float] = {}
        """Piece of work that has not ended → seconds that it is estimated to take."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def expect(self, seconds: Mapping[str, float]) -> None:
        """Say how much is left of all these pieces of work, too, while one of them is under way."""
        self._expected = dict(seconds)

    def start(self, _what: str, _total: int | None = None) -> None:
        self._check()
        self._what, self._total, self._done = _what, _total, 0
        self._began = self._said = time.monotonic()
        self._opened()

    def advance(self, _amount: int = 1) -> None:
        self._check()
        self._done += _amount
        self._moved()

    def finish(self, _note: str = "") -> None:
        seconds = time.monotonic() - self._began
        self.seconds[self._what] = round(seconds, 1)
        self._expected.pop(self._what, None)
        self._ended(f"{_note + ', ' if _note else ''}{seconds:.0f} s")

    def close(self) -> None:
        """Leave the terminal as it was, also in the middle of a piece of work."""

    def _opened(self) -> None:
        self._write(self._line("…") + "\n")

    def _moved(self) -> None:
        now = time.monotonic()
        if now - self._said < INTERVAL:
            return
        self._said = now
        passed = now - self._began
        said = [f"{self._done:,} done" if self._total is None else f"{self._done:,} of {self._total:,}"]
        if self._total is None and self._done:
            said.append(f"{self._done / passed:.0f}/s")
        left, whole = self._left(passed), self._left_of_all(passed)
        if left is not None:
            said.append(f"about {left:.0f} s left")
        if whole is not None:
            said.append(f"{duration(whole)} of the audit")
        self._write(self._line(", ".join(said)) + "\n")

    def _left(self, passed: float) -> float | None:
        """Seconds that the piece under way still takes, first as estimated, more and more by its own pace.

        None where neither is known. Cases come in bursts where models are trained in between.
        """
        expected = self._expected.get(self._what)
        if not self._total or not self._done:
            return None if expected is None else max(expected - passed, 0.0)
        done = min(self._done / self._total, 1.0)
        by_pace = passed * (1 - done) / done
        return by_pace if expected is None else done * by_pace + (1 - done) * expected * (1 - done)

    def _left_of_all(self, passed: float) -> float | None:
        """Seconds that all pieces still take; None where nothing comes after the one under way."""
        later = sum(seconds for what, seconds in self._expected.items() if what != self._what)
        return later + (self._left(passed) or 0.0) if later else None

    def _ended(self, text: str) -> None:
        self._write(self._line(text) + "\n")

    def _line(self, text: str) -> str:
        return one_line(f"{self._what}: {text}")

    def _write(self, _text: str) -> None:
        """Without standard error (``2>&-``) print would turn to standard output, where a decision may go."""
        if self._stream is None:
            return
        try:
            self._stream.write(_text)
            self._stream.flush()
        except (OSError, ValueError):  # ValueError: of a stream that is closed
            self._stream = None


def duration(seconds: float) -> str:
    """``40 s``, ``9 min``, ``2 h 10 min``; never less than a second."""
    if seconds < 100:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"{minutes} min" if not hours else f"{hours} h {rest} min" if rest else f"{hours} h"


class Quiet(Lines):
    """Keeps the times and prints nothing."""

    def _write(self, _text: str) -> None:
        return None
