"""Head for regression: one number per text or pair of texts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from auditor.errors import DataError, ModelError
from auditor.models.heads.base import REGRESSION, output_names, solved
from auditor.models.heads.sequence import SequenceHead
from auditor.models.rows import Filling
from auditor.types import Encoded, Example, Response, Task


class RegressionHead(SequenceHead):
    """Head that returns the number that a model answers with.

    Requests that are too long for the model are truncated.
    """

    name = "regression"
    config = MappingProxyType({"problem_type": REGRESSION})
    problem = REGRESSION

    @classmethod
    def probabilities(cls, logits: Any) -> Any:
        """Return the numbers as they are: they are no probabilities."""
        return logits

    @classmethod
    def labels_in(cls, config: Mapping[str, Any], where: str) -> tuple[str, ...]:
        """Return the name of the only output from config.json.

        Raises ModelError as ``output_names`` does, for several outputs, and for a model of another problem.
        """
        names = output_names(config, where)
        if (problem := solved(config)) != REGRESSION:
            raise ModelError(f"gives a text labels, not a number ({problem})", where=where, hint="leave [task] out")
        if len(names) > 1:
            problem = f"answers with {len(names)} numbers at once"
            raise ModelError(problem, where=where, hint="a model of one number can be audited")
        return names

    def decode(self, scores: Sequence[Any], batch: Sequence[Encoded], filling: Filling) -> list[Response]:  # noqa: ARG002
        """Return the number of each row."""
        return [float(row[0]) for row in scores]

    def distributions(self, response: Response) -> Sequence[Sequence[float]]:
        """Return the number by itself."""
        return [(response,)]

    def _target(self, example: Example, task: Task) -> float:
        """Return the number of the example. Raises DataError for what is none."""
        target = task.target(example.gold)
        if not isinstance(target, int | float) or isinstance(target, bool) or not math.isfinite(target):
            raise DataError(f"{target!r} is no finite number", where=example.id)
        return float(target)


HEAD = RegressionHead
