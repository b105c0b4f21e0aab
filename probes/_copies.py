"""Which rows repeat each other, word for word or nearly."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.text import copies
from auditor.types import Example, GivenRow
from probes._groups import Groups

if TYPE_CHECKING:
    from auditor.text.copies import Shingled

EXACT, NEAR = KINDS = ("exact", "near")
"""exact: the model sees the same, or the words are the same in another spelling. near: shingles in common."""


@dataclass(frozen=True, slots=True)
class Copy:
    """What a row repeats."""

    kind: str
    """Of KINDS."""
    twin: Example
    """The first row that is the same; of rows that are nearly the same the first of the most alike."""
    likeness: float
    """1 for the same words."""


@dataclass(frozen=True, slots=True)
class RowSet:
    """The rows of a set, ready to be compared."""

    rows: Sequence[Example]
    same: Sequence[int]
    """Of each row a number that it shares with the rows, of any set, that are the same."""
    shingled: Shingled


def row_sets(given: Mapping[str, Sequence[GivenRow]]) -> dict[str, RowSet]:
    """Return each set; equal rows have equal numbers."""
    numbers, shingler = _Numbers(), copies.Shingler()
    by_key = {name: [numbers.of(row) for row in rows] for name, rows in given.items()}
    return {
        name: RowSet(
            [row.example for row in rows],
            [numbers.joined(number) for number in by_key[name]],
            shingler.shingled(row.example.inputs for row in rows),
        )
        for name, rows in given.items()
    }


class _Numbers:
    """Numbers that rows share which are the same either way."""

    def __init__(self) -> None:
        self._groups, self._next = Groups[int](), itertools.count()
        self._known: dict[object, int] = {}

    def of(self, row: GivenRow) -> int:
        own = next(self._next)
        for name in (row.key, copies.same_words(row.example.inputs)):
            if name:
                self._groups.join(own, self._known.setdefault(name, own))
        return own

    def joined(self, number: int) -> int:
        return self._groups.root(number)


def copies_in(rows: RowSet, others: RowSet, least: float) -> list[Copy | None]:
    """Return for each row what it repeats of other rows, if anything.

    ``least``: how alike rows have to be at least, in (0, 1].
    """
    first: dict[int, Example] = {}
    for example, number in zip(others.rows, others.same, strict=True):
        first.setdefault(number, example)
    copied = [None if twin is None else Copy(EXACT, twin, 1.0) for twin in map(first.get, rows.same)]
    left = [place for place, copy in enumerate(copied) if copy is None]
    best = _Best(len(left))
    for alike in copies.near_pairs(rows.shingled.taking(left), others.shingled, least):
        best.take(alike.first, alike.second, alike.likeness)
    for place, twin, likeness in best.of_rows():
        copied[left[place]] = Copy(NEAR, others.rows[twin], likeness)
    return copied


def copies_within(rows: RowSet, least: float) -> list[Copy | None]:
    """Return for each row what it repeats of its own set.

    Rows of one cluster count as one already: they do not repeat each other.
    """
    import numpy as np

    numbered: dict[str, int] = {}
    codes = np.array([numbered.setdefault(row.cluster, len(numbered)) for row in rows.rows], dtype=np.int64)
    firsts: dict[tuple[int, int], int] = {}
    """Number of what is the same, cluster → its first row."""
    two: dict[int, list[int]] = {}
    """Number of what is the same → the first rows of its first two clusters."""
    for place, key in enumerate(zip(rows.same, codes.tolist(), strict=True)):
        if firsts.setdefault(key, place) == place and len(of_first := two.setdefault(key[0], [])) < 2:
            of_first.append(place)
    # Of rows that are the same two stand for all: whatever a row's cluster, one of the two is of another.
    near = _near_within(rows, [place for places in two.values() for place in places], codes, least)
    copied: list[Copy | None] = []
    for number, code in zip(rows.same, codes.tolist(), strict=True):
        of_others = [place for place in two[number] if codes[place] != code]
        copied.append(Copy(EXACT, rows.rows[of_others[0]], 1.0) if of_others else near.get(two[number][0]))
    return copied


def _near_within(rows: RowSet, places: Sequence[int], codes: copies.Numbers, least: float) -> dict[int, Copy]:
    """Return what these rows nearly repeat across clusters."""
    best, own = _Best(len(places)), codes[list(places)]
    for alike in copies.near_pairs(rows.shingled.taking(places), None, least):
        kept = own[alike.first] != own[alike.second]
        best.take(alike.first[kept], alike.second[kept], alike.likeness[kept])
        best.take(alike.second[kept], alike.first[kept], alike.likeness[kept])
    return {places[place]: Copy(NEAR, rows.rows[places[twin]], likeness) for place, twin, likeness in best.of_rows()}


class _Best:
    """The most alike of each row; of equals the first."""

    def __init__(self, rows: int) -> None:
        import numpy as np

        self._likeness = np.zeros(rows)
        self._twin = np.zeros(rows, dtype=np.int64)

    def take(self, rows: copies.Numbers, others: copies.Numbers, likeness: copies.Likenesses) -> None:
        import numpy as np

        order = np.lexsort((others, -likeness, rows))
        rows, others, likeness = rows[order], others[order], likeness[order]
        first = np.ones(len(rows), dtype=bool)
        first[1:] = rows[1:] != rows[:-1]
        rows, others, likeness = rows[first], others[first], likeness[first]
        known = self._likeness[rows]
        better = (likeness > known) | ((likeness == known) & (others < self._twin[rows]))
        self._likeness[rows[better]], self._twin[rows[better]] = likeness[better], others[better]

    def of_rows(self) -> Iterator[tuple[int, int, float]]:
        """The rows that have any: place, place of the other, how alike."""
        import numpy as np

        for place in np.flatnonzero(self._likeness):
            yield int(place), int(self._twin[place]), float(self._likeness[place])


def clusters_of(rows: RowSet, copied: Sequence[Copy | None] = ()) -> list[str]:
    """Return the independent unit of each row.

    Rows that are the same are one unit, with all that their clusters hold; so are rows and what they repeat, where
    ``copied`` of each row is given.
    """
    groups = Groups[str]()
    first: dict[int, str] = {}
    for example, number in zip(rows.rows, rows.same, strict=True):
        groups.join(example.cluster, first.setdefault(number, example.cluster))
    for example, copy in zip(rows.rows, copied, strict=False):
        if copy is not None:
            groups.join(example.cluster, copy.twin.cluster)
    return [groups.root(example.cluster) for example in rows.rows]
