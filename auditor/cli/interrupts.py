"""Handling of Ctrl-C, SIGTERM and SIGHUP.

A signal ends the work as an error does: with one line, and with an exit code of its own. The handler raises a
KeyboardInterrupt, which most libraries let pass. Some turn it into an error of their own while they are imported, so
the signal is remembered as well.
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

from auditor.storage.atomic_folder import ENDING

WORDS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "hung up"}
"""Signal → what it did to the work."""


class Interrupts:
    """Signal handler that remembers the first signal.

    It remembers the signal even when a library swallows the KeyboardInterrupt.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        """Number of the first signal received; None: no signal."""
        self.outcome: int | None = None
        """Exit code of complete results, which no later signal changes; None: not complete yet."""
        self._usual: dict[int, Any] = {}
        """Signal handled here → its previous handler."""

    @property
    def word(self) -> str:
        """Past participle for what the signal did to the work."""
        return WORDS["SIGINT" if self.received is None else signal.Signals(self.received).name]

    @property
    def exit_code(self) -> int:
        """128 plus the signal's number, as shells report it."""
        return 128 + (signal.SIGINT if self.received is None else self.received)

    def install(self) -> None:
        """Handle the signals that still have their default handler.

        Does nothing outside the main thread.
        """
        self.received = self.outcome = None
        try:
            for number in ENDING:
                usual = signal.getsignal(number)
                if usual in (signal.default_int_handler, signal.SIG_DFL):
                    signal.signal(number, self._receive)
                    self._usual[number] = usual
        except ValueError:  # not the main thread: whoever runs us there handles signals
            return

    def restore(self) -> None:
        """Restore the signals' default handlers and forget any signal received."""
        self.received = self.outcome = None
        for number, usual in self._usual.items():
            signal.signal(number, usual)
        self._usual = {}

    def ignore(self) -> None:
        """Ignore further signals; called when the process is about to end."""
        for number in self._usual:
            signal.signal(number, signal.SIG_IGN)

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal arrived and was swallowed."""
        if self.received is not None and self.outcome is None:
            raise KeyboardInterrupt

    def settle(self, exit_code: int) -> None:
        """Record the exit code once the results are complete.

        A signal that arrives later skips the remaining work but keeps this exit code.
        """
        self.outcome = exit_code

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if self.received is None:
            self.received = number
        raise KeyboardInterrupt


INTERRUPTS = Interrupts()
