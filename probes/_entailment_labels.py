"""Labels of entailment, by their names."""

from __future__ import annotations

from auditor.types import Task

ENTAILMENT = frozenset({"entailment", "entailed", "entails", "entail", "follows"})
NEUTRAL = frozenset({"neutral", "unknown"})
NONE = "no label of the model is called entailment, entailed, entails or follows"


def entailment(task: Task) -> str | None:
    """The label of pairs whose second text follows.

    None where none is called so.
    """
    return _named(task, ENTAILMENT)


def neutral(task: Task) -> str | None:
    """The label of pairs that decide nothing.

    None where none is called so.
    """
    return _named(task, NEUTRAL)


def _named(task: Task, names: frozenset[str]) -> str | None:
    return next((label for label in task.labels if label.strip().casefold() in names), None)
