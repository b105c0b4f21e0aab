"""What an audit needs, read and checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from auditor.config import cases_fields, changed_paths, data_columns, limited_words
from auditor.data import sha256_of
from auditor.engine import Cache, NoCache
from auditor.evaluation.sampling import SPLITS
from auditor.evaluation.watching import Watch
from auditor.languages import ENGLISH
from auditor.plugins import registry
from auditor.storage.files import relative
from auditor.types import (
    HOME,
    TASK_NEEDS,
    EarlierPeriod,
    Example,
    Model,
    Probe,
    Task,
    TrainedModel,
    gives_label_scores,
)


class Fitter(Protocol):
    """Trains a model from the base by the audited model's recipe."""

    def __call__(self, examples: Sequence[Example], *, seed: int, steps: int, batch_size: int) -> Model:
        """Train on these examples."""
        ...


class Trainer(Protocol):
    """Trains a model from the base by a named recipe."""

    def __call__(
        self, recipe: str, examples: Sequence[Example], *, seed: int, steps: int, batch_size: int
    ) -> TrainedModel:
        """Train by the recipe on these examples."""
        ...


@dataclass(frozen=True, slots=True)
class AuditedModel:
    """A model under audit."""

    model: Model
    fit: Fitter | None = None
    """None: no base is known."""
    train: Trainer | None = None
    """None: likewise."""
    earlier: Sequence[EarlierPeriod] = ()
    """The checkpoints that it continues, the oldest first."""
    checkpoints: Callable[[], Sequence[TrainedModel]] = tuple
    """Finds those of the same base and rows, itself among them: one probe alone asks."""
    configured_base: Path | None = None
    """The base of the config that it is trained again from, as nothing is recorded of its own; None where it is not."""
    no_base: str | None = None
    """Why the base that the config names does not count; None where it names none."""

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.name


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything an audit needs, read and checked."""

    task: Task
    models: tuple[AuditedModel, ...]
    candidate: str
    examples: Mapping[str, Sequence[Example]]
    """``home``, other domains and time slices in their order, and ``train`` and ``validation`` where given."""
    probes: tuple[Probe, ...]
    settings: Mapping[str, Any]
    """Probe → its validated settings."""
    selected: frozenset[str]
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Probe that is not selected → why, of LEFT_OUT; NOT_SELECTED where it is not named."""
    baseline: frozenset[str] | None = None
    """Probes that models beside the candidate go through; None: all."""
    seed: int = 0
    favourable_label: str | None = None
    language: str = ENGLISH
    """Of the home domain's texts, as ISO 639-1 has it."""
    budget: int | None = None
    """Use at most this many examples per data set and probe."""
    whole: frozenset[str] = frozenset()
    """Probes that take all rows of a set for the candidate, where it has fewer than 1.5 times their number."""
    batch_tokens: int = 1024
    lockstep: int = 1
    """Attacks that run side by side."""
    cache: Cache = field(default_factory=NoCache)
    """Where answers are kept between runs."""
    watch: Watch = field(default_factory=Watch, compare=False)
    """Receives the candidate's records and looks as they come; nothing is measured by it."""
    errors: list[str] = field(default_factory=list)
    """Tracebacks of crashed probes, for ``errors.log``."""
    left_out: Mapping[str, Sequence[Example]] = field(default_factory=dict)
    """Set → its rows that are not among ``examples``, because training has them."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Example → what the candidate sees of it (``Encoded.key``), where that is known beforehand."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Set → the file that it was read from, as the user named it."""
    root: Path = Path()
    """The folder that paths in the results are relative to."""
    time_slices: tuple[str, ...] = ()
    """Sets of ``examples`` that hold test rows of later times, in the order of time."""
    out_of_scope: Mapping[str, Sequence[Example]] = field(default_factory=dict)
    """Kind → rows that no label of the model is right for, which are in none of ``examples``."""
    kept: dict[tuple[str, str], Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Probe and key → what it made once (``Audit.once``). A plan that replaces this one keeps nothing of it."""

    @property
    def domains(self) -> tuple[str, ...]:
        """The home domain, and the others in their order."""
        return tuple(name for name in self.examples if name not in (*SPLITS, *self.time_slices))

    def row(self, example: str) -> str:
        """An example where a user finds it, as in ``test.csv: row 17``.

        An example of a probe's own is named by its id.
        """
        name, _, number = example.rpartition(":")
        return f"{self.files[name]}: row {number}" if name in self.files else example


def recorded_settings(plan: Plan, probe: Probe) -> dict[str, Any]:
    """The probe's settings by name, as results hold them.

    Paths among them are relative to the plan's root. A file of kept cases has its SHA-256 beside it, as
    ``file_sha256`` for the setting ``file``.
    """
    settings, own = plan.settings[probe.name], registry.settings_of(plan.settings[probe.name])
    files = {name: path for name in cases_fields(settings) if (path := getattr(settings, name)) is not None}
    digests = {f"{name}_sha256": sha256_of(path) for name, path in files.items()}
    return own and {**own, **digests, **changed_paths(settings, lambda path: relative(path, plan.root))}


def given(plan: Plan, audited: AuditedModel, probe: Probe) -> dict[str, bool]:
    """NEEDS, but for packages → whether they are there."""
    own = plan.settings[probe.name]
    columns = bool(data_columns(own))
    return {
        "train": "train" in plan.examples,
        "domains": any(name != HOME for name in plan.domains),
        "base": audited.fit is not None,
        "earlier": bool(audited.earlier),
        "columns": columns,
        "periods": columns or bool(plan.time_slices),
        "out_of_scope": any(plan.out_of_scope.values()),
        "cases": any(getattr(own, name) is not None for name in cases_fields(own)),
        "listed": bool(limited_words(own)),
        **given_by(plan.task),
    }


def given_by(task: Task) -> dict[str, bool]:
    """TASK_NEEDS → whether the task meets them."""
    offered = {need: need in task.offers for need in TASK_NEEDS}
    compared = len(task.fields) == 2 and "answers_in_context" not in task.offers
    texts = {"single_text": len(task.fields) == 1, "text_pair": compared}
    marks = {"plain_text": not task.marked, "marked_text": task.marked}
    return {**offered, **texts, **marks, "label_scores": gives_label_scores(task)}
