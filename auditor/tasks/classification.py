"""Text classification: one text, one label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from auditor.errors import DataError, near_match
from auditor.types import Inputs, Request, Response, Score


class TextClassification:
    """One text field, one label of a fixed set; the metric is accuracy.

    A response is a tuple of probabilities in [0, 1], one for each label in the model's order; the decision is the
    most probable label, the first one on a tie.
    """

    name = "text-classification"
    fields: tuple[str, ...] = ("text",)
    metric = "accuracy"
    ratio = False

    def __init__(self, labels: tuple[str, ...], mapping: Mapping[str, str] | None = None) -> None:
        self.labels = labels
        self._mapping = dict(mapping or {})
        for value, label in self._mapping.items():
            if label not in labels:
                hint = near_match(label, labels) or f"known: {', '.join(labels)}"
                raise DataError(f"labels maps {value!r} to {label!r}, which the model does not know", hint=hint)

    def read(self, row: Mapping[str, object], columns: Mapping[str, str]) -> tuple[Inputs, str | None]:
        """Inputs and gold label of a row; gold is None without a label column. Raises DataError for an unknown label."""
        text = str(row[columns["text"]])
        label = columns.get("label")
        return {"text": text}, None if label is None else self.label_of(row[label])

    def label_of(self, value: object) -> str:
        """The model's name of a label as data spell it: mapped, by name, by id, or by name in another case."""
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        word = str(value).strip()
        if word in self._mapping:
            return self._mapping[word]
        if word in self.labels:
            return word
        number = word.removesuffix(".0")
        if number.isascii() and number.isdigit() and int(number) < len(self.labels):
            return self.labels[int(number)]
        alike = [label for label in self.labels if label.casefold() == word.casefold()]
        if len(alike) == 1:
            return alike[0]
        known = ", ".join(self.labels)
        hint = near_match(word, self.labels) or "map it under [data.labels]"
        raise DataError(f"unknown label {word!r}; the model knows {known}", hint=hint)

    def request(self, inputs: Inputs) -> Request:
        return (inputs["text"],)

    def score(self, gold: str, response: Response) -> Score:
        return Score(float(self.answer(response) == gold), 1.0)

    def same(self, one: Response, other: Response) -> bool:
        return self.answer(one) == self.answer(other)

    def answer(self, response: Response) -> str:
        return self.labels[max(range(len(self.labels)), key=response.__getitem__)]

    def stratum(self, gold: str | None) -> str | None:
        return gold

    def constant(self, golds: Sequence[str | None]) -> Response | None:
        """Certainty of the most frequent label (the first in label order on a tie); None without any label."""
        counts = Counter(gold for gold in golds if gold is not None)
        if not counts:
            return None
        majority = max(self.labels, key=lambda label: counts[label])
        return tuple(float(label == majority) for label in self.labels)

    def class_scores(self, response: Response) -> Mapping[str, float]:
        return dict(zip(self.labels, response, strict=True))
