"""Tasks by name, from this package and from third parties.

A task is one module with a ``TASK``: a class derived from ``OneLabel`` or ``TaskDefaults``, built from the model's
labels. Third parties offer theirs by entry points.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any, cast

from auditor.errors import ConfigError, near_or_known
from auditor.tasks.defaults import NoSettings, OneLabel, TaskDefaults
from auditor.types import Task

__all__ = [
    "GROUP",
    "NoSettings",
    "OneLabel",
    "TaskDefaults",
    "create",
    "kind",
    "kinds",
    "names",
    "of_head",
    "settings_of",
]

GROUP = "auditor.tasks"
"""Entry-point group of third parties' tasks: a module with ``TASK``, or the class itself."""
OF_INSTANCES = frozenset({"labels", "mapping"})
CONTRACT = (
    *(
        name
        for part in Task.__mro__
        if part.__module__.startswith("auditor.")
        for name in (*inspect.get_annotations(part), *vars(part))
        if name[0] != "_" and name not in OF_INSTANCES
    ),
    "example_labels",
)
"""What a task's class has; ``TaskDefaults`` gives most of it."""


@functools.cache
def kinds() -> Mapping[str, type[Any]]:
    """Every task's class by its name, auditor's own first.

    Raises ConfigError for a third party's that breaks.
    """
    modules = (importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    own = {module.TASK.name: module.TASK for module in modules if hasattr(module, "TASK")}
    classes = dict(sorted(own.items(), key=lambda item: item[0] != "text-classification"))
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        task = _loaded(entry)
        if task.name in classes:
            raise ConfigError(f"two tasks are called {task.name!r}", where=f"entry point {entry.name}")
        classes[task.name] = task
    return classes


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
    defaults = cast(Any, task).settings
    if not is_dataclass(defaults) or isinstance(defaults, type):
        hint = "settings = Settings(), of a frozen dataclass with a default for each field"
        raise ConfigError(f"{task.__name__}.settings is no instance of a dataclass", where=where, hint=hint)
    try:
        inspect.signature(task).bind((), {}, defaults)
    except TypeError as error:
        problem = f"{task.__name__}(labels, mapping, settings) cannot be called: {error}"
        raise ConfigError(problem, where=where) from None
    return cast(type[Any], task)


def names() -> tuple[str, ...]:
    """Every task, as users write it."""
    return tuple(kinds())


def kind(name: str) -> type[Any]:
    """The class of the task of that name.

    Raises ConfigError for an unknown task.
    """
    if name not in kinds():
        raise ConfigError(f"unknown task {name!r}", hint=near_or_known(name, names()))
    return kinds()[name]


def of_head(name: str | None) -> str | None:
    """The first task that models with this head serve, if any."""
    return next((task.name for task in kinds().values() if task.head == name), None)


def settings_of(name: str, given: Mapping[str, object]) -> Any:
    """The task's settings: its defaults, with what ``[task]`` gives in their place.

    Raises ConfigError for an unknown key or a value of another type.
    """
    from auditor.config import probe_settings

    return probe_settings(kind(name).settings, given, "[task]")


def create(
    name: str,
    labels: Sequence[str],
    mapping: Mapping[str, str] | None = None,
    settings: Mapping[str, object] | None = None,
) -> Task:
    """The task of that name over the model's labels.

    ``labels``: none while they are not known yet. ``mapping``: label in the data → the model's label. ``settings``: as
    ``[task]`` gives them. Raises ConfigError for an unknown task, for settings that it does not have, or for a mapping
    to a label that the model does not have.
    """
    return cast(Task, kind(name)(labels, mapping or {}, settings_of(name, settings or {})))
