"""Clean rows with their scores, and some of them against others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from auditor import metrics
from auditor.types import Judged, Measurement, Metric, Score, Skipped, Slice


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """A row with its score."""

    id: str
    cluster: str
    score: Score


def scored(cases: Iterable[Judged]) -> list[ScoredRow]:
    """Return the rows that have a gold.

    The fact ``row`` of a case is its row.
    """
    return [ScoredRow(str(case.facts["row"]), case.cluster, case.after) for case in cases if case.after is not None]


def against(
    slice_: Slice, first: Sequence[ScoredRow], second: Sequence[ScoredRow], drop: Metric, whole: Metric | None = None
) -> Iterator[Measurement | Skipped]:
    """Measure the metric on the first rows less that on the second.

    The slice is of the second rows; ``whole`` is the metric on them alone.
    """
    reference, own = ([(row.cluster, row.score) for row in rows] for rows in (first, second))
    rows = [*metrics.summed(reference, "first"), *metrics.summed(own, "second")]
    if {row.arm for row in rows if row.count} != {"first", "second"}:
        reason = "nothing is counted in it, or in the rows to compare with" if own else "none of its rows was asked"
        yield Skipped(slice_, reason)
        return
    names = [cluster for cluster, _ in own]
    measured = metrics.measurement(drop, slice_, rows, n_cases=len(own))
    yield metrics.in_groups(measured, [*names, *(cluster for cluster, _ in reference)])
    if whole is not None:
        yield metrics.in_groups(metrics.measurement(whole, slice_, metrics.summed(own), n_cases=len(own)), names)
