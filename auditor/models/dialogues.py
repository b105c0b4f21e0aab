"""Dialogues as tokenizers read them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from auditor.text.turns import BETWEEN
from auditor.types import Classify


def separator(request: Classify, tokenizer: Any) -> str:
    """Return what stands between the turns of a dialogue's history."""
    return request.between_turns or getattr(tokenizer, "sep_token", None) or BETWEEN


def as_read(request: Classify, tokenizer: Any) -> Classify:
    """Return the request with the separator between turns.

    A request that is no dialogue stays as it is.
    """
    if request.between_turns is None:
        return request
    history, *rest = request.texts
    return Classify((history.replace(BETWEEN, separator(request, tokenizer)), *rest), request.between_turns)


def place(history: str, between: str, start: int, end: int) -> tuple[int, int] | None:
    """Return where a stretch that was read stands in a history.

    ``start`` and ``end`` count characters of the history with ``between`` between its turns. None: the stretch is of
    a separator.
    """
    read = own = 0
    for turn in history.split(BETWEEN):
        if read <= start and end <= read + len(turn):
            return start - read + own, end - read + own
        read += len(turn) + len(between)
        own += len(turn) + len(BETWEEN)
    return None


@contextlib.contextmanager
def cutting_beginnings(tokenizer: Any) -> Iterator[None]:
    """Let a tokenizer cut texts at their beginning, inside."""
    side = getattr(tokenizer, "truncation_side", "right")
    tokenizer.truncation_side = "left"
    try:
        yield
    finally:
        tokenizer.truncation_side = side
