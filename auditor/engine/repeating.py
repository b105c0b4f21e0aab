"""The same texts asked once more.

The answers come past the cache, and from other batches than the plan's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from auditor.engine import plan
from auditor.engine.forward import Forward, NoAnswer
from auditor.types import Asked, Encoded, Model, Pads, Response

PADDED = 256
"""Padded texts have this many tokens, or as many as the model reads if these are fewer."""
IN_MEMORY = "the model exists in memory only: there is nothing to load again"
UNPADDED = "the model does not say how it pads a text"


class Together:
    """A model whose every batch is one pass, padded to a length."""

    def __init__(self, model: Model, length: int = 0) -> None:
        self._model, self._length = model, length

    def __getattr__(self, name: str) -> object:
        return getattr(self._model, name)

    def run(self, batch: Sequence[Encoded]) -> list[Response]:
        """Answer a batch in one pass."""
        if isinstance(self._model, Pads):
            return self._model.run_together(batch, length=self._length)
        return self._model.run(batch)


class Repeater:
    """Asks a model about encoded texts once more.

    Nothing is kept and nothing is read from a cache. Out of memory and failing texts are treated as everywhere.
    """

    def __init__(self, model: Model, budget: int) -> None:
        self._model, self._budget = model, budget
        self._forward = Forward(budget)

    @property
    def passes(self) -> int:
        """Number of texts that went through the model."""
        return self._forward.passes

    def reset(self) -> None:
        """Reset the count."""
        self._forward.reset()

    def why_not(self, asked: Asked, reloaded: Callable[[], Model]) -> str | None:
        """Say why the model cannot be asked so; None where it can."""
        if asked == "reloaded" and reloaded() is self._model:
            return IN_MEMORY
        if asked == "padded" and not (isinstance(self._model, Pads) and self._model.padded_length > 0):
            return UNPADDED
        return None

    def answers(
        self,
        asked: Asked,
        encoded: Sequence[Encoded],
        windows: Sequence[Sequence[Encoded]],
        reloaded: Callable[[], Model],
    ) -> dict[str, Response | NoAnswer]:
        """Return key → answer for the texts, asked in this way.

        ``windows``: those that the texts were first planned in.
        """
        requests, wanted = plan.unique(encoded), {request.key for request in encoded}
        model: Model = self._model
        if asked == "in company":
            model = Together(model)  # type: ignore[assignment]  # the rest of Model comes by __getattr__
            batches = list(mixed(requests, [request for window in windows for request in window], self._budget))
        elif asked in ("alone", "padded"):
            if isinstance(model, Pads) and asked == "padded":
                model = Together(model, min(model.padded_length, PADDED))  # type: ignore[assignment]  # as above
            batches = [[request] for request in requests]
        else:
            model = reloaded() if asked == "reloaded" else model
            every = [batch for window in windows for batch in plan.batches(plan.unique(window), self._budget)]
            batches = [batch for batch in every if any(request.key in wanted for request in batch)]
        answers = self._forward.of_batches(model, batches)
        return {key: answers[key] for key in wanted}


def mixed(encoded: Sequence[Encoded], beside: Sequence[Encoded], budget: int) -> Iterator[list[Encoded]]:
    """Yield batches in which long texts stand beside short ones.

    Longest, shortest, next longest, and so on: each batch holds as many as ``budget`` padded tokens allow, and two at
    least. A single text stands beside the one of ``beside`` whose length differs most.
    """
    by_length = sorted(encoded, key=lambda request: request.length)
    if len(by_length) < 2:
        others = [request for request in beside if request.key != by_length[0].key]
        yield by_length + sorted(others, key=lambda request: -abs(request.length - by_length[0].length))[:1]
        return
    half = len(by_length) // 2
    turns = [turn for pair in zip(reversed(by_length[half:]), by_length[:half], strict=False) for turn in pair]
    turns += by_length[half : half + len(by_length) % 2]
    batch: list[Encoded] = []
    for place, request in enumerate(turns):
        longest = max([request.length, *(member.length for member in batch)])
        # No text is left over for a last batch of its own.
        if len(batch) > 1 and longest * (len(batch) + 1) > budget and place < len(turns) - 1:
            yield batch
            batch = []
        batch.append(request)
    yield batch
