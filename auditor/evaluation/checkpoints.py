"""The checkpoints of an audit, described once and loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from auditor import tasks
from auditor.config import Config
from auditor.errors import ModelError, UsageError
from auditor.models import backends, checkpoint, heads, in_memory
from auditor.models.checkpoint import Checkpoint
from auditor.models.options import LoadOptions
from auditor.training.record import TrainingRecord
from auditor.types import Model, Request, Task

Described: TypeAlias = Checkpoint | in_memory.Described
"""A checkpoint folder, or a model in memory, whose labels are known."""


def load_options(config: Config, device: str, *, allow_pickle: bool, trust_remote_code: bool) -> LoadOptions:
    """How all of the audit's checkpoints are loaded."""
    return LoadOptions(
        head=tasks.kind(config.task.name).head,
        device=device,
        backend=config.audit.backend,
        precision=config.audit.precision,
        max_length=config.audit.max_length,
        allow_pickle=allow_pickle,
        trust_remote_code=trust_remote_code,
    )


def described(sources: Mapping[str, in_memory.Source], options: LoadOptions, task: str) -> dict[str, Described]:
    """What the checkpoints hold.

    Raises ModelError for one that is unsafe, or does not serve the task; the hint names a task that it serves, if any
    reads texts of the same names.
    """
    held: dict[str, Described] = {}
    for name, source in sources.items():
        try:
            held[name] = _described(source, options, task)
        except ModelError as error:
            served = _served(source, task)
            raise error if served is None else ModelError(error.message, where=error.where, hint=served) from None
    return held


def _described(source: in_memory.Source, options: LoadOptions, task: str) -> Described:
    if isinstance(source, in_memory.InMemoryModel):
        return in_memory.described(source, options.head, task)
    allowed = {"allow_pickle": options.allow_pickle, "trust_remote_code": options.trust_remote_code}
    return checkpoint.describe(source, options.head, task=task, **allowed)


def _served(source: in_memory.Source, task: str) -> str | None:
    """The flag of a task that the model serves instead.

    It has texts of the same names, and a head of the same architecture that solves another problem. None: there is
    none.
    """
    own, head = tasks.kind(task), in_memory.head_of(source)
    if head in (None, own.head) or heads.of(own.head, task=task).architecture != heads.of(str(head)).architecture:
        return None
    wanted = head, own.fields
    return next((f"--task {kind.name}" for kind in tasks.kinds().values() if (kind.head, kind.fields) == wanted), None)


def shared_labels(described: Mapping[str, Described], candidate: str, where: str) -> tuple[str, ...]:
    """The labels that all checkpoints have. Raises UsageError where they differ."""
    labels = described[candidate].labels
    for name, own in described.items():
        if own.labels != labels:
            problem = f"{name!r} and {candidate!r} have different labels"
            raise UsageError(problem, where=where, hint="audit them apart")
    return labels


def load(source: Path | Described, record: TrainingRecord | None, options: LoadOptions, *, name: str) -> Model:
    """Load a model.

    It reads as many tokens as in its training where the options set no other limit.
    """
    if options.max_length is None and record is not None:
        options = replace(options, max_length=int(record.settings["max_length"]))
    if isinstance(source, in_memory.Described):
        return in_memory.load(source, options)
    return backends.load(source, options, name=name)


def check_accepted(task: Task, requests: Sequence[Request], models: Mapping[str, Model]) -> None:
    """Check that every model answers what the task asks.

    Raises UsageError for the first that does not.
    """
    kinds = sorted({type(request) for request in requests}, key=lambda kind: kind.__name__)
    for name, model in models.items():
        refused = next((kind.__name__ for kind in kinds if kind not in model.accepts), None)
        if refused is not None:
            known = ", ".join(sorted(kind.__name__ for kind in model.accepts))
            problem = f"the model does not answer {refused} requests, which the task {task.name!r} makes"
            raise UsageError(problem, where=name, hint=f"it answers: {known}")
