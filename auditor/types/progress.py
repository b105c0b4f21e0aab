"""How work reports progress."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Progress listener. Implementations print, or do nothing."""

    def start(self, _what: str, _total: int | None = None) -> None:
        """Begin a piece of work; ``_total``: its steps, where known."""
        ...

    def advance(self, _amount: int = 1) -> None:
        """Count steps that are done."""
        ...

    def finish(self, _note: str = "") -> None:
        """End the piece of work."""
        ...


class Silent:
    """A Progress that says nothing."""

    def start(self, _what: str, _total: int | None = None) -> None:
        """Say nothing."""

    def advance(self, _amount: int = 1) -> None:
        """Say nothing."""

    def finish(self, _note: str = "") -> None:
        """Say nothing."""
