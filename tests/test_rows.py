"""Rows in columns: a sequence of Row, and the same arms as from rows one by one, in either order."""

from __future__ import annotations

from array import array

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.stats.clusters import arms, paired
from auditor.types import Names, Row, Rows

GIVEN = (Row("b", "first", 1.0, 2.0), Row("a", "second", 0.5, 1.0), Row("b", "second", 0.0, 0.0))
NUMBERS = st.floats(-1e6, 1e6)
ANY = st.builds(
    Row, st.sampled_from("edcba"), st.sampled_from(("", "f/x", "f/y")), NUMBERS, st.sampled_from((0.0, 1.0))
)


def test_rows_read_as_the_rows_they_were_made_of() -> None:
    rows = Rows.of(GIVEN)
    assert (len(rows), tuple(rows), rows[0], rows[-1]) == (3, GIVEN, GIVEN[0], GIVEN[2])
    assert rows == GIVEN
    assert rows != GIVEN[:2]
    assert rows != (*GIVEN[:2], Row("b", "second", 0.0, 1.0))
    assert rows != 3
    assert rows[1:] == GIVEN[1:]
    assert list(reversed(rows)) == list(reversed(GIVEN))
    assert GIVEN[1] in rows
    assert Rows.of(rows) is rows
    assert Rows.of(()) == ()
    assert not Rows.of(iter(()))
    assert repr(rows[:1]) == "Rows.of([Row(cluster='b', arm='first', total=1.0, count=2.0)])"
    with pytest.raises(IndexError):
        rows[3]
    with pytest.raises(TypeError, match="unhashable"):
        hash(rows)


def test_columns_are_views_of_four_and_eight_bytes() -> None:
    rows = Rows.of(GIVEN)
    views = [np.asarray(column) for column in (rows.clusters, rows.arms, rows.totals, rows.counts)]
    assert [view.dtype for view in views] == [np.int32, np.int32, np.float64, np.float64]
    assert not any(view.flags.owndata for view in views)
    assert Rows.packed(rows.names, rows.arm_names, *(view.tobytes() for view in views)) == rows


def test_names_are_ranked_once() -> None:
    names = Names(("b", "c", "a"))
    assert names.ranks == array("i", [1, 2, 0])
    assert names.ranks is names.ranks


def one_by_one(rows: list[Row], *, empty: bool) -> dict[str, dict[str, tuple[float, float]]]:
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for row in rows:
        if row.count > 0 or empty:
            found.setdefault(row.arm, {})[row.cluster] = (row.total, row.count)
    return found


@given(st.lists(ANY, max_size=30), st.booleans(), st.booleans())
@settings(max_examples=300, deadline=None)
def test_arms_are_those_of_the_rows_one_by_one(rows: list[Row], empty: bool, drawn: bool) -> None:
    if not any(row.count > 0 for row in rows):
        with pytest.raises(ValueError, match="no rows to estimate from"):
            arms(rows, empty=empty, drawn=drawn)
        return
    found, expected = arms(rows, empty=empty, drawn=drawn), one_by_one(rows, empty=empty)
    assert set(found) == set(expected)
    order = list(dict.fromkeys(row.cluster for row in rows)) if drawn else sorted("abcde")
    for name, clusters in expected.items():
        arm = found[name]
        assert arm.clusters == tuple(one for one in order if one in clusters)
        sums = zip(arm.totals.tolist(), arm.counts.tolist(), strict=True)
        assert dict(zip(arm.clusters, sums, strict=True)) == clusters


def test_arms_in_drawn_order_stay_aligned_when_paired() -> None:
    rows = [Row("z", "second", 1.0, 1.0), Row("m", "first", 2.0, 1.0), Row("a", "second", 3.0, 1.0)]
    rows += [Row("a", "first", 4.0, 1.0), Row("z", "first", 5.0, 1.0)]
    first, second = paired(*(arms(rows, drawn=True)[name] for name in ("first", "second")))
    assert first.clusters == second.clusters == ("z", "a")
    assert (first.totals.tolist(), second.totals.tolist()) == ([5.0, 4.0], [1.0, 3.0])
