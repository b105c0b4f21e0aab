"""Check what results say of looks against their records, policy and design.

How many looks a slice may have decides by what share of the error it is judged. Which rows a probe takes is not in the
results; so what they say of the looks is compared with itself, and with the design that the config names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from auditor import stats
from auditor.results.canonical_json import slice_text
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
    for entry in DESIGNS:
        if content.get(entry) is not None:
            yield from _contradicted(content[entry]["slices"], entry, list(_read(content, records, own)))


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


def _design(measurement: Measurement, has_reason: bool) -> str:
    """Return the design that a measurement comes of.

    ``has_reason``: it is said why it was drawn once, as it is of a probe that makes other cases at a later look too.
    """
    if measurement.method in stats.SEQUENTIAL:
        return "sequential"
    return "adaptive" if measurement.looks > 1 and not has_reason else "fixed"
