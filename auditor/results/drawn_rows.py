"""Check recorded looks against the rows that they can have.

A look has a number of rows of each set, the same for all slices of a probe, and no row is of two clusters; the last
look has all of them. That is known of probes with a setting ``examples``, of metrics that cases alone determine, and of
slices that may be drawn on; of a third party's probe only how many rows a number of looks allows.

What is left to the digest is the results of another honest audit of the same answers, byte for byte: one with
``--fixed`` or another number of ``examples`` that draws the same rows at once, or one of a file with other rows used,
of which the rows that count are the same. No reader of the folder can tell it from the audit that was made.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from typing import Any

from auditor import stats, tasks
from auditor.plugins import registry
from auditor.results.canonical_json import slice_text
from auditor.types import HOME, OUTSIDE, Measurement, ProbeRecord, Rows

TRAINED_ON = ("train", "validation")
"""Sets that no probe is drawn on."""
Read = tuple[str, Measurement]
"""A probe, and a measurement of it that a required rule reads."""


class Sets:
    """The sets that probes are drawn on, with their rows."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        audit = content["config"].get("audit")
        budget = audit.get("budget") if isinstance(audit, Mapping) else None
        self._budget: int | None = budget if isinstance(budget, int) else None
        self._used = {facts["name"]: int(facts["used"]) for facts in content["data"]}
        beside = {facts["name"] for facts in content["data"] if facts.get("kind") == OUTSIDE}
        self.names = self._used.keys() - {*TRAINED_ON, *beside}

    def named_by(self, measurement: Measurement) -> frozenset[str]:
        """Return the sets that a slice names."""
        return frozenset(value for value in measurement.slice.values() if value in self.names)

    def most(self, first: int, measurement: Measurement, *, is_known: bool) -> int | None:
        """Return how many rows of a set its look has, at most.

        None: any number. ``first``: the most that the first look takes. ``is_known``: of which sets its probe takes so
        many.
        """
        look = measurement.look, measurement.looks
        if not is_known or len(self.names) > 1:
            # A slice may have rows of a set that it does not name, of another size.
            return stats.looks.most(first, *look)
        return stats.looks.most(first, *look, self._available(HOME))

    def least_looks(self, first: int, measurement: Measurement) -> int:
        """Return the fewest looks of a slice that may be drawn on."""
        available = min(map(self._available, self._of(measurement)))
        return len(stats.looks.sizes(first, available))

    def least_clusters(self, first: int, measurement: Measurement) -> int | None:
        """Return how many informative clusters there are in all, at least.

        It is said by as large a share of informative ones among those not drawn, each of one row. None where it is not
        known: of a slice that names a set otherwise than as its domain.
        """
        name = measurement.slice.get("domain", HOME)
        if not self._is_of(name, measurement):
            return None
        most = stats.looks.most(first, measurement.look, measurement.looks, self._available(name))
        return measurement.n_clusters + (self._used[name] - most) * measurement.n_clusters // max(most, 1)

    def is_whole(self, measurement: Measurement) -> bool:
        """Whether every row of the slice's set has been drawn."""
        name = measurement.slice.get("domain", HOME)
        last = measurement.look == measurement.looks > 1
        return last and self._is_of(name, measurement) and self._available(name) == self._used[name]

    def _of(self, measurement: Measurement) -> Set[str]:
        """Return the sets that a slice names, and home."""
        return {HOME, *self.named_by(measurement)}

    def _is_of(self, name: str, measurement: Measurement) -> bool:
        """Whether a slice names no set but this."""
        return name in self.names and self.named_by(measurement) <= {name}

    def _available(self, name: str) -> int:
        used = self._used[name]
        return used if self._budget is None else min(used, self._budget)


def problems(
    content: Mapping[str, Any], records: Sequence[ProbeRecord], read: Sequence[Read], *, is_fixed: bool
) -> Iterator[str]:
    """Yield slices that cannot be of the recorded look, or looks.

    ``read``: what required rules read of the candidate. ``is_fixed``: the design plans one look.
    """
    settings = {record.probe: record.settings for record in records if record.model == content["candidate"]}
    slices = (content.get("drawn") or {}).get("slices", ())
    reasons = {(drawn["probe"], slice_text(drawn["slice"])): drawn.get("reason") for drawn in slices}
    tallied = _tallied(content, settings)
    followed = [
        (probe, measurement)
        for probe, measurement in read
        if (probe, measurement.metric) in tallied
        and type(settings[probe].get("examples")) is int
        and reasons.get((probe, slice_text(measurement.slice))) in (None, stats.looks.ALL)
    ]
    sets, known = Sets(content), _drawn_on(settings)
    if HOME not in sets.names:
        yield f"no data set is called {HOME}"
        return
    together = _together(followed, tallied, known) if len(sets.names) == 1 else {}
    grouped = any(measurement.cluster_unit is not None for _, measurement in followed)
    for probe, measurement in followed:
        first = max(value for value in settings[probe].values() if type(value) is int)
        most = first if is_fixed else sets.most(first, measurement, is_known=probe in known)
        clusters = max(measurement.n_clusters, len(together.get((probe, *_look(measurement)), ())))
        place = f"{probe} {measurement.metric} {slice_text(measurement.slice)}"
        look = "look {} of {}".format(*_look(measurement))
        if most is not None and clusters > most * len(sets.names):
            yield f"{place} has {clusters} clusters, but {look} has at most {most} rows of a set"
        if is_fixed or probe not in known:
            continue
        if measurement.looks < (least := sets.least_looks(first, measurement)):
            yield f"{place} is of {look}, but {least} looks are planned for its rows"
        if measurement.looks > 1:
            least_clusters = None if grouped else sets.least_clusters(first, measurement)
            whys = _not_of_its_look(measurement, least_clusters, is_whole=sets.is_whole(measurement))
            yield from (f"{place} is of {look}, but {why}" for why in whys)


def _not_of_its_look(measurement: Measurement, least: int | None, *, is_whole: bool) -> Iterator[str]:
    """Yield what says that a slice was drawn less, or more.

    ``least``: clusters that are available, if that is known. ``is_whole``: every row of its set was drawn.
    """
    clusters, available = measurement.n_clusters, measurement.available
    if measurement.look == measurement.looks and _has_clean_answers(measurement):
        yield "it has clean answers to rows that were not drawn"
    if is_whole and available not in (None, clusters):
        yield f"{available} clusters are available, and it has {clusters}"
    if available is not None and least is not None and available < least:
        yield f"{available} clusters are available, where its rows make {least} at least"


def _tallied(content: Mapping[str, Any], probes: Collection[str]) -> dict[tuple[str, str], bool]:
    """Return installed probes' metrics that are read case by case.

    Probe and metric → whether it is of one set's rows alone.
    """
    recorded = content["task"]
    task = tasks.create(recorded["name"], recorded["labels"], settings=recorded.get("settings"))
    declared = {name: registry.metrics_of(probe, task) for name, probe in registry.installed(set(probes)).items()}
    return {
        (probe, metric.name): metric.against is None
        for probe, own in declared.items()
        for metric in own.values()
        if metric.tallied
    }


def _drawn_on(probes: Collection[str]) -> set[str]:
    """Return auditor's own probes that may be drawn on.

    Of a third party's it is not known of which sets they take a number of rows.
    """
    installed = registry.installed(set(probes))
    return {name for name, probe in installed.items() if registry.is_own(probe) and not probe.searches}


def _look(measurement: Measurement) -> tuple[int, int]:
    return measurement.look, measurement.looks


def _together(
    read: Sequence[Read], tallied: Mapping[tuple[str, str], bool], known: Set[str]
) -> dict[tuple[str, int, int], set[str]]:
    """Return the clusters of a known probe's slices at each look."""
    together: dict[tuple[str, int, int], set[str]] = {}
    for probe, measurement in read:
        if probe in known and tallied[probe, measurement.metric]:
            together.setdefault((probe, *_look(measurement)), set()).update(_drawn(measurement))
    return together


def _drawn(measurement: Measurement) -> Set[str]:
    """Return the clusters that cases were sought for."""
    rows = Rows.of(measurement.rows)
    known = {place for place, arm in enumerate(rows.arm_names) if arm in stats.CLEAN_ARMS}
    places = {cluster for cluster, arm in zip(rows.clusters, rows.arms, strict=True) if arm not in known}
    return {rows.names[place] for place in places}


def _has_clean_answers(measurement: Measurement) -> bool:
    """Whether its rows hold clean answers.

    They do where rows of the set are left whose clean answers alone are known.
    """
    rows = Rows.of(measurement.rows)
    return any(rows.arm_names[place] in stats.CLEAN_ARMS for place in set(rows.arms))
