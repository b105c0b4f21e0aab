"""Waivers: failures that somebody answers for until a date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias

WaiverState: TypeAlias = Literal["in force", "expired", "not needed", "matches nothing"]
"""in force: verdicts that it matches do not hold the release. expired: it was needed, and its date has passed.
not needed: every verdict that it matches passes or decides nothing. matches nothing: no verdict is of its slice."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """A required rule that a release may break until a date."""

    probe: str
    metric: str
    slice: Mapping[str, str]
    """Matches verdicts whose slices have these keys and values, and perhaps more; empty: every verdict of the rule."""
    reason: str
    """Why the failure is accepted."""
    owner: str
    """Who answers for it: a role, such as ``search team``."""
    expires: date
    """The last day on which it is in force."""

    @property
    def rule(self) -> str:
        """``noise accuracy_drop [family=typos]``."""
        inside = ", ".join(f"{key}={value}" for key, value in self.slice.items())
        return f"{self.probe} {self.metric}{f' [{inside}]' if inside else ''}"

    def words(self, on: date) -> str:
        """``waived until 2027-03-01: reason (owner)``, or that it expired."""
        state = "waiver expired on" if self.is_expired(on) else "waived until"
        return f"{state} {self.expires.isoformat()}: {self.reason} ({self.owner})"

    def is_expired(self, on: date) -> bool:
        """Whether its last day lies before this one."""
        return self.expires < on


@dataclass(frozen=True, slots=True)
class Waivers:
    """The waivers of a file, judged on a day."""

    name: str
    """The file's name."""
    sha256: str
    on: date
    """The day on which they are judged."""
    entries: tuple[Waiver, ...]


@dataclass(frozen=True, slots=True)
class Waived:
    """The waiver of a verdict that failed or is undecided."""

    entry: int
    """Its place among the waivers, from 0."""
    state: Literal["in force", "expired"]
    text: str
    """``waived until 2027-03-01: reason (owner)``, or that it expired."""


@dataclass(frozen=True, slots=True)
class WaiverUse:
    """What became of one waiver."""

    state: WaiverState
    text: str
    """In one line for people."""
