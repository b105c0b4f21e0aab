"""Whether a results folder's values and decision follow from its rows.

Digests tell that a part was changed (``results``), but whoever edits a number can write its digest anew. So nothing that
decides is believed: values, intervals, comparisons and the decision are computed again from ``examples.parquet``, and
metrics are compared with what their probes declare. What rows do not determine (how many cases there were, texts,
versions, what the data held) stands by its digest alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from auditor import metrics, results, tasks
from auditor.config import CompareEntry
from auditor.errors import AuditError, ResultsError
from auditor.plugins import registry
from auditor.results import canonical_json
from auditor.storage.documents import key_path, short
from auditor.types import Decision, Measurement, Metric, ProbeRecord
from auditor.verdicts import comparisons, gate, policy
from auditor.verdicts.policy import Policy

DECLARED = ("kind", "low", "high", "ratio", "unit", "better", "comparable")
"""Of a metric, what decides how it is computed, judged and shown."""
TOLERANCE = 2 * 10.0**-canonical_json.DIGITS
"""Between numbers that were rounded to the digits of results.json, on machines that round their last bits otherwise."""


@dataclass(frozen=True, slots=True)
class Audited:
    """A results folder that was checked, and the decision on it."""

    results: dict[str, Any]
    """Its results.json; where another policy was given, with that and its decision."""
    records: tuple[ProbeRecord, ...]
    policy: Policy
    decision: Decision


def load(folder: Path, policy_file: Path | None = None) -> Audited:
    """A results folder, checked and judged: by its own policy, or by that of ``policy_file``.

    Raises ResultsError that names the part and the place where something does not follow, and PolicyError.
    """
    found = results.load(folder)
    file = results.folder_of(folder) / results.RESULTS
    records = results.records_of(found, folder)
    check_whole(found, records, str(file))
    check_metrics(found, records, str(file))
    records = computed(records, str(file))
    check_comparisons(found, records, str(file))
    own = results.policy_of(found)
    check_policy(found, own, str(file))
    decision = gate.decide(own, records, found["candidate"])
    _expect(found["decision"], results.decision_dict(decision, own), ("decision",), str(file))
    if policy_file is None:
        return Audited(found, records, own, decision)
    rules = policy.load(policy_file)
    decision = gate.decide(rules, records, found["candidate"])
    judged = {"policy": results.policy_dict(rules), "decision": results.decision_dict(decision, rules)}
    return Audited({**found, **judged}, records, rules, decision)


def check_whole(found: Mapping[str, Any], records: Sequence[ProbeRecord], where: str) -> None:
    """Every model has each probe once, each of its measurements once and of a metric that there is."""
    models = [model["name"] for model in found["models"]]
    probes = sorted({record.probe for record in records})
    for model in dict.fromkeys((*models, *(record.model for record in records))):
        own = sorted(record.probe for record in records if record.model == model)
        if own != probes or models.count(model) != 1:
            raise _refused(f"models and records do not fit: {short(model)} has not each probe once", where)
    if [model["name"] for model in found["models"] if model["candidate"]] != [found["candidate"]]:
        raise _refused(f"candidate: {short(found['candidate'])} is not the one that its entry says", where)
    for model in found["models"]:
        if model["labels"] != found["task"]["labels"]:
            raise _refused(f"models: the labels of {short(model['name'])} are not those of the task", where)
    for record in records:
        known = {metric.name for metric in record.metrics}
        slices = set()
        for measurement in record.measurements:
            if measurement.metric not in known:
                raise _refused(f"{_place(record, measurement)} is of no metric of its probe", where)
            if (key := (measurement.metric, canonical_json.slice_text(measurement.slice))) in slices:
                raise _refused(f"{_place(record, measurement)} stands twice", where)
            slices.add(key)


def check_metrics(found: Mapping[str, Any], records: Sequence[ProbeRecord], where: str) -> None:
    """Metrics are as the probes that are installed declare them; those of other probes stand by the digest."""
    try:
        task = tasks.create(found["task"]["name"], found["task"]["labels"])
        declared = {
            probe.name: {metric.name: metric for metric in probe.metrics(task)} for probe in registry.discover()
        }
    except AuditError as error:
        raise ResultsError(f"its metrics cannot be checked: {error.line}", where=where) from None
    if task.metric != found["task"]["metric"]:
        raise _refused(f"task.metric is {short(found['task']['metric'])}, that of {task.name} {task.metric!r}", where)
    for record in records:
        for metric in record.metrics:
            known = declared.get(record.probe)
            if known is not None:
                _check_metric(metric, known.get(metric.name), f"{record.probe} {metric.name}", found["auditor"], where)


def _check_metric(metric: Metric, declared: Metric | None, name: str, auditor: str, where: str) -> None:
    if declared is None:
        raise _refused(f"{short(name)} is no metric that this auditor's probe has (made by auditor {auditor})", where)
    for key in DECLARED:
        recorded, known = getattr(metric, key), getattr(declared, key)
        if recorded != known:
            raise _refused(f"metric {name}: {key} = {recorded}, but its probe declares {known}", where)


def computed(records: Sequence[ProbeRecord], where: str) -> tuple[ProbeRecord, ...]:
    """The records with values and intervals computed from their rows, in all digits; they are those recorded."""
    return tuple(replace(record, measurements=tuple(_computed(record, where))) for record in records)


def _computed(record: ProbeRecord, where: str) -> Iterator[Measurement]:
    by_name = {metric.name: metric for metric in record.metrics}
    for measurement in record.measurements:
        metric, place = by_name[measurement.metric], _place(record, measurement)
        if metric.kind == "descriptive":
            yield measurement
            continue
        try:
            again = metrics.recomputed(metric, measurement)
        except (ValueError, KeyError) as error:
            raise _refused(f"{place} cannot be computed from its rows: {error}", where) from None
        for key in metrics.COMPUTED:
            recorded, follows = getattr(measurement, key), canonical_json.plain(getattr(again, key))
            if not _same(recorded, follows):
                raise _refused(f"{place}: {key} is {recorded}, but its rows give {follows}", where)
        yield again


def check_comparisons(found: Mapping[str, Any], records: Sequence[ProbeRecord], where: str) -> None:
    """Comparisons between models are those of the rows, and of the hypotheses of the config."""
    try:
        wanted = TypeAdapter(tuple[CompareEntry, ...]).validate_python(found["config"].get("compare", ()), strict=False)
        comparisons.check(wanted, policy.known_metrics(tuple(records)), [model["name"] for model in found["models"]])
    except (ValidationError, AuditError):
        raise _refused("config.compare is none of auditor's", where) from None
    again = comparisons.compare(found["candidate"], records, wanted)
    _expect(found["comparisons"], canonical_json.plain(again), ("comparisons",), where)
    _expect(found["unanswered"], comparisons.unanswered(wanted, again), ("unanswered",), where)


def check_policy(found: Mapping[str, Any], own: Policy, where: str) -> None:
    """The recorded rules are those that their texts say, and under the digest of a shipped policy those of that."""
    _expect(found["policy"], results.policy_dict(own), ("policy",), where)
    for task in ("", *policy.BY_TASK):
        shipped = policy.load(task=task)
        if shipped.sha256 == own.sha256 and shipped.rules != own.rules:
            raise _refused("policy: its rules are not those of the file that its SHA-256 names", where)


def _expect(recorded: Any, follows: Any, path: tuple[object, ...], where: str) -> None:
    """Raise ResultsError for the first place where what is recorded differs from what follows."""
    if isinstance(recorded, dict) and isinstance(follows, dict) and recorded.keys() == follows.keys():
        for key in follows:
            _expect(recorded[key], follows[key], (*path, key), where)
    elif isinstance(recorded, list) and isinstance(follows, list) and len(recorded) == len(follows):
        for number, (one, other) in enumerate(zip(recorded, follows, strict=True)):
            _expect(one, other, (*path, number), where)
    elif not _same(recorded, follows):
        raise _refused(f"{key_path(path)} is {short(recorded)}, but {short(follows)} follows", where)


def _same(recorded: Any, follows: Any) -> bool:
    """Equal, or numbers of which one is no integer that differ by less than what results.json keeps."""
    kinds = {type(recorded), type(follows)}
    if float in kinds and kinds <= {int, float}:
        return math.isclose(recorded, follows, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return len(kinds) == 1 and bool(recorded == follows)


def _place(record: ProbeRecord, measurement: Measurement) -> str:
    slice_ = gate.describe_slice(measurement.slice)
    return f"{record.model}: {record.probe} {measurement.metric}{f' [{slice_}]' if slice_ else ''}"


def _refused(message: str, where: str) -> ResultsError:
    return ResultsError(message, where=where, hint=results.AGAIN)
