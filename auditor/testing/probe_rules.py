"""The rules that a probe is held against."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from auditor import text
from auditor.evaluation.well_formed import is_fact
from auditor.plugins import registry
from auditor.testing import settings
from auditor.testing.rules import Rules
from auditor.types import (
    NEEDS,
    ROLES,
    Audit,
    Case,
    Edit,
    Example,
    Kind,
    Measurement,
    Metric,
    Probe,
    ProbeRecord,
    Scope,
    Skipped,
    Slice,
    Task,
    limitations,
)

MEND = {
    **settings.MEND,
    "members": "derive its class from auditor.types.ProbeDefaults; auditor.types.Probe has the type of each member",
    "docstring": "give the class a summary line, a blank line and the method; the report shows them",
    "metrics named once": "give each metric its own name, in snake_case",
    "metrics well formed": "build metrics with auditor.metrics, or give a known kind and low < high",
    "metrics declared": "name every metric that measure() yields in metrics(task)",
    "values in range": "widen the metric's low and high, or correct the number",
    "slices of words": "use non-empty strings as the keys and values of a slice, also for numbers",
    "slices consistent": "list the same keys in the same order in every slice, and pool only keys that slices have",
    "example ids": "give each of the probe's own texts a unique id, such as name:number",
    "texts whole": "give every text field of the task a string",
    "edits inside the texts": "number the words of text.words_of(value) from 0, and edit no word twice",
    "facts": "use finite numbers or strings as facts",
    "own generator": "draw from audit.rng(key) alone, and leave global generators as they are",
    "same cases for any model": "make cases from the examples, or set interactive = True",
    "not applicable with a reason": "add the need to needs, or yield Skipped(slice, reason)",
    "applies": "correct the probe's needs, or what the test expects",
    "planned": "count in planned(audit) the cases of cases(audit), with exact=False for an upper bound",
    "no crash": "fix the exception, or yield Skipped(slice, reason) for what cannot be measured",
    "finds the defect": "fix the probe, plant a larger defect, give more examples or set another limit",
    "silent without the defect": "fix the probe or the clean model, or set another limit",
}
"""Rule → how to mend what breaks it."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def check_members(rules: Rules, probe: Any, task: Task) -> None:
    """Check what can be checked without running the probe. Raises AssertionError."""
    rules.hold("members", isinstance(probe, Probe), f"the probe lacks {', '.join(_lacking(probe))}")
    facts: dict[str, bool] = {
        "name must be snake_case": isinstance(probe.name, str) and bool(_NAME.fullmatch(probe.name)),
        "limitation must be a row of the scorecard": probe.limitation is None or probe.limitation in limitations.IDS,
        "limitation may be None only for the role quality": probe.limitation is not None or probe.role == "quality",
        f"role must be None or one of {', '.join(ROLES)}": probe.role is None or probe.role in ROLES,
        f"scope must be one of {', '.join(get_args(Scope))}": probe.scope in get_args(Scope),
        "interactive, searches, retrains and reads_details must be True or False": {
            type(probe.interactive),
            type(probe.searches),
            type(probe.retrains),
            type(probe.reads_details),
        }
        == {bool},
        "needs must be a frozenset of known needs": isinstance(probe.needs, frozenset)
        and all(need in NEEDS or str(need).startswith("package:") for need in probe.needs),
        "cluster_unit must be None or words": probe.cluster_unit is None
        or (isinstance(probe.cluster_unit, str) and bool(probe.cluster_unit.strip())),
        "pools must be a tuple of frozensets of strings": isinstance(probe.pools, tuple)
        and all(isinstance(pool, frozenset) and all(isinstance(key, str) for key in pool) for pool in probe.pools),
    }
    for said, holds in facts.items():
        rules.hold("members", holds, said)
    lines = registry.description(probe).splitlines()
    described = bool(lines) and bool(lines[0].strip()) and (len(lines) == 1 or not lines[1].strip())
    # A class without a docstring of its own has none, whatever it derives from says.
    rules.hold("docstring", described and vars(type(probe)).get("__doc__"), "its class lacks a docstring of this form")
    _check_metrics(rules, probe, task)


def _lacking(probe: Any) -> list[str]:
    return [name for name in registry.CONTRACT if not hasattr(probe, name)]


def _check_metrics(rules: Rules, probe: Any, task: Task) -> None:
    with rules.calm("no crash", "metrics(task)"):
        declared = probe.metrics(task)
    rules.hold(
        "metrics well formed",
        isinstance(declared, tuple) and declared,
        "metrics(task) must return a tuple of metrics, not an empty one",
    )
    for metric in declared:
        rules.hold("metrics well formed", isinstance(metric, Metric), f"{metric!r} is not a Metric")
        sound = metric.kind in get_args(Kind) and metric.low < metric.high and metric.title
        rules.hold("metrics well formed", sound, f"{metric.name}: kind {metric.kind}, [{metric.low}, {metric.high}]")
        rules.hold("metrics named once", _NAME.fullmatch(metric.name), f"{metric.name!r} must be snake_case")
    names = [metric.name for metric in declared]
    twice = sorted({name for name in names if names.count(name) > 1})
    rules.hold("metrics named once", not twice, f"metrics(task) names {', '.join(twice)} twice")
    rules.hold("metrics well formed", declared == probe.metrics(task), "a second call of metrics(task) returns others")


class Watched:
    """A probe whose cases are checked on their way, and kept."""

    def __init__(self, rules: Rules, probe: Any, task: Task) -> None:
        self._rules, self._probe, self._task = rules, probe, task
        self._texts: dict[str, Example] = {}
        self._orders: dict[frozenset[str], tuple[str, ...]] = {}
        self.made: list[Any] = []
        """What tells each case from another, the model that it asks left out."""
        self.broken: AssertionError | None = None
        """The first rule that is broken: the engine takes it for a crash of the probe."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._probe, name)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """The probe's own, each checked."""
        for item in self._probe.cases(audit):
            try:
                self._check(item)
            except AssertionError as error:
                self.broken = self.broken or error
                raise
            yield item

    def check_pools(self) -> None:
        """Check that pools pool slices of cases. Raises AssertionError."""
        pools = self._probe.pools if self.made else ()
        # A pool may be of slices that tasks with several texts have alone.
        pooled = any(pool < keys for pool in pools for keys in self._orders)
        for pool in () if pooled else pools:
            said = f"no slice has the keys {sorted(pool)} of a pool and another key"
            self._rules.hold("slices consistent", False, said)

    def _check(self, item: Any) -> None:
        rules = self._rules
        rules.hold(
            "members", isinstance(item, Case | Skipped), f"cases(audit) must yield Case or Skipped, not {item!r}"
        )
        check_slice(rules, item.slice)
        if isinstance(item, Skipped):
            words = isinstance(item.reason, str) and item.reason.strip()
            rules.hold("not applicable with a reason", words, f"Skipped for {dict(item.slice)} must give a reason")
            return
        order = self._orders.setdefault(frozenset(item.slice), tuple(item.slice))
        rules.hold(
            "slices consistent", order == tuple(item.slice), f"slices have the keys {order} and {tuple(item.slice)}"
        )
        self._check_example(item.example)
        self._check_edits(item)
        facts = all(isinstance(key, str) and is_fact(value) for key, value in item.facts.items())
        rules.hold("facts", facts, f"facts are {dict(item.facts)}")
        self.made.append(
            (
                item.example,
                dict(item.slice),
                {field: tuple(edits) for field, edits in item.edits.items()},
                item.cluster,
                dict(item.facts),
                item.invalid,
                item.words,
            )
        )

    def _check_example(self, example: Example) -> None:
        known = self._texts.setdefault(example.id, example)
        same = dict(known.inputs) == dict(example.inputs)
        self._rules.hold("example ids", example.id and same, f"the id {example.id!r} must name one text")
        whole = all(isinstance(example.inputs.get(field), str) for field in self._task.fields)
        self._rules.hold("texts whole", whole, f"{example.id} has the inputs {dict(example.inputs)}")

    def _check_edits(self, case: Case) -> None:
        for field, edits in case.edits.items():
            known = field in self._task.fields
            self._rules.hold("edits inside the texts", known, f"{field!r} is not a text field of the task")
            words = len(text.words_of(case.example.inputs[field]))
            said = f"{case.example.id} has edits at {[(edit.start, edit.end) for edit in edits]} of {words} words"
            self._rules.hold("edits inside the texts", _inside(edits, words), said)


def _inside(edits: Sequence[Edit], words: int) -> bool:
    places = sorted((edit.start, edit.end) for edit in edits)
    flat = [0, *(place for each in places for place in each), words]
    return flat == sorted(flat)


def check_slice(rules: Rules, slice_: Any) -> None:
    """Check that keys and values are non-empty strings. Raises AssertionError."""
    words = isinstance(slice_, Mapping) and all(
        isinstance(word, str) and word for pair in slice_.items() for word in pair
    )
    rules.hold("slices of words", words, f"a slice is {slice_!r}")


def check_record(rules: Rules, record: ProbeRecord) -> None:
    """Check the numbers and the words of a record. Raises AssertionError."""
    known = {metric.name: metric for metric in record.metrics}
    for measurement in record.measurements:
        rules.hold(
            "metrics declared", measurement.metric in known, f"metrics(task) must declare {measurement.metric!r}"
        )
        check_slice(rules, measurement.slice)
        metric, numbers = known[measurement.metric], (measurement.low, measurement.value, measurement.high)
        sound = (
            # An interval ends with the range of its metric, which may have no end.
            all(math.isfinite(number) or number in (metric.low, metric.high) for number in numbers)
            and measurement.low <= measurement.value <= measurement.high
        )
        inside = metric.low - 1e-9 <= measurement.value <= metric.high + 1e-9
        interval = f"[{measurement.low}, {measurement.high}]"
        said = f"{measurement.metric} {dict(measurement.slice)} = {measurement.value} {interval}"
        rules.hold("values in range", sound and inside, f"{said}, declared in [{metric.low}, {metric.high}]")
    for gap in record.skipped:
        check_slice(rules, gap.slice)
        rules.hold(
            "not applicable with a reason", gap.reason.strip(), f"Skipped for {dict(gap.slice)} must give a reason"
        )


def silence(record: ProbeRecord) -> str | None:
    """Return why nothing was measured.

    Empty: the probe gives no reason. None: the probe measured something.
    """
    if record.status == "not_applicable":
        return record.reason or ""
    if record.measurements:
        return None
    return next((gap.reason for gap in record.skipped), "")


def check_defect(
    rules: Rules, defective: ProbeRecord, clean: ProbeRecord, metric: str, limit: float, within: Slice
) -> None:
    """Check that a probe tells a defective model from a clean one.

    Raises AssertionError, and TypeError for a metric that does not say which way is better.
    """
    better = next((each.better for each in clean.metrics if each.name == metric), None)
    if better is None:
        raise TypeError(f"{metric!r} is not a metric of {clean.probe} with a better direction")
    sign = 1.0 if better == "lower" else -1.0

    def of(record: ProbeRecord) -> dict[tuple[tuple[str, str], ...], Measurement]:
        return {
            tuple(sorted(measurement.slice.items())): measurement
            for measurement in record.measurements
            if measurement.metric == metric and within.items() <= measurement.slice.items()
        }

    def nearest(measurement: Measurement) -> float:
        """The end of the interval on the good side."""
        return measurement.low if sign > 0 else -measurement.high

    worse, good = of(defective), of(clean)
    rules.hold("silent without the defect", good, f"{metric} {dict(within)} is not measured for the clean model")
    rules.hold("finds the defect", worse, f"{metric} {dict(within)} is not measured for the defective model")
    for measurement in good.values():
        silent = sign * measurement.value <= sign * limit
        value = f"{metric} {dict(measurement.slice)} is {measurement.value:.3f}"
        said = f"{value} for the clean model, beyond the limit {limit:g}"
        rules.hold("silent without the defect", silent, said)
    key = max(worse, key=lambda key: nearest(worse[key]))
    top, beside = worse[key], good.get(key)
    said = f"{metric} {dict(top.slice)} is {top.value:.3f} [{top.low:.3f}, {top.high:.3f}] for the defective model"
    rules.hold(
        "finds the defect", nearest(top) > sign * limit, f"{said}, which is not wholly beyond the limit {limit:g}"
    )
    apart = beside is None or nearest(top) > sign * (beside.high if sign > 0 else beside.low)
    rules.hold(
        "finds the defect", apart, f"{said}, not clearly worse than {beside and beside.value} for the clean model"
    )
