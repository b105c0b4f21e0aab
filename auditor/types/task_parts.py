"""Parts of a task: goals of attacks, wrong labels, labels that count."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from auditor.types.cases import Example, Inputs, Response
from auditor.types.edits import Edits


class Goal(Protocol):
    """How surely a right decision stands after edits."""

    def __call__(self, inputs: Inputs, response: Response, edits: Edits | None = None) -> tuple[float, ...]:
        """Scores in [0, 1], the decision's first.

        It stands while its score is the largest, of equals the first. ``edits``: what made ``inputs`` of the example's
        texts; None: not known.
        """
        ...


class Corruption(Protocol):
    """A kind of wrong labels in training data."""

    def impossible(self, rows: Sequence[Example]) -> str | None:
        """Why no gold of these can be wrong so, if none can."""
        ...

    def __call__(self, rows: Sequence[Example], rate: float, rng: random.Random) -> list[Any]:
        """The rows' golds with a share of the labels wrong.

        The share, in [0, 1], is rounded to whole labels. Which are wrong, and what they become, follows from ``rng``
        alone: a larger rate adds to a smaller one.
        """
        ...


@dataclass(frozen=True, slots=True)
class ComparableLabels:
    """The labels that a comparison between data sets counts.

    Each set may have labels of its own.
    """

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
