"""Size of a model, time and memory of its answers, in words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from auditor.types import RunningCost

NO_COSTS: Mapping[str, RunningCost] = MappingProxyType({})
"""Of a page of results without ``timings.json``."""
_NOT_MEASURED = "not measured"
_MEMORY = {
    "process": "of the whole audit's process",
    "device": "of the fullest GPU, while these texts were asked",
}


def size(model: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what is known of the model's size.

    ``model``: its entry in results.json; those of an earlier auditor have no size.
    """
    count, weights = model.get("parameters"), model.get("weight_bytes")
    return [
        ("parameters", "not known" if count is None else f"{count:,}"),
        ("weights in memory", "not known" if weights is None else _megabytes(weights)),
    ]


def facts(cost: RunningCost | None) -> list[tuple[str, str]]:
    """Return each measured fact, or that it is not measured."""
    own = cost or RunningCost()
    singly, p95 = own.latency_p50, own.latency_p95
    missing = _NOT_MEASURED if own.reason is None else f"{_NOT_MEASURED}: {own.reason}"
    texts = f" (of {_texts(own.singles)} asked one at a time)"
    too_few = f"{_NOT_MEASURED}: too few texts{texts}" if own.singles else missing
    return [
        ("latency, median", missing if singly is None else f"{_milliseconds(singly)}{texts}"),
        ("latency, 95th percentile", too_few if p95 is None else _milliseconds(p95)),
        (
            "texts a second in batches",
            missing if own.texts_per_second is None else f"{_rate(own.texts_per_second)} (of {_texts(own.batched)})",
        ),
        (
            "peak memory",
            _NOT_MEASURED if own.peak_bytes is None else f"{_megabytes(own.peak_bytes)} {_MEMORY[own.peak_of]}",
        ),
    ]


def _milliseconds(seconds: float) -> str:
    number = seconds * 1000
    return f"{number:,.0f} ms" if number >= 100 else f"{number:.1f} ms" if number >= 1 else f"{number:.2f} ms"


def _rate(texts: float) -> str:
    return f"{texts:,.0f}" if texts >= 10 else f"{texts:.2f}"


def _megabytes(number: int) -> str:
    return f"{number / 1e6:,.0f} MB" if number >= 10_000_000 else f"{number / 1e6:,.2f} MB"


def _texts(number: int) -> str:
    return f"{number:,} {'text' if number == 1 else 'texts'}"
