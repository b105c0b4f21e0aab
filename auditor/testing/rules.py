"""Rules that a check holds a class against: each by a name, with how to mend what breaks it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from auditor.errors import AuditError


class Rules:
    """The rules of one check, of one subject."""

    def __init__(self, subject: str, mend: Mapping[str, str]) -> None:
        """``subject``: who is checked, in words. ``mend``: rule → how to mend what breaks it."""
        self._subject, self._mend = subject, mend

    def hold(self, rule: str, holds: object, said: str) -> None:
        """Raise AssertionError, with what is wrong and how to mend it, unless the rule holds."""
        if not holds:
            raise AssertionError(f"{self._subject} breaks the rule {rule!r}: {said}. Mend: {self._mend[rule]}.")

    @contextlib.contextmanager
    def calm(self, rule: str, doing: str, *expected: type[Exception]) -> Iterator[None]:
        """Inside, any exception but the expected ones breaks the rule. Raises AssertionError."""
        try:
            yield
        except (AssertionError, *expected):
            raise
        except Exception as error:
            line = error.line if isinstance(error, AuditError) else f"{type(error).__name__}: {error}"
            message = f"{self._subject} breaks the rule {rule!r}: {doing} raises {line}. Mend: {self._mend[rule]}."
            raise AssertionError(message) from error
