"""Ctrl-C, SIGTERM and SIGHUP: work ends as after an error, with one line and an exit code of its own.

What ends it is a KeyboardInterrupt, which libraries let pass; some turn it into errors of their own during their
imports, so that it is remembered as well.
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

from auditor.storage.atomic_folder import ENDING

WORDS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "hung up"}
"""What happened to the work, by the signal that came."""


class Interrupts:
    """Remembers the signal that came, whatever became of the KeyboardInterrupt that it raised."""

    def __init__(self) -> None:
        self.came: int | None = None
        """The first signal's number."""
        self.outcome: int | None = None
        """The exit code, from when the results are whole: no signal changes it any more."""
        self._usual: dict[int, Any] = {}
        """Signals that were taken over → what they did before."""

    @property
    def word(self) -> str:
        """What the signal did, in words."""
        return WORDS["SIGINT" if self.came is None else signal.Signals(self.came).name]

    @property
    def exit_code(self) -> int:
        """128 and the signal's number, as shells have it."""
        return 128 + (signal.SIGINT if self.came is None else self.came)

    def install(self) -> None:
        """Take over the signals that have their usual effect, if this is the main thread."""
        self.came = self.outcome = None
        try:
            for number in ENDING:
                usual = signal.getsignal(number)
                if usual in (signal.default_int_handler, signal.SIG_DFL):
                    signal.signal(number, self._come)
                    self._usual[number] = usual
        except ValueError:  # not the main thread: whoever runs us there handles signals
            return

    def restore(self) -> None:
        """Give the signals their usual effect again, and forget what came."""
        self.came = self.outcome = None
        for number, usual in self._usual.items():
            signal.signal(number, usual)
        self._usual = {}

    def ignore(self) -> None:
        """Take no notice of signals that come while the process is about to end anyway."""
        for number in self._usual:
            signal.signal(number, signal.SIG_IGN)

    def check(self) -> None:
        """Raise KeyboardInterrupt when one came and was swallowed."""
        if self.came is not None and self.outcome is None:
            raise KeyboardInterrupt

    def settle(self, exit_code: int) -> None:
        """Note that the results are whole: whatever comes now ends what is left to do with this exit code."""
        self.outcome = exit_code

    def _come(self, number: int, _frame: FrameType | None) -> None:
        if self.came is None:
            self.came = number
        raise KeyboardInterrupt


INTERRUPTS = Interrupts()
