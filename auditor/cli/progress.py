"""Progress on standard error: one line for each piece of work, refreshed at intervals."""

from __future__ import annotations

import sys
import time
from typing import TextIO

from auditor.cli.interrupts import INTERRUPTS
from auditor.errors import one_line

INTERVAL = 10.0
"""Seconds between two lines about the same piece of work."""


class Lines:
    """Plain lines, for terminals and CI logs alike."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._what = ""
        self._total: int | None = None
        self._done = 0
        self._began = self._said = time.monotonic()
        self.seconds: dict[str, float] = {}
        """Piece of work → seconds it took, for timings.json."""

    def start(self, _what: str, _total: int | None = None) -> None:
        INTERRUPTS.check()
        self._what, self._total, self._done = _what, _total, 0
        self._began = self._said = time.monotonic()
        self._say("…")

    def advance(self, _amount: int = 1) -> None:
        INTERRUPTS.check()
        self._done += _amount
        now = time.monotonic()
        if now - self._said < INTERVAL:
            return
        self._said = now
        rate = self._done / (now - self._began)
        if self._total is None:
            self._say(f"{self._done:,} done, {rate:.0f}/s")
            return
        left = (self._total - self._done) / rate if rate else 0.0
        self._say(f"{self._done:,} of {self._total:,}, about {left:.0f} s left")

    def finish(self, _note: str = "") -> None:
        seconds = time.monotonic() - self._began
        self.seconds[self._what] = round(seconds, 1)
        self._say(f"{_note + ', ' if _note else ''}{seconds:.0f} s")

    def _say(self, _text: str) -> None:
        print(one_line(f"{self._what}: {_text}"), file=self._stream, flush=True)


class Quiet(Lines):
    """Keeps the times and prints nothing."""

    def _say(self, _text: str) -> None:
        return None
