"""What the check found so far."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gpu.inputs import Sizes


@dataclass(slots=True)
class Check:
    """Where the check runs, what it found so far, and what it still needs to know."""

    device: str
    sizes: Sizes
    folder: Path
    rate: float = 0.0
    """Learning rate of the base."""
    deadline: float = float("inf")
    until: float = float("inf")
    """When the step that is under way has to end."""
    rows: list[dict[str, Any]] = field(default_factory=list)
    answers: list[tuple[str, Any, Any]] = field(default_factory=list)
    """(checkpoint, text as encoded, answer) of everything that the device answered during the audit."""
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Task → its figures."""

    def note(self, step: str, what: str, value: str, *, ok: bool | None = None, **figures: Any) -> None:
        """A row of the table; ``ok``: whether it is as it has to be, None where it is only reported."""
        self.rows.append({"step": step, "what": what, "value": value, "ok": ok, **figures})
        print(f"{'' if ok is None else 'ok ' if ok else 'NOT '}{step}: {what}: {value}", file=sys.stderr, flush=True)

    def figures(self, task: str, given: Mapping[str, Any]) -> None:
        """Figures of a task, for the table of tasks."""
        self.tasks.setdefault(task, {}).update(given)

    @property
    def late(self) -> bool:
        return time.monotonic() > min(self.deadline, self.until)

    @property
    def kind(self) -> str:
        """``cpu`` or ``cuda``."""
        return self.device.split(":")[0]

    @property
    def passed(self) -> bool:
        judged = [row["ok"] for row in self.rows if row["ok"] is not None]
        return bool(judged) and all(judged)
