"""Multi-label classification: one text, any number of labels."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Self, TypeAlias

from annotated_types import Gt, Lt

from auditor.errors import ConfigError, near_match
from auditor.labels import matching, spellings
from auditor.settings import CheckedSettings
from auditor.tasks import label_lists, label_measures, label_thresholds, wrong_label_sets
from auditor.tasks.defaults import TaskDefaults
from auditor.types import (
    SAME_WORDS,
    Alignment,
    Averages,
    Choice,
    Classify,
    Detail,
    Edits,
    Example,
    Goal,
    Inputs,
    Metric,
    Offer,
    Response,
    Score,
)

Gold: TypeAlias = tuple[str, ...]
"""The labels that hold, in the model's order; none of them: an empty tuple."""
Threshold = Annotated[float, Gt(0), Lt(1)]
NONE = "no label"
"""What an empty set of labels is shown as."""


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """How labels are decided, and how the data name them."""

    thresholds: Literal["validation"] | Threshold | dict[str, Threshold] = label_thresholds.USUAL
    """The model gives a label from this probability on: a number for all labels, a table of numbers by label (0.5 for
    those that it leaves out), or ``"validation"``: for each label the one with the best F1 on the validation rows."""
    separator: str | None = None
    """What stands between the labels of a cell; without it ``;``, ``|`` or ``,``, whichever the column has."""
    label_columns: tuple[str, ...] = ()
    """Columns that hold 1 where their label holds, else 0, in place of one column that names the labels. Without it,
    columns that are called as the model's labels are read so where the file has no column of labels."""
    blank_is_empty: bool = False
    """Whether a blank cell says that no label holds; else its row has no gold answer, and is left out."""


class MultiLabelClassification(TaskDefaults):
    """One text, any number of labels; the metric is micro F1.

    That is F1 over the labels of all texts together. A response is a tuple of probabilities in [0, 1], one for each
    label in the model's order, whatever the others are. The decision is the labels whose probability reaches their
    threshold.
    """

    name = "multi-label-classification"
    fields: tuple[str, ...] = ("text",)
    metric = "micro_f1"
    ratio = True
    head = "multi_label"
    offers: frozenset[Offer] = frozenset({"label_sets", "attack_goal"})
    settings = Settings()
    detail_metrics: tuple[Metric, ...] = label_measures.WHOLE
    sliced_metrics: tuple[Metric, ...] = label_measures.SLICED
    averages: Averages = label_measures.LabelAverages()
    corruptions = wrong_label_sets.CORRUPTIONS
    steps = 200
    """Each label is learned from the few texts that have it."""
    example_labels: tuple[str, ...] = ("anger", "joy", "sadness")
    constant_answer = "always giving the same labels"

    def __init__(
        self, labels: Sequence[str], mapping: Mapping[str, str] | None = None, settings: Settings | None = None
    ) -> None:
        """``mapping``: label in the data → the model's label.

        Raises ConfigError for a mapping to a label, or a threshold of a label, that the model does not have.
        """
        super().__init__(labels, mapping, settings)
        spellings.check_targets(self.mapping, self.labels)
        given = self.settings.thresholds
        self.thresholds = tuple(label_thresholds.of(given, label) for label in self.labels)
        for label in given if isinstance(given, dict) and self.labels else ():
            if label not in self.labels:
                hint = near_match(label, self.labels) or f"known: {spellings.shown(self.labels)}"
                raise ConfigError(f"{label!r} is no label of the model", where="[task.thresholds]", hint=hint)

    @property
    def fitted_on(self) -> str | None:
        """The set whose answers thresholds are fitted on."""
        return "validation" if self.settings.thresholds == "validation" else None

    def fitted(self, golds: Sequence[Gold], responses: Sequence[Response]) -> Self:
        """The task with the thresholds that are best for these answers."""
        thresholds = label_thresholds.fitted(self.labels, golds, responses)
        return type(self)(self.labels, self.mapping, replace(self.settings, thresholds=thresholds))

    @property
    def fitted_values(self) -> Mapping[str, float]:
        """Label → threshold."""
        return dict(zip(self.labels, self.thresholds, strict=True))

    def indicators(self, header: Sequence[str]) -> Sequence[str]:
        """The columns of 0 and 1 for labels, if any."""
        own = self.settings.label_columns
        return own or (self.labels if len(self.labels) > 1 and set(self.labels) <= set(header) else ())

    def read(self, row: Mapping[str, object], columns: Mapping[str, str]) -> tuple[Inputs, Gold | None]:
        """Inputs and gold labels of a row.

        Without a column for ``label`` the gold is None. Of files, ``matching.read`` decides for all rows at once.
        Raises DataError for a label that the model does not know.
        """
        inputs = {"text": str(row[columns["text"]])}
        if "label" not in columns:
            return inputs, None
        words = [spellings.spelled(label) for label in self.labels_of(row[columns["label"]])]
        column = spellings.Column(columns["label"], dict.fromkeys(words, (0,)))
        known = matching.read(column, self.labels, self.mapping).labels if words else {}
        return inputs, self.gold_of([known[word] for word in words])

    def labels_reader(self, cells: Sequence[Any]) -> tuple[Callable[[Any], Sequence[Any] | None], str]:
        """How the cells of a column name labels: lists, or separated words."""
        settings, known = self.settings, (*self.labels, *self.mapping)
        return label_lists.reader(cells, known, separator=settings.separator, blank_is_empty=settings.blank_is_empty)

    def labels_of(self, cell: Any) -> Sequence[Any]:
        """The labels that a cell names, by itself."""
        return label_lists.labels_of(cell, self.settings.separator)

    def gold_of(self, labels: Sequence[str]) -> Gold:
        """The labels in the model's order, each once."""
        return tuple(label for label in self.labels if label in labels)

    def request(self, inputs: Inputs) -> Classify:
        """Ask for the labels of the text."""
        return Classify((inputs["text"],))

    def given_labels(self, response: Response) -> Gold:
        """The labels that the model gives: those that reach their threshold."""
        numbers = zip(self.labels, response, self.thresholds, strict=True)
        return tuple(label for label, chance, threshold in numbers if chance >= threshold)

    def score(self, gold: Gold, response: Response) -> Score:
        """(2·tp, 2·tp + fp + fn) of the labels."""
        given = self.given_labels(response)
        return Score(2.0 * len(set(gold).intersection(given)), float(len(given) + len(gold)))

    def details(self, gold: Gold, response: Response) -> Iterator[Detail]:
        """Whether all are right, the share of wrong ones, and by label."""
        return label_measures.details(frozenset(gold), frozenset(self.given_labels(response)), self.labels)

    def choices(self, gold: Gold, response: Response) -> Iterator[Choice]:
        """Of each label, whether it holds."""
        for label, chance, threshold in zip(self.labels, response, self.thresholds, strict=True):
            yield Choice("labels", (1.0 - chance, chance), int(chance >= threshold), int(label in gold))

    def label_pairs(self, gold: Gold, response: Response) -> Iterable[tuple[str, str]]:
        """The label and the model's, where both are one alone.

        Of several, which stands for which is not known.
        """
        given = self.given_labels(response)
        return ((gold[0], given[0]),) if len(gold) == len(given) == 1 else ()

    def same(self, before: Response, after: Response, alignment: Alignment = SAME_WORDS) -> bool:  # noqa: ARG002
        """Whether the labels are the same."""
        return self.given_labels(before) == self.given_labels(after)

    def goal(self, example: Example, before: Response) -> Goal | None:
        """How surely the least sure decision stands, and how surely it falls.

        None where a label is wrong before. Certainty is linear in the probability on each side of the threshold, where
        it is one half.
        """
        if example.gold is None or self.given_labels(before) != example.gold:
            return None
        wanted = [label in example.gold for label in self.labels]

        def scores(inputs: Inputs, response: Response, edits: Edits | None = None) -> tuple[float, ...]:  # noqa: ARG001
            numbers = zip(wanted, response, self.thresholds, strict=True)
            least = min(label_thresholds.certainty(holds, *of_label) for holds, *of_label in numbers)
            return least, 1.0 - least

        return scores

    def likelihood(self, gold: Gold, response: Response) -> float:
        """The probability that exactly these labels hold, each by itself."""
        pairs = zip(self.labels, response, strict=True)
        return float(math.prod(chance if label in gold else 1.0 - chance for label, chance in pairs))

    def show(self, value: Response) -> str:
        """The labels that the model gives."""
        return self.show_gold(self.given_labels(value))

    def show_gold(self, gold: Gold) -> str:
        """The labels, with commas between."""
        return ", ".join(gold) or NONE

    def constant(self, golds: Sequence[Gold | None]) -> Response | None:
        """Certainty of the labels with the best F1 that ignores the text.

        These are the most frequent ones, the first in label order on a tie. None without any gold.
        """
        known = [gold for gold in golds if gold is not None]
        if not known:
            return None
        counts = Counter(label for gold in known for label in gold)
        ordered = sorted(self.labels, key=lambda label: -counts[label])
        best, chosen, right = -1.0, 0, 0
        for number, label in enumerate(ordered, 1):
            right += counts[label]
            score = 2.0 * right / (number * len(known) + counts.total())
            if score > best:
                best, chosen = score, number
        return tuple(float(label in ordered[:chosen]) for label in self.labels)

    def label_scores(self, response: Response) -> Mapping[str, float]:
        """Label → probability in [0, 1], each by itself."""
        return dict(zip(self.labels, map(float, response), strict=True))

    def dump(self, gold: Gold) -> list[str]:
        """The labels."""
        return list(gold)

    def load(self, value: Iterable[str]) -> Gold:
        """The labels, in the model's order where it has them."""
        given = tuple(map(str, value))
        return self.gold_of(given) if set(given) <= set(self.labels) else given


TASK = MultiLabelClassification
