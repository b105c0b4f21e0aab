"""Latency, throughput and peak memory of a model, on this machine."""

from __future__ import annotations

import hashlib
import math
import statistics
import time
from collections.abc import Sequence
from typing import Any, Literal

from auditor.engine import WINDOW, Cache, Forward
from auditor.errors import AuditError, NoAnswerError, first_line
from auditor.evaluation.plan import Plan
from auditor.models import devices
from auditor.types import HOME, Model, Progress, Request, RunningCost

SINGLES = 100
"""Texts that are asked one at a time, at most."""
SECONDS = 2.0
"""Most that either pass takes, but for the text under way."""
FEWEST_FOR_P95 = 20
"""Texts that a 95th percentile needs: of fewer it is the largest."""
_SCALES = {
    "singles": 1,
    "latency_p50": 10**6,
    "latency_p95": 10**6,
    "batched": 1,
    "texts_per_second": 10**3,
    "peak_bytes": 1,
}
"""Number of a cost → what it is multiplied with to be kept as a whole number."""


def of_models(plan: Plan, progress: Progress, *, fresh: bool = False) -> dict[str, RunningCost]:
    """Return model → its cost, of every audited model.

    An audit that asks nothing again reads what an earlier one measured of the same rows, unless ``fresh``.
    """
    costs = {}
    for audited in plan.models:
        key = _key(plan, audited.model)
        known = None if fresh or key is None else _recalled(plan.cache, key, audited.model)
        if known is None:
            progress.start(f"{audited.name}: time and memory of its answers")
            known = measured(plan, audited.model)
            progress.finish(known.reason or "")
            if key is not None and known.reason is None:
                _remember(plan.cache, key, known)
        costs[audited.name] = known
    return costs


def _key(plan: Plan, model: Model) -> str | None:
    """A hash of what decides the cost; None: not known."""
    if not model.fingerprint:
        return None
    rows = [sorted(example.inputs.items()) for example in plan.examples[HOME][:WINDOW]]
    parts = ("cost", model.fingerprint, model.numerics, str(model.workers), str(plan.batch_tokens), repr(rows))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()


def _recalled(cache: Cache, key: str, model: Model) -> RunningCost | None:
    kept = {name: cache.recall(f"{key} {name}") for name in _SCALES}
    if kept["texts_per_second"] is None:
        return None
    values: dict[str, Any] = {
        name: value if value is None or _SCALES[name] == 1 else value / _SCALES[name] for name, value in kept.items()
    }
    return RunningCost(**values, peak_of=_peak_of(model))


def _remember(cache: Cache, key: str, cost: RunningCost) -> None:
    for name, scale in _SCALES.items():
        if (value := getattr(cost, name)) is not None:
            cache.remember(f"{key} {name}", round(value * scale))


def measured(plan: Plan, model: Model) -> RunningCost:
    """Ask home rows one at a time, then in batches.

    No cache is read. A model that fails has no times, but a reason.
    """
    requests = [plan.task.request(example.inputs) for example in plan.examples[HOME][:WINDOW]]
    devices.reset_peak(model.device_kind)
    reason = None
    seconds: list[float] = []
    batched, took = 0, 0.0
    try:
        seconds = _singly(model, requests)
        if seconds:
            # No batch is slower than its texts one at a time, so that as many fit.
            number = min(len(requests), max(int(SECONDS / statistics.median(seconds)), 1))
            batched, took = _together(model, requests[:number], plan.batch_tokens)
        else:
            reason = "the model answers none of the texts"
    except AuditError as error:
        reason = error.line
    except Exception as error:
        # What the audit measured stands, whatever a model of a third party raises afterwards.
        reason = first_line(error)
    ordered = sorted(seconds)
    return RunningCost(
        singles=len(ordered),
        latency_p50=round(statistics.median(ordered), 6) if ordered else None,
        latency_p95=round(_p95(ordered), 6) if len(ordered) >= FEWEST_FOR_P95 else None,
        batched=batched,
        texts_per_second=round(batched / took, 3) if took else None,
        peak_bytes=devices.peak_bytes(model.device_kind),
        peak_of=_peak_of(model),
        reason=reason,
    )


def _peak_of(model: Model) -> Literal["process", "device"]:
    return "device" if model.device_kind == "cuda" else "process"


def _singly(model: Model, requests: Sequence[Request]) -> list[float]:
    """Return the seconds of each text; the first warms up.

    An answer is Python numbers, so that a GPU has finished when it is there. A text on which the model fails is left
    out.
    """
    seconds: list[float] = []
    began = time.perf_counter()
    for request in (requests[0], *requests[:SINGLES]):
        started = time.perf_counter()
        try:
            model.run(model.encode([request]))
        except NoAnswerError:
            continue
        ended = time.perf_counter()
        seconds.append(ended - started)
        if ended - began > SECONDS:
            break
    return seconds[1:] or seconds


def _together(model: Model, requests: Sequence[Request], batch_tokens: int) -> tuple[int, float]:
    """Return how many different texts were answered, and the seconds."""
    forward = Forward(batch_tokens)
    started = time.perf_counter()
    answers = forward.answers(model, model.encode(requests))
    return len(answers), time.perf_counter() - started


def _p95(ordered: Sequence[float]) -> float:
    """Return the smallest value that 95 % do not exceed."""
    return ordered[math.ceil(0.95 * len(ordered)) - 1]
