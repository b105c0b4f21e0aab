"""Wrong training labels: how much quality they cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from annotated_types import Gt, Lt, MinLen

from auditor import tasks
from auditor.errors import ConfigError, near_or_known
from auditor.settings import CheckedSettings, Count, check
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
from probes._learning_curves import Steps, measured, over_seeds, steps_of, stratified, sums

DEFAULT_KINDS = 2
"""How many of a task's kinds of wrong labels are made where none is named, its first ones."""


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """How many labels are wrong, how, and how long each training takes."""

    rates: Annotated[tuple[Annotated[float, Gt(0), Lt(1)], ...], MinLen(1)] = (0.05, 0.1, 0.2, 0.4)
    """Shares of the labels that are wrong (class-conditional: of that class's); beside them none are."""
    kinds: Annotated[tuple[str, ...], MinLen(1)] | None = None
    """None: symmetric and class-conditional; of named entities missing and symmetric; of answers in a context another
    span and other ends."""
    rows: Count = 500
    """Training rows of every fit, at most."""
    seeds: Count = 3
    steps: Steps | None = None
    """Optimiser steps of every fit; None: 60, and 200 where words have labels."""
    batch_size: Count = 16
    examples: Count = 300
    """Home rows that every fitted model is scored on, at most."""

    def __post_init__(self) -> None:
        check(self)
        known = dict.fromkeys(kind for name in tasks.names() for kind in tasks.kind(name).corruptions)
        for kind in self.kinds or ():
            if kind not in known:
                hint = near_or_known(kind, known)
                raise ConfigError(f"kinds: no kind of wrong labels is called {kind!r}", hint=hint)


class LabelNoise(ProbeDefaults):
    """Quality against wrong training labels.

    The base is trained again on the same rows with a growing share of wrong labels, with several seeds that differ in
    rows and in initialisation, for a fixed number of optimiser steps. Symmetric: any row's label becomes one of the
    others, evenly. Class-conditional: the share of the most frequent class alone gets the label of the second most
    frequent one, as where two classes are mixed up (Natarajan et al. 2013); no other row is wrong. The rows that are
    wrong at a smaller share are among those of a larger one. Of named entities it is a share of the entities:
    missing, as if nobody had seen them (Li, Liu & Shi 2021, "Empirical analysis of unlabeled entity problem in named
    entity recognition"), or of another type with the same boundaries. Of answers in a context it is a share of the
    questions that can be wrong so: another span like the right answer, a word too many or too few at an end, or no
    answer. The home rows keep their own labels. Intervals hold the spread between seeds (t with seeds − 1 degrees
    of freedom) and between examples. Descriptive: no limit reads it.
    """

    name = "label_noise"
    limitation = "label-quality"
    scope = "candidate"
    needs = frozenset({"train", "base"})
    settings = Settings()

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """The task's metric."""
        title = metric_words(task.metric)
        return (Metric(task.metric, title, "descriptive", "share", 0.0, 1.0, "higher"),)

    def planned(self, audit: Audit) -> Planned:
        """Cases and trainings of every kind, share and seed."""
        settings: Settings = audit.settings
        chosen = _chosen(audit)
        kinds = sum(
            all(_impossible(audit.task, rows, kind) is None for rows in chosen) for kind in _kinds(settings, audit.task)
        )
        fits = kinds * (1 + len(settings.rates)) * settings.seeds
        # Without wrong labels all kinds are one training.
        trainings = settings.seeds * (1 + kinds * len(settings.rates)) if kinds else 0
        cases, steps = fits * len(audit.examples("home", settings.examples)), steps_of(settings.steps, audit.task)
        return Planned(cases, trainings=trainings, steps=steps, batch_size=settings.batch_size)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield the home rows, asked of each model trained on wrong labels."""
        settings: Settings = audit.settings
        chosen = _chosen(audit)
        if not audit.task.corruptions:
            yield Skipped({}, "no kind of wrong labels is known of the task", applies=False)
            return
        for kind in _kinds(settings, audit.task):
            reason = next((why for rows in chosen if (why := _impossible(audit.task, rows, kind)) is not None), None)
            for rate in (0.0, *settings.rates):
                slice_ = {"labels": kind, "wrong": share(rate)}
                if reason is not None:
                    yield Skipped(slice_, reason)
                    continue
                for seed, rows in enumerate(chosen):
                    yield from _fitted(audit, _corrupted(audit, rows, kind, rate, seed), seed, slice_)

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement]:
        """Yield a point for each kind and share."""
        task, by_kind = audit.task, dict[str, list[Judged]]()
        for judged in cases:
            by_kind.setdefault(judged.slice["labels"], []).append(judged)
        for kind, own in by_kind.items():
            for wrong, by_seed in sums(own, "wrong", ratio=task.ratio).items():
                rows = min(audit.settings.rows, len(audit.examples("train")))
                point = curve.point(rows, by_seed, ratio=task.ratio)
                values = (point.value, point.low, point.high)
                method = over_seeds(point.seeds, steps_of(audit.settings.steps, task))
                yield measured(task.metric, {"labels": kind, "wrong": wrong}, values, point, method)


def _chosen(audit: Audit) -> list[list[Example]]:
    """The training rows of each seed."""
    settings, train = audit.settings, audit.examples("train")
    size = min(settings.rows, len(train))
    return [stratified(audit.task, train, size, audit.rng(seed)) for seed in range(settings.seeds)]


def _kinds(settings: Settings, task: Task) -> tuple[str, ...]:
    return settings.kinds or tuple(task.corruptions)[:DEFAULT_KINDS]


def share(rate: float) -> str:
    """``0.2``: a number, so that the page draws a curve over it."""
    return f"{rate:g}"


def _impossible(task: Task, rows: Sequence[Example], kind: str) -> str | None:
    """Why no label can be wrong in this way, or None."""
    if kind not in task.corruptions:
        return f"labels of {task.name} are not {kind}: known are {', '.join(task.corruptions) or 'none'}"
    return task.corruptions[kind].impossible(rows)


def _corrupted(audit: Audit, rows: Sequence[Example], kind: str, rate: float, seed: int) -> list[Example]:
    """The rows with a share of wrong labels.

    Which are wrong follows from kind and seed alone.
    """
    golds = audit.task.corruptions[kind](rows, rate, audit.rng(kind, seed))
    return [replace(row, gold=gold) for row, gold in zip(rows, golds, strict=True)]


def _fitted(audit: Audit, rows: Sequence[Example], seed: int, slice_: dict[str, str]) -> Iterator[Case]:
    """The home examples, asked of a model trained on such rows."""
    settings: Settings = audit.settings
    model = audit.fit(
        rows,
        seed=audit.rng("fit", seed).getrandbits(31),
        steps=steps_of(settings.steps, audit.task),
        batch_size=settings.batch_size,
    )
    for example in audit.examples("home", settings.examples):
        yield Case(example, slice=slice_, model=model, facts={"seed": float(seed)})


PROBE = LabelNoise()
