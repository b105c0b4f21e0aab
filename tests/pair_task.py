"""A second task, for tests alone: does one text follow from the other? Two text fields, and a metric that is a ratio.

Every probe is sent through it: what holds for one text and accuracy only shows here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from auditor.errors import DataError
from auditor.tasks.defaults import OneLabel
from auditor.types import Classify, Inputs, Response, Score


class PairTask(OneLabel):
    """Premise and hypothesis; the metric is F1 of ``follows``.

    A response is a tuple of two probabilities in [0, 1] in label order; the decision is the more probable label, the
    first one on a tie.
    """

    name = "pair"
    fields: tuple[str, ...] = ("premise", "hypothesis")
    metric = "f1"
    ratio = True

    def __init__(
        self,
        labels: Sequence[str] = ("differs", "follows"),
        mapping: Mapping[str, str] | None = None,
        settings: Any = None,
    ) -> None:
        super().__init__(labels, mapping, settings)

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

    def constant(self, golds: Sequence[str | None]) -> Response | None:
        """Always ``follows``: without looking, no other answer has an F1 above 0. None without any label."""
        return (0.0, 1.0) if any(gold is not None for gold in golds) else None
