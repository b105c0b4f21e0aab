"""Failures to write, told apart from a probe's own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import ParamSpec

_P = ParamSpec("_P")


class WriteError(Exception):
    """An OSError of the sink or the spool, wrapped.

    The wrapper keeps a full disk from being taken for a probe's crash.
    """

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


def guarded(write: Callable[_P, None]) -> Callable[_P, None]:
    """Wrap a function that writes, so that its OSError is a WriteError."""

    def wrapped(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            write(*args, **kwargs)
        except OSError as error:
            raise WriteError(error) from error

    return wrapped


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Let an OSError of the sink or the spool pass through suites.

    The error comes out unchanged.
    """
    try:
        yield
    except WriteError as error:
        raise error.cause from None
