"""Whether two audits asked about the same cases.

Cases follow from the rows, the seed, the settings of the probes, the design and the libraries that make cases. Where
all of these are the same, a cluster of one audit is the same case in the other, by its name. Training and validation
rows may differ: a new release is trained on other rows, and a test row that leaked into them is left out by name.
Numbers over such rows are then not paired. The tasks of imported results are no such sets, whatever their names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from auditor.errors import ResultsError
from auditor.storage.documents import short
from auditor.types import ProbeRecord
from auditor.verdicts.policy import Policy

TRAINED_ON = ("train", "validation")
"""Sets that may differ between releases."""
MAKE_CASES = ("nlpaug", "textattack")
"""Libraries whose version decides the text of cases."""
ROWS = ("sha256", "labels_sha256", "reading")
"""Facts of a set that decide which rows it has."""
DESIGN = ("design", "budget")
"""Keys of ``[audit]`` that decide which rows are drawn."""
HINT = "audit the old model again in the same way, or compare unpaired: --unpaired, or unpaired=True in Python"


class Audited(Protocol):
    """A verified audit."""

    @property
    def results(self) -> Mapping[str, Any]:
        """``results.json``."""

    @property
    def records(self) -> Sequence[ProbeRecord]:
        """The records of all models, with rows."""

    @property
    def policy(self) -> Policy:
        """The policy that it is judged by."""


def check(old: Audited, new: Audited, *, unpaired: bool, where: str) -> bool:
    """Tell whether two audits made the same cases.

    ``unpaired``: they may differ. ``where``: the new folder. Raises ResultsError for another task, other labels or
    another auditor's version, and for other cases where they may not differ.
    """
    problem = next(_incomparable(old.results, new.results), None)
    if problem is not None:
        raise ResultsError(problem[0], where=where, hint=problem[1])
    reason = next(_other_cases(old, new), None)
    if reason is not None and not unpaired:
        raise ResultsError(f"other cases than in the old audit: {reason}", where=where, hint=HINT)
    return not unpaired


def own_records(audited: Audited) -> dict[str, ProbeRecord]:
    """Return probe → the candidate's record."""
    candidate = audited.results["candidate"]
    return {record.probe: record for record in audited.records if record.model == candidate}


def other_training_rows(old: Audited, new: Audited) -> tuple[str, ...]:
    """Return how the clusters of sets begin whose rows differ.

    They are those of training and validation rows: ``train:``.
    """
    before, now = ({facts["name"]: facts for facts in audited.results["data"]} for audited in (old, new))
    return tuple(
        f"{name}:"
        for name in TRAINED_ON
        if any(before.get(name, {}).get(key) != now.get(name, {}).get(key) for key in ROWS)
    )


def is_same_model(old: Audited, new: Audited) -> bool:
    """Tell whether both candidates are one model.

    They are by fingerprint, and by every value that both audits have: a fingerprint knows nothing of a changed library.
    """
    first, second = (
        next(model["fingerprint"] for model in audited.results["models"] if model["candidate"])
        for audited in (old, new)
    )
    # Without a fingerprint nothing is known of the model.
    if not first or first != second:
        return False
    values = [
        {
            (record.probe, measurement.metric, tuple(sorted(measurement.slice.items()))): measurement.value
            for record in own_records(audited).values()
            for measurement in record.measurements
        }
        for audited in (old, new)
    ]
    return all(values[1].get(key, value) == value for key, value in values[0].items())


def _incomparable(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what no comparison allows, with a hint."""
    again = "audit the old model again with this auditor"
    if old["auditor"] != new["auditor"]:
        yield f"made by auditor {short(new['auditor'])}, and the old audit by {short(old['auditor'])}", again
    tasks = [{**audit["task"], "settings": _as_given(audit)} for audit in (old, new)]
    hint = "only audits of one task, with one list of labels, are compared"
    for key in ("name", "labels", "settings", "metric"):
        before, now = (task.get(key) or None for task in tasks)
        if before != now:
            what = {"name": "task", "labels": "labels"}.get(key, f"task's {key}")
            yield f"another {what} than in the old audit: {short(now)}, not {short(before)}", hint


def _as_given(audit: Mapping[str, Any]) -> dict[str, Any]:
    """Return the task's settings.

    What the config gives as a word, such as thresholds fitted on ``validation``, counts as it is given: each model has
    its own.
    """
    settings, given = audit["task"].get("settings") or {}, audit["config"].get("task")
    own = given if isinstance(given, Mapping) else {}
    return {name: own[name] if isinstance(own.get(name), str) else value for name, value in settings.items()}


def _other_cases(old: Audited, new: Audited) -> Iterator[str]:
    """Yield in words what makes the cases differ."""
    imported = "imported" in old.results or "imported" in new.results
    yield from _data(old.results["data"], new.results["data"], () if imported else TRAINED_ON)
    if old.results["seed"] != new.results["seed"]:
        yield f"seed {new.results['seed']}, not {old.results['seed']}"
    yield from _config(old.results["config"], new.results["config"])
    before, now = own_records(old), own_records(new)
    for probe in before:
        if probe in now and "measured" == before[probe].status == now[probe].status:
            yield from differing(probe, before[probe].settings, now[probe].settings)
    versions = [audit.results["environment"].get("versions", {}) for audit in (old, new)]
    for name in MAKE_CASES:
        if versions[0].get(name) != versions[1].get(name):
            yield f"{name} {short(versions[1].get(name))}, not {short(versions[0].get(name))}"


def _data(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]], exempt: Sequence[str]) -> Iterator[str]:
    before, now = ({facts["name"]: facts for facts in sets if facts["name"] not in exempt} for sets in (old, new))
    for name, facts in before.items():
        if name not in now:
            yield f"no data set {short(name)}"
            continue
        for key, what in (("sha256", "the file's SHA-256"), ("labels_sha256", "the SHA-256 of its labels' file")):
            if facts.get(key) != now[name].get(key):
                yield f"data set {short(name)} has other rows, by {what}"
        if facts.get("reading") != now[name].get("reading"):
            yield f"data set {short(name)} was read in another way (columns, labels or format)"
    for name in now:
        if name not in before:
            yield f"a further data set {short(name)}"


def _config(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    audits = [config.get("audit") or {} for config in (old, new)]
    for key in DESIGN:
        before, now = (audit.get(key) for audit in audits)
        if before != now:
            yield f"[audit] {key} = {short(now)}, not {short(before)}"
    before, now = (config.get("favourable_label") for config in (old, new))
    if before != now:
        yield f"favourable_label = {short(now)}, not {short(before)}"


def differing(probe: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Yield in words what differs between a probe's settings."""
    for key in sorted({*old, *new}):
        # A file is the same by what it holds, wherever it lies.
        if f"{key}_sha256" in old and f"{key}_sha256" in new:
            continue
        before, now = (settings.get(key) for settings in (old, new))
        if _plain(before) != _plain(now):
            yield f"[probes.{probe}] {key} = {short(now)}, not {short(before)}"


def _plain(value: Any) -> Any:
    """Return a setting as JSON holds it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
