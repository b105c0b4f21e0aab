"""Standard output and error whose failures never end the work.

A stream may be closed, on a full disk, or of an encoding that lacks a character.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TextIO


class Stream:
    """Wrapper of a standard stream that survives failed writes.

    After the first failure nothing more is written. Attributes that it does not define come from the stream itself.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._lost = False
        self.trouble: str | None = None
        """Why writing failed; None after a broken pipe, whose reader has left."""

    def write(self, text: str) -> int:
        """Write text, or note why it could not be written."""
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
        """Write each line."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush the stream, or note why it could not be flushed."""
        if self._stream is None or self._lost:
            return
        try:
            self._stream.flush()
        except (OSError, ValueError) as error:
            self._fails(error)

    def isatty(self) -> bool:
        """Tell whether the stream is a terminal; False if it is closed.

        Libraries may ask before they write.
        """
        try:
            return self._stream is not None and self._stream.isatty()
        except (OSError, ValueError, AttributeError):
            return False

    def drop(self) -> None:
        """Discard all further output, including what is still buffered.

        The descriptor is redirected to the null device: Python would try to flush the buffer again at exit.
        """
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
    """Replace standard output and error by ``Stream`` objects inside the block.

    Closed descriptors are opened on the null device, so that no other file takes their numbers.
    """
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
    """Open the null device in place of closed standard descriptors.

    Otherwise the next file opened would be taken for one of them.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
