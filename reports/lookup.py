"""Finding things in results.json: records by model and probe, metrics, verdicts, levels of slices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from auditor.types import TASK_NEEDS

UNPRESERVED_ROWS = frozenset({"noise", "attack"})
"""Rows of the scorecard whose probes change texts: how often the label survives the change matters there."""
UNPRESERVED = "label preservation not measured"
OUTCOMES = {
    "fail": "fail",
    "inconclusive": "inconclusive",
    "not_measured": "not measured",
    "pass": "pass",
    "not_applicable": "not applicable",
}
"""Outcome of a verdict → its words, worst first."""
SIGNS = {"fail": "✗", "inconclusive": "?", "not_measured": "–", "pass": "✓", "not_applicable": "○"}

INAPPLICABLE = "does not apply"
NOT_GIVEN = "not given"
INPUT_NEEDS = frozenset({"train", "domains", "base"})
"""Needs that the user meets by giving data, as the gate has them."""

NO_STEPS: Mapping[int, str] = MappingProxyType({})
Measured = Mapping[str, Any]
"""A measurement as results.json holds it."""


def mark(outcome: str, text: str | None = None) -> dict[str, str]:
    """How the page shows an outcome: a sign and words, and a class for the colour."""
    return {"kind": outcome.replace("_", "-"), "sign": SIGNS[outcome], "text": text or OUTCOMES[outcome]}


def applies(record: Mapping[str, Any] | None) -> bool:
    """Whether the probe asks about the task at hand."""
    return record is None or TASK_NEEDS.isdisjoint(record["missing"])


def same_slice(one: Mapping[str, str] | None, other: Mapping[str, str] | None) -> bool:
    return dict(one or {}) == dict(other or {}) and (one is None) == (other is None)


class Findings:
    """One results file with its indices. The candidate is the first of ``models``."""

    def __init__(self, results: Mapping[str, Any], next_steps: Mapping[int, str] = NO_STEPS) -> None:
        self.results = results
        self.candidate: str = results["candidate"]
        listed = [model["name"] for model in results["models"]]
        named = [self.candidate, *listed, *(record["model"] for record in results["records"])]
        self.models: tuple[str, ...] = tuple(dict.fromkeys(named))
        self._records = {(record["model"], record["probe"]): record for record in results["records"]}
        self.probes: tuple[str, ...] = tuple(
            sorted(dict.fromkeys(probe for _, probe in self._records), key=self._place)
        )
        self.anchors = {probe: f"probe-{number}" for number, probe in enumerate(self.probes, start=1)}
        self.rules: Sequence[Mapping[str, Any]] = results["policy"]["rules"]
        self.verdicts: Sequence[Mapping[str, Any]] = results["decision"]["verdicts"]
        self._next_steps = {id(self.verdicts[place]): step for place, step in next_steps.items()}

    def _place(self, probe: str) -> tuple[int, int]:
        """Plain quality first, then in the order of the scorecard's rows."""
        rows = [row["id"] for row in self.results["limitations"]]
        row = self.limitation(probe)
        order = [found for _, found in self._records]
        return (-1 if row is None else rows.index(row) if row in rows else len(rows), order.index(probe))

    def record(self, model: str, probe: str) -> Mapping[str, Any] | None:
        return self._records.get((model, probe))

    def of_probe(self, probe: str) -> list[Mapping[str, Any]]:
        """The probe's records, the candidate's first."""
        return [record for model in self.models if (record := self.record(model, probe)) is not None]

    def limitation(self, probe: str) -> str | None:
        found: str | None = next(record["limitation"] for (_, name), record in self._records.items() if name == probe)
        return found

    def unpreserved(self, probe: str) -> bool:
        """Whether the probe changes texts without anyone having measured that their label survives."""
        return any(
            record["limitation"] in UNPRESERVED_ROWS for (_, name), record in self._records.items() if name == probe
        )

    def metrics(self, probe: str) -> dict[str, Mapping[str, Any]]:
        """Metric's name → its description, over all models."""
        return {metric["name"]: metric for record in self.of_probe(probe) for metric in record["metrics"]}

    def metric(self, probe: str, name: str) -> Mapping[str, Any]:
        """A metric's description; one made up of its name where no record has it (its probe crashed early)."""
        unknown = {"name": name, "title": name.replace("_", " "), "unit": "count", "better": None, "kind": "mean"}
        return self.metrics(probe).get(name, unknown)

    def measured(self, model: str, probe: str, metric: str, slice_: Mapping[str, str]) -> Measured | None:
        record = self.record(model, probe)
        for found in [] if record is None else record["measurements"]:
            if found["metric"] == metric and same_slice(found["slice"], slice_):
                return dict(found)
        return None

    def mark(self, verdict: Mapping[str, Any]) -> dict[str, str]:
        """A verdict's mark; of what is not applicable, whether it was not given or cannot be asked of this model."""
        record = self.record(self.candidate, self.rules[verdict["rule"]]["probe"])
        if verdict["outcome"] != "not_applicable" or record is None:
            return mark(verdict["outcome"])
        rule = self.rules[verdict["rule"]]
        measured = self.measured(self.candidate, rule["probe"], rule["metric"], verdict["slice"] or {})
        if measured is not None and measured["status"] != "removed_by_tokenizer" and limit_of(rule) is None:
            return mark("not_applicable", "no limit")
        missing = set(record["missing"])
        if missing and missing <= INPUT_NEEDS:
            return mark("not_applicable", NOT_GIVEN)
        gaps = [gap for gap in record["skipped"] if same_slice(gap["slice"], verdict["slice"])]
        inapplicable = any(not gap.get("applies", True) for gap in gaps)
        return mark("not_applicable", INAPPLICABLE if inapplicable else None)

    def badge(self, probe: str) -> dict[str, str] | None:
        """The worst mark of the probe's required rules; of a probe for another kind of task, that it does not apply.

        None where no required rule reads it: a rule that only shows decides nothing.
        """
        required = [
            verdict
            for verdict in self.verdicts
            if self.rules[verdict["rule"]]["probe"] == probe and self.rules[verdict["rule"]]["required"] != "never"
        ]
        if required:
            return self.mark(min(required, key=lambda verdict: list(OUTCOMES).index(verdict["outcome"])))
        return None if applies(self.record(self.candidate, probe)) else mark("not_applicable", INAPPLICABLE)

    def detail(self, rule: Mapping[str, Any], slice_: Mapping[str, str] | None) -> str:
        """What stands behind the candidate's value that a rule reads: the groups of a gap; empty where nothing is said."""
        measured = None if slice_ is None else self.measured(self.candidate, rule["probe"], rule["metric"], slice_)
        return str((measured or {}).get("detail", ""))

    def next_step(self, verdict: Mapping[str, Any]) -> str | None:
        """What to do about a verdict that failed; None of any other."""
        return self._next_steps.get(id(verdict))

    def rules_of(self, probe: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
        return ((number, rule) for number, rule in enumerate(self.rules) if rule["probe"] == probe)

    def verdict(self, rule: int, slice_: Mapping[str, str]) -> Mapping[str, Any] | None:
        return next(
            (found for found in self.verdicts if found["rule"] == rule and same_slice(found["slice"], slice_)), None
        )


def limit_of(rule: Mapping[str, Any]) -> float | None:
    """The rule's limit, a maximum or a minimum; None where it only shows."""
    found: float | None = rule["max"] if rule["max"] is not None else rule["min"]
    return found


def levels(measurements: Sequence[Measured]) -> list[frozenset[str]]:
    """The sets of keys that the slices have, in order of appearance."""
    return list(dict.fromkeys(frozenset(found["slice"]) for found in measurements))


def is_full(level: frozenset[str], among: Sequence[frozenset[str]]) -> bool:
    """Whether a pooled level (fewer of the same keys) exists beside this one: then this one is detail."""
    return any(other and other < level for other in among)


WHOLE = "all"
"""The last step of a curve over sizes: everything there is."""


def stepped_key(slices: Sequence[Mapping[str, str]]) -> str | None:
    """The key whose values are steps of a curve: ``severity``, or one with three or more numbers as values."""
    if not slices:
        return None
    if all("severity" in one for one in slices):
        return "severity"
    for key in slices[0]:
        values = {one.get(key, "") for one in slices} - {WHOLE}
        if len(values) >= 3 and all(value.replace(".", "", 1).replace(",", "").isdigit() for value in values):
            return key
    return None


def ordered_steps(values: Sequence[str]) -> list[str]:
    """Steps in their order: numbers by size and the whole last, words as the probe yielded them."""
    distinct = list(dict.fromkeys(values))
    try:
        return sorted(distinct, key=lambda value: float("inf" if value == WHOLE else value.replace(",", "")))
    except ValueError:
        return distinct
