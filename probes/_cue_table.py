"""Which words, signs and properties go with a label, by labelled rows.

Of n rows that have a feature, those of a label are binomial with the label's share of all rows, if the feature says
nothing (Gardner et al. 2021). The rows are independent: one of each group, and one of those with the same words.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from auditor.languages import ENGLISH
from auditor.text import tokens
from auditor.text.copies import same_words
from auditor.types import Example
from probes import _lengths
from probes._row_properties import Quantiles, signs_in

FEWEST = 10
"""Rows that a feature needs to be tested."""
ERROR = 0.05
"""Error of saying that any feature goes with a label."""
QUANTILES = 4
"""Classes of length."""


class Feature(NamedTuple):
    """A word or sign in a field, or a row's property."""

    field: str
    """Empty for a property."""
    name: str
    value: str = ""
    """Of a property."""


@dataclass(frozen=True, slots=True)
class Tie:
    """A feature, and the label that it goes with most."""

    feature: Feature
    label: str
    rows: int
    """Rows that have it."""
    hits: int
    """Those of the label."""
    share: float
    """Of the label among all rows."""
    p: float
    """Probability by chance of so many hits or more."""
    strength: float
    """Lower bound of its rows' share of the label, for all features at once, less that of all rows."""
    claimed: bool
    """Whether it goes with the label at 95 %, for all features together (Holm 1979)."""

    @property
    def z(self) -> float:
        """How far the hits lie above chance, in standard deviations."""
        return (self.hits / self.rows - self.share) / math.sqrt(self.share * (1.0 - self.share) / self.rows)


class Table:
    """The features of labelled rows, and the labels they go with."""

    def __init__(
        self,
        rows: Iterable[Example],
        fields: Sequence[str],
        label_of: Callable[[Example], str | None],
        language: str = ENGLISH,
    ) -> None:
        self._fields, self._label_of, self._signs = tuple(fields), label_of, signs_in(language)
        self._unit = _lengths.of_language(language)
        self.rows = tuple(_independent(row for row in rows if label_of(row) is not None))
        lengths = [self._length(row) for row in self.rows]
        self._lengths = Quantiles(lengths, QUANTILES, f" {self._unit.name}") if lengths else None
        self._counts: defaultdict[Feature, Counter[str]] = defaultdict(Counter)
        self._labels: Counter[str] = Counter()
        for row in self.rows:
            label = self.label(row)
            self._labels[label] += 1
            for feature in self.of(row):
                self._counts[feature][label] += 1
        self._rows = {feature: own.total() for feature, own in self._counts.items()}
        self.ties = sorted(_ties(self._counts, self._labels), key=lambda tie: (-tie.strength, tie.p, tie.feature))
        self._chance = {tie.feature: tie.p for tie in self.ties}

    def label(self, row: Example) -> str:
        """Return the label of a row that has one."""
        return str(self._label_of(row))

    def of(self, row: Example) -> set[Feature]:
        """Return the features that a row has."""
        features = {
            Feature(field, piece) for field in self._fields for piece in set(tokens.small_pieces(row.inputs[field]))
        }
        if self._lengths is not None:
            features.add(Feature("", "length", self._lengths.of(self._length(row))))
        text = "\n".join(row.inputs[field] for field in self._fields)
        features.update(
            Feature("", name, "with") for name, has in self._signs.items() if not isinstance(has, str) and has(text)
        )
        return features

    def frequency(self, features: Iterable[Feature]) -> int:
        """Return how many rows have the most frequent of the features."""
        return max((self._rows.get(feature, 0) for feature in features), default=0)

    def says_nothing(self, feature: Feature) -> bool:
        """Whether chance alone may tie the feature to labels."""
        return self._chance.get(feature, 1.0) > ERROR

    @property
    def words(self) -> Iterator[Feature]:
        """The words that say nothing of labels."""
        return (
            feature
            for feature in self._counts
            if feature.field and any(map(str.isalnum, feature.name)) and self.says_nothing(feature)
        )

    def seen(self, features: Iterable[Feature]) -> tuple[dict[Feature, set[int]], dict[Feature, str]]:
        """Return the rows that have each feature, and its spelling.

        Rows by their places; of spellings the most frequent one.
        """
        wanted = {feature: set[int]() for feature in features}
        spelled: dict[Feature, Counter[str]] = {feature: Counter() for feature in wanted if feature.field}
        for place, row in enumerate(self.rows):
            own = wanted.keys() & self.of(row)
            for feature in own:
                wanted[feature].add(place)
            for field in {feature.field for feature in own if feature.field}:
                for piece in tokens.pieces(row.inputs[field]):
                    if (feature := Feature(field, tokens.plain(piece))) in spelled:
                        spelled[feature][piece] += 1
        return wanted, {feature: max(sorted(own), key=own.__getitem__) for feature, own in spelled.items() if own}

    def _length(self, row: Example) -> float:
        return float(sum(self._unit.count(row.inputs[field]) for field in self._fields))


def _independent(rows: Iterable[Example]) -> Iterator[Example]:
    """Yield the first row of each group and of copies."""
    seen: set[object] = set()
    for row in rows:
        keys = {row.cluster, same_words(row.inputs) or row.id}
        if seen.isdisjoint(keys):
            yield row
        seen |= keys


def _ties(counts: Mapping[Feature, Counter[str]], labels: Counter[str]) -> Iterator[Tie]:
    """Yield each tested feature with the label that it goes with most.

    Features go with no label more than chance has it are left out.
    """
    import numpy as np
    from scipy.special import bdtrc, betaincinv

    total = labels.total()
    tested = [(feature, own.total(), own) for feature, own in counts.items() if own.total() >= FEWEST]
    trials = max(len(tested) * len(labels), 1)
    more = [
        (feature, label, rows, hits, labels[label] / total)
        for feature, rows, own in tested
        for label, hits in own.items()
        if hits * total > labels[label] * rows
    ]
    if not more:
        return
    rows, hits, shares = (np.array([each[place] for each in more], dtype=float) for place in (2, 3, 4))
    chances = bdtrc(hits - 1, rows.astype(int), shares).tolist()
    strengths = betaincinv(hits, rows - hits + 1, ERROR / trials) - shares
    claimed = _claimed(chances, trials)
    best: dict[Feature, Tie] = {}
    for place, (feature, label, own_rows, own_hits, share) in enumerate(more):
        p, strength = chances[place], float(strengths[place])
        tie = Tie(feature, label, own_rows, own_hits, share, p, strength, place in claimed)
        before = best.get(feature)
        if before is None or (tie.p, tie.label) < (before.p, before.label):
            best[feature] = tie
    yield from best.values()


def _claimed(chances: Sequence[float], trials: int) -> set[int]:
    """The places of those that chance does not explain (Holm 1979).

    ``trials``: how many were tested, those not among ``chances`` included.
    """
    order = sorted(range(len(chances)), key=lambda place: (chances[place], place))
    claimed: set[int] = set()
    for rank, place in enumerate(order):
        if chances[place] > ERROR / (trials - rank):
            break
        claimed.add(place)
    return claimed
