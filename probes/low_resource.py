"""Few labels: how quality grows with the number of labelled examples."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from auditor.stats import curve
from auditor.types import Audit, Case, Example, Judged, Measurement, Metric, Skipped, Task

FULL = "all"
FEWEST_STEPS = 30


@dataclass(frozen=True, slots=True)
class Settings:
    """Sizes of the subsamples, seeds for each, and how long each training takes."""

    sizes: tuple[int, ...] = (30, 100, 300, 1000)
    seeds: int = 3
    steps: int = 60
    """Optimiser steps of every fit: the curve shows labels, not steps. At least 30."""
    batch_size: int = 16
    examples: int = 300
    target: float = 0.95
    """Share of the full-data metric."""

    def __post_init__(self) -> None:
        if self.steps < FEWEST_STEPS:
            raise ValueError(f"steps = {self.steps} is below {FEWEST_STEPS}")
        if self.seeds < 1 or not self.sizes or min(self.sizes) < 2:
            raise ValueError("at least one seed, and sizes of 2 or more, are needed")


class LowResource:
    """Learning curve over labelled examples.

    The base is trained again on growing stratified subsamples of the training rows, with several seeds that differ in
    subsample and in initialisation, for a fixed number of optimiser steps, without validation and early stopping. The
    full-data point is the checkpoint itself. Intervals hold the spread between seeds (t with seeds − 1 degrees of
    freedom) and between examples. The gain from doubling the largest size comes from a power law a + b·n^(−c) of the
    error. Descriptive: no limit reads it.
    """

    name = "low_resource"
    limitation = "few-shot"
    needs = frozenset({"train", "base", "candidate"})
    settings = Settings()
    pools: tuple[frozenset[str], ...] = ()

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        title = task.metric.replace("_", " ")
        return (
            Metric(task.metric, title, "descriptive", "share", 0.0, 1.0, "higher"),
            Metric(
                "labels_to_target", "labels to reach the target", "descriptive", "count", 0.0, float("inf"), "lower"
            ),
            Metric("gain_from_doubling", "gain from doubling the labels", "descriptive", "points", 0.0, 1.0, None),
        )

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        settings: Settings = audit.settings
        train, examples = audit.examples("train"), audit.examples("home", settings.examples)
        for size in settings.sizes:
            if size > len(train):
                yield Skipped({"labels": str(size)}, f"only {len(train)} training rows")
                continue
            for seed in range(settings.seeds):
                rng = audit.rng(size, seed)
                subsample = stratified(audit.task, train, size, rng)
                model = audit.fit(
                    subsample, seed=rng.getrandbits(31), steps=settings.steps, batch_size=settings.batch_size
                )
                for example in examples:
                    yield Case(example, slice={"labels": str(size)}, model=model, facts={"seed": float(seed)})
        for example in examples:
            yield Case(example, slice={"labels": FULL}, facts={"seed": 0.0})

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement]:
        settings: Settings = audit.settings
        points = []
        for labels, by_seed in _scores(cases).items():
            rows = len(audit.examples("train")) if labels == FULL else int(labels)
            point = curve.point(rows, by_seed)
            method = (
                f"mean over {point.seeds} seeds, t over seeds and examples"
                if labels != FULL
                else "the checkpoint itself, t over examples"
            )
            yield _measured(audit.task.metric, labels, point.value, (point.low, point.high), point, method)
            points.append((labels, point))
        measured = [point for labels, point in points if labels != FULL]
        full = next((point for labels, point in points if labels == FULL), None)
        if full is not None:
            found = curve.labels_to([one for _, one in points], settings.target * full.value)
            if found is not None:
                method = f"smallest measured size that reaches {settings.target:.0%} of the full-data metric"
                yield _measured("labels_to_target", "", float(found), (float(found), float(found)), full, method)
        gain = curve.gain_from_doubling(measured, audit.rng("doubling").getrandbits(32))
        if gain is not None:
            largest = max(measured, key=lambda one: one.labels)
            found_or_not = "" if gain.identified else "; not identified: its interval is wider than 5 points"
            method = f"power law of the error, doubling {largest.labels} labels{found_or_not}"
            yield _measured("gain_from_doubling", "", gain.value, (gain.low, gain.high), largest, method)


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


def _scores(cases: Iterable[Judged]) -> dict[str, list[dict[str, float]]]:
    """Labels → for each seed, the mean score of every cluster."""
    sums: dict[str, dict[float, dict[str, list[float]]]] = {}
    for judged in cases:
        if judged.after is None:
            continue
        seeds = sums.setdefault(judged.slice["labels"], {})
        entry = seeds.setdefault(float(judged.facts["seed"]), {}).setdefault(judged.cluster, [0.0, 0.0])
        entry[0] += judged.after.numerator
        entry[1] += judged.after.denominator
    return {
        labels: [{name: total / count for name, (total, count) in one.items() if count} for one in seeds.values()]
        for labels, seeds in sums.items()
    }


def _measured(
    metric: str, labels: str, value: float, interval: tuple[float, float], point: curve.Point, method: str
) -> Measurement:
    slice_ = {"labels": labels} if labels else {}
    return Measurement(metric, slice_, value, *interval, point.examples * point.seeds, point.examples, method)


PROBE = LowResource()
