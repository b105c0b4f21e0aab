"""What holds for most tasks: a task of one answer for each example overrides little of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, Self

from auditor.tasks import wrong_classes
from auditor.types import (
    SAME_WORDS,
    Alignment,
    ComparableLabels,
    Corruption,
    Detail,
    Edits,
    Example,
    Goal,
    Inputs,
    Metric,
    Offer,
    Response,
    Span,
)


class TaskDefaults:
    """The gold belongs to the example as a whole, and stands whatever its words become."""

    offers: frozenset[Offer] = frozenset()
    layout: Literal["rows", "sentences"] = "rows"
    detail_metrics: tuple[Metric, ...] = ()
    sliced_metrics: tuple[Metric, ...] = ()
    corruptions: Mapping[str, Corruption] = MappingProxyType({})
    unit: str | None = None
    example_labels: tuple[str, ...] = ()
    """Labels that show what its metrics are."""
    steps = 60
    constant_answer = "always giving the same answer"

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

    def follow(self, gold: Any, alignment: Alignment) -> Any:
        """The gold as it was."""
        del alignment
        return gold

    def protected(self, example: Example) -> Mapping[str, frozenset[int]]:
        """No word."""
        del example
        return {}

    def goal(self, example: Example, before: Response) -> Goal | None:
        """Nothing that an attack could work against."""
        del example, before
        return None

    def spans_found(self, example: Example, response: Response) -> Sequence[Span]:
        """No span."""
        del example, response
        return ()

    def gold_spans(self, gold: Any) -> Mapping[str, Sequence[Span]]:
        """No span."""
        del gold
        return {}

    def answer_spans(self, response: Response) -> Mapping[str, Sequence[Span]]:
        """No span."""
        del response
        return {}

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

    def dump(self, gold: Any) -> Any:
        """The gold itself."""
        return gold

    def load(self, value: Any) -> Any:
        """The gold itself."""
        return value


class OneLabel(TaskDefaults):
    """The gold is a label of a fixed set, and the response a probability in [0, 1] for each, in the order of ``labels``."""

    labels: tuple[str, ...]
    head = "sequence"
    offers: frozenset[Offer] = frozenset({"class_scores", "one_label", "attack_goal"})
    corruptions = wrong_classes.CORRUPTIONS
    constant_answer = "always predicting one class"

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

    def class_scores(self, response: Response) -> Mapping[str, float]:
        """Label → probability in [0, 1]."""
        return dict(zip(self.labels, map(float, response), strict=True))
