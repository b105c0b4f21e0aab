"""Batches through a model: known ones from the cache, those that do not fit in halves, several devices at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from auditor.engine import plan
from auditor.engine.cache import DOES_NOT_FIT, Cache, NoCache, batch_key
from auditor.errors import NoAnswerError, OutOfMemoryError
from auditor.types import Encoded, Model, Response

Batch = list[Encoded]
NO_ANSWER = "no answer: "
"""Kept in place of the answers of a batch in which the model fails on a text, before what was said."""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """In place of the answer to a text that the model fails on."""

    reason: str


class Forward:
    """Answers encoded requests by batches of at most ``budget`` padded tokens.

    The plan decides the batches: the cache, the number of devices and what ran before do not. A batch that runs out of
    memory is halved until its parts fit, and later plans keep to half of the budget until ``reset``; one in which the
    model fails is halved until the text is known that it fails on. Both are found again on resume, because that a batch
    has no answers is kept too.
    """

    def __init__(self, budget: int, cache: Cache | None = None) -> None:
        self._full = self._budget = budget
        self._cache = cache or NoCache()
        self.passes = 0
        """Texts planned to go through a model, those whose answers were known included."""

    def reset(self) -> None:
        """Count anew, with the full budget again: one probe's memory is not another's."""
        self.passes = 0
        self.full()

    def full(self) -> None:
        """Plan with the full budget again."""
        self._budget = self._full

    def answers(self, model: Model, encoded: Sequence[Encoded], *, purpose: str = "") -> dict[str, Response | NoAnswer]:
        """Key → answer; equal keys pass once. ``purpose`` keeps answers apart that are to be computed anew.

        A text that the model fails on has a NoAnswer. Raises OutOfMemoryError when a single text does not fit.
        """
        planned = list(plan.batches(plan.unique(encoded), self._budget))
        self.passes += sum(len(batch) for batch in planned)
        found: dict[str, Response | NoAnswer] = {}
        full = False
        for batch, answers in zip(planned, self._all(model, planned, purpose), strict=True):
            full = full or answers == DOES_NOT_FIT
            if isinstance(answers, str):
                answers = self._parts(model, batch, answers, purpose)
            found |= zip((one.key for one in batch), answers, strict=True)
        if full:
            self._budget = max(self._budget // 2, 1)
        return found

    def _all(self, model: Model, planned: Sequence[Batch], purpose: str) -> Iterator[list[Response] | str]:
        """The answers of each batch in order; for one without, DOES_NOT_FIT or NO_ANSWER and what was said."""
        cache = self._cache if model.fingerprint else NoCache()
        keys = [batch_key(model, batch, purpose) for batch in planned]
        known = {key: found for key in keys if (found := cache.get(key)) is not None}
        with _ran(model, [batch for key, batch in zip(keys, planned, strict=True) if key not in known]) as ran:
            for key in keys:
                # Written by this thread and in the plan's order, whichever device was first.
                answers = known[key] if key in known else next(ran)
                if key not in known:
                    cache.put(key, answers)
                yield answers

    def _parts(self, model: Model, batch: Batch, said: str, purpose: str) -> list[Response | NoAnswer]:
        """The answers of a batch that has none as a whole, from those of its halves."""
        if len(batch) == 1 and said != DOES_NOT_FIT:
            return [NoAnswer(said.removeprefix(NO_ANSWER))]
        if len(batch) == 1:
            raise OutOfMemoryError(
                f"no memory for one text of {batch[0].length} tokens",
                where=model.name,
                hint="[audit] max_length, or another --device",
            )
        parts = [batch[: len(batch) // 2], batch[len(batch) // 2 :]]
        found: list[Response | NoAnswer] = []
        for part, answers in zip(parts, self._all(model, parts, purpose), strict=True):
            found += self._parts(model, part, answers, purpose) if isinstance(answers, str) else answers
        return found


@contextmanager
def _ran(model: Model, batches: Sequence[Batch]) -> Iterator[Iterator[list[Response] | str]]:
    """The batches' answers in their order: one after the other, or as many at once as the model has devices."""

    def run(batch: Batch) -> list[Response] | str:
        try:
            return model.run(batch)
        except OutOfMemoryError:
            return DOES_NOT_FIT
        except NoAnswerError as error:
            return f"{NO_ANSWER}{error.message}"

    workers = model.workers
    if min(workers, len(batches)) <= 1:
        yield map(run, batches)
        return
    pool = ThreadPoolExecutor(workers)
    try:
        yield pool.map(run, batches)
    finally:
        pool.shutdown(cancel_futures=True)
