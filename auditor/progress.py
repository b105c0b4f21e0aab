"""Progress on standard error: lines about each piece of work, at intervals."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self, TextIO

from auditor.errors import one_line

INTERVAL = 10.0
"""Minimum seconds between two lines about the same piece of work."""


def go_on() -> None:
    """Do nothing; the default check of ``Lines``."""


def _untold(_event: str, _what: str, _fields: Mapping[str, object]) -> None:
    """Tell nobody; the default of ``Lines.tell``."""


class Lines:
    """Progress as plain lines, for logs.

    If the stream is closed or full, the lines end and the work continues. ``check`` is called at every step and raises
    if the work should end.
    """

    def __init__(self, stream: TextIO | None = None, *, check: Callable[[], None] = go_on) -> None:
        self._check = check
        self._stream: TextIO | None = stream or sys.stderr
        self._what = ""
        self._total: int | None = None
        self._done = 0
        self._began = self._last_line = time.monotonic()
        self.seconds: dict[str, float] = {}
        """Piece of work → seconds it took, for timings.json."""
        self.tell: Callable[[str, str, Mapping[str, object]], None] = _untold
        """Told of each event (``work_started``, ``work_progress``, ``work_finished``), its work and its fields."""
        self._expected: dict[str, float] = {}
        """Unfinished piece of work → its estimated seconds."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def expect(self, seconds: Mapping[str, float]) -> None:
        """Set the estimated seconds of each piece of work.

        Lines then also show the time left for all pieces together.
        """
        self._expected = dict(seconds)

    def start(self, _what: str, _total: int | None = None) -> None:
        """Begin a piece of work of ``_total`` steps, if known."""
        self._check()
        self._what, self._total, self._done = _what, _total, 0
        self._began = self._last_line = time.monotonic()
        self._opened()
        self.tell("work_started", _what, {"total": _total})

    def advance(self, _amount: int = 1) -> None:
        """Count finished steps of the current piece of work."""
        self._check()
        self._done += _amount
        self._moved()
        if self.tell is not _untold:
            passed = time.monotonic() - self._began
            left = {"left_seconds": self._left(passed), "audit_left_seconds": self._left_of_all(passed)}
            self.tell("work_progress", self._what, {"done": self._done, "total": self._total, **left})

    def finish(self, _note: str = "") -> None:
        """End the current piece of work and record its seconds."""
        seconds = time.monotonic() - self._began
        self.seconds[self._what] = round(seconds, 1)
        self._expected.pop(self._what, None)
        self._ended(f"{_note + ', ' if _note else ''}{seconds:.0f} s")
        took = {"answers": self._done, "work_seconds": self.seconds[self._what], "note": _note}
        self.tell("work_finished", self._what, took)

    def close(self) -> None:
        """Restore the terminal, even in the middle of a piece of work."""

    def _opened(self) -> None:
        self._write(self._line("…") + "\n")

    def _moved(self) -> None:
        now = time.monotonic()
        if now - self._last_line < INTERVAL:
            return
        self._last_line = now
        seconds = now - self._began
        facts = [f"{self._done:,} done" if self._total is None else f"{self._done:,} of {self._total:,}"]
        if self._total is None and self._done:
            facts.append(f"{self._done / seconds:.0f}/s")
        left, whole = self._left(seconds), self._left_of_all(seconds)
        if left is not None:
            facts.append(f"about {left:.0f} s left")
        elif self._expected.get(self._what) is not None:
            facts.append("longer than estimated")
        if whole is not None:
            facts.append(f"{duration(whole)} left of the audit")
        self._write(self._line(", ".join(facts)) + "\n")

    def _left(self, seconds: float) -> float | None:
        """Return the seconds left for the current piece of work, or None.

        The value starts from the estimate and shifts to the observed pace as the work proceeds. It is None if
        neither is known, and where the estimate has passed before the pace is known. Cases come in bursts if models
        are trained in between. What follows the last step, such as measuring, has no pace of its own: the estimate
        alone says how long it takes.
        """
        expected = self._expected.get(self._what)
        if not self._total or not 0 < self._done < self._total:
            return None if expected is None or expected <= seconds else expected - seconds
        done = self._done / self._total
        by_pace = seconds * (1 - done) / done
        return by_pace if expected is None else done * by_pace + (1 - done) * expected * (1 - done)

    def _left_of_all(self, passed: float) -> float | None:
        """Return the seconds left for all pieces of work.

        The value is None if no piece follows the current one.
        """
        later = sum(seconds for what, seconds in self._expected.items() if what != self._what)
        return later + (self._left(passed) or 0.0) if later else None

    def _ended(self, text: str) -> None:
        self._write(self._line(text) + "\n")

    def _line(self, text: str) -> str:
        return one_line(f"{self._what}: {text}")

    def _write(self, _text: str) -> None:
        """Write text if standard error exists.

        Without standard error (``2>&-``), ``print`` would fall back to standard output, which may carry the decision.
        """
        if self._stream is None:
            return
        try:
            self._stream.write(_text)
            self._stream.flush()
        except (OSError, ValueError):  # ValueError: the stream is closed
            self._stream = None


def duration(seconds: float) -> str:
    """Format seconds as ``40 s``, ``9 min`` or ``2 h 10 min``.

    The shortest duration is ``1 s``.
    """
    if seconds < 100:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"{minutes} min" if not hours else f"{hours} h {rest} min" if rest else f"{hours} h"


class Quiet(Lines):
    """Progress that records times and prints nothing."""

    def _write(self, _text: str) -> None:
        return None
