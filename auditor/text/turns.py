"""Turns of a dialogue, and which rows are of one dialogue."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence

BETWEEN = "\n"
"""What stands between the turns of a history, each a line of it."""


def joined(turns: Iterable[str]) -> str:
    """Return turns as a history, each of them a line.

    Blanks replace the line breaks of a turn.
    """
    lines = (" ".join(line.strip() for line in turn.splitlines() if line.strip()) for turn in turns)
    return BETWEEN.join(filter(None, lines))


def turns_of(history: str) -> list[str]:
    """Return the turns of a history, the oldest first."""
    return [line for line in history.split(BETWEEN) if line.strip()]


def dialogues(rows: Sequence[Sequence[str]]) -> list[str | None]:
    """Return a name of each row's dialogue.

    None: the row is alone.

    ``rows``: their turns, the oldest first. Rows are of one dialogue where their first two turns are the same; a row of
    a single turn belongs to the only dialogue that begins with it, if there is only one.
    """
    beginnings: dict[str, set[tuple[str, ...]]] = {}
    for turns in rows:
        if len(turns) > 1:
            beginnings.setdefault(turns[0], set()).add(tuple(turns[:2]))
    own = [{tuple(turns[:2])} if len(turns) > 1 else beginnings.get(turns[0], set()) for turns in rows]
    names = [_name(next(iter(each))) if len(each) == 1 else None for each in own]
    counts = Counter(names)
    return [name if counts[name] > 1 else None for name in names]


def _name(turns: Sequence[str]) -> str:
    digest = hashlib.sha256(BETWEEN.join(turns).encode("utf-8", "surrogatepass"))
    return f"dialogue {digest.hexdigest()[:12]}"
