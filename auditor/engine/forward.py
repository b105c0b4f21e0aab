"""Passes of batches through a model.

Known batches come from the cache, batches that do not fit into memory are halved, and several devices work at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from auditor.engine import plan
from auditor.engine.cache import DOES_NOT_FIT, Cache, NoCache, batch_key
from auditor.errors import NoAnswerError, OutOfMemoryError
from auditor.types import Encoded, Model, Response

Batch = list[Encoded]
Result = TypeVar("Result")
WINDOW = 512
"""Number of cases, or texts, planned together."""
NO_ANSWER = "no answer: "
"""Prefix of what is stored for a batch in which the model fails on a text; the reason follows."""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Stands for the answer to a text on which the model fails."""

    reason: str


class Forward:
    """Scorer of encoded requests, in batches of at most ``budget`` padded tokens.

    Only the plan decides the batches: the cache, the number of devices and earlier passes do not. A batch that runs out
    of memory is halved until its parts fit, and later plans use half of the budget until ``reset``. A batch in which
    the model fails is halved until the failing text is known. A resumed audit repeats both, because the cache also
    records that a batch has no answers.
    """

    def __init__(self, budget: int, cache: Cache | None = None) -> None:
        self._full = self._budget = budget
        self._cache = cache or NoCache()
        self.passes = 0
        """Number of texts planned to go through a model, including those with cached answers."""

    def reset(self) -> None:
        """Reset the count and the budget.

        The memory that one probe needs must not affect the next.
        """
        self.passes = 0
        self.full()

    def full(self) -> None:
        """Plan with the full budget again."""
        self._budget = self._full

    def answers(
        self,
        model: Model,
        encoded: Sequence[Encoded],
        *,
        purpose: str = "",
        after_batch: Callable[[], None] = lambda: None,
    ) -> dict[str, Response | NoAnswer]:
        """Return key → answer; requests with equal keys pass once.

        Answers for different values of ``purpose`` are cached separately, so that they are computed again. A text on
        which the model fails has a NoAnswer. ``after_batch`` is called after each batch. Raises OutOfMemoryError if a
        single text does not fit.
        """
        planned = list(plan.batches(plan.unique(encoded), self._budget))
        return self.of_batches(model, planned, purpose=purpose, after_batch=after_batch)

    def of_batches(
        self,
        model: Model,
        planned: Sequence[Batch],
        *,
        purpose: str = "",
        after_batch: Callable[[], None] = lambda: None,
    ) -> dict[str, Response | NoAnswer]:
        """Return key → answer for batches that are planned already.

        Otherwise as ``answers``.
        """
        self.passes += sum(len(batch) for batch in planned)
        responses: dict[str, Response | NoAnswer] = {}
        ran_out = False
        for batch, answers in zip(planned, self._stored_or_computed(model, planned, purpose), strict=True):
            ran_out = ran_out or answers == DOES_NOT_FIT
            if isinstance(answers, str):
                answers = self._halves(model, batch, answers, purpose)
            responses |= zip((request.key for request in batch), answers, strict=True)
            after_batch()
        if ran_out:
            self._budget = max(self._budget // 2, 1)
        return responses

    def _stored_or_computed(
        self, model: Model, planned: Sequence[Batch], purpose: str
    ) -> Iterator[list[Response] | str]:
        """Yield the answers for each batch, in order.

        DOES_NOT_FIT, or NO_ANSWER and the model's message, stands for a batch without answers.
        """
        cache = self._cache if model.fingerprint else NoCache()
        keys = [batch_key(model, batch, purpose) for batch in planned]
        known = {key: stored for key in keys if (stored := cache.get(key)) is not None}
        with _computed(
            model, [batch for key, batch in zip(keys, planned, strict=True) if key not in known]
        ) as computed:
            for key in keys:
                # This thread stores answers in the plan's order, whichever device finishes first.
                answers = known[key] if key in known else next(computed)
                if key not in known:
                    cache.put(key, answers)
                yield answers

    def _halves(self, model: Model, batch: Batch, failure: str, purpose: str) -> list[Response | NoAnswer]:
        """Return the answers for a failed batch, from its halves."""
        if len(batch) == 1 and failure != DOES_NOT_FIT:
            return [NoAnswer(failure.removeprefix(NO_ANSWER))]
        if len(batch) == 1:
            raise does_not_fit(model, batch[0])
        parts = [batch[: len(batch) // 2], batch[len(batch) // 2 :]]
        responses: list[Response | NoAnswer] = []
        for part, answers in zip(parts, self._stored_or_computed(model, parts, purpose), strict=True):
            responses += self._halves(model, part, answers, purpose) if isinstance(answers, str) else answers
        return responses


def does_not_fit(model: Model, text: Encoded) -> OutOfMemoryError:
    """The error about a text that is too long for the memory."""
    hint = "[audit] max_length, or another --device"
    return OutOfMemoryError(f"no memory for one text of {text.length} tokens", where=model.name, hint=hint)


def _computed(
    model: Model, batches: Sequence[Batch]
) -> contextlib.AbstractContextManager[Iterator[list[Response] | str]]:
    """Yield an iterator over the batches' answers, in order."""

    def run(batch: Batch) -> list[Response] | str:
        try:
            return model.run(batch)
        except OutOfMemoryError:
            return DOES_NOT_FIT
        except NoAnswerError as error:
            return f"{NO_ANSWER}{error.message}"

    return in_parallel(run, batches, model.workers)


@contextlib.contextmanager
def in_parallel(run: Callable[[Batch], Result], batches: Sequence[Batch], workers: int) -> Iterator[Iterator[Result]]:
    """Yield an iterator over what ``run`` returns of each batch, in order.

    Batches run one after the other, or as many at once as the model has devices.
    """
    if min(workers, len(batches)) <= 1:
        yield map(run, batches)
        return
    pool = ThreadPoolExecutor(workers)
    try:
        yield pool.map(run, batches)
    finally:
        pool.shutdown(cancel_futures=True)
