"""A search for slices of rows that the model fails on.

A slice is a token, or a pair of tokens and properties. The search ranks those of one half of the rows by how far their
quality lies below that of the half, in standard errors. Of thousands of slices the worst lie far below by chance, so
that only the other half says how bad they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from auditor.types import Score

Array: TypeAlias = Any
"""A numpy array."""

MOST_TOKENS = 400
"""Tokens that are searched, the most frequent ones first: every pair of them is tried."""
OVERLAP = 0.5
"""Of two slices that share more of their rows, the better one stands for both."""


@dataclass(frozen=True, slots=True)
class Trait:
    """What some rows have: a token, or a value of a property."""

    kind: str
    """``token`` or the property."""
    value: str
    has: Array
    """Row → whether it has it."""


@dataclass(frozen=True, slots=True)
class WeakSlice:
    """A slice: the rows that have all of its traits."""

    traits: tuple[Trait, ...]

    @property
    def has(self) -> Array:
        """Row → whether it is in the slice."""
        import numpy as np

        return np.logical_and.reduce([trait.has for trait in self.traits])


def tokens(words: Sequence[set[str]], searched: Array, fewest: int) -> list[Trait]:
    """Return the tokens of the searched rows.

    Enough of these rows have each, and enough lack it. ``words``: of each row.
    """
    import numpy as np

    counts = Counter(word for row, own in enumerate(words) if searched[row] for word in sorted(own))
    n = int(searched.sum())
    frequent = [(word, count) for word, count in counts.items() if fewest <= count <= n - fewest]
    frequent.sort(key=lambda item: (-item[1], item[0]))
    kept = [word for word, _ in frequent[:MOST_TOKENS]]
    return [Trait("token", word, np.array([word in own for own in words], dtype=bool)) for word in kept]


def search(
    scores: Sequence[Score], searched: Array, traits: Sequence[Trait], fewest: int, most: int
) -> list[WeakSlice]:
    """Return the worst slices of the searched rows, the worst first.

    ``scores``: of each row. A property alone is no discovery: it is declared. ``fewest``: rows of a slice, and outside
    of it, at least. ``most``: slices, at most.
    """
    import numpy as np

    losses = _losses(scores, searched)
    if not traits or losses is None:
        return []
    has = np.array([trait.has[searched] for trait in traits], dtype=np.float32)
    n = has.shape[1]
    sizes = has @ has.T
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = (has * losses.astype(np.float32)) @ has.T / np.sqrt(sizes * (1.0 - sizes / n))
    # Every pair within a bad part is bad. It says something of its own if it lies further from chance than its parts.
    alone = np.nan_to_num(np.diag(errors), nan=0.0, posinf=0.0, neginf=0.0)
    more = (errors > np.maximum(alone[:, None], alone[None, :])) | np.eye(len(traits), dtype=bool)
    kinds = np.array([trait.kind for trait in traits])
    of_tokens = kinds == "token"
    alike = (kinds[:, None] == kinds[None, :]) & ~of_tokens[:, None]
    # What all rows have, or all but a few, makes a pair with the rows of the other part.
    enough = (sizes >= fewest) & (n - sizes >= fewest)
    telling = np.diag(enough)
    open_ = np.triu(enough & telling[:, None] & telling[None, :] & ~alike & more & (errors > 0))
    firsts, seconds = np.nonzero(open_)
    order = np.lexsort((seconds, firsts, -errors[firsts, seconds]))
    return list(_apart(((int(firsts[at]), int(seconds[at])) for at in order), traits, searched, most))


def _losses(scores: Sequence[Score], searched: Array) -> Array | None:
    """What each searched row lost against their mean, in standard deviations.

    Of a ratio of sums: its influence on the ratio. None where all are alike.
    """
    import numpy as np

    numerators = np.array([score.numerator for score in scores])[searched]
    denominators = np.array([score.denominator for score in scores])[searched]
    if not denominators.any():
        return None
    losses = numerators.sum() / denominators.sum() * denominators - numerators
    spread = float(losses.std())
    return losses / spread if spread > 1e-12 else None


def _apart(
    pairs: Iterator[tuple[int, int]], traits: Sequence[Trait], searched: Array, most: int
) -> Iterator[WeakSlice]:
    """Yield the first slices whose rows are mostly others than those before."""
    kept: list[Array] = []
    for first, second in pairs:
        if len(kept) >= most:
            return
        weak = WeakSlice((traits[first],) if first == second else (traits[first], traits[second]))
        rows = weak.has & searched
        if all((rows & before).sum() <= OVERLAP * (rows | before).sum() for before in kept):
            kept.append(rows)
            yield weak
