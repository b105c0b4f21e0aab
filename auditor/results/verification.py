"""Check that a results folder's values and decision follow from its rows.

Digests show that a part was changed (``results``), but whoever edits a number can also write a new digest. So nothing
that decides is taken on trust: values, intervals, comparisons and the decision are computed again from
``examples.parquet``, and metrics are compared with what their probes declare. Only the digest protects what rows do not
determine: the number of cases, texts, versions, what the data held, and which rows a probe takes; so also the design,
the settings, and looks that allow as many clusters as there are (``looks``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from auditor import metrics, results, tasks
from auditor.config import CompareEntry
from auditor.errors import AuditError, ResultsError
from auditor.plugins import registry
from auditor.results import canonical_json, imported
from auditor.results import looks as planned_looks
from auditor.storage.documents import key_path, short
from auditor.types import HOME, Decision, Measurement, Metric, ProbeRecord, Waivers, in_words
from auditor.verdicts import comparisons, doubts, gate, policy, waiving
from auditor.verdicts.policy import Policy

DECLARED = ("kind", "low", "high", "ratio", "unit", "better", "comparable")
"""Fields of a metric that determine how it is computed, judged and shown."""
TOLERANCE = 2 * 10.0**-canonical_json.DIGITS
"""Allowed difference between numbers rounded for results.json, on machines whose last bits differ."""


@dataclass(frozen=True, slots=True)
class Audited:
    """A verified results folder and the decision on it."""

    results: dict[str, Any]
    """results.json; if another policy was given, with that policy and its decision."""
    records: tuple[ProbeRecord, ...]
    policy: Policy
    decision: Decision


def load(
    folder: Path, policy_file: Path | None = None, *, waivers_file: Path | None = None, on: date | None = None
) -> Audited:
    """Verify a results folder and judge it.

    The folder's own policy and waivers judge it, or those of the files. ``on``: the day on which waivers are judged;
    None for that of the audit, or today for a file. Raises PolicyError, and ResultsError that names the part and the
    place of the first value that does not follow from the rows.
    """
    content = results.load(folder)
    file = results.folder_of(folder) / results.RESULTS
    records = results.records_of(content, folder)
    check_whole(content, records, str(file))
    check_metrics(content, records, str(file))
    records = computed(records, str(file))
    check_comparisons(content, records, str(file))
    check_doubts(content, records, str(file))
    own = results.policy_of(content)
    check_policy(content, own, str(file))
    if (problem := planned_looks.problem(content, records, own)) is not None:
        raise _refused(problem, str(file))
    looks = content.get("looks", 1)
    stopped = (content.get("drawn") or content["until_decided"] or {}).get("stopped", False)

    def judged(rules: Policy, waivers: Waivers | None) -> Decision:
        return gate.decide(rules, records, content["candidate"], looks=looks, stopped=stopped, waivers=waivers)

    recorded = results.waivers_of(content)
    decision = judged(own, recorded)
    _expect(content["decision"], results.decision_dict(decision, own), ("decision",), str(file))
    rules = own if policy_file is None else policy.load(policy_file)
    waivers = recorded
    if waivers_file is not None:
        waivers = waiving.load(waivers_file, rules, on or waiving.today())
    elif recorded is not None:
        waivers = replace(recorded, on=on or recorded.on)
    if rules is own and waivers == recorded:
        return Audited(content, records, own, decision)
    decision = judged(rules, waivers)
    facts = {key: value for key, value in content.items() if key != "waivers"}
    return Audited({**facts, **results.judged_dict(decision, rules, waivers)}, records, rules, decision)


def check_whole(content: Mapping[str, Any], records: Sequence[ProbeRecord], where: str) -> None:
    """Check that models, records and measurements are complete and unique.

    Every model has each probe exactly once, and each measurement once, of a metric that its probe has.
    """
    models = [model["name"] for model in content["models"]]
    probes = sorted({record.probe for record in records})
    for model in dict.fromkeys((*models, *(record.model for record in records))):
        own = sorted(record.probe for record in records if record.model == model)
        if own != probes or models.count(model) != 1:
            raise _refused(
                f"models and records do not match: {short(model)} does not have each probe exactly once", where
            )
    if [model["name"] for model in content["models"] if model["candidate"]] != [content["candidate"]]:
        raise _refused(f"candidate: {short(content['candidate'])} is not the model marked as candidate", where)
    for model in content["models"]:
        if model["labels"] != content["task"]["labels"]:
            raise _refused(f"models: the labels of {short(model['name'])} differ from the task's", where)
    for record in records:
        known = {metric.name for metric in record.metrics}
        slices = set()
        for measurement in record.measurements:
            if measurement.metric not in known:
                raise _refused(f"{_place(record, measurement)} has a metric that its probe lacks", where)
            if (key := (measurement.metric, canonical_json.slice_text(measurement.slice))) in slices:
                raise _refused(f"{_place(record, measurement)} occurs twice", where)
            slices.add(key)


def check_metrics(content: Mapping[str, Any], records: Sequence[ProbeRecord], where: str) -> None:
    """Check metrics and roles against the installed probes that declare them.

    Those of other probes stand by the digest.
    """
    if "imported" in content:
        _check_imported(content, records, where)
        return
    try:
        recorded = content["task"]
        task = tasks.create(recorded["name"], recorded["labels"], settings=recorded.get("settings"))
        probes = registry.installed({record.probe for record in records})
        declared = {name: registry.metrics_of(probe, task) for name, probe in probes.items()}
    except AuditError as error:
        raise ResultsError(f"its metrics cannot be checked: {error.line}", where=where) from None
    if task.metric != content["task"]["metric"]:
        raise _refused(f"task.metric is {short(content['task']['metric'])}, but {task.name} has {task.metric!r}", where)
    # Results of an earlier auditor have no roles.
    roles = any(record.role is not None for record in records)
    for record in records:
        if roles and record.probe in probes and record.role != probes[record.probe].role:
            role = probes[record.probe].role
            raise _refused(f"role of {record.probe} is {record.role}, but its probe declares {role}", where)
        for metric in record.metrics:
            known = declared.get(record.probe)
            if known is not None:
                _check_metric(
                    metric, known.get(metric.name), f"{record.probe} {metric.name}", content["auditor"], where
                )


def _check_imported(content: Mapping[str, Any], records: Sequence[ProbeRecord], where: str) -> None:
    """Check that imported results are what an import makes."""
    if [record.probe for record in records] != [imported.PROBE] or content["task"]["name"] != imported.TASK:
        raise _refused("imported results have another record than that of an import", where)
    known = {metric.name: metric for metric in imported.METRICS.values()}
    for metric in records[0].metrics:
        _check_metric(metric, known.get(metric.name), f"{imported.PROBE} {metric.name}", content["auditor"], where)


def _check_metric(metric: Metric, declared: Metric | None, name: str, auditor: str, where: str) -> None:
    if declared is None:
        raise _refused(f"{short(name)} is not a metric of this auditor's probe (written by auditor {auditor})", where)
    for key in DECLARED:
        recorded, known = getattr(metric, key), getattr(declared, key)
        if recorded != known:
            raise _refused(f"metric {name}: {key} = {recorded}, but its probe declares {known}", where)


def computed(records: Sequence[ProbeRecord], where: str) -> tuple[ProbeRecord, ...]:
    """Return the records with values and intervals computed from their rows.

    They keep all digits. Raises ResultsError if they differ from the recorded ones.
    """
    return tuple(replace(record, measurements=tuple(_computed(record, where))) for record in records)


def _computed(record: ProbeRecord, where: str) -> Iterator[Measurement]:
    by_name = {metric.name: metric for metric in record.metrics}
    for measurement in record.measurements:
        metric, place = by_name[measurement.metric], _place(record, measurement)
        if metric.kind == "descriptive":
            yield measurement
            continue
        try:
            recomputed = metrics.recomputed(metric, measurement)
        except (ValueError, KeyError) as error:
            raise _refused(f"{place} cannot be computed from its rows: {error}", where) from None
        for key in metrics.COMPUTED:
            recorded, follows = getattr(measurement, key), canonical_json.plain(getattr(recomputed, key))
            if not _same(recorded, follows):
                raise _refused(f"{place}: {key} is {recorded}, but its rows give {follows}", where)
        yield recomputed


def check_comparisons(content: Mapping[str, Any], records: Sequence[ProbeRecord], where: str) -> None:
    """Check the comparisons between models against rows and config.

    The config names the hypotheses.
    """
    try:
        hypotheses = TypeAdapter(tuple[CompareEntry, ...]).validate_python(
            content["config"].get("compare", ()), strict=False
        )
        comparisons.check(
            hypotheses, policy.known_metrics(tuple(records)), [model["name"] for model in content["models"]]
        )
    except (ValidationError, AuditError):
        raise _refused("config.compare is not valid", where) from None
    recomputed = comparisons.compare(content["candidate"], records, hypotheses)
    _expect(content["comparisons"], canonical_json.plain(recomputed), ("comparisons",), where)
    _expect(content["unanswered"], comparisons.unanswered(hypotheses, recomputed), ("unanswered",), where)


def check_doubts(content: Mapping[str, Any], records: Sequence[ProbeRecord], where: str) -> None:
    """Check that the doubts are those that the candidate's rows raise."""
    candidate = content["candidate"]
    _expect(content.get("doubts"), list(doubts.all_of(records, candidate)), ("doubts",), where)
    of_labels = doubts.of_labels(records, candidate)
    for number, facts in enumerate(content["data"]):
        expected = of_labels if facts["name"] == HOME else None
        _expect(facts.get("doubt"), expected, ("data", number, "doubt"), where)


def check_policy(content: Mapping[str, Any], own: Policy, where: str) -> None:
    """Check the recorded rules against their texts.

    Rules under the digest of a shipped policy must be those of that policy.
    """
    _expect(content["policy"], results.policy_dict(own), ("policy",), where)
    for task in tasks.names():
        shipped = policy.load(task=task, own=tasks.kind(task).policy)
        if shipped.sha256 == own.sha256 and shipped.rules != own.rules:
            raise _refused("policy: its rules differ from the file with its SHA-256", where)


def _expect(recorded: Any, follows: Any, path: tuple[object, ...], where: str) -> None:
    """Raise ResultsError at the first place where ``recorded`` differs from ``follows``."""
    if isinstance(recorded, dict) and isinstance(follows, dict) and recorded.keys() == follows.keys():
        for key in follows:
            _expect(recorded[key], follows[key], (*path, key), where)
    elif isinstance(recorded, list) and isinstance(follows, list) and len(recorded) == len(follows):
        for number, (recorded_item, expected_item) in enumerate(zip(recorded, follows, strict=True)):
            _expect(recorded_item, expected_item, (*path, number), where)
    elif not _same(recorded, follows):
        raise _refused(f"{key_path(path)} is {short(recorded)}, but {short(follows)} follows", where)


def _same(recorded: Any, follows: Any) -> bool:
    """Tell whether two values are equal up to rounding.

    Numbers of which at least one is a float may differ by the rounding of results.json; all other values are equal
    exactly.
    """
    kinds = {type(recorded), type(follows)}
    if float in kinds and kinds <= {int, float}:
        return math.isclose(recorded, follows, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return len(kinds) == 1 and bool(recorded == follows)


def _place(record: ProbeRecord, measurement: Measurement) -> str:
    slice_ = f" [{in_words(measurement.slice)}]" if measurement.slice else ""
    return f"{record.model}: {record.probe} {measurement.metric}{slice_}"


def _refused(message: str, where: str) -> ResultsError:
    return ResultsError(message, where=where, hint=results.AGAIN)
