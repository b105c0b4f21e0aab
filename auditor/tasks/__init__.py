"""Tasks by name: the modules of this package with a ``TASK``, and the entry points of third parties.

A new task is one module: a class derived from ``OneLabel`` or ``TaskDefaults`` that is built from the model's labels.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any, cast

from auditor.errors import ConfigError, near_or_known
from auditor.tasks.defaults import OneLabel, TaskDefaults
from auditor.types import Task

__all__ = ["GROUP", "OneLabel", "TaskDefaults", "create", "kind", "kinds", "names", "of_head"]

GROUP = "auditor.tasks"
"""Entry-point group of third parties' tasks: a module with ``TASK``, or the class itself."""
OF_INSTANCES = frozenset({"labels", "mapping"})
CONTRACT = (
    *(name for name in (*Task.__annotations__, *vars(Task)) if name[0] != "_" and name not in OF_INSTANCES),
    "example_labels",
)
"""What a task's class has; ``TaskDefaults`` gives most of it."""


@functools.cache
def kinds() -> Mapping[str, type[Any]]:
    """Every task's class by its name, auditor's own first. Raises ConfigError for a third party's that breaks."""
    modules = (importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    found = {module.TASK.name: module.TASK for module in modules if hasattr(module, "TASK")}
    found = dict(sorted(found.items(), key=lambda item: item[0] != "text-classification"))
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        task = _loaded(entry)
        if task.name in found:
            raise ConfigError(f"two tasks are called {task.name!r}", where=f"entry point {entry.name}")
        found[task.name] = task
    return found


def _loaded(entry: Any) -> type[Any]:
    where = f"entry point {entry.name}"
    try:
        loaded = entry.load()
    except Exception as error:
        raise ConfigError(f"does not import: {type(error).__name__}: {error}", where=where) from error
    task = getattr(loaded, "TASK", None) if isinstance(loaded, ModuleType) else loaded
    if not isinstance(task, type):
        raise ConfigError("names no class, nor a module with a class TASK", where=where)
    lacking = [name for name in CONTRACT if not hasattr(task, name)]
    if lacking:
        hint = "derive it from auditor.tasks.TaskDefaults; see auditor.types.Task"
        raise ConfigError(f"{task.__name__} lacks {', '.join(lacking)}", where=where, hint=hint)
    try:
        inspect.signature(task).bind((), None)
    except TypeError as error:
        raise ConfigError(f"{task.__name__}(labels, mapping) cannot be called: {error}", where=where) from None
    return cast(type[Any], task)


def names() -> tuple[str, ...]:
    """Every task, as users write it."""
    return tuple(kinds())


def kind(name: str) -> type[Any]:
    """The class of the task of that name. Raises ConfigError for an unknown task."""
    if name not in kinds():
        raise ConfigError(f"unknown task {name!r}", hint=near_or_known(name, names()))
    return kinds()[name]


def of_head(name: str | None) -> str | None:
    """The first task that models with this head serve; None where there is none."""
    return next((task.name for task in kinds().values() if task.head == name), None)


def create(
    name: str, labels: Sequence[str], mapping: Mapping[str, str] | None = None, *, lenient: bool = False
) -> Task:
    """The task of that name over the model's labels.

    ``mapping``: label in the data → the model's label. ``lenient``: of tags, that ``I-`` may begin an entity in the model's
    answers. Raises ConfigError for an unknown task, or for a mapping to a label that the model does not have.
    """
    task = kind(name)
    if lenient and not hasattr(task, "lenient"):
        problem = f"lenient = true is about the tags of words, and the task is {name}"
        raise ConfigError(problem, where="[data]", hint='leave it out, or task = "ner"')
    return cast(Task, task(labels, mapping, lenient=True) if lenient else task(labels, mapping))
