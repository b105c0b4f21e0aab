"""Ctrl-C that is not lost: libraries turn a KeyboardInterrupt during their imports into errors of their own."""

from __future__ import annotations

import signal
from types import FrameType


class Interrupts:
    """Remembers that SIGINT came, whatever became of the KeyboardInterrupt that it raised."""

    def __init__(self) -> None:
        self.seen = False

    def install(self) -> None:
        """Take over SIGINT, where it has its usual effect and this is the main thread."""
        self.seen = False
        try:
            if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
                signal.signal(signal.SIGINT, self._came)
        except ValueError:  # not the main thread: whoever runs us there handles signals
            return

    def restore(self) -> None:
        """Give SIGINT its usual effect again."""
        if signal.getsignal(signal.SIGINT) == self._came:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def check(self) -> None:
        """Raise KeyboardInterrupt when it came and was swallowed."""
        if self.seen:
            raise KeyboardInterrupt

    def _came(self, _number: int, _frame: FrameType | None) -> None:
        self.seen = True
        raise KeyboardInterrupt


INTERRUPTS = Interrupts()
