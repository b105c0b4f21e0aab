"""What an audit needs, read and checked, and what a probe sees of it."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from auditor.engine import Cache, NoCache, Scorer
from auditor.tally import SliceKey, keys_of
from auditor.types import (
    HOME,
    Case,
    Encoded,
    Example,
    Inputs,
    Measurement,
    Model,
    Probe,
    Response,
    Slice,
    Task,
    TrainedModel,
)

SPLITS = ("train", "validation")


class Fitter(Protocol):
    """Trains a model from the base by the audited model's recipe."""

    def __call__(self, examples: Sequence[Example], *, seed: int, steps: int, batch_size: int) -> Model: ...


class Trainer(Protocol):
    """Trains a model from the base by a named recipe."""

    def __call__(
        self, recipe: str, examples: Sequence[Example], *, seed: int, steps: int, batch_size: int
    ) -> TrainedModel: ...


@dataclass(frozen=True, slots=True)
class AuditedModel:
    """A model under audit."""

    model: Model
    fit: Fitter | None = None
    """None: no base is known."""
    train: Trainer | None = None
    """None: likewise."""
    checkpoints: Callable[[], Sequence[TrainedModel]] = tuple
    """Finds those of the same base and rows, itself among them: one probe alone asks."""
    configured_base: Path | None = None
    """The base of the config that it is trained again from, as nothing is recorded of its own; None where it is not."""
    no_base: str | None = None
    """Why the base that the config names does not count; None where it names none."""

    @property
    def name(self) -> str:
        return self.model.name


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything an audit needs, read and checked."""

    task: Task
    models: tuple[AuditedModel, ...]
    candidate: str
    examples: Mapping[str, Sequence[Example]]
    """``home``, the other domains in their order, and ``train`` and ``validation`` where given."""
    probes: tuple[Probe, ...]
    settings: Mapping[str, Any]
    """Probe → its validated settings."""
    selected: frozenset[str]
    seed: int = 0
    favourable_label: str | None = None
    budget: int | None = None
    """At most so many examples of each set for each probe."""
    batch_tokens: int = 1024
    lockstep: int = 1
    """Attacks that run side by side."""
    cache: Cache = field(default_factory=NoCache)
    """Where answers are kept between runs."""
    errors: list[str] = field(default_factory=list)
    """Tracebacks of crashed probes, for ``errors.log``."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Set → the file that it was read from, as the user named it."""

    def row(self, example: str) -> str:
        """An example where a user finds it, as in ``test.csv: row 17``; by its id if it is a probe's own."""
        name, _, number = example.rpartition(":")
        return f"{self.files[name]}: row {number}" if name in self.files else example


def seeded(seed: int, *key: object) -> random.Random:
    """A fresh generator from SHA-256 of the seed and the key."""
    text = "\x1f".join(str(part) for part in (seed, *key))
    return random.Random(int.from_bytes(hashlib.sha256(text.encode()).digest()))


@dataclass(frozen=True, slots=True)
class Draw:
    """The clusters of every set, and the slices, that one look is about."""

    clusters: tuple[int, int] | None
    """From the first to before the second, in the order of their first examples; None: a fixed design's examples."""
    look: int
    """From 1."""
    reads: Callable[[SliceKey], bool]
    """Whether a slice, as a rule names it, still takes cases. Asked for every case: to be quick."""

    def of(self, examples: Sequence[Example]) -> Sequence[Example]:
        """The examples of its clusters. A cluster is drawn whole: else its mean would change after a look."""
        if self.clusters is None:
            return examples
        start, stop = self.clusters
        ranks: dict[str, int] = {}
        return [one for one in examples if start <= ranks.setdefault(one.cluster, len(ranks)) < stop]

    def wants(self, slice_: Slice, probe: Probe) -> bool:
        """Whether cases of this slice still count in it or in a pool of it."""
        return any(map(self.reads, keys_of(slice_, probe.pools)))


def given(plan: Plan, audited: AuditedModel) -> dict[str, bool]:
    """NEEDS, but for packages → whether they are there."""
    return {
        "train": "train" in plan.examples,
        "domains": any(name not in (HOME, *SPLITS) for name in plan.examples),
        "base": audited.fit is not None,
        "candidate": audited.name == plan.candidate,
        **given_by(plan.task),
    }


def given_by(task: Task) -> dict[str, bool]:
    """Those of NEEDS that a task meets or not, whatever the data and the model."""
    return {
        "single_text": len(task.fields) == 1,
        "word_labels": task.word_level,
        "class_scores": bool(task.labels) and not task.word_level,
    }


Nested: TypeAlias = Callable[[str, Model, Mapping[str, Any]], "Sequence[Measurement] | str"]
"""What another probe finds of another model: (probe, model, changed settings)."""


def _not_nested(_probe: str, _model: Model, _settings: Mapping[str, Any]) -> str:
    raise RuntimeError("probes ask for other probes' findings in measure()")


def _nobody(_clusters: Sequence[str]) -> None:
    return None


class BoundAudit:
    """``auditor.types.Audit`` for one model and one probe."""

    def __init__(
        self,
        plan: Plan,
        audited: AuditedModel,
        probe: Probe,
        scorer: Scorer,
        draw: Draw | None = None,
        drawn: Callable[[Sequence[str]], None] = _nobody,
        nested: Nested = _not_nested,
    ) -> None:
        """``drawn`` hears the clusters of examples in their order, before any case of them."""
        self.findings = nested
        self._plan = plan
        self._audited = audited
        self._probe = probe
        self._scorer = scorer
        self._draw = draw
        self._drawn = drawn
        self.asked = False

    @property
    def model(self) -> str:
        return self._audited.name

    @property
    def settings(self) -> Any:
        return self._plan.settings[self._probe.name]

    @property
    def task(self) -> Task:
        return self._plan.task

    @property
    def domains(self) -> tuple[str, ...]:
        return tuple(name for name in self._plan.examples if name not in SPLITS)

    @property
    def favourable_label(self) -> str | None:
        return self._plan.favourable_label

    def examples(self, name: str = HOME, n: int | None = None) -> Sequence[Example]:
        given = self._plan.examples[name]
        if name in SPLITS:
            return given if n is None else given[:n]
        given = given[: self._plan.budget]
        if self._draw is not None and self._draw.clusters is not None:
            if n is None:
                return given
            given = self._draw.of(given)
        elif n is not None:
            given = given[:n]
        self._drawn([one.cluster for one in given])
        return given

    def ask(self, inputs: Sequence[Inputs]) -> list[Response]:
        self.asked = True
        return self._scorer.ask(inputs)

    def side_by_side(self, slice_: Slice, tasks: Iterable[Callable[[], Case]]) -> Iterator[Case]:
        self.asked = True
        if self._draw is None or self._draw.wants(slice_, self._probe):
            yield from self._scorer.side_by_side(tasks)

    def encode(self, inputs: Sequence[Inputs]) -> list[Encoded]:
        return self._scorer.encode(inputs)

    def fit(self, examples: Sequence[Example], *, seed: int, steps: int, batch_size: int) -> Model:
        if self._audited.fit is None:
            raise RuntimeError(f"probe {self._probe.name} fits a model but does not list 'base' among its needs")
        return self._audited.fit(examples, seed=seed, steps=steps, batch_size=batch_size)

    def has(self, need: str) -> bool:
        return given(self._plan, self._audited)[need]

    @property
    def checkpoints(self) -> Sequence[TrainedModel]:
        return self._audited.checkpoints()

    def train_by(
        self, recipe: str, examples: Sequence[Example], *, seed: int, steps: int, batch_size: int
    ) -> TrainedModel:
        if self._audited.train is None:
            raise RuntimeError(f"probe {self._probe.name} trains a model without asking whether a base is given")
        return self._audited.train(recipe, examples, seed=seed, steps=steps, batch_size=batch_size)

    def rng(self, *key: object) -> random.Random:
        return seeded(self._plan.seed, self._probe.name, *key)


def shuffled(examples: Sequence[Example], seed: int, name: str) -> tuple[Example, ...]:
    """One seeded order of a data set, the same for all probes and models."""
    ordered = list(examples)
    seeded(seed, "order", name).shuffle(ordered)
    return tuple(ordered)


def without_leaks(
    examples: Mapping[str, Sequence[Example]], keys: Mapping[str, Sequence[str]]
) -> tuple[dict[str, tuple[Example, ...]], dict[str, int]]:
    """Audit sets without the rows that the model sees alike in training or validation rows; and how many were left out.

    ``keys``: of each set's examples, in their order.
    """
    seen = {key for name in SPLITS for key in keys.get(name, ())}
    kept: dict[str, tuple[Example, ...]] = {}
    leaked: dict[str, int] = {}
    for name, rows in examples.items():
        if name in SPLITS:
            kept[name] = tuple(rows)
            continue
        kept[name] = tuple(row for row, key in zip(rows, keys[name], strict=True) if key not in seen)
        leaked[name] = len(rows) - len(kept[name])
    return kept, leaked
