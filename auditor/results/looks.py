"""Check what results say of looks against their records, policy and design.

How many looks a slice may have, and at which its last rows came, decides by what share of the error it is judged. Which
rows a probe takes is not in the results; so what they say of the looks is compared with itself, with the design that
the config names, and with the rows that there are (``drawn_rows``, which says what the digest alone protects).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from auditor import stats
from auditor.plugins import registry
from auditor.results import drawn_rows
from auditor.results.canonical_json import slice_text
from auditor.results.drawn_rows import Sets
from auditor.types import Measurement, ProbeRecord, in_words
from auditor.verdicts import policy
from auditor.verdicts.policy import Policy

DESIGNS = {"until_decided": "until-decided", "drawn": "adaptive"}
"""Entry on what was drawn → the design that has it."""


def problem(content: Mapping[str, Any], records: Sequence[ProbeRecord], own: Policy) -> str | None:
    """Describe what contradicts the recorded looks; None where nothing does."""
    return next(_problems(content, records, own), None)


def _problems(content: Mapping[str, Any], records: Sequence[ProbeRecord], own: Policy) -> Iterator[str]:
    audit = content["config"].get("audit")
    design = audit.get("design") if isinstance(audit, Mapping) else None
    for entry, its_design in DESIGNS.items():
        if content.get(entry) is not None and design not in (its_design, None):
            yield f"{entry} is there, but config.audit.design is {design!r}"
    drawn = content.get("drawn") or {}
    if drawn and "planned" not in drawn:
        yield "drawn.planned is missing"
    looks, made = content.get("looks", 1), drawn.get("looks", 1)
    if drawn.get("planned", 1) != looks:
        yield f"looks is {looks}, but drawn.planned is {drawn.get('planned', 1)}"
    for record in records:
        is_candidate = record.model == content["candidate"]
        for measurement in record.measurements:
            look, planned = measurement.look, measurement.looks
            if not look <= planned <= looks or look > made or (planned > 1 and not is_candidate):
                slice_ = f" [{in_words(measurement.slice)}]" if measurement.slice else ""
                place = f"{record.model}: {record.probe} {measurement.metric}{slice_}"
                yield f"{place} is of look {look} of {planned}, which was not planned"
    read = list(_read(content, records, own))
    for entry in DESIGNS:
        if content.get(entry) is not None:
            yield from _contradicted(content[entry]["slices"], entry, read)
    if content["until_decided"] is None and (drawn or design in ("adaptive", "fixed")):
        yield from drawn_rows.problems(content, records, read, is_fixed=design == "fixed")
    if drawn:
        yield from _disagreeing(content, read, own)
        yield from _unreasoned(drawn["slices"])


def _read(content: Mapping[str, Any], records: Sequence[ProbeRecord], own: Policy) -> Iterator[tuple[str, Measurement]]:
    """Yield the candidate's measurements, with their probes, that required rules read."""
    required = [rule for rule in own.rules if rule.required != "never" and rule.limit is not None]
    for record in records:
        for measurement in record.measurements:
            names = (record.probe, measurement.metric)
            if record.model == content["candidate"] and any(
                (rule.probe, rule.metric) == names and policy.matches(rule, measurement.slice) for rule in required
            ):
                yield record.probe, measurement


def _contradicted(
    slices: Sequence[Mapping[str, Any]], entry: str, read: Sequence[tuple[str, Measurement]]
) -> Iterator[str]:
    """Yield where slices listed as drawn differ from their measurements."""
    listed = {(drawn["probe"], drawn["metric"], slice_text(drawn["slice"])): drawn for drawn in slices}
    measured = {(probe, measurement.metric, slice_text(measurement.slice)): measurement for probe, measurement in read}
    if len(listed) != len(slices) or listed.keys() != measured.keys():
        yield f"{entry}.slices are not those that required rules read"
        return
    for key, measurement in measured.items():
        drawn, place = listed[key], f"{entry}.slices: {' '.join(key)}"
        if drawn["clusters"] != measurement.n_clusters:
            yield f"{place} has {drawn['clusters']} clusters, but its measurement has {measurement.n_clusters}"
        if drawn["design"] != _design(measurement, "reason" in drawn):
            looks = f"{measurement.looks} look{'s' if measurement.looks > 1 else ''}"
            yield f"{place} is {drawn['design']}, but its measurement has {looks} ({measurement.method})"
        available = max(measurement.available or 0, measurement.n_clusters)
        if drawn["design"] == "adaptive" and drawn["available"] != available:
            yield f"{place} has {drawn['available']} clusters available, but its measurement has {available}"


def _design(measurement: Measurement, has_reason: bool) -> str:
    """Return the design that a measurement comes of.

    ``has_reason``: it is said why it was drawn once, as it is of a probe that makes other cases at a later look too.
    """
    if measurement.method in stats.SEQUENTIAL:
        return "sequential"
    return "adaptive" if measurement.looks > 1 and not has_reason else "fixed"


def _disagreeing(content: Mapping[str, Any], read: Sequence[tuple[str, Measurement]], own: Policy) -> Iterator[str]:
    """Yield where looks of a set differ, or are not planned."""
    sets = Sets(content).names
    by_set: dict[tuple[str, frozenset[str]], set[int]] = {}
    for probe, measurement in read:
        if measurement.rows:
            named = frozenset(value for value in measurement.slice.values() if value in sets)
            by_set.setdefault((probe, named), set()).add(measurement.looks)
    for (probe, _), looks in by_set.items():
        if len(looks) > 1:
            yield f"slices of {probe} and one set have {' and '.join(map(str, sorted(looks)))} looks"
    required = {rule.probe for rule in own.rules if rule.required != "never" and rule.limit is not None}
    # Of several sets, the one with the most looks may have no slice that a rule reads.
    if len(sets) == 1 and {probe for probe, _ in by_set} == required:
        greatest = max(looks for own_looks in by_set.values() for looks in own_looks)
        if greatest != content["drawn"]["planned"]:
            yield f"drawn.planned is {content['drawn']['planned']}, but its slices have {greatest} at most"


def _unreasoned(slices: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield slices whose reason to be drawn once does not fit."""
    probes = registry.installed({drawn["probe"] for drawn in slices})
    reasons: dict[str, set[str | None]] = {}
    for drawn in slices:
        probe, reason = drawn["probe"], drawn.get("reason")
        place = f"drawn.slices: {probe} {drawn['metric']} {slice_text(drawn['slice'])}"
        if (drawn["design"] == "fixed") != (reason in stats.looks.DRAWN_ONCE):
            yield f"{place} is {drawn['design']}, for the reason {reason!r}"
        if reason is not None and drawn["available"] != drawn["clusters"]:
            yield f"{place} is drawn once, with {drawn['clusters']} of {drawn['available']} clusters"
        if reason == stats.looks.SEARCH and probe in probes and not probes[probe].searches:
            yield f"{place} is of a probe that does not search"
        reasons.setdefault(probe, set()).add(None if reason == stats.looks.ALL else reason)
    for probe, own in reasons.items():
        if len(own) > 1:
            yield f"drawn.slices: {probe} is drawn once as a whole, but not for each slice"
