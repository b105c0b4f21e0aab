"""Two small audits as the comparison reads them, made without a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from auditor import metrics
from auditor.types import Measurement, Metric, ProbeRecord, Row, Rule, Slice
from auditor.verdicts import changes, pairs
from auditor.verdicts.policy import Policy

Rng = np.random.Generator
ACCURACY = Metric("accuracy", "accuracy", "mean", "share", 0.0, 1.0, "higher")
FLIPS = Metric("flips", "flips", "mean", "share", 0.0, 1.0, "lower")
DROP = Metric("drop", "drop", "change", "points", -1.0, 1.0, "lower")
RATE = Metric("rate", "rate", "mean", "share", 0.0, 1.0, "lower", comparable=False)
MIDDLE = Metric("middle", "middle", "median", "count", 0.0, 9.0, "lower")
WORDS = Metric("words", "words", "mean", "words", 0.0, float("inf"), "lower")
NEITHER = Metric("neither", "neither", "mean", "share", 0.0, 1.0, None)
FAILURES = Metric("failures", "failures", "count", "count", 0.0, float("inf"), "lower")
FREE = Metric("free", "free", "descriptive", "ratio", 0.0, 1.0, "higher")
INDEX = Metric("index", "index", "mean", "ratio", 0.0, 1.0, "lower")
METRICS = (ACCURACY, FLIPS, DROP, RATE, MIDDLE, WORDS, NEITHER, FREE, INDEX, FAILURES)


@dataclass
class Audited:
    """A verified audit."""

    results: dict[str, Any]
    records: tuple[ProbeRecord, ...]
    policy: Policy = field(default_factory=lambda: Policy("test", "0", ()))


def rows(values: Iterable[float], arm: str = "", of: str = "home:", count: float = 1.0) -> list[Row]:
    return [Row(f"{of}{index}", arm, float(value) * count, count) for index, value in enumerate(values)]


def yes(events: int, n: int, *, first: int = 0) -> list[float]:
    """n answers, of which ``events`` in a row from ``first`` on are yes."""
    return [float(first <= index < first + events) for index in range(n)]


def measured(metric: Metric, given: Sequence[Row], slice_: Slice | None = None, **more: Any) -> Measurement:
    found = metrics.measurement(metric, slice_ or {}, given, n_cases=len(given))
    return Measurement(**{**{name: getattr(found, name) for name in found.__slots__}, **more})


def record(*found: Measurement, probe: str = "p", **given: Any) -> ProbeRecord:
    arguments: dict[str, Any] = {"status": "measured", "metrics": METRICS, "measurements": found}
    return ProbeRecord(**{"model": "m", "probe": probe, **arguments, **given})


def rule(**given: Any) -> Rule:
    arguments: dict[str, Any] = {"probe": "p", "metric": "flips", "slice": {}, "why": "because", "max": 0.5}
    return Rule(**{**arguments, "margin": 0.05, **given})


def content(**changed: Any) -> dict[str, Any]:
    return {
        "auditor": "0.1.0",
        "seed": 0,
        "config": {"audit": {"design": "fixed", "budget": None}, "favourable_label": None},
        "task": {"name": "text-classification", "metric": "accuracy", "labels": ["no", "yes"], "settings": {}},
        "environment": {"versions": {"nlpaug": "1.1.11", "textattack": "0.3.10", "torch": "2.0"}},
        "data": [{"name": "home", "sha256": "0" * 64, "used": 100}, {"name": "train", "sha256": "1" * 64, "used": 9}],
        "models": [{"name": "m", "fingerprint": "f", "candidate": True, "path": "ckpt/m"}],
        "candidate": "m",
        **changed,
    }


def audit(*records: ProbeRecord, rules: Sequence[Rule] = (), fingerprint: str = "f", **changed: Any) -> Audited:
    made = content(**changed)
    made["models"] = [{**model, "fingerprint": fingerprint} for model in made["models"]]
    return Audited(made, records, Policy("test", "0", tuple(rules)))


def compared(
    metric: Metric,
    old: Sequence[Row],
    new: Sequence[Row],
    *,
    paired: bool = True,
    tolerances: Mapping[str, float] | None = None,
) -> changes.Change:
    """What is concluded of a single slice."""
    before, after = audit(record(measured(metric, old))), audit(record(measured(metric, new)), fingerprint="g")
    matched = pairs.match(before, after, paired=paired, tolerances=tolerances)
    (change,) = changes.changes(matched)
    return change


def slices(
    rng: Rng, n: int, k: int, rate: float, worse: Mapping[int, float] | None = None
) -> tuple[list[Measurement], list[Measurement]]:
    """k slices of flips on the same n examples, of two models that share half of what makes an example hard.

    ``worse``: by how much the rate of the new model is higher in a slice.
    """
    from scipy.special import ndtri

    hard, own = rng.standard_normal(n), rng.standard_normal((2, k, n))
    sides: tuple[list[Measurement], list[Measurement]] = ([], [])
    for side, measurements in enumerate(sides):
        for place in range(k):
            latent = 0.5**0.5 * hard + 0.5**0.5 * own[side, place]
            threshold = ndtri(rate + (side * (worse or {}).get(place, 0.0)))
            measurements.append(measured(FLIPS, rows(latent < threshold), {"part": str(place)}))
    return sides
