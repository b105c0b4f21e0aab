"""The spool: judged cases come back as they were, any number of times, and leave nothing behind."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.evaluation import case_spool
from auditor.evaluation.case_spool import Spool
from auditor.types import Choice, Judged, Score

NUMBERS = st.floats(allow_nan=False)
WORDS = st.text(max_size=5)
SCORES = st.none() | st.builds(Score, NUMBERS, NUMBERS)
FACTS = st.dictionaries(WORDS, NUMBERS | WORDS, max_size=3)
CLASSES = st.dictionaries(WORDS, NUMBERS, max_size=3)
SLICES = st.dictionaries(WORDS, WORDS, max_size=2)
PLACES = st.integers(0, 9)
KINDS = st.sampled_from(["texts", "words", "entities"])
CHOICES = st.lists(st.builds(Choice, KINDS, st.lists(NUMBERS, max_size=3).map(tuple), PLACES, PLACES), max_size=2)
CASES = st.builds(
    Judged,
    SLICES,
    WORDS,
    SCORES,
    SCORES,
    st.booleans(),
    st.booleans(),
    FACTS,
    CLASSES,
    CLASSES,
    choices=CHOICES.map(tuple),
)


def case(cluster: str) -> Judged:
    return Judged({}, cluster, None, Score(0.1, 1.0), True, False, {"x": 1 / 3}, {"b": 0.1, "a": 0.9}, {})


@given(st.lists(CASES, max_size=8))
@settings(max_examples=60, deadline=None)
def test_cases_come_back_exactly_and_as_often_as_wanted(cases: list[Judged]) -> None:
    with contextlib.closing(Spool()) as kept:
        for one in cases:
            kept.add(one)
        for _ in range(2):
            assert repr(list(kept)) == repr(cases)


def test_cases_may_be_read_within_one_another_and_added_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case_spool, "CHUNK", 1)
    with contextlib.closing(Spool()) as kept:
        assert list(kept) == []
        for name in "abc":
            kept.add(case(name))
        assert [(one.cluster, other.cluster) for one in kept for other in kept] == [
            (a, b) for a in "abc" for b in "abc"
        ]
        next(iter(kept))
        kept.add(case("d"))
        assert [one.cluster for one in kept] == ["a", "b", "c", "d"]


def test_the_order_of_labels_is_kept_and_any_mapping_serves() -> None:
    given_ = Judged(MappingProxyType({"s": "x"}), "c", None, None, True, False, {}, {"b": 0.5, "a": 0.5}, {})
    with contextlib.closing(Spool()) as kept:
        kept.add(given_)
        found = next(iter(kept))
    assert list(found.before_classes) == ["b", "a"]
    assert found.slice == {"s": "x"}


def test_nothing_is_left_behind_also_after_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def crashes() -> Spool:
        with contextlib.closing(Spool()) as kept:
            kept.add(case("a"))
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        crashes()
    with contextlib.closing(Spool()) as kept:
        kept.add(case("a"))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="closed"):
        list(kept)
