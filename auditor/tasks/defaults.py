"""What holds for most tasks, so that a simple one overrides little."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from auditor.tasks import wrong_classes
from auditor.tasks.file_rows import OwnColumns
from auditor.types import (
    SAME_WORDS,
    Alignment,
    AttackDefaults,
    Averages,
    Choice,
    ComparableLabels,
    Corruption,
    Detail,
    Edits,
    Example,
    FileReader,
    Goal,
    Inputs,
    Layout,
    Measurement,
    Metric,
    Offer,
    Response,
    Span,
    Sums,
)


@dataclass(frozen=True, slots=True)
class NoSettings:
    """Nothing that ``[task]`` could say beside the name."""


class NoAverages:
    """Nothing is averaged over slices of details."""

    whole: tuple[Metric, ...] = ()
    sliced: tuple[Metric, ...] = ()

    def __call__(self, sums: Sums) -> Iterable[Measurement]:
        """No average."""
        del sums
        return ()


class TaskDefaults(OwnColumns):
    """One gold answer for each example, which stands whatever its words become."""

    labels: tuple[str, ...] = ()
    mapping: Mapping[str, str] = MappingProxyType({})
    settings: Any = NoSettings()
    usual_columns: tuple[tuple[str, ...], ...] = ()
    usual_labels: tuple[str, ...] = ()
    policy: Path | None = None
    offers: frozenset[Offer] = frozenset()
    layout: Layout = "rows"
    files: Mapping[str, FileReader] = MappingProxyType({})
    special_tokens: tuple[str, ...] = ()
    marked = False
    stretches: tuple[str, ...] = ()
    quotes: bool = False
    detail_metrics: tuple[Metric, ...] = ()
    sliced_metrics: tuple[Metric, ...] = ()
    averages: Averages = NoAverages()
    attacks = AttackDefaults()
    corruptions: Mapping[str, Corruption] = MappingProxyType({})
    unit: str | None = None
    example_labels: tuple[str, ...] = ()
    """Labels that show what its metrics are."""
    steps = 60
    constant_answer = "always giving the same answer"
    notes: tuple[str, ...] = ()

    def __init__(self, labels: Sequence[str], mapping: Mapping[str, str] | None = None, settings: Any = None) -> None:
        """``mapping``: label in the data → the model's label.

        ``settings``: None for the task's defaults.
        """
        self.labels, self.mapping = tuple(labels), dict(mapping or {})
        self.settings = type(self).settings if settings is None else settings

    def other_domain(self) -> Self:
        """The task itself: labels are the same everywhere."""
        return self

    def comparable(self, golds: Sequence[Any]) -> ComparableLabels | None:
        """None: a comparison counts every label."""
        del golds
        return None

    def details(self, gold: Any, response: Response) -> Iterable[Detail]:
        """Nothing: the metric says it all."""
        del gold, response
        return ()

    def choices(self, gold: Any, response: Response) -> Iterable[Choice]:
        """The text's label, where labels have probabilities."""
        label, classes = self.stratum(gold), self.class_scores(response)
        if label not in classes:
            return ()
        names, chances = tuple(classes), tuple(classes.values())
        return (Choice("texts", chances, chances.index(max(chances)), names.index(label)),)

    def label_pairs(self, gold: Any, response: Response) -> Iterable[tuple[str, str]]:
        """Those of the text, or of spans with the gold's boundaries."""
        label, classes = self.stratum(gold), self.class_scores(response)
        if label is not None and classes:
            return ((label, max(classes, key=classes.__getitem__)),)
        if "labelled_spans" not in self.offers:
            return ()
        answered = {
            (field, span.start, span.end): span.type
            for field, spans in self.answer_spans(response).items()
            for span in spans
        }
        return tuple(
            (span.type, answered[field, span.start, span.end])
            for field, spans in self.gold_spans(gold).items()
            for span in spans
            if (field, span.start, span.end) in answered
        )

    def follow(self, gold: Any, alignment: Alignment) -> Any:
        """The gold as it was."""
        del alignment
        return gold

    def protected(self, example: Example) -> Mapping[str, frozenset[int]]:
        """No word."""
        del example
        return {}

    def fixed(self, example: Example) -> Mapping[str, frozenset[int]]:
        """No word."""
        del example
        return {}

    def stretch(self, example: Example, name: str) -> Mapping[str, tuple[int, int]]:
        """No stretch."""
        del example, name
        return {}

    def goal(self, example: Example, before: Response) -> Goal | None:
        """No goal: the task does not support attacks."""
        del example, before
        return None

    def spans_found(self, example: Example, response: Response) -> Sequence[Span]:
        """The spans of the gold that the answer names too."""
        if example.gold is None:
            return ()
        named = {field: set(spans) for field, spans in self.answer_spans(response).items()}
        spans_of_gold = self.gold_spans(example.gold).items()
        return tuple(span for field, spans in spans_of_gold for span in spans if span in named.get(field, ()))

    def gold_spans(self, gold: Any) -> Mapping[str, Sequence[Span]]:
        """No span."""
        del gold
        return {}

    def answer_spans(self, response: Response) -> Mapping[str, Sequence[Span]]:
        """No span."""
        del response
        return {}

    def labels_of(self, cell: Any) -> Sequence[Any]:
        """The cell as it is: it names one label."""
        return (cell,)

    def labels_reader(self, cells: Sequence[Any]) -> tuple[Callable[[Any], Sequence[Any] | None], str]:
        """Each cell by itself; of a cell that names none, no gold."""
        del cells
        return lambda cell: self.labels_of(cell) or None, ""

    def indicators(self, header: Sequence[str]) -> Sequence[str]:
        """No column of 0 and 1."""
        del header
        return ()

    @property
    def fitted_on(self) -> str | None:
        """Nothing is fitted."""
        return None

    def fitted(self, golds: Sequence[Any], responses: Sequence[Response]) -> Self:
        """The task itself."""
        del golds, responses
        return self

    @property
    def fitted_values(self) -> Mapping[str, float]:
        """Nothing is fitted."""
        return {}

    def gold_of(self, labels: Sequence[str]) -> Any:
        """The first label."""
        return labels[0]

    def target(self, gold: Any) -> Any:
        """The gold itself."""
        return gold

    def show_gold(self, gold: Any) -> str:
        """The gold as Python writes it."""
        return str(gold)

    def units(self, gold: Any) -> int:
        """1: annotators are paid by the example."""
        del gold
        return 1

    def stratum(self, gold: Any) -> str | None:
        """No class."""
        del gold
        return None

    def constant(self, golds: Sequence[Any]) -> Response | None:
        """No answer that ignores the input."""
        del golds
        return None

    def class_scores(self, response: Response) -> Mapping[str, float]:
        """No classes."""
        del response
        return {}

    def label_scores(self, response: Response) -> Mapping[str, float]:
        """The classes, of which one holds."""
        return self.class_scores(response)

    def given_labels(self, response: Response) -> Sequence[str]:
        """The most probable class, the first one on a tie."""
        scores = self.label_scores(response)
        return (max(scores, key=scores.__getitem__),) if scores else ()

    def dump(self, gold: Any) -> Any:
        """The gold itself."""
        return gold

    def load(self, value: Any) -> Any:
        """The gold itself."""
        return value


class OneLabel(TaskDefaults):
    """The gold is a label of a fixed set.

    The response is a probability for each label. Probabilities are in [0, 1], in the order of ``labels``.
    """

    head = "sequence"
    offers: frozenset[Offer] = frozenset({"class_scores", "one_label", "attack_goal"})
    corruptions = wrong_classes.CORRUPTIONS
    constant_answer = "always predicting one class"

    def same(self, before: Response, after: Response, alignment: Alignment = SAME_WORDS) -> bool:  # noqa: ARG002
        """Whether the most probable label is the same."""
        return self.show(before) == self.show(after)

    def goal(self, example: Example, before: Response) -> Goal | None:
        """The gold label's probability, then the others'.

        None where the answer before is wrong.
        """
        if example.gold is None or self.show(before) != example.gold:
            return None
        place = self.labels.index(example.gold)

        def scores(inputs: Inputs, response: Response, edits: Edits | None = None) -> tuple[float, ...]:  # noqa: ARG001
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

    def class_scores(self, response: Response) -> Mapping[str, float]:
        """Label → probability in [0, 1]."""
        return dict(zip(self.labels, map(float, response), strict=True))
