"""Rows in columns: a few numbers a row, and every name once."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

from auditor.types.records import Row


class Names(tuple[str, ...]):
    """Names that many rows share, each once.

    A row refers to a name by its place.
    """

    @cached_property
    def ranks(self) -> array[int]:
        """For each place, the rank of its name among the sorted names.

        Ranks are int32; they are sorted once for all rows that share these names.
        """
        ranks = array("i", [0]) * len(self)
        for rank, place in enumerate(sorted(range(len(self)), key=self.__getitem__)):
            ranks[place] = rank
        return ranks


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Rows(Sequence[Row]):
    """Rows as columns of one length, 24 bytes a row.

    They read as a sequence of ``Row`` and must not change once made. Clusters stand in the order in which they were
    first drawn. numpy reads the columns without a copy (``np.asarray``).
    """

    names: Names
    """Clusters that ``clusters`` points into; shared with other rows, so some may have no row here."""
    arm_names: tuple[str, ...]
    clusters: array[int]
    """int32: each row's place in ``names``."""
    arms: array[int]
    """int32: each row's place in ``arm_names``."""
    totals: array[float]
    """float64."""
    counts: array[float]
    """float64."""

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Rows:
        """Return these rows in columns, in their order.

        Rows that are in columns already are returned as they are.
        """
        if isinstance(rows, Rows):
            return rows
        names: dict[str, int] = {}
        arm_names: dict[str, int] = {}
        clusters, arms, totals, counts = array("i"), array("i"), array("d"), array("d")
        for row in rows:
            clusters.append(names.setdefault(row.cluster, len(names)))
            arms.append(arm_names.setdefault(row.arm, len(arm_names)))
            totals.append(row.total)
            counts.append(row.count)
        return cls(Names(names), tuple(arm_names), clusters, arms, totals, counts)

    @classmethod
    def packed(cls, names: Names, arm_names: tuple[str, ...], clusters: bytes, arms: bytes, *sums: bytes) -> Rows:
        """Make rows from the bytes of their columns.

        ``tobytes`` of a numpy array gives such bytes. ``sums``: totals and counts.
        """
        totals, counts = (array("d", column) for column in sums)
        return cls(names, arm_names, array("i", clusters), array("i", arms), totals, counts)

    def __len__(self) -> int:
        return len(self.clusters)

    def __iter__(self) -> Iterator[Row]:
        for cluster, arm, total, count in zip(self.clusters, self.arms, self.totals, self.counts, strict=True):
            yield Row(self.names[cluster], self.arm_names[arm], total, count)

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> Rows: ...

    def __getitem__(self, index: int | slice) -> Row | Rows:
        if isinstance(index, slice):
            columns = self.clusters[index], self.arms[index]
            return Rows(self.names, self.arm_names, *columns, self.totals[index], self.counts[index])
        names = self.names[self.clusters[index]], self.arm_names[self.arms[index]]
        return Row(*names, self.totals[index], self.counts[index])

    def __eq__(self, value: object) -> bool:
        """Whether the other sequence holds equal rows in the same order."""
        if not isinstance(value, Sequence):
            return NotImplemented
        return len(self) == len(value) and all(mine == theirs for mine, theirs in zip(self, value, strict=True))

    def __repr__(self) -> str:
        return f"Rows.of({list(self)!r})"
