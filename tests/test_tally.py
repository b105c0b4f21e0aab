"""Judged cases added up: order of the clusters, no contribution and an empty one, memory."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from auditor import metrics
from auditor.metrics.aggregation import Tally
from auditor.types import Contribution, Judged, Metric, Row, Score, Slice


def judged(cluster: str, value: float, slice_: Slice | None = None, count: float = 1.0) -> Judged:
    score = Score(value, count)
    return Judged(slice_ or {}, cluster, score, score, True, False, {}, {}, {})


def after(case: Judged) -> Sequence[Contribution]:
    assert case.after is not None
    return () if case.after.numerator < 0 else (("", case.after.numerator, case.after.denominator),)


MEAN = Metric("mean", "mean", "mean", "share", 0.0, 1.0, None, after, ratio=True)


def tallied(cases: Iterable[Judged], registered: Iterable[str] = (), metric: Metric = MEAN) -> dict[str, list[Row]]:
    tally = Tally([metric])
    tally.register(registered)
    for case in cases:
        tally.add(case)
    return {found.slice.get("s", ""): list(found.rows) for found in tally.measurements()}


def test_clusters_stand_in_one_order_in_every_slice_the_registered_first() -> None:
    cases = [judged(name, 1.0, {"s": "one"}) for name in ("new", "c", "c")]
    cases += [judged(name, 1.0, {"s": "two"}) for name in ("a", "newer", "c", "new")]
    found = tallied(cases, ("c", "b", "a"))
    assert [row.cluster for row in found["one"]] == ["c", "new"]
    assert [row.cluster for row in found["two"]] == ["c", "a", "new", "newer"]
    unregistered = tallied(cases)
    assert [row.cluster for row in unregistered["one"]] == ["new", "c"]
    assert [row.cluster for row in unregistered["two"]] == ["new", "c", "a", "newer"]


def test_registering_again_changes_no_place() -> None:
    tally = Tally([MEAN])
    tally.register(("b", "a"))
    tally.add(judged("x", 1.0))
    tally.register(("a", "x", "c"))
    for name in ("c", "a", "b"):
        tally.add(judged(name, 1.0))
    rows = next(tally.measurements()).rows
    assert [row.cluster for row in rows] == ["b", "a", "x", "c"]


def test_a_contribution_without_count_makes_a_row_and_none_makes_no_row() -> None:
    cases = [judged("b", 0.0, count=0.0), judged("none", -1.0), judged("a", 0.5), judged("a", 0.25)]
    assert tallied(cases) == {"": [Row("b", "", 0.0, 0.0), Row("a", "", 0.75, 2.0)]}


def test_arms_of_a_cluster_stand_together() -> None:
    def both(case: Judged) -> Sequence[Contribution]:
        assert case.after is not None
        return ("first", case.after.numerator, 1.0), ("second", 0.0, 1.0)

    metric = Metric("change", "change", "change", "points", -1.0, 1.0, None, both)
    rows = tallied([judged("b", 1.0), judged("a", 0.5)], metric=metric)[""]
    assert rows == [Row(name, arm, total, 1.0) for name, arm, total in (
        ("b", "first", 1.0), ("b", "second", 0.0), ("a", "first", 0.5), ("a", "second", 0.0)
    )]  # fmt: skip


def stored(tally: Tally) -> int:
    cells = [sums for arms in tally._sums.values() for sums in arms.values()]
    return sum(sys.getsizeof(column) for sums in cells for column in (sums.totals, sums.counts, sums.seen))


def filled(clusters: int, cases: int, *, register: bool = False) -> Tally:
    tally = Tally([MEAN, metrics.flip_rate()], (frozenset({"s"}),))
    if register:
        tally.register(f"c{cluster}" for cluster in range(clusters))
    for number in range(cases):
        for cluster in range(clusters):
            tally.add(judged(f"c{cluster}", 1.0, {"s": "x", "t": str(number % 2)}))
    return tally


def test_memory_does_not_grow_with_the_cases_of_an_example_and_little_with_examples() -> None:
    few, many = filled(1000, 2), filled(1000, 12)
    assert stored(few) == stored(many)
    assert {len(sums.seen) for arms in many._sums.values() for sums in arms.values()} == {1000}
    # Three slices (two full, one pooled) of two metrics of one arm.
    for register in (False, True):
        assert stored(filled(1000, 2, register=register)) <= 24 * 1000 * 3 * 2
    rows = next(many.measurements()).rows
    assert len(rows) == 1000


# Pools


def kinds(values: Mapping[tuple[str, str], Sequence[float]], metric: Metric) -> dict[str, str]:
    """Slice in words → detail, of these kinds by family, twelve clusters each."""
    tally = Tally([metric], [frozenset({"family"})])
    for (family, kind), own in values.items():
        for cluster, value in enumerate(own):
            tally.add(judged(f"c{cluster}", value, {"family": family, "kind": kind}))
    return {" ".join(found.slice.values()): found.detail for found in tally.measurements()}


def test_a_pool_names_its_worst_part_with_its_number() -> None:
    values = {
        ("a", "x"): [0.0] * 12,
        ("a", "y"): [1.0] * 3 + [0.0] * 9,
        ("a", "few"): [1.0] * 3,  # too few clusters to be named
        ("b", "x"): [0.5] * 12,
        ("b", "y"): [0.5] * 12,  # none is worse than the pool
        ("c", "x"): [1.0] * 12,
    }
    lower, higher = (replace(MEAN, better=better) for better in ("lower", "higher"))
    nothing = dict.fromkeys(("a x", "a y", "a few", "b x", "b y", "b", "c x", "c"), "")
    assert kinds(values, lower) == nothing | {"a": "worst: y, 25.0 %"}
    assert kinds(values, higher) == nothing | {"a": "worst: x, 0.0 %"}
    assert kinds(values, replace(lower, unit="points"))["a"] == "worst: y, 25.0 points"
    assert kinds(values, replace(lower, unit="count"))["a"] == "worst: y, 0.25"
    assert kinds(values, MEAN) == nothing | {"a": ""}
