"""Standard output and error that never end the work: closed, full, or of an encoding that lacks a character."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TextIO


class Stream:
    """A standard stream, as long as it takes what is written; what it does not know, the stream itself answers."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._lost = False
        self.trouble: str | None = None
        """Why something was not written; a reader that has left is none."""

    def write(self, text: str) -> int:
        if self._stream is None:
            if text:
                self._fails("standard output is closed")
            return len(text)
        if not self._lost:
            try:
                self._put(text)
            except (OSError, ValueError) as error:
                self._fails(error)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if self._stream is None or self._lost:
            return
        try:
            self._stream.flush()
        except (OSError, ValueError) as error:
            self._fails(error)

    def isatty(self) -> bool:
        """Whether it is a terminal; what is closed is none, also for libraries that ask before they write."""
        try:
            return self._stream is not None and self._stream.isatty()
        except (OSError, ValueError, AttributeError):
            return False

    def drop(self) -> None:
        """Write nothing more, not even what the system has not taken yet: Python would try again at its end."""
        self._lost = True
        with contextlib.suppress(OSError, ValueError, AttributeError):
            number = self._stream.fileno() if self._stream is not None else -1
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, number)
            os.close(nowhere)

    def _put(self, text: str) -> None:
        assert self._stream is not None
        try:
            self._stream.write(text)
        except UnicodeEncodeError as error:
            self._stream.write(text.encode(error.encoding, "backslashreplace").decode(error.encoding))

    def _fails(self, error: Exception | str) -> None:
        if not isinstance(error, BrokenPipeError):
            self.trouble = (isinstance(error, OSError) and error.strerror) or str(error)
        self.drop()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def guarded() -> Iterator[tuple[Stream, Stream]]:
    """Inside, standard output and error are such streams. Descriptors that are closed stand for no other file."""
    _claim()
    before = sys.stdout, sys.stderr
    inside = Stream(sys.stdout), Stream(sys.stderr)
    sys.stdout, sys.stderr = inside
    try:
        yield inside
    finally:
        for stream in inside:
            stream.flush()
        sys.stdout, sys.stderr = before


def _claim() -> None:
    """Open the null device in place of closed standard streams: the next file would be taken for one of them."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
