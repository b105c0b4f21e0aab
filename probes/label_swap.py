"""Swapped labels: would the answers be right under other names?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from auditor import metrics
from auditor.settings import CheckedSettings, Count
from auditor.types import Audit, Case, Judged, Measurement, Metric, Planned, ProbeDefaults, Row, Skipped, Task

Pairs = Counter[tuple[str, str]]
"""(gold label, answered label) → how often."""
NAME, TITLE = "gain_from_relabelling", "labels right under other names, less as read"
NOTHING = "nothing to compare: no row has one label, as has its answer, or no entity is found with its boundaries"

NAMELESS = "the task has no labels that could change places"


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """How many rows are asked."""

    examples: Count = 1000
    """Rows of the home domain, at most."""


class LabelSwap(ProbeDefaults):
    """Whether exchanging the names of labels makes the answers right.

    An id2label in another order than the training had, or data whose labels are numbered otherwise, leaves a good
    model with wrong names. Of all ways to rename the labels that the model gives, the best is found by the
    assignment of answers to gold labels (Hungarian method); of named entities, over those found with their
    boundaries, and where a text may have any number of labels, over the texts that have one and are given one. The
    names come from one half of the rows and the gain from the other, and the other way around, so that a sound
    model gains nothing by chance. Labels are renamed in circles alone (negative for positive and positive for
    negative), each backed by an answer: a model that always gives one label is not taken for one with swapped
    names.
    """

    name = "label_swap"
    limitation: str | None = "label-quality"
    role = "labels"
    settings = Settings()
    reads_details = True

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """The gain from other names, per label."""
        ratio = "one_label" not in task.offers
        return (Metric(NAME, TITLE, "change", "points", -1.0, 1.0, "lower", ratio=ratio),)

    def planned(self, audit: Audit) -> Planned:
        """One case for each home row: their answers are known."""
        rows = len(audit.examples("home", audit.settings.examples))
        return Planned(rows, unchanged=rows)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield the home rows as they stand."""
        for example in audit.examples("home", audit.settings.examples):
            yield Case(example, slice={})

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement | Skipped]:
        """Yield the cross-fitted gain, and the names that the whole would have."""
        clusters: dict[str, Pairs] = {}
        n_cases = 0
        for judged in cases:
            if judged.label_pairs:
                n_cases += 1
                clusters.setdefault(judged.cluster, Counter()).update(
                    (gold, answer) for gold, answer in judged.label_pairs
                )
        if not clusters:
            named = not {"one_label", "label_sets", "labelled_spans"}.isdisjoint(audit.task.offers)
            yield Skipped({}, NOTHING if named else NAMELESS, applies=named)
            return
        # In an order of their own: in that of a file the labels may take turns.
        order = list(clusters.items())
        audit.rng("halves").shuffle(order)
        half = (len(order) + 1) // 2
        rows = [
            *_rows(order[:half], best_names(_sum(pairs for _, pairs in order[half:]))),
            *_rows(order[half:], best_names(_sum(pairs for _, pairs in order[:half]))),
        ]
        (metric,) = self.metrics(audit.task)
        measured = metrics.measurement(metric, {}, rows, n_cases=n_cases)
        yield replace(measured, detail=in_words(best_names(_sum(clusters.values()))))


def _sum(counts: Iterable[Pairs]) -> Pairs:
    total: Pairs = Counter()
    for pairs in counts:
        total.update(pairs)
    return total


def _rows(clusters: Sequence[tuple[str, Pairs]], names: Mapping[str, str]) -> Iterator[Row]:
    for cluster, pairs in clusters:
        count = float(pairs.total())
        renamed = sum(times for (gold, answer), times in pairs.items() if names.get(answer, answer) == gold)
        read = sum(times for (gold, answer), times in pairs.items() if answer == gold)
        yield Row(cluster, "first", float(renamed), count)
        yield Row(cluster, "second", float(read), count)


def best_names(pairs: Pairs) -> dict[str, str]:
    """Answered label → the name that it should have.

    Labels that are named as they should be are left out. Of equally good names those as read are kept.
    """
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    labels = sorted({label for pair in pairs for label in pair})
    if not labels:
        return {}
    table = np.array([[float(pairs[gold, answer]) for gold in labels] for answer in labels])
    # Counts are whole: a label that stays breaks a tie, and no more than that.
    _, golds = linear_sum_assignment(table + np.eye(len(labels)) / (len(labels) + 1), maximize=True)
    names = {answer: labels[place] for answer, place in zip(labels, golds, strict=True)}
    backed: dict[str, str] = {}
    for circle in _circles(names):
        if all(pairs[names[label], label] for label in circle):
            backed |= {label: names[label] for label in circle}
    return backed


def _circles(names: Mapping[str, str]) -> Iterator[list[str]]:
    """The circles of labels that are not named as they are."""
    left = {label for label, name in names.items() if label != name}
    for start in names:
        circle, label = [], start
        while label in left:
            left.discard(label)
            circle.append(label)
            label = names[label]
        if circle:
            yield circle


def in_words(names: Mapping[str, str]) -> str:
    """``negative and positive exchanged``; for longer circles each label's name."""
    words = []
    for circle in _circles(names):
        if len(circle) == 2:
            words.append(f"{circle[0]} and {circle[1]} exchanged")
        else:
            words.append(", ".join(f"{label} for {names[label]}" for label in circle))
    return "; ".join(words)


PROBE = LabelSwap()
