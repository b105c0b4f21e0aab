"""Errors that a user can fix, each in one line.

The line says what is wrong, where, the value, and a hint. Any other exception is a bug.

AuditError (exit 2)
├── UsageError          arguments that do not fit together
├── ConfigError         audit.toml: unknown key, wrong type
├── PolicyError         policy.toml, waivers.toml: unknown probe or metric, no reason given
├── DataError           a data file: path, column, row, value
│   └── NoTextColumnError  a file without a column for a text of the task
├── ModelError          a checkpoint: not a checkpoint, another task, unsafe weights
│   ├── OutOfMemoryError  a batch too large for the device's memory
│   ├── NoAnswerError     a text that the model fails on
│   └── DivergedError     a training whose numbers are no longer finite
├── ResultsError        a results folder: no results, a newer schema
└── ProbeError          a probe file: does not import, breaks the contract
"""

from __future__ import annotations

import difflib
import errno
import os
from collections.abc import Iterable, Sequence

TOO_LONG = os.strerror(errno.ENAMETOOLONG)
SHORTER = "is it a path? each name in it has at most 255 bytes"
"""Hint for a path that is too long."""
NOT_UTF_8 = "its path is not UTF-8: libraries cannot open it"


class AuditError(Exception):
    """A one-line error, with a place and a hint if known."""

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        self.message = message
        self.where = where
        self.hint = hint
        super().__init__(self.line)

    @property
    def line(self) -> str:
        """The line that a user reads: ``where: message (hint)``."""
        where, hint = self.where, self.hint
        if where and self.message.endswith(TOO_LONG):
            where, hint = shortened(where), hint or SHORTER
        place = f"{where}: " if where else ""
        hint = f" ({hint})" if hint else ""
        return one_line(f"{place}{self.message}{hint}")

    def at(self, where: str) -> AuditError:
        """Return the same error with its place."""
        return type(self)(self.message, where=where, hint=self.hint)


class UsageError(AuditError):
    """Arguments that do not fit together."""


class ConfigError(AuditError):
    """audit.toml: unknown key, wrong type."""


class PolicyError(AuditError):
    """policy.toml, waivers.toml: unknown probe or metric, no reason given."""


class DataError(AuditError):
    """A data file: path, column, row, value."""


class NoTextColumnError(DataError):
    """A file without a column for a text of the task.

    Where the task was assumed, it may be another.
    """

    def __init__(
        self, message: str, *, where: str | None = None, hint: str | None = None, header: Sequence[str] = ()
    ) -> None:
        """``header``: the file's columns."""
        self.header = tuple(header)
        super().__init__(message, where=where, hint=hint)


class ModelError(AuditError):
    """A checkpoint: not a checkpoint, another task, unsafe weights."""


class OutOfMemoryError(ModelError):
    """A batch too large for the device's memory.

    The engine tries a smaller one.
    """


class NoAnswerError(ModelError):
    """A text, or a batch with one, that the model fails on.

    The engine finds the text and leaves it out.
    """


class DivergedError(ModelError):
    """A training whose numbers are no longer finite."""


class ResultsError(AuditError):
    """A results folder: no results, a newer schema."""


class ProbeError(AuditError):
    """A probe file: does not import, breaks the contract."""


def first_line(error: BaseException) -> str:
    """Return an exception's message in one line.

    That is its first line, and also the second if the first ends with a colon. The name of the exception's type stands
    before a message of one word, or in place of an empty message.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    if isinstance(error, KeyError) or " " not in lines[0]:
        return f"{type(error).__name__}: {lines[0]}"
    return (" ".join(lines[:2]) if lines[0].endswith(":") else lines[0]).removesuffix(":")


def one_line(text: str) -> str:
    """Escape line breaks, control characters and commands to a CI runner.

    Data must control neither the terminal nor GitHub Actions, which obeys ``::`` at the beginning of a line, and
    ``##[`` anywhere in it.
    """
    line = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
    line = line.replace("##[", "#\\x23[")
    return line.replace("::", "\\x3a:", 1) if line.lstrip().startswith("::") else line


def shortened(text: str) -> str:
    """Shorten a long text to its beginning, its end and its length."""
    return text if len(text) <= 60 else f"{text[:30]}…{text[-20:]}, {len(text):,} characters"


def is_text(word: str) -> bool:
    """Tell whether UTF-8 can encode the word.

    A file name may hold bytes that are not UTF-8; Python keeps them as lone surrogates.
    """
    return not any("\ud800" <= character <= "\udfff" for character in word)


def near_match(word: str, known: Iterable[str]) -> str | None:
    """Return ``did you mean 'noise'?`` for the nearest known word, or None."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {matches[0]!r}?" if matches else None


def near_or_known(word: str, known: Iterable[str]) -> str:
    """Return a hint with the nearest known word, or all known words.

    The list reads ``known: noise, quality``.
    """
    names = list(known)
    return near_match(word, names) or f"known: {', '.join(names) or 'none'}"
