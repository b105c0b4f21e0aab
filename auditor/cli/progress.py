"""Progress on standard error: one line for each piece of work, refreshed at intervals."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self, TextIO

from auditor.cli.interrupts import INTERRUPTS
from auditor.errors import one_line

INTERVAL = 10.0
"""Seconds between two lines about the same piece of work."""


class Lines:
    """Plain lines, as CI logs keep them. A stream that is closed or full ends the lines, never the work."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream: TextIO | None = stream or sys.stderr
        self._what = ""
        self._total: int | None = None
        self._done = 0
        self._began = self._said = time.monotonic()
        self.seconds: dict[str, float] = {}
        """Piece of work → seconds it took, for timings.json."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self, _what: str, _total: int | None = None) -> None:
        INTERRUPTS.check()
        self._what, self._total, self._done = _what, _total, 0
        self._began = self._said = time.monotonic()
        self._opened()

    def advance(self, _amount: int = 1) -> None:
        INTERRUPTS.check()
        self._done += _amount
        self._moved()

    def finish(self, _note: str = "") -> None:
        seconds = time.monotonic() - self._began
        self.seconds[self._what] = round(seconds, 1)
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
        rate = self._done / (now - self._began)
        if self._total is None:
            self._write(self._line(f"{self._done:,} done, {rate:.0f}/s") + "\n")
            return
        left = max(self._total - self._done, 0) / rate if rate else 0.0
        self._write(self._line(f"{self._done:,} of {self._total:,}, about {left:.0f} s left") + "\n")

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


class Quiet(Lines):
    """Keeps the times and prints nothing."""

    def _write(self, _text: str) -> None:
        return None
