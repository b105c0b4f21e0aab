"""What probes share that train again: subsamples, sums by seed, measurements of points."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Annotated, TypeAlias

from annotated_types import Ge

from auditor.stats import curve
from auditor.types import Example, Judged, Measurement, Slice, Task

Steps: TypeAlias = Annotated[int, Ge(30)]
"""Optimiser steps of a training: with fewer no model learns."""


def steps_of(steps: int | None, task: Task) -> int:
    """Optimiser steps of a training: as given, or as many as the task wants."""
    return steps or task.steps


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


def sums(cases: Iterable[Judged], step: str, *, ratio: bool) -> dict[str, list[dict[str, tuple[float, float]]]]:
    """Value of the slice's key ``step`` → for each seed (a fact), every cluster's (total, count).

    A mean leaves out clusters without a count. Of a ratio of sums they count: a sentence without entities counts in the
    F1 of a seed that sees one there, and is right in that of another. A value where some seed has no count at all is left
    out.
    """
    found: dict[str, dict[float, dict[str, tuple[float, float]]]] = {}
    for judged in cases:
        if judged.after is None or not (ratio or judged.after.denominator):
            continue
        clusters = found.setdefault(judged.slice[step], {}).setdefault(float(judged.facts["seed"]), {})
        total, count = clusters.get(judged.cluster, (0.0, 0.0))
        clusters[judged.cluster] = total + judged.after.numerator, count + judged.after.denominator
    return {
        value: list(seeds.values())
        for value, seeds in found.items()
        if all(any(count for _, count in clusters.values()) for clusters in seeds.values())
    }


def over_seeds(seeds: int, steps: int | None = None) -> str:
    """How the interval of a point was found, in words, and by how many steps its models were trained."""
    trained = f"; {steps} steps each" if steps else ""
    if seeds == 1:
        return f"one seed: the spread between seeds is not known; bounds over examples{trained}"
    return f"mean over {seeds} seeds; t over seeds and bounds over examples, added in squares{trained}"


def measured(
    metric: str, slice_: Slice, found: tuple[float, float, float], point: curve.Point, method: str
) -> Measurement:
    """A descriptive number whose seeds and clusters are those of a point."""
    value, low, high = (float(one) for one in found)
    clusters = len(point.clusters)
    return Measurement(metric, slice_, value, low, high, clusters * point.seeds, clusters, method)
