"""Errors that a user can mend: one line with what, where, the value and a hint. Everything else is a bug.

AuditError (exit 2)
├── UsageError          arguments that do not fit together
├── ConfigError         audit.toml: unknown key, wrong type
├── PolicyError         policy.toml: unknown probe or metric, no reason given
├── DataError           a data file: path, column, row, value
├── ModelError          a checkpoint: not one, another task, unsafe weights
│   ├── OutOfMemoryError  a batch that the device has no memory for
│   ├── NoAnswerError     a text that the model fails on
│   └── DivergedError     a training whose numbers are no longer finite
├── ResultsError        a results folder: not one, a newer schema
└── ProbeError          a probe file: does not import, breaks the contract
"""

from __future__ import annotations

import difflib
import errno
import os
from collections.abc import Iterable

TOO_LONG = os.strerror(errno.ENAMETOOLONG)
SHORTER = "is it a path? a name in one has at most 255 bytes"
"""The hint for a path that no file can have for its length."""
NOT_UTF_8 = "its path is not UTF-8: libraries cannot open it"


class AuditError(Exception):
    """What went wrong, in one line, with a place and a hint where there are any."""

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        self.message = message
        self.where = where
        self.hint = hint
        super().__init__(self.line)

    @property
    def line(self) -> str:
        """The one line a user reads: ``where: message (hint)``."""
        where, hint = self.where, self.hint
        if where and self.message.endswith(TOO_LONG):
            where, hint = shortened(where), hint or SHORTER
        place = f"{where}: " if where else ""
        hint = f" ({hint})" if hint else ""
        return one_line(f"{place}{self.message}{hint}")

    def at(self, where: str) -> AuditError:
        """The same error with its place."""
        return type(self)(self.message, where=where, hint=self.hint)


class UsageError(AuditError):
    """Arguments that do not fit together."""


class ConfigError(AuditError):
    """audit.toml: unknown key, wrong type."""


class PolicyError(AuditError):
    """policy.toml: unknown probe or metric, no reason given."""


class DataError(AuditError):
    """A data file: path, column, row, value."""


class ModelError(AuditError):
    """A checkpoint: not one, another task, unsafe weights."""


class OutOfMemoryError(ModelError):
    """A batch that the device has no memory for; the engine tries a smaller one."""


class NoAnswerError(ModelError):
    """A text, or a batch with one in it, that the model fails on; the engine finds which and leaves it out."""


class DivergedError(ModelError):
    """A training whose numbers are no longer finite."""


class ResultsError(AuditError):
    """A results folder: not one, a newer schema."""


class ProbeError(AuditError):
    """A probe file: does not import, breaks the contract."""


def one_line(text: str) -> str:
    """Text without line breaks or terminal control characters: data must not write to a terminal."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def shortened(text: str) -> str:
    """Its beginning, its end, and how long it is."""
    return text if len(text) <= 60 else f"{text[:30]}…{text[-20:]}, {len(text):,} characters"


def is_text(word: str) -> bool:
    """Whether UTF-8 can hold it: a name of a file may have bytes that are none, which Python keeps as half characters."""
    return not any("\ud800" <= character <= "\udfff" for character in word)


def near_match(word: str, known: Iterable[str]) -> str | None:
    """``did you mean 'noise'?`` for the nearest known word, or None."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {found[0]!r}?" if found else None


def near_or_known(word: str, known: Iterable[str]) -> str:
    """A hint at the name that may be meant, else all known names: ``known: noise, quality``."""
    names = list(known)
    return near_match(word, names) or f"known: {', '.join(names) or 'none'}"
