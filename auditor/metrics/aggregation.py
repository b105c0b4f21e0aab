"""Aggregation of judged cases by slice, metric and cluster.

Memory grows with the numbers of clusters and slices, not with the number of cases.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set

from auditor import stats
from auditor.metrics.common import measurement
from auditor.metrics.worst_parts import naming_worst_parts
from auditor.types import Judged, Measurement, Metric, Names, Rows, Slice

SliceKey = tuple[tuple[str, str], ...]
Reads = Callable[[SliceKey], bool]
"""Whether a slice takes what is drawn."""


def slice_key(slice_: Slice) -> SliceKey:
    """Return a slice as a hashable, ordered key."""
    return tuple(sorted(slice_.items()))


def keys_of(slice_: Slice, pools: Iterable[frozenset[str]]) -> Iterator[SliceKey]:
    """Yield the keys of a case's slice and of its pools."""
    yield slice_key(slice_)
    for pool in pools:
        if pool < set(slice_):
            yield slice_key({key: slice_[key] for key in pool})


class _Sums:
    """A total and a count per cluster code, in 17 bytes each.

    ``seen`` distinguishes a count of 0 from no contribution.
    """

    __slots__ = ("counts", "seen", "totals")

    def __init__(self) -> None:
        self.totals, self.counts, self.seen = array("d"), array("d"), bytearray()

    def add(self, code: int, total: float, count: float) -> None:
        missing = code + 1 - len(self.seen)
        if missing > 0:
            self.seen.extend(bytes(missing))
            for column in (self.totals, self.counts):
                column.frombytes(bytes(column.itemsize * missing))
        self.seen[code] = 1
        self.totals[code] += total
        self.counts[code] += count

    def codes(self) -> list[int]:
        """Return the codes that contributed."""
        return [code for code, seen in enumerate(self.seen) if seen]

    def with_codes(self, codes: Iterable[int]) -> _Sums:
        """Return these sums, with a count of 0 for missing codes."""
        copied = _Sums()
        copied.totals, copied.counts, copied.seen = self.totals[:], self.counts[:], self.seen[:]
        for code in codes:
            copied.add(code, 0.0, 0.0)
        return copied


_Arms = dict[str, _Sums]
_NamedArms = list[tuple[str, _Sums]]


class Tally:
    """Sums of judged cases by slice (full and pooled) and metric.

    In every measurement, the rows list clusters in the same order: registered clusters first, in the order of
    registration, then the others in the order of appearance.
    """

    def __init__(self, metrics: Iterable[Metric], pools: Iterable[frozenset[str]] = ()) -> None:
        self._metrics = [metric for metric in metrics if metric.kind != "descriptive"]
        self._pools = tuple(pools)
        self._codes: dict[str, int] = {}
        self._sums: dict[tuple[str, SliceKey], _Arms] = {}
        self._cases: dict[tuple[str, SliceKey], int] = {}
        self._seen: dict[SliceKey, list[int]] = {}
        self._drawn: list[tuple[set[int], Reads | None]] = []
        self._clean: dict[str, _Sums] = {}

    @property
    def slices(self) -> Set[SliceKey]:
        """Slices and pools that have a case."""
        return self._seen.keys()

    def register(self, clusters: Iterable[str], reads: Reads | None = None) -> None:
        """Append clusters to the order of clusters, unless already known.

        A cluster without cases has no row. ``reads`` selects the keys that they are drawn for (None: all of them).
        """
        self._drawn.append(({self._codes.setdefault(cluster, len(self._codes)) for cluster in clusters}, reads))

    def predict(self, clean: Mapping[str, tuple[float, float]]) -> None:
        """Take the clean answers of clusters, measured or not.

        Cluster → the clean answer's score and the likelihood that it gives the gold, both in [0, 1].
        """
        self._clean = {arm: _Sums() for arm in stats.CLEAN_ARMS}
        for cluster, numbers in clean.items():
            code = self._codes.setdefault(cluster, len(self._codes))
            for sums, number in zip(self._clean.values(), numbers, strict=True):
                sums.add(code, number, 1.0)

    def add(self, judged: Judged, reads: Reads | None = None) -> None:
        """Add a case to its slice and its pools.

        ``reads`` selects the keys that matter (None: all of them).
        """
        code = self._codes.setdefault(judged.cluster, len(self._codes))
        for key in keys_of(judged.slice, self._pools):
            if reads is not None and not reads(key):
                continue
            seen = self._seen.setdefault(key, [0, 0])
            seen[0] += 1
            seen[1] += judged.vacuous
            for metric in self._metrics:
                contributions = metric.read(judged)
                if contributions:
                    self._cases[metric.name, key] = self._cases.get((metric.name, key), 0) + 1
                arms = self._sums.setdefault((metric.name, key), {})
                for arm, total, count in contributions:
                    if arm not in arms:
                        arms[arm] = _Sums()
                    arms[arm].add(code, total, count)

    def measurements(self, *, sequential: bool = False) -> Iterator[Measurement]:
        """Yield a measurement for each metric and slice with rows.

        Slices are in order of appearance. A pool names its worst part. ``sequential`` selects the methods for repeated
        looks.
        """
        yield from naming_worst_parts(list(self._measured(sequential)), self._metrics, self._pools)

    def _measured(self, sequential: bool) -> Iterator[Measurement]:
        names = Names(self._codes)
        for key, (cases, vacuous) in self._seen.items():
            for metric in self._metrics:
                arms = self._arms(metric, key)
                # A ratio of sums may have a zero denominator: no entity in the gold and none predicted.
                if arms and all(any(sums.counts) for _, sums in arms):
                    n_cases = self._cases[metric.name, key]
                    rows = _rows(names, arms if sequential else self._with_clean(metric, key, arms))
                    share = vacuous / cases
                    yield measurement(metric, dict(key), rows, n_cases=n_cases, vacuous=share, sequential=sequential)

    def _arms(self, metric: Metric, key: SliceKey) -> _NamedArms:
        own = list(self._sums.get((metric.name, key), {}).items())
        if metric.against is None or not own:
            return own
        reference = slice_key(metric.against)
        if key == reference or [name for name, _ in key] != [name for name, _ in reference]:
            return []
        first = self._sums.get((metric.name, reference), {})
        return [*first.items(), *own] if first else []

    def _with_clean(self, metric: Metric, key: SliceKey, arms: _NamedArms) -> _NamedArms:
        """Return the arms, with clean answers' arms where they narrow the interval.

        A cluster that was drawn and has no case has a row of count 0 then: the clusters measured are those with a row.
        """
        if not metric.predicted_by_clean or metric.ratio or metric.kind not in stats.REGRESSED:
            return arms
        known = {code for sums in self._clean.values() for code in sums.codes()}
        drawn = (codes for codes, reads in self._drawn if reads is None or reads(key))
        measured = set().union(*drawn) & known
        if measured == known or not all(measured.issuperset(sums.codes()) for _, sums in arms):
            return arms
        return [*((name, sums.with_codes(measured)) for name, sums in arms), *self._clean.items()]


def _rows(names: Names, arms: Sequence[tuple[str, _Sums]]) -> Rows:
    """Return the rows of contributing clusters, by code, then by arm."""
    import numpy as np

    arm_names = tuple(dict.fromkeys(name for name, _ in arms))
    codes = [np.flatnonzero(np.frombuffer(sums.seen, dtype=np.bool_)) for _, sums in arms]
    columns = (
        np.concatenate(codes).astype(np.int32),
        np.repeat(
            np.array([arm_names.index(name) for name, _ in arms], dtype=np.int32),
            [len(cluster_codes) for cluster_codes in codes],
        ),
        np.concatenate([np.asarray(sums.totals)[code] for (_, sums), code in zip(arms, codes, strict=True)]),
        np.concatenate([np.asarray(sums.counts)[code] for (_, sums), code in zip(arms, codes, strict=True)]),
    )
    order = np.argsort(columns[0], kind="stable")
    return Rows.packed(names, arm_names, *(column[order].tobytes() for column in columns))
