"""Heads, found by listing this package: a module for each kind of output, with a class ``HEAD``.

Whatever depends on the kind of architecture is decided in these modules and nowhere else. They load no torch.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import TYPE_CHECKING, Any, TypeAlias

from auditor.errors import ModelError, near_or_known

if TYPE_CHECKING:
    from auditor.models.heads.base import Head

    Kind: TypeAlias = type[Head[Any]]

DEFAULT = "sequence"
"""The head of a model of which nobody says which it has."""
_SHARED = "base"


@functools.cache
def names() -> tuple[str, ...]:
    """Every head there is, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name != _SHARED))


def of(name: str, *, task: str | None = None) -> Kind:
    """The head of that name. Raises ModelError where there is none; ``task``: the name of the task that wants it."""
    if name not in names():
        hint = near_or_known(name, names())
        problem = f"no model head is called {name!r}"
        if task is not None:
            problem = f"the task {task!r} needs the model head {name!r}, which is not there"
        raise ModelError(problem, hint=hint)
    head: Kind = importlib.import_module(f"{__name__}.{name}").HEAD
    return head


def every() -> tuple[Kind, ...]:
    """All heads."""
    return tuple(map(of, names()))


def serving(architecture: str) -> Kind | None:
    """The head of an architecture such as ``BertForTokenClassification``; None where none serves it."""
    return next((head for head in every() if architecture.endswith(head.architecture)), None)
