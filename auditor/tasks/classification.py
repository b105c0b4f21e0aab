"""Text classification: one text, one label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from auditor.labels import matching, spellings
from auditor.tasks.defaults import OneLabel
from auditor.types import Classify, Inputs, Response, Score


class TextClassification(OneLabel):
    """One text, one label of a fixed set; the metric is accuracy.

    A response is a tuple of probabilities in [0, 1], one for each label in the model's order; the decision is the
    most probable label, the first one on a tie.
    """

    name = "text-classification"
    fields: tuple[str, ...] = ("text",)
    metric = "accuracy"
    ratio = False
    example_labels: tuple[str, ...] = ("negative", "positive")

    def __init__(self, labels: Sequence[str], mapping: Mapping[str, str] | None = None, settings: Any = None) -> None:
        """``mapping``: label in the data → the model's label.

        Raises ConfigError when the model has no such label.
        """
        super().__init__(labels, mapping, settings)
        spellings.check_targets(self.mapping, self.labels)

    def read(self, row: Mapping[str, object], columns: Mapping[str, str]) -> tuple[Inputs, str | None]:
        """Inputs and gold label of a row.

        Without a column for ``label`` the gold is None. The label is read as one of a column of its own: of a file,
        ``matching.read`` decides for all rows at once. Raises DataError for a label that the model does not know.
        """
        inputs = {field: str(row[columns[field]]) for field in self.fields}
        if "label" not in columns:
            return inputs, None
        word = spellings.spelled(row[columns["label"]])
        column = spellings.Column(columns["label"], {word: (0,)})
        return inputs, matching.read(column, self.labels, self.mapping).labels[word]

    def request(self, inputs: Inputs) -> Classify:
        """Ask for the label of the text, or of the texts together."""
        return Classify(tuple(inputs[field] for field in self.fields))

    def score(self, gold: str, response: Response) -> Score:
        """(1, 1) when the decision is the gold label, else (0, 1)."""
        return Score(float(self.show(response) == gold), 1.0)

    def constant(self, golds: Sequence[str | None]) -> Response | None:
        """Certainty of the most frequent label.

        The first in label order on a tie. None without any label.
        """
        counts = Counter(gold for gold in golds if gold is not None)
        if not counts:
            return None
        majority = max(self.labels, key=counts.__getitem__)
        return tuple(float(label == majority) for label in self.labels)


TASK = TextClassification
