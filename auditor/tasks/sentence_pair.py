"""Sentence pairs: two texts, one label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auditor.errors import ConfigError, near_or_known
from auditor.tasks import pairs
from auditor.tasks.classification import TextClassification
from auditor.types import Detail, Metric, Response, Score

F1 = Metric("f1", "F1 of the label that [task] f1_of names", "mean", "share", 0.0, 1.0, "higher", ratio=True)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the pairs are, and what is counted of the answers."""

    symmetric: bool = False
    """Whether the two texts may change places without another label being right, as of paraphrases."""
    f1_of: str | None = None
    """A label of the model, such as ``equivalent``, whose F1 is measured beside accuracy."""


class SentencePair(TextClassification):
    """Two texts, one label of a fixed set; the metric is accuracy.

    Entailment and paraphrase are such tasks, and whether a passage answers a question. A response is a tuple of
    probabilities in [0, 1], one for each label in the model's order; the decision is the most probable label, the
    first one on a tie.
    """

    name = "sentence-pair"
    fields: tuple[str, ...] = pairs.FIELDS
    settings = Settings()
    usual_columns = pairs.USUAL_COLUMNS
    attacks = pairs.ATTACKS
    example_labels: tuple[str, ...] = ("entailment", "neutral", "contradiction")

    def __init__(self, labels: Sequence[str], mapping: Mapping[str, str] | None = None, settings: Any = None) -> None:
        """``mapping``: label in the data → the model's label.

        Raises ConfigError when the model has no such label, or none that ``f1_of`` names.
        """
        super().__init__(labels, mapping, settings)
        chosen = self.settings.f1_of
        if chosen is not None:
            self.detail_metrics = (F1,)
            if self.labels and chosen not in self.labels:
                hint = near_or_known(chosen, self.labels)
                raise ConfigError(f"f1_of = {chosen!r} is no label of the model", where="[task]", hint=hint)

    def details(self, gold: str, response: Response) -> Iterator[Detail]:
        """F1 of the label that ``f1_of`` names, if it names any.

        Of one example that is (2·tp, 2·tp + fp + fn): (2, 2), (0, 1) or, for a true negative, (0, 0).
        """
        chosen = self.settings.f1_of
        if chosen is not None:
            answered, right = self.show(response) == chosen, gold == chosen
            yield Detail("f1", {}, Score(2.0 * (answered and right), float(answered) + float(right)))


TASK = SentencePair
