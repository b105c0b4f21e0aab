"""Groups side by side: a measurement for each of them, and which two lie farthest apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from auditor import metrics
from auditor.types import Measurement, Metric, Row, Slice

Means = dict[str, dict[str, float]]
"""Family → group → mean over its clusters, of rows whose arms are ``family/group``."""


def means(rows: Sequence[Row]) -> Means:
    """The mean over clusters of each group, families and groups in the order of their first rows."""
    sums: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        family, _, group = row.arm.rpartition("/")
        total = sums.setdefault(family, {}).setdefault(group, [0.0, 0.0])
        total[0] += row.total / row.count
        total[1] += 1.0
    return {
        family: {group: total / count for group, (total, count) in groups.items()} for family, groups in sums.items()
    }


def widest(found: Means) -> str:
    """The family whose groups lie farthest apart, the first of equals."""
    return max(found, key=lambda family: max(found[family].values()) - min(found[family].values()))


def named(gap: Measurement, rows: Sequence[Row], of: str) -> Measurement:
    """The gap with the two groups farthest apart in its ``detail``; unchanged where all groups are equal.

    ``of``: what the groups' numbers are, with ``{family}`` for the family's name: "mean probability of {family}".
    """
    found = means(rows)
    family = widest(found)
    groups = found[family]
    highest, lowest = max(groups, key=groups.__getitem__), min(groups, key=groups.__getitem__)
    if groups[highest] == groups[lowest]:
        return gap
    ends = f"highest {highest} {percent(groups[highest])}, lowest {lowest} {percent(groups[lowest])}"
    return replace(gap, detail=f"{of.replace('{family}', family)}: {ends}")


def percent(value: float) -> str:
    """``71.3 %``."""
    return f"{100 * value:.1f} %"


def of_each(
    metric: Metric,
    slice_: Slice,
    rows: Sequence[Row],
    cases: Mapping[str, int],
    *,
    family: str,
    vacuous: float = 0.0,
) -> Iterator[Measurement]:
    """The metric of each group of one family, its slice being ``slice_`` with the group.

    ``rows``: with arms ``family/group``. ``cases``: group → number of cases that name it.
    """
    by_group: dict[str, list[Row]] = {}
    for row in rows:
        name, _, group = row.arm.rpartition("/")
        if name == family:
            by_group.setdefault(group, []).append(replace(row, arm=""))
    for group, own in by_group.items():
        yield metrics.measurement(metric, {**slice_, "group": group}, own, n_cases=cases[group], vacuous=vacuous)
