"""A second task, for tests alone: does one text follow from the other? Two text fields, and a metric that is a ratio.

Every probe is sent through it: what holds for one text and accuracy only shows here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from auditor.errors import DataError
from auditor.types import Inputs, Request, Response, Score


class PairTask:
    """Premise and hypothesis; the metric is F1 of ``follows``.

    A response is a tuple of two probabilities in [0, 1] in label order; the decision is the more probable label, the
    first one on a tie.
    """

    name = "pair"
    fields: tuple[str, ...] = ("premise", "hypothesis")
    metric = "f1"
    ratio = True
    word_level = False
    labels: tuple[str, ...] = ("differs", "follows")
    mapping: Mapping[str, str] = MappingProxyType({})

    def elsewhere(self) -> PairTask:
        """Itself: the labels are the same everywhere."""
        return self

    def read(self, row: Mapping[str, object], columns: Mapping[str, str]) -> tuple[Inputs, str | None]:
        """Both texts and the gold label. Raises DataError for an unknown label."""
        inputs = {field: str(row[columns[field]]) for field in self.fields}
        if "label" not in columns:
            return inputs, None
        gold = str(row[columns["label"]])
        if gold not in self.labels:
            raise DataError(f"unknown label {gold!r}", hint=f"known: {', '.join(self.labels)}")
        return inputs, gold

    def request(self, inputs: Inputs) -> Request:
        """What the model is asked: the pair of texts."""
        return inputs["premise"], inputs["hypothesis"]

    def score(self, gold: str, response: Response) -> Score:
        """(2·tp, 2·tp + fp + fn) of one example: (2, 2), (0, 1) or, for a true negative, (0, 0)."""
        found, wanted = self.answer(response) == "follows", gold == "follows"
        return Score(2.0 * (found and wanted), float(found) + float(wanted))

    def parts(self, gold: str, response: Response) -> Mapping[str, Score]:  # noqa: ARG002 - the metric says it all
        """None."""
        return {}

    def same(self, one: Response, other: Response, origins: Sequence[int] | None = None) -> bool:  # noqa: ARG002 - one decision
        """Whether the decision is the same."""
        return self.answer(one) == self.answer(other)

    def follow(self, gold: str, origins: Sequence[int]) -> str:  # noqa: ARG002 - a pair has one label
        """The label of the pair as it was."""
        return gold

    def answer(self, response: Response) -> str:
        """The more probable label."""
        return self.labels[1] if response[1] > response[0] else self.labels[0]

    def stratum(self, gold: str | None) -> str | None:
        """The gold label itself."""
        return gold

    def constant(self, golds: Sequence[str | None]) -> Response | None:
        """Always ``follows``: without looking, no other answer has an F1 above 0. None without any label."""
        return (0.0, 1.0) if any(gold is not None for gold in golds) else None

    def class_scores(self, response: Response) -> Mapping[str, float]:
        """Label → probability in [0, 1]."""
        return dict(zip(self.labels, map(float, response), strict=True))
