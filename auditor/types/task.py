"""What a task is: everything that auditor knows of examples, answers and what "right" means."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

from auditor.types.cases import Detail, Example, Inputs, Response, Score
from auditor.types.edits import SAME_WORDS, Alignment, Edits, Span
from auditor.types.records import Metric
from auditor.types.requests import Request

Offer: TypeAlias = Literal["class_scores", "one_label", "labelled_spans", "attack_goal"]
"""What a probe may need of a task: probabilities of classes, a single label for each example, spans of words with types,
a decision that attacks can work against."""


class Goal(Protocol):
    """How surely a right decision stands, given the answer to the edited texts."""

    def __call__(self, inputs: Inputs, response: Response, edits: Edits | None = None) -> tuple[float, ...]:
        """Scores in [0, 1], the decision's first: it stands while its score is the largest (of equals the first).

        ``edits``: what made ``inputs`` of the example's texts; None: not known.
        """
        ...


class Corruption(Protocol):
    """A kind of wrong labels in training data."""

    def impossible(self, golds: Sequence[Any]) -> str | None:
        """Why no gold of these can be wrong so; None where it can."""
        ...

    def __call__(self, golds: Sequence[Any], rate: float, rng: random.Random) -> list[Any]:
        """The golds with a share in [0, 1] of the labels wrong, rounded to whole labels.

        Which are wrong, and what they become, follows from ``rng`` alone: a larger rate adds to a smaller one.
        """
        ...


@dataclass(frozen=True, slots=True)
class ComparableLabels:
    """The labels that a comparison between data sets counts, where each may have labels of its own."""

    counted: tuple[str, ...]
    """Labels that both the model and the data have."""
    left_out: Mapping[str, str]
    """Label that only the data, or only the model, has → why it does not count, in words."""
    nothing_shared: str
    """What to say where no label counts."""
    metric: str
    """The further score (``details``) whose sum over the labels that count is the task's metric."""
    key: str
    """The key of its slices that holds the label."""


@runtime_checkable
class Task(Protocol):
    """What an example is and what "right" means. Everything specific to a task lives behind this.

    ``auditor.tasks.TaskDefaults`` has what holds for most tasks.
    """

    name: str
    """As users write it: ``text-classification``."""
    fields: tuple[str, ...]
    """Text fields that a perturbation may touch."""
    metric: str
    """Name of the task's metric: ``accuracy``."""
    ratio: bool
    """False: the metric is a mean over examples. True: it is a ratio of sums (F1), resampled as such."""
    head: str
    """The kind of output that its models have: a module of ``auditor.models.heads``."""
    offers: frozenset[Offer]
    layout: Literal["rows", "sentences"]
    """How its files are laid out: a row for each example, or a line for each word."""
    labels: tuple[str, ...]
    """Names of the labels in the model's order; empty for a task without labels."""
    mapping: Mapping[str, str]
    """Label in the data → the model's label, where they are called otherwise."""
    detail_metrics: tuple[Metric, ...]
    """Metrics of the ``details`` that have no slice."""
    sliced_metrics: tuple[Metric, ...]
    """Metrics of the ``details`` that have one: by type, by kind of error."""
    corruptions: Mapping[str, Corruption]
    """Kinds of wrong labels by name; the first ones are made where a user names none."""
    unit: str | None
    """What annotators are paid for beside examples: ``entities``; None: examples alone."""
    steps: int
    """Optimiser steps of a short training, where a user names none."""
    constant_answer: str
    """What the best answer is that ignores the input, in words: ``always predicting one class``."""

    def other_domain(self) -> Task:
        """The task as read in another domain, whose data may have labels that the model has not."""
        ...

    def comparable(self, golds: Sequence[Any]) -> ComparableLabels | None:
        """The labels that a comparison with data of these golds counts; None where it always counts all labels."""
        ...

    def read(self, row: Mapping[str, object], columns: Mapping[str, str]) -> tuple[Inputs, Any]:
        """Inputs and gold of a row, checked; ``columns`` maps each field and ``label`` to its column's name.

        Raises DataError without a place (the caller adds file and row).
        """
        ...

    def request(self, inputs: Inputs) -> Request: ...

    def score(self, gold: Any, response: Response) -> Score: ...

    def details(self, gold: Any, response: Response) -> Iterable[Detail]:
        """Further scores of one example, added up as ``score`` is; empty where the metric says it all."""
        ...

    def same(self, before: Response, after: Response, alignment: Alignment = SAME_WORDS) -> bool:
        """Whether two answers, to the texts before and after edits, mean the same decision (invariance)."""
        ...

    def follow(self, gold: Any, alignment: Alignment) -> Any:
        """The gold of the edited texts; None where the edits broke it."""
        ...

    def protected(self, example: Example) -> Mapping[str, frozenset[int]]:
        """Text field → the places of the words that edits of the context alone leave as they are."""
        ...

    def goal(self, example: Example, before: Response) -> Goal | None:
        """What an attack on this example works against; None where there is nothing right to attack."""
        ...

    def spans_found(self, example: Example, response: Response) -> Sequence[Span]:
        """The labelled spans of the gold that the answer has; empty where the task offers no ``labelled_spans``."""
        ...

    def gold_spans(self, gold: Any) -> Mapping[str, Sequence[Span]]:
        """Text field → the labelled spans of words that a gold answer names, for people to see in the text."""
        ...

    def answer_spans(self, response: Response) -> Mapping[str, Sequence[Span]]:
        """Text field → the labelled spans of words that an answer names, for people to see in the text."""
        ...

    def likelihood(self, gold: Any, response: Response) -> float:
        """How likely the answer makes the gold, in [0, 1]; of labels of words, their mean."""
        ...

    def show(self, value: Response) -> str:
        """The decision in words, for people; nothing parses it."""
        ...

    def show_gold(self, gold: Any) -> str:
        """A gold answer in words, for people; nothing parses it."""
        ...

    def units(self, gold: Any) -> int:
        """How many of what annotators are paid for (``unit``) a gold answer holds."""
        ...

    def stratum(self, gold: Any) -> str | None:
        """The class of an example for recall by class and stratified samples; None where there is none."""
        ...

    def constant(self, golds: Sequence[Any]) -> Response | None:
        """The best answer that ignores the input, given these answers; None where the task has none."""
        ...

    def class_scores(self, response: Response) -> Mapping[str, float]:
        """Label → probability in [0, 1]; empty where the task has no such thing."""
        ...

    def dump(self, gold: Any) -> Any:
        """A gold answer as JSON has it, for files."""
        ...

    def load(self, value: Any) -> Any:
        """What ``dump`` gave, as a gold answer."""
        ...
