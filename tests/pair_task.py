"""A second task, for tests alone: does one text follow from the other? Two text fields, and a metric that is a ratio.

Every probe is sent through it: what holds for one text and accuracy only shows here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from auditor.errors import DataError
from auditor.tasks import wrong_classes
from auditor.tasks.defaults import TaskDefaults
from auditor.types import SAME_WORDS, Alignment, Classify, Edits, Example, Goal, Inputs, Offer, Response, Score


class PairTask(TaskDefaults):
    """Premise and hypothesis; the metric is F1 of ``follows``.

    A response is a tuple of two probabilities in [0, 1] in label order; the decision is the more probable label, the
    first one on a tie.
    """

    name = "pair"
    fields: tuple[str, ...] = ("premise", "hypothesis")
    metric = "f1"
    ratio = True
    head = "sequence"
    offers: frozenset[Offer] = frozenset({"class_scores", "one_label", "attack_goal"})
    corruptions = wrong_classes.CORRUPTIONS
    labels: tuple[str, ...] = ("differs", "follows")
    mapping: Mapping[str, str] = MappingProxyType({})

    def read(self, row: Mapping[str, object], columns: Mapping[str, str]) -> tuple[Inputs, str | None]:
        """Both texts and the gold label. Raises DataError for an unknown label."""
        inputs = {field: str(row[columns[field]]) for field in self.fields}
        if "label" not in columns:
            return inputs, None
        gold = str(row[columns["label"]])
        if gold not in self.labels:
            raise DataError(f"unknown label {gold!r}", hint=f"known: {', '.join(self.labels)}")
        return inputs, gold

    def request(self, inputs: Inputs) -> Classify:
        """Ask for the label of the pair of texts."""
        return Classify((inputs["premise"], inputs["hypothesis"]))

    def score(self, gold: str, response: Response) -> Score:
        """(2·tp, 2·tp + fp + fn) of one example: (2, 2), (0, 1) or, for a true negative, (0, 0)."""
        found, wanted = self.show(response) == "follows", gold == "follows"
        return Score(2.0 * (found and wanted), float(found) + float(wanted))

    def same(self, before: Response, after: Response, alignment: Alignment = SAME_WORDS) -> bool:  # noqa: ARG002 - one decision
        """Whether the decision is the same."""
        return self.show(before) == self.show(after)

    def goal(self, example: Example, before: Response) -> Goal | None:
        """The gold label's probability, then the others'; None where the answer before is wrong."""
        if example.gold is None or self.show(before) != example.gold:
            return None
        place = self.labels.index(example.gold)

        def scores(inputs: Inputs, response: Response, edits: Edits | None = None) -> tuple[float, ...]:  # noqa: ARG001 - one label a text
            # The first label of equals is the decision: one before the gold label is so by a tie already.
            first = (math.nextafter(chance, 2.0) for chance in response[:place])
            return (response[place], *first, *response[place + 1 :])

        return scores

    def likelihood(self, gold: str, response: Response) -> float:
        """The probability of the gold label."""
        return float(response[self.labels.index(gold)])

    def show(self, value: Response) -> str:
        """The more probable label."""
        return self.labels[1] if value[1] > value[0] else self.labels[0]

    def stratum(self, gold: str | None) -> str | None:
        """The gold label itself."""
        return gold

    def constant(self, golds: Sequence[str | None]) -> Response | None:
        """Always ``follows``: without looking, no other answer has an F1 above 0. None without any label."""
        return (0.0, 1.0) if any(gold is not None for gold in golds) else None

    def class_scores(self, response: Response) -> Mapping[str, float]:
        """Label → probability in [0, 1]."""
        return dict(zip(self.labels, map(float, response), strict=True))
