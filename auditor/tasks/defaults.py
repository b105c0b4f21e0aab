"""What holds for most tasks: a task of one answer for each example overrides little of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, Self

from auditor.types import Alignment, Corruption, Detail, Example, Goal, Metric, Offer, Response, Span


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
