"""The sequence of checks that every output for CI shows.

A check is a verdict of a rule, a regression between two audits, or a probe that crashed. Because each output is built
from the same sequence, all of them agree with the gate.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from auditor.types import Regression
from reports.formats import amount, difference_unit, interval, slice_text, unsigned
from reports.lookup import NO_STEPS, Findings
from reports.plain import plain, slice_key
from reports.summary import limit_text

CheckOutcome: TypeAlias = Literal["pass", "fail", "inconclusive", "not_measured", "not_applicable", "error"]
NO_LIMIT = "no limit"
OPEN = ("inconclusive", "not_measured")
"""Outcomes that leave an audit undecided."""
CRASHED = "probe_crashed"
"""Stands for the metric in the rule id of a crashed probe."""
REGRESSION = "regression"
NUMBERS = {0: "release", 1: "hold", 2: "not completed", 3: "undecided"}
"""Exit code → the decision in words."""
WORST = (0, 3, 1, 2)
"""Exit codes from best to worst."""


@dataclass(frozen=True, slots=True)
class Check:
    """A row of every output.

    Its texts are in one line and visible; markup in them is left to each output.
    """

    suite: Literal["rules", "regressions", "probes", "decision"]
    rule: str
    """The rule's id: ``noise/accuracy_drop``, ``regression/noise/accuracy_drop``, ``noise/probe_crashed``."""
    title: str
    """What is measured, for people."""
    why: str
    """The reason that the policy gives for the limit."""
    about: str
    """What the probe does."""
    slice: Mapping[str, str] | None
    place: str
    """The slice in words; ``all`` for the whole."""
    outcome: CheckOutcome
    required: bool
    value: float | None
    low: float | None
    high: float | None
    unit: str
    limit: str
    """``≤ 10.0 points``, or ``no limit``."""
    reason: str
    next: str | None
    waiver: str | None
    """``waived until 2027-03-01: reason (owner)``, or that it expired."""
    is_waived: bool
    """Whether a waiver in force takes it out of what decides."""
    ordinal: int = 1
    """Counts checks of one rule id and slice."""

    @property
    def holds(self) -> bool:
        """Whether it keeps the model from its release."""
        broken = self.outcome in ("fail", "error", *OPEN)
        return self.required and broken and not self.is_waived

    @property
    def is_undecided(self) -> bool:
        """Whether it holds, and more examples could settle it."""
        return self.holds and self.outcome in OPEN and self.waiver is None

    @property
    def numbers(self) -> str:
        """Value, bounds and limit.

        ``12.3 points, bounds [10.1, 14.5], limit ≤ 10.0 points``; empty without a value.
        """
        if self.value is None:
            return ""
        bounds = interval(self.low, self.high, self.unit)
        return f"{amount(self.value, self.unit)}, bounds {bounds}, {self.limited}"

    @property
    def limited(self) -> str:
        """``limit ≤ 10.0 points``, or ``no limit``."""
        return self.limit if self.limit == NO_LIMIT else f"limit {self.limit}"

    @property
    def words(self) -> str:
        """The outcome in words, advisory and waived where it is."""
        said = "crashed" if self.outcome == "error" else self.outcome.replace("_", " ")
        return f"{'' if self.required else 'advisory '}{said}{' (waived)' if self.is_waived else ''}"

    @property
    def fingerprint(self) -> str:
        """A digest of rule and slice, the same from run to run."""
        where = "" if self.slice is None else slice_key(self.slice)
        return hashlib.sha256(f"{self.rule}\n{where}\n{self.ordinal}".encode()).hexdigest()


def checks(
    results: Mapping[str, Any],
    regressions: Sequence[Regression] | None = None,
    next_steps: Mapping[int, str] = NO_STEPS,
) -> list[Check]:
    """Return the checks of an audit: crashed probes, verdicts, then regressions.

    ``results``: as its schema says. ``next_steps``: place of a failed verdict → what to do about it.
    """
    findings = Findings(results, next_steps)
    rows = [*_crashes(findings), *_verdicts(findings), *(_regression(findings, each) for each in regressions or ())]
    seen: Counter[tuple[str, str | None]] = Counter()
    numbered = []
    for row in rows:
        key = (str(row["rule"]), None if row["slice"] is None else slice_key(row["slice"]))
        seen[key] += 1
        numbered.append(Check(**row, ordinal=seen[key]))
    code = exit_code(results, regressions)
    if code and not any(check.holds for check in numbered):
        numbered.append(_decision(results, code, nothing_compared=regressions is not None and not regressions))
    return numbered


def _decision(results: Mapping[str, Any], code: int, *, nothing_compared: bool) -> Check:
    """Return a check that holds where no verdict does."""
    outcomes: dict[int, CheckOutcome] = {1: "fail", 2: "error", 3: "not_measured"}
    compared = "; no slice of a required rule is compared with the audit before" if nothing_compared else ""
    return Check(
        suite="decision",
        rule="decision",
        title="decision",
        why="A release needs a required rule that passed, and a comparison something to compare.",
        about="",
        slice=None,
        place="all",
        outcome=outcomes[code],
        required=True,
        value=None,
        low=None,
        high=None,
        unit="count",
        limit=NO_LIMIT,
        reason=f"{plain(results['decision']['headline'].removesuffix('.'))}{compared}",
        next=None,
        waiver=None,
        is_waived=False,
    )


def exit_code(results: Mapping[str, Any], regressions: Sequence[Regression] | None = None) -> int:
    """Return the exit code of gate and regressions together.

    A comparison of nothing is undecided; None: there was no comparison.
    """
    codes = [int(results["decision"]["exit_code"]), *([] if regressions is None or regressions else [3])]
    for each in regressions or ():
        if each.required:
            codes.append(1 if each.outcome == "fail" else 3 if each.outcome in OPEN else 0)
    return max(codes, key=WORST.index)


def decision_words(results: Mapping[str, Any], regressions: Sequence[Regression] | None = None) -> str:
    """Return the decision in words: ``hold``, ``release, 1 waived``."""
    waived = sum(verdict.get("waiver", {}).get("state") == "in force" for verdict in results["decision"]["verdicts"])
    return f"{NUMBERS[exit_code(results, regressions)]}{f', {waived} waived' if waived else ''}"


def waivers(results: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return state and text of every waiver, used or not."""
    return [(use["state"], plain(use["text"])) for use in results["decision"].get("waivers", ())]


def _rule_id(*parts: str) -> str:
    return "/".join(plain(part).replace("/", "⁄") for part in parts)


def _about(findings: Findings, probe: str) -> str:
    described = next((record["description"] for record in findings.of_probe(probe)), "")
    return plain(described.split("\n\n")[0].replace("``", "").replace("\n", " "))


def _verdicts(findings: Findings) -> Iterator[dict[str, Any]]:
    for verdict in findings.verdicts:
        rule = findings.rules[verdict["rule"]]
        metric = findings.metric(rule["probe"], rule["metric"])
        waiver = verdict.get("waiver")
        detail = findings.detail(rule, verdict["slice"])
        step = findings.next_step(verdict)
        yield {
            "suite": "rules",
            "rule": _rule_id(rule["probe"], rule["metric"]),
            "title": plain(metric["title"]),
            "why": plain(rule["why"]),
            "about": _about(findings, rule["probe"]),
            "slice": verdict["slice"],
            "place": plain(slice_text(verdict["slice"])),
            "outcome": verdict["outcome"],
            "required": rule["required"] != "never",
            **{key: verdict[key] for key in ("value", "low", "high")},
            "unit": metric["unit"],
            "limit": limit_text(rule, metric["unit"]),
            "reason": plain(f"{verdict['reason']}{f'; {detail}' if detail else ''}"),
            "next": None if step is None else plain(step),
            "waiver": None if waiver is None else plain(waiver["text"]),
            "is_waived": waiver is not None and waiver["state"] == "in force",
        }


_NO_NUMBERS: dict[str, Any] = {"value": None, "low": None, "high": None, "unit": "count", "limit": NO_LIMIT}
_NO_WAIVER: dict[str, Any] = {"next": None, "waiver": None, "is_waived": False}


def _crashes(findings: Findings) -> Iterator[dict[str, Any]]:
    """A check for each model and probe that crashed."""
    for record in findings.results["records"]:
        if record["status"] != "failed":
            continue
        comparator = record["model"] != findings.candidate
        yield {
            "suite": "probes",
            "rule": _rule_id(record["probe"], CRASHED),
            "title": "the probe runs to its end",
            "why": "A crashed probe is not a pass.",
            "about": _about(findings, record["probe"]),
            "slice": {"model": record["model"]} if comparator else None,
            "place": plain(slice_text({"model": record["model"]} if comparator else None)),
            "outcome": "error",
            "required": True,
            "reason": plain(record["reason"] or "no reason recorded"),
            **_NO_NUMBERS,
            **_NO_WAIVER,
        }


def _regression(findings: Findings, regression: Regression) -> dict[str, Any]:
    metric = findings.metric(regression.probe, regression.metric)
    unit = difference_unit(metric["unit"])
    worse = unsigned(regression.tolerance, unit)
    how = "the same cases" if regression.paired else "different cases"
    return {
        "suite": "regressions",
        "rule": _rule_id(REGRESSION, regression.probe, regression.metric),
        "title": plain(f"{metric['title']}, new minus old"),
        "why": "A new model may not be worse than the one before by more than the tolerance.",
        "about": _about(findings, regression.probe) if regression.probe in findings.probes else "",
        "slice": regression.slice,
        "place": plain(slice_text(regression.slice)),
        "outcome": regression.outcome,
        "required": regression.required,
        **{key: getattr(regression, key) for key in ("value", "low", "high")},
        "unit": unit,
        "limit": f"at most {worse} worse",
        "reason": plain(f"{regression.conclusion}, on {how}: {regression.reason}"),
        **_NO_WAIVER,
    }
