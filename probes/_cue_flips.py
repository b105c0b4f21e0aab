"""Flips by cues and by words as frequent or as strong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from typing import TypeAlias

from auditor import metrics
from auditor.types import Judged, Measurement, Metric, Row, Score, Slice
from probes._confirmed import confirmed
from probes._cue_table import Table
from probes._cue_trials import CUE, FREQUENT, STRONG, Cue

MORE = 0.10
"""Flips beyond those of words as strong from which on a word is said to decide more than they do."""
FLIPS = Metric("flip_rate", "texts whose answer flips", "mean", "share", 0.0, 1.0, "lower")
BEYOND_FREQUENT = Metric(
    "flips_beyond_frequent_words", "flips less those by words as frequent", "change", "points", -1.0, 1.0, "lower"
)
BEYOND_STRONG = metrics.difference("flips_beyond_strong_words", "flips less those by words as strong")
ByChange: TypeAlias = Mapping[str, Sequence[Judged]]
"""What was taken out or put in → its cases."""


def flips(slice_: Slice, own: ByChange) -> Iterator[Measurement]:
    """The flips by a cue, and beyond those of other words.

    A change that the model does not see is left out: it reads none of the words there.
    """
    cue = {str(judged.facts["row"]): judged for judged in own[CUE] if not judged.vacuous}
    frequent = {str(judged.facts["row"]): judged for judged in own[FREQUENT]}
    strong = [judged for judged in own.get(STRONG, ()) if not judged.vacuous]
    vacuous = 1.0 - len(cue) / len(own[CUE])
    own_flips = _rows(cue.values(), "first")
    beside = _rows((frequent[row] for row in cue), "second")
    yield metrics.measurement(BEYOND_FREQUENT, slice_, [*own_flips, *beside], n_cases=len(cue), vacuous=vacuous)
    if strong:
        rows = [*own_flips, *_rows(strong, "second")]
        yield metrics.measurement(BEYOND_STRONG, slice_, rows, n_cases=len(cue) + len(strong), vacuous=vacuous)
    yield metrics.measurement(FLIPS, slice_, _rows(cue.values(), ""), n_cases=len(cue), vacuous=vacuous)


def _rows(cases: Iterable[Judged], arm: str) -> list[Row]:
    return metrics.summed(((judged.cluster, Score(float(not judged.same), 1.0)) for judged in cases), arm)


def told(table: Table, known: Set[str], measured: Sequence[tuple[Cue, Measurement]]) -> Iterator[Measurement]:
    """The measurements, those of training's cues with what they come to."""
    of_cues = {metric.name: _slices(measured, metric) for metric in (BEYOND_FREQUENT, BEYOND_STRONG)}
    more = {
        metric.name: _above(of_cues[metric.name], metric, limit)
        for metric, limit in ((BEYOND_FREQUENT, 0.0), (BEYOND_STRONG, MORE))
    }
    for cue, measurement in measured:
        slice_ = tuple(measurement.slice.values())
        if cue.tie is None or measurement.metric == FLIPS.name:
            yield measurement
            continue
        if slice_ in more[BEYOND_STRONG.name]:
            words = "clearly more than words as strong: look for a cue"
        elif slice_ not in more[BEYOND_FREQUENT.name]:
            words = "not clearly more than words as frequent"
        elif slice_ in of_cues[BEYOND_STRONG.name]:
            words = "not clearly more than words as strong: a necessary word, as far as they tell"
        else:
            words = "clearly more than words as frequent; no word is half as strong: a reader decides"
        yield replace(measurement, detail=f"{name(cue, table, known)} ({cue.tie.label}): {words}")


def _slices(measured: Sequence[tuple[Cue, Measurement]], metric: Metric) -> dict[tuple[str, ...], Measurement]:
    """The metric's measurements of training's cues, by slice."""
    own = (measurement for cue, measurement in measured if cue.tie is not None and measurement.metric == metric.name)
    return {tuple(measurement.slice.values()): measurement for measurement in own}


def _above(own: Mapping[tuple[str, ...], Measurement], metric: Metric, limit: float) -> set[tuple[str, ...]]:
    slices = list(own)
    return {slices[place] for place in confirmed(list(own.values()), metric, limit)}


def name(cue: Cue, table: Table, known: Set[str]) -> str:
    """A cue in words.

    A word that the model's vocabulary lacks is the text of a row, which an audit may have to keep to itself.
    """
    word = cue.token.name
    if word in known or not any(map(str.isalnum, word)):
        return repr(word)
    return f"a word of {table.rows[min(cue.places)].id}"
