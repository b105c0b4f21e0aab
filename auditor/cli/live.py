"""Progress on a terminal: the line of the work under way changes in place, those of finished work stay above it.

The line is written here and not by ``rich.live``: that puts a stand-in with no encoding before standard output,
breaks what a probe prints at the terminal's width, and hides the cursor until it is told otherwise. rich fits the
text to the terminal: wide characters, its width, NO_COLOR.
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
"""Seconds between two looks at the line."""
CLEAR = "\r\x1b[2K"
NAME = 16
"""Columns that a name keeps on a narrow terminal, before a number is left out."""


def on_terminal(stream: TextIO | None) -> bool:
    """Whether lines can change in place there."""
    try:
        terminal = stream is not None and stream.isatty()
    except (AttributeError, ValueError):  # it is no file at all, or closed
        return False
    return terminal and os.name == "posix" and os.environ.get("TERM", "dumb") not in ("", "dumb", "unknown")


class Live(Lines):
    """One changing line, drawn by a thread of its own: also while a single case takes minutes, its clock goes on."""

    def __init__(self, stream: TextIO | None = None, *, tick: float = TICK, check: Callable[[], None] = go_on) -> None:
        from rich.console import Console

        super().__init__(stream, check=check)
        # Not our stream: rich writes to its file (nothing, but to a closed one too) even what it captures.
        self._console = Console(file=io.StringIO(), force_terminal=True, markup=False, emoji=False, highlight=False)
        self._encoding = (getattr(self._stream, "encoding", None) or "utf-8").lower()
        # Reentrant: Ctrl-C may come, and end the work, while the main thread writes.
        self._lock = threading.RLock()
        self._tick = tick
        self._pid = os.getpid()
        self._drawn = ""
        self._held = False
        """Someone else's text stands on the last row, not yet ended: it is theirs until it is."""
        self._above: list[tuple[str, _Above]] = []
        self._ticker: _Ticker | None = None

    def close(self) -> None:
        self._release()
        with self._lock:
            self._write(self._cleared())

    def draw(self) -> None:
        """Write the line again if it would say something new."""
        with self._lock:
            if self._held or self._ticker is None or self._stream is None:
                return
            text = self._rendered(time.monotonic() - self._began)
            if text != self._drawn:
                self._write(CLEAR + text)
                self._drawn = text

    def above(self, stream: TextIO, text: str) -> int:
        """Write someone else's text where the line stands now; the line comes back below it."""
        if os.getpid() != self._pid:
            # A fork: the thread is not here, and its lock may be held for ever.
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
        """No thread, and standard output and error as they were, unless someone has put others there since."""
        for name, above in self._above:
            if getattr(sys, name) is above:
                setattr(sys, name, above.stream)
        self._above = []
        ticker, self._ticker = self._ticker, None
        if ticker is not None:
            ticker.stop()

    def _cleared(self) -> str:
        """What makes the cursor's row a free one."""
        clear = "\n" if self._held else CLEAR if self._drawn else ""
        self._drawn, self._held = "", False
        return clear

    def _rendered(self, seconds: float) -> str:
        from rich.text import Text

        # One column less: in the last one, terminals differ about where the cursor is.
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
        """The first ones matter most."""
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
    """Standard output or error while a line is drawn: all that it does not know, the stream itself answers."""

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
        """Returns when the last line is written."""
        self._over.set()
        if self.is_alive():
            self.join()


def clock(seconds: float) -> str:
    """``0:09``, ``12:40``, ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
