"""Text regression: one text, one number."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Gt, MinLen

from auditor.errors import ConfigError, DataError
from auditor.labels import spellings
from auditor.settings import CheckedSettings, check
from auditor.tasks import wrong_classes
from auditor.tasks.defaults import TaskDefaults
from auditor.types import (
    SAME_WORDS,
    Alignment,
    Classify,
    Corruption,
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

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
CORRELATIONS = {
    "values": Metric("pearson", "Pearson's correlation", "correlation", "ratio", -1.0, 1.0, "higher"),
    "ranks": Metric("spearman", "Spearman's correlation", "rank_correlation", "ratio", -1.0, 1.0, "higher"),
}
"""Value of the slice ``of`` → its metric."""
MEDIAN_ERROR = Metric("median_absolute_error", "median absolute error", "median", "ratio", 0.0, math.inf, "lower")


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """What counts as right, and as the same answer."""

    tolerance: Annotated[float, Gt(0)] = 0.5
    """How far an answer may lie from the right number to count as right, and from an earlier answer to count as the
    same: half a star of five."""
    scale: Annotated[tuple[float, ...], MinLen(2)] | None = None
    """The least and the greatest number that an answer can be, such as ``[1, 5]``: answers beyond count as these. With
    it the mean absolute error has an interval; without, the median has."""

    def __post_init__(self) -> None:
        check(self)
        if self.scale is not None and (len(self.scale) != 2 or self.scale[0] >= self.scale[1]):
            raise ConfigError(f"scale = {list(self.scale)} must be the least and the greatest number")


class TextRegression(TaskDefaults):
    """One text, one number; the metric is the share within a tolerance.

    A response is a number. Errors have no upper limit, and a mean of such numbers no interval that holds whatever they
    are; a share has one, and the median error and correlations too.
    """

    name = "text-regression"
    fields: tuple[str, ...] = ("text",)
    metric = "within_tolerance"
    ratio = False
    head = "regression"
    offers: frozenset[Offer] = frozenset({"numbers", "attack_goal"})
    settings = Settings()
    detail_metrics: tuple[Metric, ...] = (MEDIAN_ERROR,)
    sliced_metrics: tuple[Metric, ...] = tuple(CORRELATIONS.values())
    corruptions: Mapping[str, Corruption] = {"symmetric": wrong_classes.Symmetric()}
    steps = 200
    example_labels: tuple[str, ...] = ("number",)
    constant_answer = "always giving the same number"

    def __init__(
        self, labels: Sequence[str], mapping: Mapping[str, str] | None = None, settings: Settings | None = None
    ) -> None:
        """``labels``: the name of the model's output."""
        super().__init__(labels, mapping, settings)
        if self.mapping:
            raise ConfigError("numbers have no names", where="[data.labels]", hint="leave it out")
        if self.settings.scale is not None:
            title, width = "mean absolute error", self.settings.scale[1] - self.settings.scale[0]
            mean = Metric("mean_absolute_error", title, "mean", "ratio", 0.0, width, "lower")
            self.detail_metrics = (mean, MEDIAN_ERROR)

    def read(self, row: Mapping[str, object], columns: Mapping[str, str]) -> tuple[Inputs, float | None]:
        """Inputs and number of a row.

        Without a column for ``label`` the number is None. Raises DataError for a number that is none.
        """
        inputs = {field: str(row[columns[field]]) for field in self.fields}
        return inputs, self.gold_of([spellings.spelled(row[columns["label"]])]) if "label" in columns else None

    def gold_of(self, labels: Sequence[str]) -> float:
        """The number that is written so.

        Raises DataError without a place for what is no finite number, and for one beyond the scale.
        """
        (written,) = labels
        number = float(written) if _NUMBER.fullmatch(written) else math.nan
        if not math.isfinite(number):
            hint = "with a decimal point" if re.fullmatch(r"-?\d+,\d+", written) else "a finite number, such as 3.5"
            raise DataError(f"holds {written!r}, which is no number to learn", hint=hint)
        if self.settings.scale is not None and not self.settings.scale[0] <= number <= self.settings.scale[1]:
            least, most = self.settings.scale
            hint = f"[task] scale = [{least:g}, {most:g}] leaves it out"
            raise DataError(f"holds {written!r}, which lies beyond the scale", hint=hint)
        return number

    def request(self, inputs: Inputs) -> Classify:
        """Ask for the number of the text, or of the texts together."""
        return Classify(tuple(inputs[field] for field in self.fields))

    def number(self, response: Response) -> float:
        """The answer; beyond the scale, its end."""
        if self.settings.scale is None:
            return float(response)
        return min(max(float(response), self.settings.scale[0]), self.settings.scale[1])

    def score(self, gold: float, response: Response) -> Score:
        """(1, 1) where the answer lies within the tolerance, else (0, 1)."""
        return Score(float(self._error(gold, response) <= self.settings.tolerance), 1.0)

    def _error(self, gold: float, response: Response) -> float:
        return abs(self.number(response) - gold)

    def details(self, gold: float, response: Response) -> Iterator[Detail]:
        """The absolute error, and what is correlated: answer and gold."""
        for metric in self.detail_metrics:
            yield Detail(metric.name, {}, Score(self._error(gold, response), 1.0))
        for of, metric in CORRELATIONS.items():
            yield Detail(metric.name, {"of": of}, Score(self.number(response), gold))

    def same(self, before: Response, after: Response, alignment: Alignment = SAME_WORDS) -> bool:  # noqa: ARG002
        """Whether the answers lie within the tolerance of each other."""
        return abs(self.number(before) - self.number(after)) <= self.settings.tolerance

    def goal(self, example: Example, before: Response) -> Goal | None:
        """How near the answer is to the right number, and how far.

        None where it is not within the tolerance before.
        """
        gold = example.gold
        if gold is None or not self.score(gold, before).numerator:
            return None

        def scores(inputs: Inputs, response: Response, edits: Edits | None = None) -> tuple[float, ...]:  # noqa: ARG001
            near = self.likelihood(gold, response)
            return near, 1.0 - near

        return scores

    def likelihood(self, gold: float, response: Response) -> float:
        """How near the answer is, in [0, 1].

        It is one half at the tolerance. A number has no probability.
        """
        error, tolerance = self._error(gold, response), self.settings.tolerance
        near = tolerance / (tolerance + error)
        # Rounding decides nothing: within the tolerance it is one half or more.
        return max(near, 0.5) if error <= tolerance else min(near, math.nextafter(0.5, 0.0))

    def show(self, value: Response) -> str:
        """The number, in six digits."""
        return self.show_gold(self.number(value))

    def show_gold(self, gold: float) -> str:
        """The number, in six digits."""
        return f"{gold:g}"

    def constant(self, golds: Sequence[float | None]) -> Response | None:
        """The number with the most golds within the tolerance.

        It is the middle of those; of equals, the smallest. None without any gold.
        """
        ordered = sorted(gold for gold in golds if gold is not None)
        if not ordered:
            return None
        ends = [bisect_right(ordered, least + 2 * self.settings.tolerance) for least in ordered]
        best = max(range(len(ordered)), key=lambda place: (ends[place] - place, -place))
        return (ordered[best] + ordered[ends[best] - 1]) / 2

    def load(self, value: Any) -> float:
        """The number."""
        return float(value)


TASK = TextRegression
