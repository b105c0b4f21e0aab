"""Measurements of explanations, and the texts that the page shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from auditor.metrics import measurement, summed
from auditor.types import Audit, Judged, Measurement, Metric, Score, Skipped, Slice, WeightedText, WeightedWord
from probes import _faithfulness
from probes._attributions import Explained, Weights

WORD = 60
"""Characters that are shown of a word."""


def _metric(name: str, title: str, kind: str, unit: str, better: str | None) -> Metric:
    low = 0.0 if unit == "share" else -1.0
    return Metric(name, title, kind, unit, low, 1.0, better, comparable=False)  # type: ignore[arg-type]


COMPREHENSIVE, SUFFICIENT = "comprehensiveness_gain", "sufficiency_gain"
METRICS = {
    metric.name: metric
    for metric in (
        _metric(COMPREHENSIVE, "comprehensiveness, gain over a random ranking", "change", "points", "higher"),
        _metric(SUFFICIENT, "sufficiency, gain over a random ranking", "change", "points", "higher"),
        _metric("rank_correlation", "rank correlation of the words' weights", "mean", "ratio", "higher"),
        _metric("average_precision", "average precision of marked words", "mean", "share", "higher"),
        _metric(
            "average_precision_gain", "average precision, gain over a random ranking", "change", "points", "higher"
        ),
        _metric("comprehensiveness", "loss without the words that weigh most", "change", "points", None),
        _metric("sufficiency", "loss with these words alone", "change", "points", None),
        _metric("words_left_out", "share of words left out of long texts", "mean", "share", None),
    )
}


@dataclass(frozen=True, slots=True)
class Of:
    """A text, its words' weights, and its row's case."""

    text: Explained
    weights: Weights
    judged: Judged

    def scored(self, *values: float) -> tuple[str, Score]:
        """Return its cluster, and the values as a score."""
        return self.judged.cluster, Score(sum(values), float(len(values)))


def _mean(name: str, slice_: Slice, scores: Sequence[tuple[str, Score]], detail: str = "") -> Measurement:
    return replace(measurement(METRICS[name], slice_, summed(scores), n_cases=len(scores)), detail=detail)


def _change(
    name: str, slice_: Slice, first: Sequence[tuple[str, Score]], second: Sequence[tuple[str, Score]]
) -> Measurement:
    rows = [*summed(first, "first"), *summed(second, "second")]
    return measurement(METRICS[name], slice_, rows, n_cases=len(first))


def read(own: Sequence[Of], rows: int, most: int) -> Measurement:
    """Return how many words were left out."""
    beyond = [each.text.left_out for each in own]
    shares = [each.scored(left / (left + _words(each.text))) for each, left in zip(own, beyond, strict=True)]
    said = f"{len(own)} of {rows} rows are explained, {sum(map(bool, beyond))} of them up to word {most}"
    return _mean("words_left_out", {}, shares, said)


def _words(text: Explained) -> int:
    return sum(len(words.words) for words in text.texts.values())


def faithful(
    audit: Audit, own: Sequence[Of], rankings: Sequence[Sequence[Sequence[int]]], wanted: Sequence[float]
) -> Iterator[Measurement | Skipped]:
    """Yield comprehensiveness and sufficiency by share of the words."""
    every = [[_faithfulness.ranked(each.weights), *random] for each, random in zip(own, rankings, strict=True)]
    probabilities = _faithfulness.kept(audit, [each.text for each in own], every, wanted)
    for number, share in enumerate(wanted):
        slice_ = {"words": f"{100 * share:g} %"}
        pairs = [(each, kept[number]) for each, kept in zip(own, probabilities, strict=True) if kept is not None]
        if not pairs:
            yield Skipped(slice_, "the model fails on texts of fewer words")
            continue
        full = [each.scored(each.text.probability) for each, _ in pairs]
        without = [each.scored(kept.without_top) for each, kept in pairs]
        only = [each.scored(kept.only_top) for each, kept in pairs]
        yield _change(COMPREHENSIVE, slice_, [each.scored(*kept.without_random) for each, kept in pairs], without)
        yield _change(SUFFICIENT, slice_, only, [each.scored(*kept.only_random) for each, kept in pairs])
        yield _change("comprehensiveness", slice_, full, without)
        yield _change("sufficiency", slice_, full, only)


def correlations(slice_: Slice, own: Sequence[Of], again: Sequence[Weights | None], said: str) -> Measurement | Skipped:
    """Return the correlation with other weights of the same answers.

    ``said``: how many answers are the same.
    """
    pairs = [(each, weights) for each, weights in zip(own, again, strict=True) if weights is not None]
    values = [
        each.scored(correlation)
        for each, weights in pairs
        if (correlation := _faithfulness.rank_correlation(each.weights, weights)) is not None
    ]
    failing = len(own) - len(pairs)
    told = f"{said}; of {failing} the model fails on a part" if failing else said
    if not pairs:
        return Skipped(slice_, told)
    if not values:
        return Skipped(slice_, f"{told}, and in none of them one word weighs more than another", applies=False)
    return _mean("rank_correlation", slice_, values, told)


def plausible(
    audit: Audit, own: Sequence[Of], rankings: Sequence[Sequence[Sequence[int]]], column: str | None
) -> Iterator[Measurement | Skipped]:
    """Yield the average precision of marked words, where the answer is right."""
    slice_ = {"marked": column or "none"}
    if column is None:
        yield Skipped(slice_, "no column of marked words is named ([probes.interpretability] marked)", applies=False)
        return
    if "labelled_spans" in audit.task.offers:
        yield Skipped(slice_, "marked words speak for a text's label, not for one of its entities", applies=False)
        return
    precisions: list[tuple[str, Score]] = []
    by_chance: list[tuple[str, Score]] = []
    without = 0
    for each, random in zip(own, rankings, strict=True):
        score, cell = each.judged.after, each.text.example.meta.get(column, "")
        if score is None or score.numerator < score.denominator or not cell.strip():
            continue
        marked = _faithfulness.marks(each.text, cell)
        if not any(marked) or all(marked):
            without += 1
            continue
        precisions.append(each.scored(_faithfulness.average_precision(each.weights, marked)))
        chance = [
            _faithfulness.average_precision([-float(order.index(number)) for number in range(len(order))], marked)
            for order in random
        ]
        by_chance.append(each.scored(*chance))
    if not precisions:
        yield Skipped(slice_, "no row that is answered rightly has marked words beside others", applies=False)
        return
    said = f"{without} further rows have no marked word in the text, or no other" if without else ""
    yield _mean("average_precision", slice_, precisions, said)
    yield _change("average_precision_gain", slice_, precisions, by_chance)


def shown(audit: Audit, own: Sequence[Of]) -> Iterator[WeightedText]:
    """Yield the texts with their words' weights."""
    for each in own:
        explained = each.text
        weights = dict(zip(explained.places, each.weights, strict=True))
        words = tuple(
            WeightedWord(field, _cut(word), weights.get((field, place)))
            for field, words in explained.texts.items()
            for place, word in enumerate(words.words)
        )
        gold = None if explained.example.gold is None else audit.task.show_gold(explained.example.gold)
        probability, left_out = explained.probability, explained.left_out
        yield WeightedText({}, explained.example.id, explained.decision.label, probability, gold, words, left_out)


def _cut(word: str) -> str:
    return word if len(word) <= WORD else f"{word[:WORD]}…"
