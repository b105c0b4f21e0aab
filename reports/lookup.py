"""Lookup in results.json: records, metrics, verdicts, levels of slices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from auditor.types import (
    INPUT_NEEDS,
    UNPRESERVED,
    UNPRESERVED_ROWS,
    LabelReview,
    is_of_changed_texts,
    lacked_by_task,
    preservation,
)
from reports.words import later, recorded, say

OUTCOMES = {
    "fail": later("fail"),
    "inconclusive": later("inconclusive"),
    "not_measured": later("not measured"),
    "pass": later("pass"),
    "not_applicable": later("not applicable"),
}
"""Outcome of a verdict → its words, worst first."""
DECIDING = {0: (), 1: ("fail",), 2: ("fail",), 3: ("inconclusive", "not_measured")}
"""Exit code → outcomes of required verdicts that led to it."""
SIGNS = {"fail": "✗", "inconclusive": "?", "not_measured": "–", "pass": "✓", "not_applicable": "○"}

INAPPLICABLE = later("does not apply")
NOT_GIVEN = later("not given")

NO_STEPS: Mapping[int, str] = MappingProxyType({})
Measured = Mapping[str, Any]
"""A measurement as results.json holds it."""


def mark(outcome: str, text: str | None = None) -> dict[str, str]:
    """Return an outcome's sign, words and CSS class."""
    return {"kind": outcome.replace("_", "-"), "sign": SIGNS[outcome], "text": text or say(OUTCOMES[outcome])}


def applies(record: Mapping[str, Any] | None) -> bool:
    """Tell whether the probe applies to the model's task."""
    return record is None or lacked_by_task(record["missing"]) is None


def decides(verdict: Mapping[str, Any], exit_code: int) -> bool:
    """Tell whether a required verdict led to this exit code.

    A waived one led to none; one whose waiver expired fails whatever its outcome.
    """
    state = verdict.get("waiver", {}).get("state")
    outcome = "fail" if state == "expired" else verdict["outcome"]
    return state != "in force" and outcome in DECIDING[exit_code]


def same_slice(first: Mapping[str, str] | None, second: Mapping[str, str] | None) -> bool:
    """Tell whether two slices are equal; None equals only None."""
    return dict(first or {}) == dict(second or {}) and (first is None) == (second is None)


class Findings:
    """Index of one results file; ``models`` starts with the candidate.

    ``review``: what a reviewer says of labels under change; None: nobody was asked.
    """

    def __init__(
        self, results: Mapping[str, Any], next_steps: Mapping[int, str] = NO_STEPS, review: LabelReview | None = None
    ) -> None:
        self.results = results
        self.review = review
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
        """Return a sort key: plain quality, then the scorecard's rows."""
        rows = [row["id"] for row in self.results["limitations"]]
        row = self.limitation(probe)
        order = [name for _, name in self._records]
        return (-1 if row is None else rows.index(row) if row in rows else len(rows), order.index(probe))

    def record(self, model: str, probe: str) -> Mapping[str, Any] | None:
        """Return the probe's record on the model, or None."""
        return self._records.get((model, probe))

    def of_probe(self, probe: str) -> list[Mapping[str, Any]]:
        """Return the probe's records, the candidate's first."""
        return [record for model in self.models if (record := self.record(model, probe)) is not None]

    def limitation(self, probe: str) -> str | None:
        """Return the scorecard row of the probe, or None."""
        limitation: str | None = next(
            record["limitation"] for (_, name), record in self._records.items() if name == probe
        )
        return limitation

    def preservation(self, probe: str, metric: str = "") -> str | None:
        """Say how often labels survive, of a probe that changes texts.

        None for any other probe, unless ``metric`` is one of changed texts. Of several models, a reviewer labels texts
        that were changed for the candidate.
        """
        if not any(record["limitation"] in UNPRESERVED_ROWS for record in self.of_probe(probe)):
            return recorded(UNPRESERVED) if is_of_changed_texts(metric) else None
        words = preservation(self.review, probe)
        if words == UNPRESERVED or len(self.models) == 1:
            return recorded(words)
        return say("{preservation}, texts of {model}", preservation=recorded(words), model=self.candidate)

    def borrowed(self, probe: str) -> str | None:
        """Say that labels may not survive, of a probe that asks others.

        None for a probe without a metric of changed texts, and for those that change them.
        """
        if self.preservation(probe) is not None or not any(map(is_of_changed_texts, self.metrics(probe))):
            return None
        return recorded(UNPRESERVED)

    def metrics(self, probe: str) -> dict[str, Mapping[str, Any]]:
        """Map metric names to descriptions, over all models."""
        return {
            metric["name"]: {**metric, "title": recorded(metric["title"])}
            for record in self.of_probe(probe)
            for metric in record["metrics"]
        }

    def metric(self, probe: str, name: str) -> Mapping[str, Any]:
        """Return a metric's description.

        If no record has one (its probe crashed early), it is derived from the name.
        """
        unknown = {"name": name, "title": name.replace("_", " "), "unit": "count", "better": None, "kind": "mean"}
        return self.metrics(probe).get(name, unknown)

    def measured(self, model: str, probe: str, metric: str, slice_: Mapping[str, str]) -> Measured | None:
        """Return the measurement of a metric on a slice, or None."""
        record = self.record(model, probe)
        for measurement in [] if record is None else record["measurements"]:
            if measurement["metric"] == metric and same_slice(measurement["slice"], slice_):
                return dict(measurement)
        return None

    def mark(self, verdict: Mapping[str, Any]) -> dict[str, str]:
        """Return a verdict's mark.

        For an outcome of not applicable, it says whether the input was not given, the rule has no limit, or the
        question does not apply to this model.
        """
        record = self.record(self.candidate, self.rules[verdict["rule"]]["probe"])
        if verdict["outcome"] != "not_applicable" or record is None:
            waived = verdict.get("waiver", {}).get("state") == "in force"
            outcome = say(OUTCOMES[verdict["outcome"]])
            return mark(verdict["outcome"], say("{outcome}, waived", outcome=outcome) if waived else None)
        rule = self.rules[verdict["rule"]]
        measured = self.measured(self.candidate, rule["probe"], rule["metric"], verdict["slice"] or {})
        if measured is not None and measured["status"] != "removed_by_tokenizer" and limit_of(rule) is None:
            return mark("not_applicable", say("no limit"))
        missing = set(record["missing"])
        if missing and missing <= INPUT_NEEDS:
            return mark("not_applicable", say(NOT_GIVEN))
        gaps = [gap for gap in record["skipped"] if same_slice(gap["slice"], verdict["slice"])]
        inapplicable = any(not gap.get("applies", True) for gap in gaps)
        return mark("not_applicable", say(INAPPLICABLE) if inapplicable else None)

    def badge(self, probe: str) -> dict[str, str] | None:
        """Return the worst mark of the probe's required rules.

        For a probe of another kind of task, the mark says that it does not apply. The result is None if no required
        rule reads what was measured: a rule that is only shown decides nothing.
        """
        required = [
            verdict
            for verdict in self.verdicts
            if self.rules[verdict["rule"]]["probe"] == probe and self.rules[verdict["rule"]]["required"] != "never"
        ]
        record = self.record(self.candidate, probe)
        if required:
            worst = min(required, key=lambda verdict: list(OUTCOMES).index(verdict["outcome"]))
            beside = worst["outcome"] == "not_applicable" and record is not None and record["measurements"]
            return None if beside else self.mark(worst)
        return None if applies(record) else mark("not_applicable", say(INAPPLICABLE))

    def detail(self, rule: Mapping[str, Any], slice_: Mapping[str, str] | None) -> str:
        """Return the detail of the candidate's value, such as a gap's groups.

        It is empty if the probe gives no detail.
        """
        measured = None if slice_ is None else self.measured(self.candidate, rule["probe"], rule["metric"], slice_)
        return recorded(str((measured or {}).get("detail", "")))

    def next_step(self, verdict: Mapping[str, Any]) -> str | None:
        """Return what to do about a failed verdict; None for any other."""
        step = self._next_steps.get(id(verdict))
        return None if step is None else recorded(step)

    def rules_of(self, probe: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yield number and rule of every rule that reads the probe."""
        return ((number, rule) for number, rule in enumerate(self.rules) if rule["probe"] == probe)

    def verdict(self, rule: int, slice_: Mapping[str, str]) -> Mapping[str, Any] | None:
        """Return the rule's verdict on the slice, or None."""
        return next(
            (verdict for verdict in self.verdicts if verdict["rule"] == rule and same_slice(verdict["slice"], slice_)),
            None,
        )


def limit_of(rule: Mapping[str, Any]) -> float | None:
    """Return the rule's maximum or minimum; None if it has no limit."""
    limit: float | None = rule["max"] if rule["max"] is not None else rule["min"]
    return limit


def levels(measurements: Sequence[Measured]) -> list[frozenset[str]]:
    """Return the distinct sets of slice keys, in order of appearance."""
    return list(dict.fromkeys(frozenset(measurement["slice"]) for measurement in measurements))


def is_full(level: frozenset[str], among: Sequence[frozenset[str]]) -> bool:
    """Tell whether this level only details a coarser one.

    A coarser level has a non-empty proper subset of the keys.
    """
    return any(coarser and coarser < level for coarser in among)


PERIOD = "period"
"""Key of slices that are periods of time."""
WHOLE = "all"
"""Last step of a curve over sizes: all of the data."""


def stepped_key(slices: Sequence[Mapping[str, str]]) -> str | None:
    """Return the key whose values are steps of a curve, or None.

    It is ``severity`` or ``period``, or a key with three or more numbers as values.
    """
    if not slices:
        return None
    for name in ("severity", PERIOD):
        if all(name in slice_ for slice_ in slices):
            return name
    for key in slices[0]:
        values = {slice_.get(key, "") for slice_ in slices} - {WHOLE}
        if len(values) >= 3 and all(value.replace(".", "", 1).replace(",", "").isdigit() for value in values):
            return key
    return None


def ordered_steps(values: Sequence[str]) -> list[str]:
    """Sort the steps of a curve.

    Numbers are sorted by size with the whole last; words keep the probe's order.
    """
    distinct = list(dict.fromkeys(values))
    try:
        return sorted(distinct, key=lambda value: float("inf" if value == WHOLE else value.replace(",", "")))
    except ValueError:
        return distinct
