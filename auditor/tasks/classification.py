"""Text classification: one text, one label."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from auditor.errors import ConfigError, near_match
from auditor.labels import matching, spellings
from auditor.tasks import wrong_classes
from auditor.tasks.defaults import TaskDefaults
from auditor.types import SAME_WORDS, Alignment, Classify, Edits, Example, Goal, Inputs, Offer, Response, Score


class TextClassification(TaskDefaults):
    """One text field, one label of a fixed set; the metric is accuracy.

    A response is a tuple of probabilities in [0, 1], one for each label in the model's order; the decision is the
    most probable label, the first one on a tie.
    """

    name = "text-classification"
    fields: tuple[str, ...] = ("text",)
    metric = "accuracy"
    ratio = False
    head = "sequence"
    offers: frozenset[Offer] = frozenset({"class_scores", "one_label", "attack_goal"})
    corruptions = wrong_classes.CORRUPTIONS
    example_labels: tuple[str, ...] = ("negative", "positive")
    constant_answer = "always predicting one class"

    def __init__(self, labels: Sequence[str], mapping: Mapping[str, str] | None = None) -> None:
        """``mapping``: label in the data → the model's label. Raises ConfigError when the model has no such label."""
        self.labels = tuple(labels)
        self.mapping: Mapping[str, str] = dict(mapping or {})
        for value, label in self.mapping.items():
            if label not in self.labels:
                raise ConfigError(
                    f"{value!r} is mapped to {label!r}, which is no label of the model",
                    where="[data.labels]",
                    hint=near_match(label, self.labels) or f"known: {spellings.shown(self.labels)}",
                )

    def read(self, row: Mapping[str, object], columns: Mapping[str, str]) -> tuple[Inputs, str | None]:
        """Inputs and gold label of a row; without a column for ``label`` the gold is None.

        The label is read as one of a column of its own: of a file, ``labelling.read`` decides for all rows at once. Raises
        DataError for a label that the model does not know.
        """
        inputs = {"text": str(row[columns["text"]])}
        if "label" not in columns:
            return inputs, None
        word = spellings.spelled(row[columns["label"]])
        column = spellings.Column(columns["label"], {word: (0,)})
        return inputs, matching.read(column, self.labels, self.mapping).labels[word]

    def request(self, inputs: Inputs) -> Classify:
        """Ask for the label of the text."""
        return Classify((inputs["text"],))

    def score(self, gold: str, response: Response) -> Score:
        """(1, 1) when the decision is the gold label, else (0, 1)."""
        return Score(float(self.show(response) == gold), 1.0)

    def same(self, before: Response, after: Response, alignment: Alignment = SAME_WORDS) -> bool:  # noqa: ARG002 - one decision
        """Whether the most probable label is the same."""
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
        """The most probable label, the first one on a tie."""
        return self.labels[max(range(len(self.labels)), key=value.__getitem__)]

    def stratum(self, gold: str | None) -> str | None:
        """The gold label itself."""
        return gold

    def constant(self, golds: Sequence[str | None]) -> Response | None:
        """Certainty of the most frequent label (the first in label order on a tie); None without any label."""
        counts = Counter(gold for gold in golds if gold is not None)
        if not counts:
            return None
        majority = max(self.labels, key=counts.__getitem__)
        return tuple(float(label == majority) for label in self.labels)

    def class_scores(self, response: Response) -> Mapping[str, float]:
        """Label → probability in [0, 1]."""
        return dict(zip(self.labels, map(float, response), strict=True))


TASK = TextClassification
