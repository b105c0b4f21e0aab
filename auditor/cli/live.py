"""Progress on a terminal: one changing line below the finished ones.

This module writes the line itself instead of using ``rich.live``, which replaces standard output with an object that
has no encoding, wraps what a probe prints at the terminal's width, and hides the cursor until it is stopped. rich only
fits the text to the terminal: wide characters, width, NO_COLOR.
"""

from __future__ import annotations

import io
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, TextIO

from auditor.errors import one_line
from auditor.progress import Lines, go_on

TICK = 0.2
"""Seconds between two redraws of the line."""
CLEAR = "\r\x1b[2K"
NAME = 16
"""Columns reserved for the name on a narrow terminal; numbers that do not fit are dropped."""


def on_terminal(stream: TextIO | None) -> bool:
    """Tell whether the stream is a terminal that can redraw a line."""
    try:
        terminal = stream is not None and stream.isatty()
    except (AttributeError, ValueError):  # not a file, or closed
        return False
    return terminal and os.name == "posix" and os.environ.get("TERM", "dumb") not in ("", "dumb", "unknown")


class Live(Lines):
    """One changing line, drawn by a thread of its own.

    The thread keeps the clock running while a single case takes minutes.
    """

    def __init__(self, stream: TextIO | None = None, *, tick: float = TICK, check: Callable[[], None] = go_on) -> None:
        from rich.console import Console

        super().__init__(stream, check=check)
        # Not our stream: rich writes to its file even while it captures, which fails if the file is closed.
        self._console = Console(file=io.StringIO(), force_terminal=True, markup=False, emoji=False, highlight=False)
        self._encoding = (getattr(self._stream, "encoding", None) or "utf-8").lower()
        # Reentrant: Ctrl-C may end the work while the main thread writes.
        self._lock = threading.RLock()
        self._tick = tick
        self._pid = os.getpid()
        self._drawn = ""
        self._held = False
        """Whether the last row holds another writer's unfinished line, which must not be overwritten."""
        self._above: list[tuple[str, _Above]] = []
        self._ticker: _Ticker | None = None

    def close(self) -> None:
        """Stop drawing and clear the line."""
        self._release()
        with self._lock:
            self._write(self._cleared())

    def draw(self) -> None:
        """Redraw the line if its text has changed."""
        with self._lock:
            if self._held or self._ticker is None or self._stream is None:
                return
            text = self._rendered(time.monotonic() - self._began)
            if text != self._drawn:
                self._write(CLEAR + text)
                self._drawn = text

    def above(self, stream: TextIO, text: str) -> int:
        """Write text of another writer in the line's place.

        The line is drawn again below it.
        """
        if os.getpid() != self._pid:
            # After a fork the thread does not exist, and its lock may be held forever.
            return stream.write(text)
        with self._lock:
            if self._drawn:
                self._write(self._cleared())
            written = stream.write(text)
            if text and self._ticker is not None:
                self._held = not text.endswith("\n")
            return written

    def _opened(self) -> None:
        self.close()
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if on_terminal(stream):
                above = _Above(self, stream)
                self._above.append((name, above))
                setattr(sys, name, above)
        self._ticker = _Ticker(self, self._tick)
        self.draw()
        self._ticker.start()

    def _moved(self) -> None:
        return None

    def _ended(self, text: str) -> None:
        self._release()
        with self._lock:
            self._write(self._cleared() + self._line(text) + "\n")

    def _release(self) -> None:
        """Stop the thread and restore standard output and error.

        A stream that someone else has replaced in the meantime is left alone.
        """
        for name, above in self._above:
            if getattr(sys, name) is above:
                setattr(sys, name, above.stream)
        self._above = []
        ticker, self._ticker = self._ticker, None
        if ticker is not None:
            ticker.stop()

    def _cleared(self) -> str:
        """Return the characters that free the cursor's row."""
        clear = "\n" if self._held else CLEAR if self._drawn else ""
        self._drawn, self._held = "", False
        return clear

    def _rendered(self, seconds: float) -> str:
        from rich.text import Text

        # One column less: terminals disagree about the cursor's position after the last column.
        width = max(self._console.width - 1, 1)
        what = one_line(self._what).encode(self._encoding, "backslashreplace").decode(self._encoding)
        name, facts = Text(what), self._facts(seconds)
        room = width - min(name.cell_len, NAME)
        while len(facts) > 1 and sum(len(fact) + 2 for fact in facts) > room:
            facts.pop()
        numbers = "".join(f"  {fact}" for fact in facts)
        name.truncate(max(width - len(numbers), 1), overflow="ellipsis" if self._encoding.startswith("utf") else "crop")
        line = Text.assemble((name.plain, "bold"), numbers)
        line.truncate(width)
        with self._console.capture() as captured:
            self._console.print(line, end="", no_wrap=True, crop=True)
        return captured.get()

    def _facts(self, seconds: float) -> list[str]:
        """List the facts to show, the most important first."""
        done, total = self._done, self._total
        rate = done / seconds if seconds > 0 else 0.0
        facts = [f"{done:,} done" if total is None else f"{done:,}/{total:,}"]
        left, whole = self._left(seconds), self._left_of_all(seconds)
        if left is not None:
            facts.append(f"{clock(left)} left")
        if whole is not None:
            facts.append(f"audit {clock(whole)}")
        if rate:
            facts.append(f"{rate:.0f}/s" if rate >= 10 else f"{rate:.1f}/s")
        if left is None:
            facts.append(clock(seconds))
        return facts


class _Above:
    """Stand-in for standard output or error while a line is drawn.

    Attributes that it does not define come from the stream itself.
    """

    def __init__(self, live: Live, stream: TextIO) -> None:
        self._live = live
        self.stream = stream

    def write(self, text: str) -> int:
        return self._live.above(self.stream, text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class _Ticker(threading.Thread):
    def __init__(self, live: Live, tick: float) -> None:
        super().__init__(name="progress", daemon=True)
        self._live = live
        self._tick = tick
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(self._tick):
            self._live.draw()

    def stop(self) -> None:
        """Stop the thread; returns after the last line is written."""
        self._over.set()
        if self.is_alive():
            self.join()


def clock(seconds: float) -> str:
    """Format seconds as ``0:09``, ``12:40`` or ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
