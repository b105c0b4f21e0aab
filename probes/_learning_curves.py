"""Learning curves of trained models: subsamples, sums by seed, measured points."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from typing import Annotated, TypeAlias

from annotated_types import Ge

from auditor.stats import curve
from auditor.types import Example, Judged, Measurement, Slice, Task

Steps: TypeAlias = Annotated[int, Ge(30)]
"""Optimiser steps of a training: with fewer no model learns."""


PASSES = 2
"""Least passes over the labels after which a model is said to have seen them."""


def steps_for(steps: int | None, task: Task, labels: int, batch_size: int) -> int:
    """Optimiser steps of a training on so many labels.

    As given, or the task's own number, and at least as many as PASSES over the labels take.
    """
    return steps or max(task.steps, math.ceil(PASSES * labels / batch_size))


def steps_of(steps: int | None, task: Task) -> int:
    """Optimiser steps of a training: as given, or the task's own number."""
    return steps or task.steps


def stratified(task: Task, examples: Sequence[Example], size: int, rng: random.Random) -> list[Example]:
    """A subsample with the classes in proportion.

    As far as ``size`` allows it holds at least one row of each class.
    """
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
    """Value of ``step`` → for each seed, every cluster's (total, count).

    ``step`` is a key of the slice, the seed a fact. A mean leaves out clusters without a count. A ratio of sums
    includes them: a sentence without entities counts in the F1 of a seed that sees one there, and is right in the F1 of
    another seed. A value where some seed has no count at all is left out.
    """
    by_value: dict[str, dict[float, dict[str, tuple[float, float]]]] = {}
    for judged in cases:
        if judged.after is None or not (ratio or judged.after.denominator):
            continue
        clusters = by_value.setdefault(judged.slice[step], {}).setdefault(float(judged.facts["seed"]), {})
        total, count = clusters.get(judged.cluster, (0.0, 0.0))
        clusters[judged.cluster] = total + judged.after.numerator, count + judged.after.denominator
    return {
        value: list(seeds.values())
        for value, seeds in by_value.items()
        if all(any(count for _, count in clusters.values()) for clusters in seeds.values())
    }


def over_seeds(seeds: int, steps: int | None = None) -> str:
    """How a point's interval was computed, and how long its models trained."""
    trained = f"; {steps} steps each" if steps else ""
    if seeds == 1:
        return f"one seed: the spread between seeds is not known; bounds over examples{trained}"
    return f"mean over {seeds} seeds; t over seeds and bounds over examples, added in squares{trained}"


def measured(
    metric: str, slice_: Slice, interval: tuple[float, float, float], point: curve.Point, method: str
) -> Measurement:
    """A descriptive number whose seeds and clusters are those of a point.

    ``interval``: the value, its lower and its upper bound.
    """
    value, low, high = map(float, interval)
    clusters = len(point.clusters)
    return Measurement(metric, slice_, value, low, high, clusters * point.seeds, clusters, method)
