"""What a probe may ask for, what a probe is, and where work says how far it is."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from auditor.types.cases import (
    Case,
    Encoded,
    Example,
    Inputs,
    Judged,
    Model,
    Response,
    Skipped,
    Slice,
    TrainedModel,
)
from auditor.types.records import Measurement, Metric
from auditor.types.task import Task


class Audit(Protocol):
    """What a probe may ask for: bound to one model and to the probe that asks."""

    @property
    def model(self) -> str: ...

    @property
    def settings(self) -> Any:
        """The probe's settings, validated: an instance of the type of ``probe.settings``."""
        ...

    @property
    def task(self) -> Task: ...

    @property
    def domains(self) -> tuple[str, ...]:
        """Names of the domains, the home domain first: ``("home", "imdb")``."""
        ...

    @property
    def favourable_label(self) -> str | None: ...

    def examples(self, name: str = "home", n: int | None = None) -> Sequence[Example]:
        """The first n (None: all) examples of one seeded order, the same for all probes and models.

        With ``--until-decided`` a number n stands for the examples of this look; cases are made from them, whereas
        None is for what the whole set says (its majority, its size). ``name`` is a domain, or ``train`` or ``validation``. Asking for what was not given raises KeyError.
        """
        ...

    def ask(self, inputs: Sequence[Inputs]) -> list[Response]:
        """The model's answers now, for attacks that go by them. Counts as queries."""
        ...

    def side_by_side(self, slice_: Slice, tasks: Iterable[Callable[[], Case]]) -> Iterator[Case]:
        """The cases of one slice, in order, each made by a task that asks as it goes.

        Many tasks run in lockstep: what all of them ask at a time is one batch. Global random generators and
        torch's gradient mode are each task's own. No task starts where the slice is not wanted any more.
        """
        ...

    def encode(self, inputs: Sequence[Inputs]) -> list[Encoded]: ...

    def fit(self, examples: Sequence[Example], *, seed: int, steps: int, batch_size: int) -> Model:
        """A model trained from the base on these examples by the audited model's recipe; for ``Case.model``."""
        ...

    def has(self, need: str) -> bool:
        """Whether what NEEDS names is there."""
        ...

    @property
    def checkpoints(self) -> Sequence[TrainedModel]:
        """The audited model's and those beside it that were trained from the same base on the same rows."""
        ...

    def train_by(
        self, recipe: str, examples: Sequence[Example], *, seed: int, steps: int, batch_size: int
    ) -> TrainedModel:
        """``fit`` by another recipe, with the config's settings for it. Raises ConfigError for an unknown one."""
        ...

    def findings(self, probe: str, model: Model, settings: Mapping[str, Any]) -> Sequence[Measurement] | str:
        """What another probe finds of a model, its settings changed as given, counts only to smaller ones; why not, in words, where it cannot run."""
        ...

    def rng(self, *key: object) -> random.Random:
        """A fresh generator from SHA-256 of the audit's seed, the probe's name and the key.

        It names no model, so static cases are equal for all models.
        """
        ...


@runtime_checkable
class Probe(Protocol):
    """A suite of cases for one limitation. One file under ``probes/`` with ``PROBE = …``; contract tests run over all.

    The class docstring is the description in the report: one summary line, a blank line, the method.
    A probe with ``reads_details = True`` finds the task's further scores in ``Judged.details``.
    ``worth_showing(judged)``, if it has that, says whether a case may stand among the worst on the page.
    One with ``interactive = True`` makes its cases by the model's answers (``audit.ask``): the final texts are scored by the
    checkpoint loaded afresh, and ``Judged.withstood`` says whether the attacked decision still stands.
    One whose cases are of texts of its own may say by ``available(slice)`` how many clusters these make, at most: no more
    are asked of anybody.
    A probe may also define ``measure(cases: Iterable[Judged], audit: Audit) -> Iterable[Measurement | Skipped]`` for
    numbers that the kinds of metric do not serve, and ``planned(audit) -> Planned`` for the estimate before the first probe.
    """

    name: str
    limitation: str | None
    """Id of its row of the scorecard; None for ``quality`` alone."""
    needs: frozenset[str]
    """Of NEEDS, or ``package:<import name>``. The runner says "not applicable" when one is missing."""
    settings: Any
    """A frozen dataclass of defaults; ``[probes.<name>]`` of audit.toml is validated against its type."""
    pools: tuple[frozenset[str], ...]
    """Pooled slices beside the full ones: ``(frozenset({"family", "severity"}),)``."""

    def metrics(self, task: Task) -> tuple[Metric, ...]: ...

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Called once for each model; with ``--until-decided`` once for each look, for other examples each time.

        Where cases are of examples that no look drew (a probe's own sentences) it is called once, for all of them.
        """
        ...


class Measuring(Protocol):
    """The optional second half of a probe."""

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterable[Measurement | Skipped]: ...


@dataclass(frozen=True, slots=True)
class Planned:
    """The work a probe is going to do on one model, counted before it starts."""

    cases: int
    exact: bool = True
    """False: at most so many cases, as the texts or the model's answers decide."""
    queries: int = 0
    """Texts that attacks ask about, at most."""
    trainings: int = 0
    """Different trainings; equal ones are run once."""
    steps: int = 0
    """Optimiser steps of each training."""
    batch_size: int = 0
    """Rows of each step."""
    models: int = 0
    """Trained models that each of ``others`` is asked of."""
    others: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Probe → its changed settings, as ``findings`` is called with them."""
    reason: str | None = None
    """Why nothing can be measured after all; None where something can."""


@runtime_checkable
class Planning(Protocol):
    """The optional part of a probe that says beforehand how much it is going to do."""

    def planned(self, audit: Audit) -> Planned:
        """Count the work without asking the model: called before the first probe runs."""
        ...


NEEDS: dict[str, str] = {
    "train": "no training data given (--train)",
    "domains": "no other domain given (--domain name=file)",
    "base": "no base model known to retrain from (training.json or --base)",
    "candidate": "candidate only",
    "single_text": "the task has more than one text field",
    "labelled_spans": "the task labels texts, not their words",
    "class_scores": "the task does not give a text one label, with probabilities",
    "attack_goal": "the task has no decision that an attack could work against",
}
"""What a probe may need → the reason shown when it is missing."""
TASK_NEEDS = frozenset({"single_text", "class_scores", "labelled_spans", "attack_goal"})
"""Those that a task meets or not, whatever the data and the model: a probe that lacks one asks about another kind of task."""


class Progress(Protocol):
    """Where work says how far it is. Implementations print, or do nothing."""

    def start(self, _what: str, _total: int | None = None) -> None: ...

    def advance(self, _amount: int = 1) -> None: ...

    def finish(self, _note: str = "") -> None: ...


class Silent:
    """A Progress that says nothing."""

    def start(self, _what: str, _total: int | None = None) -> None:
        return None

    def advance(self, _amount: int = 1) -> None:
        return None

    def finish(self, _note: str = "") -> None:
        return None
