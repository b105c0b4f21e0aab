"""What probes share that train again: subsamples, sums by seed, measurements of points."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from auditor.stats import curve
from auditor.types import Example, Judged, Measurement, Slice, Task


def stratified(task: Task, examples: Sequence[Example], size: int, rng: random.Random) -> list[Example]:
    """A subsample with the classes in proportion, at least one of each, as far as ``size`` allows."""
    by_class: dict[str, list[Example]] = {}
    for example in examples:
        by_class.setdefault(task.stratum(example.gold) or "", []).append(example)
    ranked: list[tuple[float, str, Example]] = []
    for name in sorted(by_class):
        members = list(by_class[name])
        rng.shuffle(members)
        # The k-th of n members stands at k/n: taking the lowest keeps every class in proportion.
        ranked += [(index / len(members), name, example) for index, example in enumerate(members)]
    ranked.sort(key=lambda item: item[:2])
    return [example for _, _, example in ranked[:size]]


def sums(cases: Iterable[Judged], step: str) -> dict[str, list[dict[str, tuple[float, float]]]]:
    """Value of the slice's key ``step`` → for each seed (a fact), every cluster's (total, count) above 0."""
    found: dict[str, dict[float, dict[str, tuple[float, float]]]] = {}
    for judged in cases:
        if judged.after is None or not judged.after.denominator:
            continue
        clusters = found.setdefault(judged.slice[step], {}).setdefault(float(judged.facts["seed"]), {})
        total, count = clusters.get(judged.cluster, (0.0, 0.0))
        clusters[judged.cluster] = total + judged.after.numerator, count + judged.after.denominator
    return {value: list(seeds.values()) for value, seeds in found.items()}


def over_seeds(seeds: int) -> str:
    """How the interval of a point was found, in words."""
    if seeds == 1:
        return "one seed: the spread between seeds is not known; bounds over examples"
    return f"mean over {seeds} seeds; t over seeds and bounds over examples, added in squares"


def measured(
    metric: str, slice_: Slice, found: tuple[float, float, float], point: curve.Point, method: str
) -> Measurement:
    """A descriptive number whose seeds and clusters are those of a point."""
    value, low, high = (float(one) for one in found)
    clusters = len(point.clusters)
    return Measurement(metric, slice_, value, low, high, clusters * point.seeds, clusters, method)
