"""Waivers: read from ``waivers.toml``, and applied to verdicts.

A waiver never changes an outcome. In force, it takes its verdicts out of what holds a release; past its date, a verdict
that still needs it fails the gate, also where the verdict alone would only leave it undecided.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from auditor.errors import PolicyError, near_match, near_or_known
from auditor.storage import documents
from auditor.storage.documents import key_path, short
from auditor.storage.reading import SETTINGS, near_file, read_file
from auditor.types import Verdict, Waived, Waiver, Waivers, WaiverUse
from auditor.verdicts.policy import Policy

KEYS = ("rule", "slice", "reason", "owner", "expires")
HINTS = {
    "rule": 'a probe and its metric: rule = "noise drop_over_changed_cases"',
    "reason": "say why the failure is accepted",
    "owner": 'a role that answers for it: owner = "search team"',
    "expires": "the last day it is in force, without quotes: expires = 2027-03-01",
}
LONGEST = 1_000
"""Characters of a reason or an owner, at most."""
OPEN = ("fail", "inconclusive", "not_measured")
"""Outcomes of required verdicts that hold a release, and that may be waived."""


def today() -> date:
    """Return the current day in UTC, the same on every machine."""
    return datetime.now(UTC).date()


def load(path: Path, policy: Policy, on: date) -> Waivers:
    """Read waivers; ``on`` is the day on which they are judged.

    An empty file holds none. Raises PolicyError naming file, waiver and key, also for a rule that the policy lacks.
    """
    hint = near_file(path) or "leave --waivers out to judge without"
    content = read_file(path, PolicyError, missing="no such file of waivers", hint=hint, limit=SETTINGS)
    document = documents.toml(content, PolicyError, str(path))
    for key in document:
        if key != "waiver":
            hint = near_match(key, ["waiver"]) or "waivers are [[waiver]]"
            raise PolicyError(f"unknown key {short(key)}", where=str(path), hint=hint)
    tables = document.get("waiver", [])
    if not isinstance(tables, list):
        raise PolicyError("waiver is not a list of tables", where=str(path), hint="write [[waiver]] above each")
    places = [f"{path}: waiver {number}" for number in range(1, len(tables) + 1)]
    entries = tuple(entry_of(table, where) for table, where in zip(tables, places, strict=True))
    for entry, where in zip(entries, places, strict=True):
        _check_rule(entry, policy, where)
    return Waivers(path.name, hashlib.sha256(content).hexdigest(), on, entries)


def entry_of(table: Any, where: str) -> Waiver:
    """One ``[[waiver]]``. Raises PolicyError naming ``where`` and the key."""
    if not isinstance(table, dict):
        raise PolicyError("not a table", where=where, hint="write [[waiver]]")
    for key in table:
        if key not in KEYS:
            raise PolicyError(f"unknown key {short(key)}", where=where, hint=near_or_known(key, KEYS))
    probe, metric = _rule(_text(table, "rule", where), where)
    reason, owner = _text(table, "reason", where), _text(table, "owner", where)
    expires = table.get("expires")
    if expires is None:
        raise PolicyError("expires is missing", where=where, hint=HINTS["expires"])
    if type(expires) is not date:
        raise PolicyError(f"expires = {short(_written(expires))} is not a date", where=where, hint=HINTS["expires"])
    return Waiver(probe, metric, _slice(table.get("slice", {}), where), reason, owner, expires)


def _written(value: object) -> object:
    """A value as the file writes it: a time without ``datetime.``."""
    return value.isoformat() if hasattr(value, "isoformat") else value


def _text(table: Mapping[str, Any], key: str, where: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise PolicyError(f"{key} is missing or empty", where=where, hint=HINTS[key])
    if len(value) > LONGEST:
        raise PolicyError(f"{key} has {len(value):,} characters; at most {LONGEST:,}", where=where)
    return value.strip()


def _rule(text: str, where: str) -> tuple[str, str]:
    names = re.split(r"[\s/]+", text)
    if len(names) != 2 or not all(names):
        raise PolicyError(f"rule = {short(text)} is not a probe and a metric", where=where, hint=HINTS["rule"])
    return names[0], names[1]


def _slice(value: Any, where: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise PolicyError(f"slice = {short(value)} is not a table", where=where, hint='slice = { family = "typos" }')
    for key, wanted in value.items():
        if not isinstance(wanted, str):
            raise PolicyError(f"slice.{key_path([key])} = {short(wanted)} is not a word", where=where, hint="in quotes")
    return dict(value)


def _check_rule(entry: Waiver, policy: Policy, where: str) -> None:
    """Refuse a waiver of what the policy has no rule on."""
    rules = {f"{rule.probe} {rule.metric}" for rule in policy.rules}
    named = f"{entry.probe} {entry.metric}"
    if named not in rules:
        hint = near_or_known(named, sorted(rules))
        raise PolicyError(f"the policy {policy.name} has no rule {short(named)}", where=where, hint=hint)


def applied(
    policy: Policy, verdicts: Sequence[Verdict], waivers: Waivers | None
) -> tuple[list[Verdict], tuple[WaiverUse, ...]]:
    """Return the verdicts with their waivers, and what became of each waiver.

    Where several match a verdict, the first in force counts, else the first.
    """
    if waivers is None:
        return list(verdicts), ()
    marked = [_marked(policy, verdict, waivers) for verdict in verdicts]
    return marked, tuple(_uses(policy, marked, waivers))


def is_waived(verdict: Verdict) -> bool:
    """Tell whether a waiver in force covers the verdict."""
    return verdict.waiver is not None and verdict.waiver.state == "in force"


def _marked(policy: Policy, verdict: Verdict, waivers: Waivers) -> Verdict:
    if not _is_open(policy, verdict):
        return verdict
    matching = [number for number, entry in enumerate(waivers.entries) if _matches(entry, policy, verdict)]
    if not matching:
        return verdict
    matching.sort(key=lambda number: waivers.entries[number].is_expired(waivers.on))
    entry = waivers.entries[matching[0]]
    return replace(verdict, waiver=Waived(matching[0], _state(entry, waivers.on), entry.words(waivers.on)))


def _state(entry: Waiver, on: date) -> Literal["in force", "expired"]:
    return "expired" if entry.is_expired(on) else "in force"


def _is_open(policy: Policy, verdict: Verdict) -> bool:
    return verdict.outcome in OPEN and policy.rules[verdict.rule].required != "never"


def _matches(entry: Waiver, policy: Policy, verdict: Verdict) -> bool:
    rule = policy.rules[verdict.rule]
    named = (rule.probe, rule.metric) == (entry.probe, entry.metric)
    return named and entry.slice.items() <= (verdict.slice or {}).items()


def _uses(policy: Policy, verdicts: Sequence[Verdict], waivers: Waivers) -> Iterator[WaiverUse]:
    for number, entry in enumerate(waivers.entries):
        matched = [verdict for verdict in verdicts if _matches(entry, policy, verdict)]
        own = [verdict for verdict in matched if verdict.waiver is not None and verdict.waiver.entry == number]
        words = f"{entry.rule}: {entry.words(waivers.on)}"
        if own:
            yield WaiverUse(_state(entry, waivers.on), f"{words}; {len(own)} verdict{'s' * (len(own) > 1)}")
        elif not matched:
            yield WaiverUse("matches nothing", f"{words}; matches nothing")
        elif any(_is_open(policy, verdict) for verdict in matched):
            yield WaiverUse("not needed", f"{words}; no longer needed: another waiver covers what it matches")
        else:
            yield WaiverUse("not needed", f"{words}; no longer needed: no required verdict that it matches is open")
