"""Verdicts as they fall, while an audit goes on.

They are for whoever waits: the decision is made at the end, of all records together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from auditor import stats
from auditor.types import Decision, ProbeRecord, Verdict
from auditor.verdicts import gate
from auditor.verdicts.policy import Policy

FINAL = frozenset({"pass", "not_applicable"})


@dataclass(frozen=True, slots=True)
class Fallen:
    """What the required verdicts of a probe come to."""

    probe: str
    outcome: Literal["pass", "fail"]
    verdicts: int
    """Required verdicts of the probe."""
    settled: bool
    """Whether nothing that is still measured can change it."""


class Watch:
    """Receiver of a candidate's records and looks; this base class ignores them."""

    def recorded(self, record: ProbeRecord) -> None:
        """Receive a record at the end of its probe's first look."""

    def looked(self, decision: Decision, look: int, undecided: int) -> None:
        """Receive the decision after a look, and how many rules are undecided."""


class Told:
    """Receiver of verdicts and looks; this base class ignores them."""

    def decided(self, fallen: Fallen) -> None:
        """Report that a probe's required verdicts are all decided."""

    def looked(self, look: int, undecided: int) -> None:
        """Report a look, and how many rules it left undecided."""


class Judge(Watch):
    """Watch that tells of each probe whose required verdicts are all decided.

    A pass stands: every slice passes at its own level, which here is that of the first look of as many as are ever
    planned, the strictest. A failure is corrected for all slices of all required rules, of which some are not measured
    yet: it stands at the end of the look, or where bounds hold at every look.
    """

    def __init__(self, rules: Policy, design: str, told: Told) -> None:
        self._policy, self._design = rules, design
        self._listener = told
        self._told: set[tuple[str, str]] = set()

    def recorded(self, record: ProbeRecord) -> None:
        """Judge a record by its own rules."""
        own = tuple(
            rule
            for rule in self._policy.rules
            if rule.probe == record.probe and rule.required != "never" and rule.limit is not None
        )
        if not own or record.status != "measured":
            return
        looks = max(stats.looks.SHARES) if self._design == "adaptive" else 1
        marked = tuple(replace(measurement, look=1, looks=looks) for measurement in record.measurements)
        rules = replace(self._policy, rules=own)
        judged = gate.decide(rules, [replace(record, measurements=marked)], record.model, looks=looks)
        self._judge(record.probe, judged.verdicts, settled=False)

    def looked(self, decision: Decision, look: int, undecided: int) -> None:
        """Judge each probe by the decision on all of them."""
        self._listener.looked(look, undecided)
        by_probe: dict[str, list[Verdict]] = {}
        for verdict in decision.verdicts:
            rule = self._policy.rules[verdict.rule]
            if rule.required != "never" and rule.limit is not None:
                by_probe.setdefault(rule.probe, []).append(verdict)
        for probe, verdicts in by_probe.items():
            self._judge(probe, verdicts, settled=self._design == "until-decided")

    def _judge(self, probe: str, verdicts: Sequence[Verdict], *, settled: bool) -> None:
        outcomes = {verdict.outcome for verdict in verdicts}
        if "pass" in outcomes and outcomes <= FINAL:
            self._fall(Fallen(probe, "pass", len(verdicts), True))
        elif "fail" in outcomes:
            self._fall(Fallen(probe, "fail", len(verdicts), settled))

    def _fall(self, fallen: Fallen) -> None:
        if (fallen.probe, fallen.outcome) not in self._told:
            self._told.add((fallen.probe, fallen.outcome))
            self._listener.decided(fallen)
