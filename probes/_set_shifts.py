"""How far rows are from those of a reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from auditor import metrics, stats
from auditor.text import tokens
from auditor.types import Audit, Example, FloatArray, Measurement, Metric, Row, Score, Skipped, Slice
from probes import _lengths, _two_samples
from probes._row_properties import whole_text
from probes._two_samples import CLAIM, DRAWS, FEWEST, Distance, Sample

PARTS = 10
"""Parts of the lengths of the reference: tenths of its rows."""
LABELS = Metric("label_mix_distance", "distance of the label mix", "descriptive", "share", 0.0, 1.0, "lower")
LENGTHS = Metric("length_distance", "distance of the lengths", "descriptive", "share", 0.0, 1.0, "lower")
UNKNOWN = Metric(
    "unknown_words",
    "share of words that no other row of the reference has",
    "mean",
    "share",
    0.0,
    1.0,
    None,
    ratio=True,
)
MORE_UNKNOWN = Metric(
    "more_unknown_words",
    "share of words unknown to the reference, less that of a row of the reference to the others",
    "difference",
    "points",
    -1.0,
    1.0,
    "lower",
    ratio=True,
)
INPUTS = Metric(
    "inputs_told_apart", "texts whose set a classifier of embeddings guesses", "mean", "share", 0.0, 1.0, "lower"
)
METRICS = (LABELS, LENGTHS, UNKNOWN, MORE_UNKNOWN, INPUTS)


def by_cluster(rows: Sequence[Example], counts: Sequence[Mapping[str, int]]) -> list[Counter[str]]:
    """Return the counts of each cluster."""
    sums: dict[str, Counter[str]] = {}
    for row, own in zip(rows, counts, strict=True):
        sums.setdefault(row.cluster, Counter()).update(own)
    return list(sums.values())


def label_counts(audit: Audit, row: Example) -> Mapping[str, int]:
    """Return label → how often a row has it.

    That is its class, each of its labels, or the types of its entities.
    """
    if row.gold is None:
        return {}
    if "labelled_spans" in audit.task.offers:
        return Counter(span.type for spans in audit.task.gold_spans(row.gold).values() for span in spans)
    if "label_sets" in audit.task.offers:
        return dict.fromkeys(audit.task.dump(row.gold), 1)
    stratum = audit.task.stratum(row.gold)
    return {} if stratum is None else {stratum: 1}


def labels(
    audit: Audit, slice_: Slice, reference: Sequence[Example], rows: Sequence[Example], against: str
) -> Iterator[Measurement | Skipped]:
    """The label mix: shares of classes, or of types of entities.

    ``against``: the name of the reference.
    """
    first, second = (by_cluster(part, [label_counts(audit, row) for row in part]) for part in (rows, reference))
    far = _two_samples.distance(first, second, audit.rng("labels", *slice_.values()))
    if far is None:
        yield Skipped({**slice_, "compared": "labels"}, f"fewer than {FEWEST} rows with a label", applies=False)
        return
    own, theirs = far.shares[far.widest]
    detail = f"{far.widest}: {own:.1%}, {theirs:.1%} in {against}"
    yield _measured(LABELS, slice_, far, len(rows), detail)


def lengths(
    audit: Audit, slice_: Slice, reference: Sequence[Example], rows: Sequence[Example], against: str
) -> Iterator[Measurement | Skipped]:
    """The lengths in words or characters, by tenths of the reference."""
    import numpy as np

    unit = _lengths.unit(audit)
    words = [[unit.count(whole_text(audit, row)) for row in part] for part in (rows, reference)]
    if min(map(len, words)) < FEWEST:
        yield Skipped({**slice_, "compared": "lengths"}, f"fewer than {FEWEST} rows", applies=False)
        return
    ends = np.unique(np.quantile(words[1], np.arange(1, PARTS) / PARTS, method="inverted_cdf"))
    parts = [[{str(part): 1} for part in np.searchsorted(ends, own).tolist()] for own in words]
    first, second = (by_cluster(*pair) for pair in zip((rows, reference), parts, strict=True))
    far = _two_samples.distance(first, second, audit.rng("lengths", *slice_.values()))
    if far is None:
        yield Skipped({**slice_, "compared": "lengths"}, f"fewer than {FEWEST} groups of rows", applies=False)
        return
    middle, theirs = (float(np.median(own)) for own in words)
    if unit.is_word:
        detail = f"median {middle:g} words, {theirs:g} in {against}"
    else:
        detail = f"median {middle:g} characters, {theirs:g} in {against}"
    yield _measured(LENGTHS, slice_, far, len(rows), detail)


def _measured(metric: Metric, slice_: Slice, far: Distance, n: int, detail: str) -> Measurement:
    method = f"total variation; bootstrap of clusters, {DRAWS} draws; p by {DRAWS} permutations"
    said = "differs" if far.p <= CLAIM else "no difference shown"
    return Measurement(
        metric.name, slice_, far.value, far.low, far.high, n, n, method, detail=f"{said} (p = {far.p:.3f}), {detail}"
    )


class Vocabulary:
    """The words of the reference, and whose they are."""

    def __init__(self, audit: Audit, reference: Sequence[Example], rows: int) -> None:
        """``rows``: of the reference that are compared with the others, at most."""
        self._audit = audit
        self._owners: dict[str, str | None] = {}
        for row in reference:
            for word in set(self._words(row)):
                if self._owners.setdefault(word, row.cluster) != row.cluster:
                    self._owners[word] = None
        self.own = [
            (row.cluster, self._score(words, [self._owners[word] == row.cluster for word in words]))
            for row in reference[:rows]
            if (words := self._words(row))
        ]

    def of_reference(self, name: str) -> Iterator[Measurement]:
        """The share of words that one cluster of the reference alone has."""
        if self.own:
            rows = metrics.summed(self.own)
            yield _whole(metrics.measurement(UNKNOWN, {"rows": name}, rows, n_cases=len(self.own)))

    def of(self, slice_: Slice, rows: Sequence[Example]) -> Iterator[Measurement]:
        """The share of words that the reference lacks.

        Beside it stands how much more that is than what its own rows have alone.
        """
        scores = [
            (row.cluster, self._score(words, [word not in self._owners for word in words]))
            for row in rows
            if (words := self._words(row))
        ]
        if not scores or not self.own:
            return
        yield _whole(metrics.measurement(UNKNOWN, slice_, metrics.summed(scores), n_cases=len(scores)))
        both: list[Row] = [*metrics.summed(scores, "first"), *metrics.summed(self.own, "second")]
        more = metrics.measurement(MORE_UNKNOWN, slice_, both, n_cases=len(scores))
        yield _told(more, MORE_UNKNOWN, 0.0, "more", "no more shown")

    def _words(self, row: Example) -> list[str]:
        return tokens.words(whole_text(self._audit, row))

    def _score(self, words: Sequence[str], unknown: Sequence[bool]) -> Score:
        return Score(float(sum(unknown)), float(len(words)))


def _told(measured: Measurement, metric: Metric, chance: float, more: str, else_: str) -> Measurement:
    """The measurement with what its lower bound says."""
    low, _ = stats.bounds(measured.method, measured.rows, CLAIM, low=metric.low, high=metric.high)
    return replace(_whole(measured), detail=more if low > chance else else_)


def _whole(measured: Measurement) -> Measurement:
    """The measurement of all its rows: no look adds any."""
    return replace(measured, available=measured.n_clusters)


def sample(rows: Sequence[Example], embeddings: Mapping[str, FloatArray]) -> Sample:
    """Return those of the rows that have an embedding."""
    import numpy as np

    there = [row for row in rows if row.id in embeddings]
    return Sample([row.cluster for row in there], np.array([embeddings[row.id] for row in there]))


def inputs(audit: Audit, slice_: Slice, reference: Sample, own: Sample) -> Iterator[Measurement | Skipped]:
    """How often a classifier of embeddings guesses the set of a text."""
    gap = {**slice_, "compared": "inputs"}
    guesses = _two_samples.guesses(own, reference, audit.rng("inputs", *slice_.values()))
    if guesses is None:
        yield Skipped(gap, f"fewer than {2 * FEWEST} texts of each to fit and test a classifier on", applies=False)
        return
    rows = metrics.summed((cluster, Score(float(right), 1.0)) for cluster, right in guesses)
    measured = metrics.measurement(INPUTS, slice_, rows, n_cases=len(guesses))
    yield _told(measured, INPUTS, 0.5, "told apart", "not told apart")
