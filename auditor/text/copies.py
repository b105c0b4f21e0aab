"""Copies of texts: the same words, or nearly the same.

How alike two texts are is the Jaccard index of their sets of shingles (Broder 1997): runs of five words, each as a
64-bit hash. Four blanks stand before a text and after it, so that every word is in five shingles: one word replaced in
n leaves an index of (n − 1) ÷ (n + 9) at least, wherever it stands, and
short texts that differ in a word are not alike. The join is exact: it finds every pair that is alike enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from auditor.text import tokens
from auditor.types import Inputs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Hashes: TypeAlias = NDArray[np.uint64]
    Numbers: TypeAlias = NDArray[np.int64]
    Likenesses: TypeAlias = NDArray[np.float64]

SHINGLE = 5
"""Words of a shingle."""
PRODUCTS = 4_000_000
"""Shared shingles that are counted at a time; it bounds the memory of a join."""
_PRIME = 0x9E3779B97F4A7C15
_BEFORE, _AFTER = 0, 1
"""Numbers of the blanks before a text and after it; words follow."""


def same_words(inputs: Inputs) -> tuple[str, ...]:
    """Return what two rows share that differ in case, blanks or punctuation.

    It has the words of each text; it is empty where no text has a word.
    """
    words = tuple(" ".join(tokens.words(value)) for _, value in sorted(inputs.items()))
    return words if any(words) else ()


@dataclass(frozen=True, slots=True)
class Shingled:
    """The sets of shingles of many rows, one after the other."""

    hashes: Hashes
    sizes: Numbers
    """Shingles of each row."""

    def taking(self, rows: Sequence[int]) -> Shingled:
        """Return some of the rows, in this order."""
        import numpy as np

        starts = np.concatenate([[0], np.cumsum(self.sizes)])
        parts = [self.hashes[starts[row] : starts[row + 1]] for row in rows]
        return _together(parts)


class Shingler:
    """Rows as sets of shingles.

    All rows that are compared need the same shingler.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def shingled(self, rows: Iterable[Inputs]) -> Shingled:
        """Return the rows' shingles; those of two text fields never agree."""
        return _together([self._of(inputs) for inputs in rows])

    def _of(self, inputs: Inputs) -> Hashes:
        import numpy as np

        parts = [self._of_text(value, place) for place, (_, value) in enumerate(sorted(inputs.items()))]
        return np.unique(parts[0] if len(parts) == 1 else np.concatenate(parts))

    def _of_text(self, text: str, field: int) -> Hashes:
        import numpy as np

        numbers, around = self._numbers, SHINGLE - 1
        words = [numbers.setdefault(word, len(numbers) + 2) for word in tokens.units(text)]
        if not words:
            return np.empty(0, dtype=np.uint64)
        mixed = _mixed(np.array([*[_BEFORE] * around, *words, *[_AFTER] * around], dtype=np.uint64))
        count = len(words) + around
        hashes = np.full(count, field, dtype=np.uint64)
        for place in range(SHINGLE):
            hashes = hashes * np.uint64(_PRIME) + mixed[place : place + count]
        return hashes


def _mixed(numbers: Hashes) -> Hashes:
    """Spread small numbers over 64 bits (the finaliser of splitmix64)."""
    import numpy as np

    spread = numbers * np.uint64(_PRIME)
    spread = (spread ^ (spread >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    spread = (spread ^ (spread >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return spread ^ (spread >> np.uint64(31))


def _together(parts: Sequence[Hashes]) -> Shingled:
    import numpy as np

    sizes = np.array([len(part) for part in parts], dtype=np.int64)
    return Shingled(np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64), sizes)


@dataclass(frozen=True, slots=True)
class Alike:
    """Pairs of rows, and how alike each is."""

    first: Numbers
    second: Numbers
    likeness: Likenesses
    """Jaccard index in (0, 1]: shingles that both have ÷ shingles that either has."""


def near_pairs(left: Shingled, right: Shingled | None = None, least: float = 0.5) -> Iterator[Alike]:
    """Yield all pairs of rows that are at least so alike.

    They come in parts, so that memory stays bounded.

    ``right``: what the rows of ``left`` are compared with; None: with each other, each pair once, the smaller place
    first. ``least``: in (0, 1].
    """
    import numpy as np

    shared, *sides = _that_can_match(left, right, least)
    if not len(shared):
        return
    first, second = sides[0], sides[-1]
    matrix, facing = first.matrix(len(shared)), second.matrix(len(shared)).T.tocsr()
    products = matrix @ np.asarray(facing.astype(bool).sum(axis=1)).ravel()
    for start, stop in _blocks(products, PRODUCTS):
        common = (matrix[start:stop] @ facing).tocoo()
        rows, columns = first.rows[start + common.row], second.rows[common.col]
        whole = left.sizes[rows] + (right or left).sizes[columns] - common.data
        likeness = common.data / whole
        kept = likeness >= least - 1e-12
        if right is None:
            kept &= rows < columns
        if kept.any():
            order = np.lexsort((columns[kept], rows[kept]))
            yield Alike(rows[kept][order], columns[kept][order], likeness[kept][order])


@dataclass(frozen=True, slots=True)
class _Side:
    """Rows that may match, by the shingles that both sides have."""

    rows: Numbers
    """Place of each in its set."""
    counts: Numbers
    """Shared shingles of each."""
    hashes: Hashes
    """Them, one row after the other; at last their places among those shared."""

    def matrix(self, width: int) -> Any:
        """Return a row for each, a column for each shared shingle."""
        import numpy as np
        from scipy import sparse

        starts = np.concatenate([[0], np.cumsum(self.counts)])
        data = np.ones(len(self.hashes), dtype=np.int64)
        return sparse.csr_array((data, self.hashes.astype(np.int64), starts), shape=(len(self.rows), width))

    def sharing(self, shared: Hashes, sizes: Numbers, least: float) -> _Side:
        """Return the rows of which enough shingles are shared.

        Two sets that are so alike have a share of at least ``least`` of either in common.
        """
        import numpy as np

        there = np.zeros(len(self.hashes), dtype=bool)
        if len(shared):
            places = np.searchsorted(shared, self.hashes)
            there = shared[np.minimum(places, len(shared) - 1)] == self.hashes
        of_row = np.repeat(np.arange(len(self.rows)), self.counts)
        counts = np.bincount(of_row[there], minlength=len(self.rows)).astype(np.int64)
        enough = (counts > 0) & (counts >= least * sizes[self.rows] - 1e-9)
        return _Side(self.rows[enough], counts[enough], self.hashes[there & enough[of_row]])


def _that_can_match(left: Shingled, right: Shingled | None, least: float) -> tuple[Any, ...]:
    """Return the shared shingles, and the rows that have enough of them.

    Rows that cannot match take their shingles with them, so that others cannot match either: until nothing changes.
    """
    import numpy as np

    sets = [left] if right is None else [left, right]
    sides = [_Side(np.arange(len(each.sizes)), each.sizes, each.hashes) for each in sets]
    while True:
        shared = _shared([side.hashes for side in sides])
        before = sum(len(side.hashes) for side in sides)
        sides = [side.sharing(shared, each.sizes, least) for side, each in zip(sides, sets, strict=True)]
        if sum(len(side.hashes) for side in sides) == before:
            break
    placed = [_Side(side.rows, side.counts, np.searchsorted(shared, side.hashes).astype(np.uint64)) for side in sides]
    return (shared, *placed)


def _shared(sides: Sequence[Hashes]) -> Hashes:
    """Return what two rows of different sides have, or two of one."""
    import numpy as np

    first, last = sides[0], sides[-1]
    if first is last:
        values, counts = np.unique(first, return_counts=True)
        return values[counts > 1]
    shared: Hashes = np.intersect1d(np.unique(first), np.unique(last), assume_unique=True)
    return shared


def _blocks(costs: Sequence[int], most: int) -> Iterator[tuple[int, int]]:
    """Yield parts of a sequence that cost at most so much."""
    start, cost = 0, 0
    for place, own in enumerate(costs):
        if cost + own > most and place > start:
            yield start, place
            start, cost = place, 0
        cost += int(own)
    if start < len(costs):
        yield start, len(costs)
