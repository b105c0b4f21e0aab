"""Seconds that a model takes for a text, by timed batches."""

from __future__ import annotations

import contextlib
import hashlib
import math
import time
from collections.abc import Mapping, Sequence

from auditor.engine import WINDOW, batches, unique
from auditor.evaluation.plan import Plan
from auditor.types import HOME, Encoded, Model

TIMED_SECONDS = 2.0
"""Most that the batches take that are timed."""
TIMED_BATCHES = 8
SAMPLED = 64
"""Rows of a set whose lengths are read, at most."""


class Lengths:
    """Lengths of a set's texts ÷ those of the home domain."""

    def __init__(self, plan: Plan, model: Model) -> None:
        self._plan, self._model = plan, model
        self._means: dict[str, float] = {}

    def mean(self, drawn: Mapping[str, int]) -> float:
        """The mean over rows drawn of the sets.

        It is 1 where none was drawn.
        """
        rows = sum(drawn.values())
        return sum(n * self._ratio(name) for name, n in drawn.items() if n) / rows if rows else 1.0

    def _ratio(self, name: str) -> float:
        return 1.0 if name == HOME else self._tokens(name) / self._tokens(HOME)

    def _tokens(self, name: str) -> float:
        if name not in self._means:
            # A model that fails on a text still answers others; the probes find out, and say so.
            with contextlib.suppress(Exception):
                requests = [self._plan.task.request(row.inputs) for row in self._plan.examples[name][:SAMPLED]]
                self._means[name] = sum(text.length for text in self._model.encode(requests)) / len(requests)
        return self._means.get(name) or 1.0


def seconds_per_text(plan: Plan, model: Model) -> float | None:
    """Seconds for a text of the home domain.

    This run or an earlier one timed them. None where the model does not answer: the probes will say why.
    """
    pace = None
    # A model that fails on a text still answers others: the probes find out, and say so.
    with contextlib.suppress(Exception):
        pace = _pace(plan, model)
    return pace


def _pace(plan: Plan, model: Model) -> float:
    examples = plan.examples[HOME][:WINDOW]
    began = time.perf_counter()
    encoded = model.encode([plan.task.request(example.inputs) for example in examples])
    encoding = (time.perf_counter() - began) / len(examples)
    tokens = sum(text.length for text in encoded)
    key = hashed("pace", model.fingerprint, model.numerics, plan.batch_tokens, tokens) if model.fingerprint else ""
    known = plan.cache.recall(key) if key else None
    if known is None:
        seconds = encoding + _timed(model, list(batches(unique(encoded), plan.batch_tokens)))
        known = max(round(seconds * 1e6), 1)
        if key:
            plan.cache.remember(key, known)
    return known / 1e6 / model.workers


def _timed(model: Model, planned: Sequence[Sequence[Encoded]]) -> float:
    """Seconds for a text, over batches spread over all lengths.

    The first batch warms up and counts only where it is alone.
    """
    every = range(0, len(planned), math.ceil(len(planned) / TIMED_BATCHES))
    # Those of middle length first: a slow model has no time for others.
    chosen = sorted(every, key=lambda at: abs(at - len(planned) // 2))
    took: list[tuple[float, int]] = []
    began = time.perf_counter()
    for batch in (planned[0], *(planned[at] for at in chosen)):
        started = time.perf_counter()
        model.run(batch)
        took.append((time.perf_counter() - started, len(batch)))
        if time.perf_counter() - began > TIMED_SECONDS:
            break
    warm = took[1:] or took
    return sum(seconds for seconds, _ in warm) / sum(texts for _, texts in warm)


def hashed(*parts: object) -> str:
    """Return the SHA-256 of what the parts say."""
    return hashlib.sha256(" ".join(map(str, parts)).encode()).hexdigest()
