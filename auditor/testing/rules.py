"""Rules by name, with how to mend what breaks them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from auditor.errors import AuditError


class Rules:
    """The rules of one check, of one subject."""

    def __init__(self, subject: str, mend: Mapping[str, str]) -> None:
        """Name who is checked, and how to mend each broken rule."""
        self._subject, self._mend = subject, mend

    def hold(self, rule: str, holds: object, said: str) -> None:
        """Raise AssertionError unless the rule holds.

        Its message says what is wrong (``said``) and how to mend it.
        """
        if not holds:
            raise AssertionError(f"{self._subject} breaks the rule {rule!r}: {said}. Mend: {self._mend[rule]}.")

    @contextlib.contextmanager
    def calm(self, rule: str, doing: str) -> Iterator[None]:
        """Inside, an exception that no rule raised breaks this one."""
        try:
            yield
        except Exception as error:
            if isinstance(error, AssertionError):
                raise
            line = error.line if isinstance(error, AuditError) else f"{type(error).__name__}: {error}"
            message = f"{self._subject} breaks the rule {rule!r}: {doing} raises {line}. Mend: {self._mend[rule]}."
            raise AssertionError(message) from error
