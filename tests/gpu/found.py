"""What the check found so far, and how answers differ from the CPU's."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gpu.inputs import Sizes

TIE = 1e-4
"""Two labels whose probabilities lie closer than this may change places by rounding."""


@dataclass(slots=True)
class Check:
    """Where the check runs, what it found so far, and what it still needs to know."""

    device: str
    sizes: Sizes
    folder: Path
    deadline: float = float("inf")
    rows: list[dict[str, Any]] = field(default_factory=list)
    answers: list[tuple[str, Any, Any]] = field(default_factory=list)
    """(checkpoint, text as encoded, answer) of everything that the device answered during the audit."""

    def note(self, step: str, what: str, value: str, *, ok: bool | None = None, **figures: Any) -> None:
        """A row of the table; ``ok``: whether it is as it has to be, None where it is only reported."""
        self.rows.append({"step": step, "what": what, "value": value, "ok": ok, **figures})
        print(f"{'' if ok is None else 'ok ' if ok else 'NOT '}{step}: {what}: {value}", file=sys.stderr, flush=True)

    @property
    def passed(self) -> bool:
        judged = [row["ok"] for row in self.rows if row["ok"] is not None]
        return bool(judged) and all(judged)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How answers differ from the CPU's."""

    answers: int
    largest: float
    """Difference between two probabilities."""
    changed: int
    """Decisions that differ although the CPU's two best labels lie further apart than TIE."""
    ties: int
    """Decisions that differ where they do not."""

    @property
    def words(self) -> str:
        return (
            f"{self.answers:,} answers, largest difference {self.largest:.1e}, {self.changed} decisions changed, "
            f"{self.ties} within {TIE:g}"
        )


def agreement(pairs: Iterable[tuple[Sequence[float], Sequence[float]]]) -> Agreement:
    """Of (device's probabilities, CPU's probabilities) of each answer."""
    count = changed = ties = 0
    largest = 0.0
    for mine, other in pairs:
        count += 1
        largest = max(largest, *(abs(one - two) for one, two in zip(mine, other, strict=True)))
        if max(range(len(mine)), key=mine.__getitem__) != max(range(len(other)), key=other.__getitem__):
            best, second = sorted(other, reverse=True)[:2]
            changed += best - second > TIE
            ties += best - second <= TIE
    return Agreement(count, largest, changed, ties)
