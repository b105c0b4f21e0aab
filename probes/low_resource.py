"""Few labels: how quality grows with the number of labelled examples."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, MinLen

from auditor.settings import CheckedSettings, Count, Share
from auditor.stats import curve
from auditor.types import (
    Audit,
    Case,
    Example,
    Judged,
    Measurement,
    Metric,
    Planned,
    ProbeDefaults,
    Skipped,
    Task,
    metric_words,
)
from probes._learning_curves import PASSES, Steps, measured, over_seeds, steps_for, stratified, sums

FULL = "all"


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """Sizes of the subsamples, and how often and how long models train."""

    sizes: Annotated[tuple[Annotated[int, Ge(2)], ...], MinLen(1)] = (30, 100, 300, 1000)
    seeds: Count = 3
    steps: Steps | None = None
    """Optimiser steps of every fit. None: 60, and 200 where words have labels, or more where two passes over the labels
    take more. Where a number given here is too small for two passes, nothing is said of more labels."""
    batch_size: Count = 16
    examples: Count = 300
    """Home rows that every fitted model is scored on, at most."""
    target: Share = 0.95
    """Share of the full-data metric."""


class LowResource(ProbeDefaults):
    """Learning curve over labelled examples.

    The base is trained again on growing stratified subsamples of the training rows, with several seeds that differ in
    subsample and in initialisation, for a fixed number of optimiser steps, and more where two passes over the labels
    take more, without validation and early stopping. The full-data point is the checkpoint itself. Intervals hold the
    spread between seeds (t with seeds − 1 degrees of freedom) and between examples. The gain from doubling the largest
    size comes from the families of curves that the points do not contradict: power law, exponential and logistic
    (Viering & Loog 2023). It is not identified where they contradict all, and where it may be anything within five
    points or more. Of named entities the curve is drawn by sentences and by the entities that these name. Descriptive:
    no limit reads it.
    """

    name = "low_resource"
    limitation = "few-shot"
    scope = "candidate"
    needs = frozenset({"train", "base"})
    settings = Settings()

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """The task's metric, and what the curve says of more labels."""
        title, infinite = metric_words(task.metric), float("inf")
        unit = task.unit
        by_units = (
            Metric(
                f"{task.metric}_by_{unit}",
                f"{title} against the {unit} named",
                "descriptive",
                "share",
                0.0,
                1.0,
                "higher",
            ),
            Metric(f"{unit}_named", f"{unit} that the training rows name", "descriptive", "count", 0.0, infinite, None),
            Metric(f"{unit}_to_target", f"{unit} to reach the target", "descriptive", "count", 0.0, infinite, "lower"),
        )
        return (
            Metric(task.metric, title, "descriptive", "share", 0.0, 1.0, "higher"),
            *(by_units if unit is not None else ()),
            Metric("labels_to_target", "labels to reach the target", "descriptive", "count", 0.0, infinite, "lower"),
            Metric("gain_from_doubling", "gain from doubling the labels", "descriptive", "points", 0.0, 1.0, None),
        )

    def planned(self, audit: Audit) -> Planned:
        """Cases and trainings of every size and seed."""
        settings: Settings = audit.settings
        sizes = [size for size in settings.sizes if size <= len(audit.examples("train"))]
        trainings = settings.seeds * len(sizes)
        rows = len(audit.examples("home", settings.examples))
        steps = math.ceil(sum(_steps(audit, size) for size in sizes) / max(len(sizes), 1))
        cases, batch_size = (trainings + 1) * rows, settings.batch_size
        return Planned(cases, unchanged=rows, trainings=trainings, steps=steps, batch_size=batch_size)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield the home rows, asked of each model trained on a subsample."""
        settings: Settings = audit.settings
        available, examples = len(audit.examples("train")), audit.examples("home", settings.examples)
        for size in settings.sizes:
            if size > available:
                yield Skipped({"labels": str(size)}, f"only {available} training rows")
                continue
            for seed in range(settings.seeds):
                # A generator of its own, so that the fitted model is let go before the next one is trained.
                yield from _fitted(audit, size, seed, examples)
        for example in examples:
            yield Case(example, slice={"labels": FULL}, facts={"seed": 0.0})

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement | Skipped]:
        """Yield the points of the curve, then what follows from them."""
        task, points = audit.task, {}
        units = _units(cases, audit, task.unit) if task.unit is not None else {}
        shown: set[str] = set()
        for labels, by_seed in sums(cases, "labels", ratio=task.ratio).items():
            rows = len(audit.examples("train")) if labels == FULL else int(labels)
            points[labels] = point = curve.point(rows, by_seed, ratio=task.ratio)
            steps = _steps(audit, rows)
            method = "the checkpoint itself; bounds over examples" if labels == FULL else over_seeds(point.seeds, steps)
            values = (point.value, point.low, point.high)
            yield measured(task.metric, {"labels": labels}, values, point, method)
            if labels in units:
                number, least, most, seeds = units[labels]
                named = f"{number:.0f}"
                # Two sizes may name equally many, as where one is all rows: of these the first is shown.
                if named not in shown:
                    shown.add(named)
                    slice_ = {str(task.unit): named}
                    yield measured(f"{task.metric}_by_{task.unit}", slice_, values, point, method)
                how = "mean, least and most over seeds"
                yield Measurement(f"{task.unit}_named", {"labels": labels}, number, least, most, seeds, seeds, how)
        means = {name: counted[0] for name, counted in units.items()}
        yield from _to_target(points, means, task.unit, audit.settings.target)
        points.pop(FULL, None)
        yield from _gain(points, audit)


def _gain(points: Mapping[str, curve.Point], audit: Audit) -> Iterator[Measurement | Skipped]:
    """What doubling the largest size would bring."""
    settings: Settings = audit.settings
    gain = curve.gain_from_doubling(list(points.values()), audit.rng("doubling").getrandbits(32))
    if gain is None:
        return
    largest = max(points.values(), key=lambda point: point.labels)
    if _steps(audit, largest.labels) * settings.batch_size < PASSES * largest.labels:
        reason = (
            f"{settings.steps} steps of {settings.batch_size} rows are fewer than {PASSES} passes over "
            f"{largest.labels} labels: nothing is said of more labels; raise steps in [probes.low_resource]"
        )
        yield Skipped({"labels": f"{largest.labels} doubled"}, reason)
        return
    method = f"{' or '.join(gain.families) or 'the points contradict every curve'}, doubling {largest.labels} labels"
    if not gain.families:
        method += "; not identified"
    elif not gain.identified:
        method += f"; not identified: its interval is wider than {100 * curve.NOT_IDENTIFIED:.0f} points"
    yield measured("gain_from_doubling", {}, (gain.value, gain.low, gain.high), largest, method)


def _steps(audit: Audit, labels: int) -> int:
    return steps_for(audit.settings.steps, audit.task, labels, audit.settings.batch_size)


def _to_target(
    points: Mapping[str, curve.Point], units: Mapping[str, float], unit: str | None, share: float
) -> Iterator[Measurement]:
    """The smallest size that reaches a share of the full-data metric.

    It is given in labels and in the units that these name.
    """
    full = points.get(FULL)
    sizes = None if full is None else curve.labels_to(list(points.values()), share * full.value)
    if full is None or sizes is None:
        return
    method = f"smallest measured size that reaches {share:.0%} of the full-data metric; the intervals' sizes"
    yield measured("labels_to_target", {}, sizes, full, method)
    if units:
        named = {points[labels].labels: number for labels, number in units.items() if labels in points}
        low, value, high = sorted(named[size] for size in (sizes[1], sizes[0], sizes[2]))
        yield measured(f"{unit}_to_target", {}, (value, low, high), full, method)


def _fitted(audit: Audit, size: int, seed: int, examples: Sequence[Example]) -> Iterator[Case]:
    """The home examples, asked of a model trained on one subsample."""
    settings: Settings = audit.settings
    rng = audit.rng(size, seed)
    subsample = stratified(audit.task, audit.examples("train"), size, rng)
    model = audit.fit(subsample, seed=rng.getrandbits(31), steps=_steps(audit, size), batch_size=settings.batch_size)
    facts: dict[str, float] = {"seed": float(seed)}
    if audit.task.unit is not None:
        facts[audit.task.unit] = float(_units_in(audit.task, subsample))
    for example in examples:
        yield Case(example, slice={"labels": str(size)}, model=model, facts=facts)


def _units(cases: Iterable[Judged], audit: Audit, unit: str) -> dict[str, tuple[float, float, float, int]]:
    """Size → how many units its rows name.

    That is mean, least and most over seeds, and the number of seeds. Labels are paid for by them, or by sentences.
    """
    by_size: dict[str, dict[float, float]] = {}
    for judged in cases:
        if unit in judged.facts:
            by_seed = by_size.setdefault(judged.slice["labels"], {})
            by_seed[float(judged.facts["seed"])] = float(judged.facts[unit])
    by_size[FULL] = {0.0: float(_units_in(audit.task, audit.examples("train")))}
    counts = {labels: list(by_seed.values()) for labels, by_seed in by_size.items()}
    return {labels: (sum(own) / len(own), min(own), max(own), len(own)) for labels, own in counts.items()}


def _units_in(task: Task, examples: Sequence[Example]) -> int:
    return sum(task.units(example.gold) for example in examples)


PROBE = LowResource()
