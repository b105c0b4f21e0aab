"""Size of a model, time and memory of its answers, in words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from auditor.types import RunningCost
from reports.words import later, recorded, say, say_counted

NO_COSTS: Mapping[str, RunningCost] = MappingProxyType({})
"""Of a page of results without ``timings.json``."""
_MEMORY = {
    "process": later("{size} of the whole audit's process"),
    "device": later("{size} of the fullest GPU, while these texts were asked"),
}


def size(model: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what is known of the model's size.

    ``model``: its entry in results.json; those of an earlier auditor have no size.
    """
    count, weights = model.get("parameters"), model.get("weight_bytes")
    return [
        (say("parameters"), say("not known") if count is None else f"{count:,}"),
        (say("weights in memory"), say("not known") if weights is None else _megabytes(weights)),
    ]


def facts(cost: RunningCost | None) -> list[tuple[str, str]]:
    """Return each measured fact, or that it is not measured."""
    own = cost or RunningCost()
    singly, p95 = own.latency_p50, own.latency_p95
    missing = _missing(own.reason)
    too_few = _missing(say("too few texts{asked}", asked=_asked(own))) if own.singles else missing
    return [
        (say("latency, median"), missing if singly is None else f"{_milliseconds(singly)}{_asked(own)}"),
        (say("latency, 95th percentile"), too_few if p95 is None else _milliseconds(p95)),
        (say("texts a second in batches"), missing if own.texts_per_second is None else _batched(own)),
        (say("peak memory"), _missing(None) if own.peak_bytes is None else _peak(own.peak_bytes, own.peak_of)),
    ]


def _missing(reason: str | None) -> str:
    if reason is None:
        return say("not measured")
    return say("{word}: {reason}", word=say("not measured"), reason=recorded(reason))


def _asked(cost: RunningCost) -> str:
    n = cost.singles
    return say_counted(" (of {n:,} text asked one at a time)", " (of {n:,} texts asked one at a time)", n)


def _batched(cost: RunningCost) -> str:
    rate = _rate(cost.texts_per_second or 0.0)
    return say_counted("{rate} (of {n:,} text)", "{rate} (of {n:,} texts)", cost.batched, rate=rate)


def _peak(size: int, of: str) -> str:
    return say(_MEMORY[of], size=_megabytes(size))


def _milliseconds(seconds: float) -> str:
    number = seconds * 1000
    return f"{number:,.0f} ms" if number >= 100 else f"{number:.1f} ms" if number >= 1 else f"{number:.2f} ms"


def _rate(texts: float) -> str:
    return f"{texts:,.0f}" if texts >= 10 else f"{texts:.2f}"


def _megabytes(number: int) -> str:
    return f"{number / 1e6:,.0f} MB" if number >= 10_000_000 else f"{number / 1e6:,.2f} MB"
