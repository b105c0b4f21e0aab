"""How answers differ from the CPU's, for each kind of answer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias
from unittest import mock

from auditor.types import Extracted

TIE = 1e-4
"""Two choices whose probabilities lie closer than this may change places by rounding."""
NUMBER = 1e-3
"""Two numbers that lie closer than this are the same answer."""
HALF = 0.5
"""A label is given from this probability on."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How answers differ from the CPU's."""

    answers: int
    largest: float
    """Difference between two probabilities, or between two numbers."""
    changed: int
    """Decisions that differ although the CPU's two best choices lie further apart than TIE."""
    ties: int
    """Decisions that differ where they do not."""

    @property
    def words(self) -> str:
        return (
            f"{self.answers:,} answers, largest difference {self.largest:.1e}, {self.changed} decisions changed, "
            f"{self.ties} within {TIE:g}"
        )


class Difference(NamedTuple):
    """How an answer differs from the CPU's."""

    largest: float
    changed: bool = False
    tie: bool = False


class Read(NamedTuple):
    """An extracted answer, and how likely the second best span was."""

    best: Extracted
    second: float


Differs: TypeAlias = Callable[[Any, Any], Difference]


def classes(mine: Sequence[float], other: Sequence[float]) -> Difference:
    """Of probabilities of which the largest decides."""
    largest = max((abs(one - two) for one, two in zip(mine, other, strict=True)), default=0.0)
    if max(range(len(mine)), key=mine.__getitem__) == max(range(len(other)), key=other.__getitem__):
        return Difference(largest)
    best, second = sorted(other, reverse=True)[:2]
    return _decided(largest, best - second <= TIE)


def words(mine: Sequence[Sequence[float]], other: Sequence[Sequence[float]]) -> Difference:
    """Of probabilities of each word's tags."""
    return _together([classes(one, two) for one, two in zip(mine, other, strict=True)])


def sets(mine: Sequence[float], other: Sequence[float]) -> Difference:
    """Of probabilities of labels that hold each by itself."""
    pairs = zip(mine, other, strict=True)
    return _together([classes((one, 2 * HALF - one), (two, 2 * HALF - two)) for one, two in pairs])


def numbers(mine: float, other: float) -> Difference:
    """Of numbers: they have no choices, and so no ties."""
    return Difference(abs(mine - other), abs(mine - other) > NUMBER)


def spans(mine: Read, other: Read) -> Difference:
    """Of spans, each beside the probability that there is no answer."""
    (own, _), (known, second) = mine, other
    silent, quiet = own.no_answer > own.probability, known.no_answer > known.probability
    largest, same_span = abs(own.no_answer - known.no_answer), own[:3] == known[:3]
    if same_span:
        largest = max(largest, abs(own.probability - known.probability))
    if silent != quiet:
        return _decided(largest, abs(known.no_answer - known.probability) <= TIE)
    return Difference(largest) if silent or same_span else _decided(largest, known.probability - second <= TIE)


DIFFERS: Mapping[str, Differs] = {
    "sequence": classes,
    "token": words,
    "multi_label": sets,
    "regression": numbers,
    "span": spans,
}
"""Head → how its answers are compared."""


def _decided(largest: float, tie: bool) -> Difference:
    return Difference(largest, not tie, tie)


def _together(parts: Sequence[Difference]) -> Difference:
    """An answer of several decisions changes with any of them."""
    changed = any(part.changed for part in parts)
    largest = max((part.largest for part in parts), default=0.0)
    return Difference(largest, changed, not changed and any(part.tie for part in parts))


def agreement(pairs: Iterable[tuple[Any, Any]], head: str = "sequence") -> Agreement:
    """Of (device's answer, CPU's answer) of each text."""
    parts = [DIFFERS[head](mine, other) for mine, other in pairs]
    largest = max((part.largest for part in parts), default=0.0)
    return Agreement(len(parts), largest, sum(part.changed for part in parts), sum(part.tie for part in parts))


@contextlib.contextmanager
def runners_up() -> Iterator[list[float]]:
    """The probability of the second best span of every context that is read inside, in turn."""
    import numpy as np

    from auditor.models.heads import span

    original, seconds = span._extracted, []

    def extracted(context: str, null: float, candidates: Sequence[tuple[Any, Any]]) -> Extracted:
        scores = np.concatenate([[null], *(own for _, own in candidates)])
        chances = np.exp(scores - scores.max())
        every = np.concatenate([(0.0, 0.0), chances[1:] / chances.sum()])
        seconds.append(float(np.partition(every, -2)[-2]))
        return original(context, null, candidates)

    with mock.patch.object(span, "_extracted", extracted):
        yield seconds


def beside(answers: Sequence[Any], seconds: Sequence[float]) -> list[Any]:
    """Answers as they are compared: extracted ones with their runners-up."""
    if not any(isinstance(answer, Extracted) for answer in answers):
        return list(answers)
    return [Read(answer, second) for answer, second in zip(answers, seconds, strict=True)]
